//! What the host keeps for one running step: the data of its store.

use std::collections::BTreeSet;
use std::sync::Arc;

use stepwell_contract::{Ambient, Clock, Grants, LogStream, Loopback, StepIo};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::WasiCtx;

use crate::fs::FileSystem;
use crate::http::Http;
use crate::meter::Meter;
use crate::tools::ToolBox;
use crate::wasi::cli::Tail;
use crate::wasi::clocks::Clocks;
use crate::wasi::random::RandomSource;
use crate::wasi::sidecars::Sidecars;

/// Refusals that are told of: stops a guest that tries every port.
const REFUSALS_TOLD: usize = 16;

/// The data of one step's store. Every host function gets this and nothing else.
pub(crate) struct Guest {
    /// What the guest holds handles to.
    pub(crate) table: ResourceTable,
    /// What it has used up.
    pub(crate) meter: Meter,
    /// What it sees of files.
    pub(crate) files: FileSystem,
    /// Its clocks.
    pub(crate) clocks: Clocks,
    /// Its random bytes.
    pub(crate) random: RandomSource,
    /// Its network; `None` where it may not even import it.
    pub(crate) network: Option<Box<WasiCtx>>,
    /// Names that it may look up; `None` for all.
    pub(crate) lookups: Option<Vec<String>>,
    /// The sidecars that it may talk to.
    pub(crate) sidecars: Sidecars,
    /// Its HTTP.
    pub(crate) http: Http,
    /// What it runs native programs with; `None` where it may not even import that.
    pub(crate) tools: Option<ToolBox>,
    /// What it was refused and told of, as a grant would name it.
    told: BTreeSet<String>,
    /// Its arguments, the program's own name first.
    pub(crate) argv: Vec<String>,
    /// Its environment.
    pub(crate) env: Vec<(String, String)>,
    /// Where it starts.
    pub(crate) working_dir: Arc<str>,
    /// Its log, its results, its cancellation.
    pub(crate) io: StepIo,
    /// The last it said on stderr.
    pub(crate) last_words: Tail,
}

impl Guest {
    /// A guest that has not run yet.
    pub(crate) fn new(seed: Seed, io: StepIo) -> Self {
        let Seed {
            meter,
            files,
            grants,
            loopback,
            tools,
            ambient,
            argv,
            env,
            working_dir,
        } = seed;
        let mut table = ResourceTable::new();
        let handles = meter.limits().get(stepwell_contract::Limit::Handles);
        table.set_max_capacity(usize::try_from(handles).unwrap_or(usize::MAX));
        let (network, lookups) = crate::wasi::sockets::context(&grants);
        // A time-out that fires at once would cut every connection.
        let talks = grants.network.is_reachable() || !grants.sidecars.is_empty();
        let sleeps_for_real = grants.clock == Clock::Real || talks;
        Self {
            table,
            meter,
            files,
            clocks: Clocks::new(grants.clock, sleeps_for_real, ambient.epoch_seconds),
            random: RandomSource::new(grants.random, ambient.seed),
            network,
            lookups,
            sidecars: Sidecars::new(&grants, loopback.clone()),
            http: Http::new(&grants, loopback),
            tools,
            told: BTreeSet::new(),
            argv,
            env,
            working_dir,
            io,
            last_words: Tail::default(),
        }
    }
}

impl Guest {
    /// Says, once for each, that `place` is not reached, and which line would grant it.
    pub(crate) fn refused(&mut self, place: &str) {
        if self.told.len() >= REFUSALS_TOLD || !self.told.insert(place.to_owned()) {
            return;
        }
        let line = format!(
            "stepwell: `{place}` is not granted; grant it with `--grant network={place}`, or in the document with \
             `stepwell.dev/grants: \"network={place}\"`\n"
        );
        self.io.sink.log(LogStream::Stderr, line.as_bytes());
    }
}

/// What a guest is made from, before it is connected to anything.
pub(crate) struct Seed {
    pub(crate) meter: Meter,
    pub(crate) files: FileSystem,
    pub(crate) grants: Grants,
    /// The network of its task, where another backend has it.
    pub(crate) loopback: Option<Arc<dyn Loopback>>,
    /// What it may run native programs with.
    pub(crate) tools: Option<ToolBox>,
    pub(crate) ambient: Ambient,
    pub(crate) argv: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) working_dir: Arc<str>,
}
