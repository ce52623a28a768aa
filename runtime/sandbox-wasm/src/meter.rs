//! Counts what a step uses, and says no.
//!
//! The engine asks about each memory and each table alone; the sums are kept here, because a cap that is declared and
//! not summed is the most repeated bug of such hosts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use stepwell_contract::{Limit, Limits};
use wasmtime::ResourceLimiter;

/// The step hit a limit that ends it at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the limit `{limit}` was reached")]
pub(crate) struct LimitHit {
    /// Which one.
    pub(crate) limit: Limit,
}

/// The counters of one step.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    memory: u64,
    tables: u64,
    /// What the growth that is being tried has added, in case the engine then cannot do it.
    growing_memory: u64,
    growing_tables: u64,
    /// A growth that was refused: a guest is told no and may go on, but if it then gives up, this is why.
    refused: Option<Limit>,
    created: u64,
    writes: WriteMeter,
    open: Arc<AtomicU64>,
}

/// Counts the bytes that a step writes, from wherever they are written.
#[derive(Debug, Clone)]
pub(crate) struct WriteMeter {
    written: Arc<AtomicU64>,
    limit: u64,
}

impl WriteMeter {
    /// Counts bytes before they are written.
    pub(crate) fn write(&self, bytes: u64) -> Result<(), LimitHit> {
        let total = self.written.load(Ordering::Relaxed).saturating_add(bytes);
        if total > self.limit {
            return Err(LimitHit {
                limit: Limit::FileBytes,
            });
        }
        self.written.store(total, Ordering::Relaxed);
        Ok(())
    }
}

impl Meter {
    /// Counters at zero.
    pub(crate) fn new(limits: Limits) -> Self {
        let writes = WriteMeter {
            written: Arc::default(),
            limit: limits.get(Limit::FileBytes),
        };
        Self {
            limits,
            memory: 0,
            tables: 0,
            growing_memory: 0,
            growing_tables: 0,
            refused: None,
            created: 0,
            writes,
            open: Arc::default(),
        }
    }

    /// The limits in force.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The limit whose refusal the guest did not get over, if there was one.
    pub(crate) fn refused(&self) -> Option<Limit> {
        self.refused
    }

    /// Counts bytes before they are written.
    pub(crate) fn write(&self, bytes: u64) -> Result<(), LimitHit> {
        self.writes.write(bytes)
    }

    /// The counter behind [`Self::write`], for a stream that writes later.
    pub(crate) fn writes(&self) -> WriteMeter {
        self.writes.clone()
    }

    /// Counts a file, folder or link before it is created.
    pub(crate) fn create(&mut self) -> Result<(), LimitHit> {
        self.created = self.spend(self.created, 1, Limit::Files)?;
        Ok(())
    }

    /// Counts a descriptor before it is opened, for as long as the permit lives.
    pub(crate) fn open(&self) -> Result<OpenPermit, LimitHit> {
        self.spend(self.open.load(Ordering::Relaxed), 1, Limit::OpenFiles)?;
        self.open.fetch_add(1, Ordering::Relaxed);
        Ok(OpenPermit(Arc::clone(&self.open)))
    }

    /// Checks what one host call is about to allocate.
    pub(crate) fn host_call(&self, bytes: u64) -> Result<(), LimitHit> {
        self.spend(0, bytes, Limit::HostCall).map(drop)
    }

    fn spend(&self, spent: u64, more: u64, limit: Limit) -> Result<u64, LimitHit> {
        let total = spent.saturating_add(more);
        if total > self.limits.get(limit) {
            Err(LimitHit { limit })
        } else {
            Ok(total)
        }
    }

    fn grow(&mut self, total: u64, current: usize, desired: usize, limit: Limit) -> Option<u64> {
        let added = (desired as u64).saturating_sub(current as u64);
        let grown = self.spend(total, added, limit);
        if grown.is_err() {
            self.refused.get_or_insert(limit);
        }
        grown.ok().map(|_| added)
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let Some(added) = self.grow(self.memory, current, desired, Limit::Memory) else {
            return Ok(false);
        };
        self.memory += added;
        self.growing_memory = added;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory -= std::mem::take(&mut self.growing_memory);
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let Some(added) = self.grow(self.tables, current, desired, Limit::Tables) else {
            return Ok(false);
        };
        self.tables += added;
        self.growing_tables = added;
        Ok(true)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.tables -= std::mem::take(&mut self.growing_tables);
        Ok(())
    }

    fn instances(&self) -> usize {
        usize::try_from(self.limits.get(Limit::Instances)).unwrap_or(usize::MAX)
    }

    fn tables(&self) -> usize {
        self.instances()
    }

    fn memories(&self) -> usize {
        self.instances()
    }
}

/// Counts one open descriptor while it lives.
#[derive(Debug)]
pub(crate) struct OpenPermit(Arc<AtomicU64>);

impl Drop for OpenPermit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(setting: &str) -> Meter {
        let mut limits = Limits::default();
        limits.apply(setting).unwrap();
        Meter::new(limits)
    }

    #[test]
    fn memories_are_summed() {
        let mut meter = meter("memory=1Mi");
        assert!(meter.memory_growing(0, 600 << 10, None).unwrap());
        assert!(
            !meter.memory_growing(0, 600 << 10, None).unwrap(),
            "a second memory"
        );
        assert!(
            meter.memory_growing(600 << 10, 1 << 20, None).unwrap(),
            "the first one, grown"
        );
        assert_eq!(meter.refused(), Some(Limit::Memory));
    }

    #[test]
    fn a_growth_that_failed_is_given_back() {
        let mut meter = meter("memory=1Mi");
        for _ in 0..3 {
            assert!(meter.memory_growing(0, 1 << 20, None).unwrap());
            meter
                .memory_grow_failed(wasmtime::Error::msg("no memory"))
                .unwrap();
        }
        assert_eq!(meter.refused(), None);
    }

    #[test]
    fn a_closed_file_may_be_opened_again() {
        let meter = meter("open-files=2");
        let first = meter.open().unwrap();
        let _second = meter.open().unwrap();
        assert_eq!(meter.open().unwrap_err().limit, Limit::OpenFiles);
        drop(first);
        assert!(meter.open().is_ok());
    }
}
