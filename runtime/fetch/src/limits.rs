//! What a place that documents come from may cost. It does not know how the bounds are kept.

use std::time::Duration;

/// Bounds of one fetch; every one has a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// Wall time, all attempts together. Tekton gives a resolver the same minute. Stops a server that never answers, or
    /// answers one byte at a time.
    pub time: Duration,
    /// Bytes of the document, after unpacking. Stops an endless answer and a compression bomb.
    pub document: u64,
    /// Bytes that one repository may take on disk. Stops a repository made to fill it.
    pub repository: u64,
    /// Repositories that are kept; the one used longest ago goes first.
    pub repositories: usize,
    /// Answers that are kept, as many as Tekton keeps; the oldest goes first.
    pub entries: usize,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_mins(1),
            document: 4 << 20,
            repository: 512 << 20,
            repositories: 64,
            entries: 1000,
        }
    }
}
