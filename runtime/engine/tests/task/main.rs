//! One TaskRun against a scripted backend: its life, tries, what steps leave for each other,
//! volumes, what is hidden, and the cache.

mod cache;
mod late;
mod leaves;
mod life;
mod masking;
mod places;
mod proxies;
mod retries;
#[path = "../scripted/mod.rs"]
mod scripted;
mod sidecars;
mod stopping;
mod volumes;
