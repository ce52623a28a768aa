//! Gets documents that live elsewhere: in git, behind a URL, in a bundle.
//!
//! In: a [`Wanted`] reference, which is a resolver's name and its params with every `$(…)` filled in. Out: a
//! [`Fetched`] text, what to call it, and where exactly it came from; or a [`FetchError`], which says whether the document
//! or the environment is to blame.
//!
//! It must not know what the text means: it never parses a document. It reads no environment variable either; what `git`
//! and the helpers of Docker are started with is handed to it ([`FetchOptions::environment`]).
//!
//! Held up by the user's own `git` and by `stepwell-registry`, which speaks HTTP and the protocol of registries. Whatever
//! comes from outside is bounded in size and time ([`limits::FetchLimits`]), and nothing of it is ever written to a path
//! that it chose. Read next: [`fetcher`], then the resolver you are after: [`git`], [`web`] or [`bundle`].

pub mod bundle;
pub mod cache;
pub mod error;
pub mod fetcher;
pub mod git;
pub mod limits;
mod params;
pub mod text;
pub mod unpack;
pub mod web;

pub use cache::CacheError;
pub use error::{FetchCause, FetchError, FetchErrorKind};
pub use fetcher::{Cleared, FetchOptions, Fetched, Fetcher, Held, Wanted};
pub use limits::FetchLimits;
