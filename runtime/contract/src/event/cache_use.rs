//! What the cache had to do with a step.

use serde::{Deserialize, Serialize};

use crate::Digest;

/// Whether a step came from the cache, and whether it is there now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CacheState {
    /// It did not run: what it once did was done again.
    Hit,
    /// It ran, and what it did is kept.
    Kept,
    /// It ran, and what it did is not kept.
    NotKept,
}

/// What the cache had to do with one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheUse {
    /// The step's static key.
    pub key: Digest,
    /// Whether it came from the cache, and whether it is there now.
    pub state: CacheState,
    /// The outcome that was found or kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Digest>,
    /// How many observations the step made; of a hit, how many were asked for.
    pub observations: u64,
    /// Why it was not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why there was no hit, where the step had run before: the first answer that was new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<CacheChange>,
    /// Of a hit: how long the step took when it ran, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
}

/// The first thing that a step would have seen otherwise than when it ran before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheChange {
    /// Where, as the step sees it.
    pub path: String,
    /// What it asked: `kind`, `stat`, `content`, `listing`, `link` or `room`.
    pub question: String,
    /// What it was told when it ran last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// What it would be told now.
    pub is: String,
}
