//! What the guests share: reading arguments, telling an outcome in one stable line, and WASI 0.1 without a C library.
//!
//! A guest whose attempt is refused says so and exits with 0, so that a test compares text and not exit codes.

mod outcome;
pub mod raw;

pub use outcome::{args, error_name, number, tell};
