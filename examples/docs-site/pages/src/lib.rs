//! What the steps of docs-site agree on: which files there are, which anchors a page has, and where a link leads.
//!
//! - **In**: a folder, the text of a page, a link as it is written.
//! - **Out**: paths relative to the folder, with `/` between their parts, on every system.
//! - **Must not know**: what is done with it.
//! - **Held up by**: pulldown-cmark.
//! - **Read next**: [`resolve`].

mod files;
mod headings;
mod link;

pub use files::{files, is_page, site_name};
pub use headings::{Heading, SYNTAX, headings};
pub use link::{Target, resolve, rewrite};
