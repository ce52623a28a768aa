//! HTTP of steps: `wasi:http/outgoing-handler`, for those with a network grant.
//!
//! A request goes through `fields` and `request` to `target`, which says whom it is for and whether that is granted, and
//! from there to `exchange`, which looks the name up, connects to what it found, and speaks HTTP/1.1 over TLS or without.
//! What comes back is in `response`. Redirects are the guest's own to follow: each is a request like any other.
//!
//! An exchange lives on wasmtime-wasi's runtime; between it and the step are channels of one chunk each, so that neither
//! side holds more than that of a body. A step waits for it where it waits for everything, and ends it by dropping it.
//! `docs/decisions/0022-http-of-steps.md` says why this is ours.

mod body;
mod exchange;
mod fields;
mod request;
mod response;
mod serve;
mod target;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use stepwell_contract::{Grants, Loopback};
use wasmtime::component::{HasSelf, Linker};

use crate::bindings::http::wasi::http::types::ErrorCode;
use crate::bindings::http::wasi::http::{outgoing_handler, types};
use crate::guest::Guest;

pub(crate) use target::Reach;
#[expect(unreachable_pub, reason = "the generated bindings re-export them")]
pub use {
    body::OutgoingBody,
    fields::Fields,
    request::{OutgoingRequest, RequestOptions},
    response::{FutureResponse, FutureTrailers, IncomingBody, IncomingResponse},
    serve::Unserved,
};

/// Bytes of names and values that one set of headers may have, with what keeping each costs: stops a flood of headers
/// (GHSA-243v-98vx-264h).
const FIELDS_BYTES: u64 = 128 << 10;

/// The same for all sets of headers that a step holds: stops a million copies of one.
const ALL_FIELDS_BYTES: u64 = 16 << 20;

/// What a step's HTTP has of the host.
pub(crate) struct Http {
    /// Who may be talked to.
    pub(crate) reach: Arc<Reach>,
    /// How much of [`ALL_FIELDS_BYTES`] is in use.
    held: Arc<AtomicU64>,
}

impl Http {
    pub(crate) fn new(grants: &Grants, loopback: Option<Arc<dyn Loopback>>) -> Self {
        Self {
            reach: Arc::new(Reach::new(grants, loopback)),
            held: Arc::default(),
        }
    }

    /// Room for a set of headers, empty so far.
    fn room(&self) -> Room {
        Room {
            used: 0,
            held: Arc::clone(&self.held),
        }
    }
}

/// What one set of headers takes up of what all may. Dropped, it is free again.
#[derive(Debug)]
struct Room {
    used: u64,
    held: Arc<AtomicU64>,
}

impl Room {
    /// Takes `bytes` more; false where there are none left.
    fn take(&mut self, bytes: u64) -> bool {
        let total = self.used.saturating_add(bytes);
        // A step has one thread: nobody takes anything meanwhile.
        let all = self.held.load(Ordering::Relaxed).saturating_add(bytes);
        if total > FIELDS_BYTES || all > ALL_FIELDS_BYTES {
            return false;
        }
        self.used = total;
        self.held.store(all, Ordering::Relaxed);
        true
    }

    fn give_back(&mut self, bytes: u64) {
        let bytes = bytes.min(self.used);
        self.used -= bytes;
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.give_back(self.used);
    }
}

/// Offers HTTP to guests: only in the linker of steps that have some network grant.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let options = types::LinkOptions::default();
    types::add_to_linker::<Guest, HasSelf<Guest>>(linker, &options, |guest| guest)?;
    outgoing_handler::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)
}

impl types::Host for Guest {
    fn http_error_code(
        &mut self,
        error: wasmtime::component::Resource<types::IoError>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        Ok(self.table.get(&error)?.downcast_ref::<ErrorCode>().cloned())
    }
}
