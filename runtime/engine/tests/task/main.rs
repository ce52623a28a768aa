//! One TaskRun against a scripted backend: tries, what steps leave for each other, volumes, and what is hidden.

mod leaves;
mod masking;
mod retries;
#[path = "../scripted/mod.rs"]
mod scripted;
mod volumes;
