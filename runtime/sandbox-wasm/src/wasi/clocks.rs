//! Clocks: virtual, unless the real ones are granted.
//!
//! A virtual wall clock stands still, a virtual monotonic clock moves by a fixed amount each time it is read, and a
//! sleep returns at once with the clock moved on. So a program that measures or waits runs the same every time, and
//! without waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use stepwell_contract::Clock;
use wasmtime::component::Resource;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

use crate::bindings::imports::wasi::clocks::{monotonic_clock, wall_clock};
use crate::guest::Guest;
use crate::wait;

/// How far a virtual monotonic clock moves when it is read: enough that a loop which waits for a later time ends.
const TICK_NANOSECONDS: u64 = 1_000;

/// What a clock of ours resolves.
const RESOLUTION_NANOSECONDS: u64 = 1_000;

/// The clocks of one step.
pub(crate) struct Clocks {
    wall: Wall,
    monotonic: Monotonic,
    sleeps: Monotonic,
}

enum Wall {
    Real,
    Fixed { seconds: u64 },
}

#[derive(Clone)]
enum Monotonic {
    Real { start: Instant },
    Virtual { nanoseconds: Arc<AtomicU64> },
}

impl Clocks {
    /// Clocks as granted. `sleeps_for_real` makes pollables wait even where the clock that is read is virtual.
    pub(crate) fn new(grant: Clock, sleeps_for_real: bool, epoch_seconds: u64) -> Self {
        let real = Monotonic::Real {
            start: Instant::now(),
        };
        let (wall, monotonic) = match grant {
            Clock::Real => (Wall::Real, real.clone()),
            Clock::Virtual => (
                Wall::Fixed {
                    seconds: epoch_seconds,
                },
                Monotonic::Virtual {
                    nanoseconds: Arc::default(),
                },
            ),
        };
        let sleeps = if sleeps_for_real {
            real
        } else {
            monotonic.clone()
        };
        Self {
            wall,
            monotonic,
            sleeps,
        }
    }
}

impl Monotonic {
    fn read(&self) -> u64 {
        match self {
            Self::Real { start } => u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX),
            Self::Virtual { nanoseconds } => {
                nanoseconds.fetch_add(TICK_NANOSECONDS, Ordering::Relaxed)
            }
        }
    }

    /// The clock's value with no tick.
    fn peek(&self) -> u64 {
        match self {
            Self::Real { .. } => self.read(),
            Self::Virtual { nanoseconds } => nanoseconds.load(Ordering::Relaxed),
        }
    }
}

/// A moment that a guest waits for.
struct Deadline {
    clock: Monotonic,
    when: u64,
}

#[async_trait::async_trait]
impl Pollable for Deadline {
    async fn ready(&mut self) {
        match &self.clock {
            Monotonic::Virtual { nanoseconds } => {
                nanoseconds.fetch_max(self.when, Ordering::Relaxed);
            }
            // A moment beyond what the clock can express never comes.
            Monotonic::Real { start } => match start.checked_add(Duration::from_nanos(self.when)) {
                Some(moment) => wait::At(moment).await,
                None => std::future::pending().await,
            },
        }
    }
}

impl wall_clock::Host for Guest {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(match self.clocks.wall {
            Wall::Fixed { seconds } => wall_clock::Datetime {
                seconds,
                nanoseconds: 0,
            },
            Wall::Real => {
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                wall_clock::Datetime {
                    seconds: now.as_secs(),
                    nanoseconds: now.subsec_nanos(),
                }
            }
        })
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(wall_clock::Datetime {
            seconds: 0,
            nanoseconds: RESOLUTION_NANOSECONDS as u32,
        })
    }
}

impl monotonic_clock::Host for Guest {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clocks.monotonic.read())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(RESOLUTION_NANOSECONDS)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let clock = self.clocks.sleeps.clone();
        let when = match (&clock, &self.clocks.monotonic) {
            // The instant is one of the clock that the guest reads; the wait is on another one.
            (Monotonic::Real { .. }, Monotonic::Virtual { .. }) => clock
                .peek()
                .saturating_add(when.saturating_sub(self.clocks.monotonic.peek())),
            _ => when,
        };
        let deadline = self.table.push(Deadline { clock, when })?;
        subscribe(&mut self.table, deadline)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let clock = self.clocks.sleeps.clone();
        let when = clock.peek().saturating_add(duration);
        let deadline = self.table.push(Deadline { clock, when })?;
        subscribe(&mut self.table, deadline)
    }
}
