//! Random bytes: a stream that depends on the step's static key alone, unless the real source is granted.

use stepwell_contract::Random;

use crate::bindings::imports::wasi::random::{insecure, insecure_seed, random};
use crate::guest::Guest;

/// Where a step's random bytes come from.
pub(crate) enum RandomSource {
    /// The machine.
    Real,
    /// blake3 in its extended-output mode, keyed with the step's seed: the same bytes on every machine.
    Seeded(Box<blake3::OutputReader>),
}

impl RandomSource {
    pub(crate) fn new(grant: Random, seed: [u8; 32]) -> Self {
        match grant {
            Random::Real => Self::Real,
            Random::Seeded => {
                let hasher = blake3::Hasher::new_keyed(&seed);
                Self::Seeded(Box::new(hasher.finalize_xof()))
            }
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> wasmtime::Result<()> {
        match self {
            Self::Real => getrandom::fill(bytes).map_err(|error| {
                wasmtime::Error::msg(format!("the host has no random bytes: {error}"))
            }),
            Self::Seeded(reader) => {
                reader.fill(bytes);
                Ok(())
            }
        }
    }
}

impl Guest {
    fn random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.meter.host_call(length)?;
        let mut bytes = vec![0; usize::try_from(length)?];
        self.random.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn random_number(&mut self) -> wasmtime::Result<u64> {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
}

impl random::Host for Guest {
    fn get_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(length)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.random_number()
    }
}

impl insecure::Host for Guest {
    fn get_insecure_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(length)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.random_number()
    }
}

impl insecure_seed::Host for Guest {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.random_number()?, self.random_number()?))
    }
}
