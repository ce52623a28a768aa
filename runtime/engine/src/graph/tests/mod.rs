//! The scheduler, driven by a script with a clock of its own.

mod cancels;
mod foreseen;
mod model;
mod nested;
mod random;
mod scale;
mod script;
mod simulator;
mod skips;
mod timeouts;
