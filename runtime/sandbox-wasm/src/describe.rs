//! Asks a plugin what it is: its own word, outside any run, with nothing granted and nothing to see.

use std::sync::Arc;

use stepwell_contract::{
    Ambient, Cancel, DescribedParam, DescribedResult, DescribedWorkspace, Description, EmitError,
    Ending, Grants, Image, Limits, LogStream, Network, ParamValue, SandboxError, SandboxErrorKind,
    StepIo, StepSink, Want,
};

use crate::BACKEND;
use crate::backend::{Entry, WasmBackend};
use crate::bindings::imports::stepwell::task::types;
use crate::ending;
use crate::fs::FileSystem;
use crate::guest::{Guest, Seed};
use crate::meter::Meter;
use crate::run;
use crate::typed::{from_wit, type_from_wit};

/// The start of the random stream, the same for everyone: a description depends on nothing.
const SEED: [u8; 32] = [0; 32];

/// Sockets to be imported, and no network.
const NO_NETWORK: &str = "network=none";

impl WasmBackend {
    /// What the plugin `image` says about itself; `None` where it is an ordinary program. Compiles it where it never was.
    /// It runs within `limits` until it has answered or `cancel` is asked for, which is called when it is about to: compiling
    /// has bounds of its own. It has no files, no arguments, no network,
    /// virtual clocks, and nobody to hear what it prints.
    ///
    /// # Errors
    ///
    /// [`SandboxErrorKind::BadGuest`] where it does not answer, or says what cannot be meant; what the host could not do.
    pub fn describe(
        &self,
        image: &Image,
        limits: &Limits,
        cancel: impl FnOnce() -> Cancel,
    ) -> Result<Option<Description>, SandboxError> {
        let bad = |cause: String| {
            let doing = format!("ask `{}` what it is", image.reference);
            SandboxError::new(BACKEND, doing, SandboxErrorKind::BadGuest).because(cause)
        };
        // Sockets and native programs are there to be imported, for it may want them when it runs; they reach nothing.
        let grants = Grants {
            network: Network::None,
            tools: Some("none".into()),
            ..Grants::default()
        };
        let loaded = self.load(image, limits)?;
        let entry = loaded.entry(image, &grants)?;
        let Entry::Plugin(plugin) = &*entry else {
            return Ok(None);
        };
        let seed = Seed {
            meter: Meter::new(limits.clone()),
            files: FileSystem::new(0),
            grants,
            loopback: None,
            tools: None,
            ambient: Ambient {
                epoch_seconds: 0,
                seed: SEED,
            },
            argv: Vec::new(),
            env: Vec::new(),
            working_dir: Arc::from("/"),
        };
        let io = StepIo {
            sink: Arc::new(Unheard),
            cancel: cancel(),
        };
        let mut store = run::store(&loaded, Guest::new(seed, io))?;
        let engine = loaded.room.engine.clone();
        let _hook = store
            .data()
            .io
            .cancel
            .on_cancel(move || engine.increment_epoch());
        if store.data().io.cancel.reason().is_some() {
            return Err(bad("it was not given the time to answer".to_owned()));
        }
        let told = plugin
            .instantiate(&mut store)
            .and_then(|plugin| plugin.stepwell_task_task().call_describe(&mut store))
            .map_err(|error| match ending::of_error(&error, store.data()) {
                Ok(ending) => bad(unanswered(ending, &store.data().last_words.text())),
                Err(host) => host,
            })?;
        let mut description = description(told);
        let wants_network = |want: &Want| want.grant.starts_with("network=");
        if loaded.imports_sockets() && !description.capabilities.iter().any(wants_network) {
            // It says of no network that it wants it: its language's runtime imports sockets, whatever runs on it.
            description.capabilities.push(Want {
                grant: NO_NETWORK.to_owned(),
                reason: "The runtime of its language imports sockets. This hands out none that reach anything."
                    .to_owned(),
            });
        }
        let description = description.checked();
        description
            .map(Some)
            .map_err(|error| bad(error.to_string()))
    }
}

fn description(told: types::Description) -> Description {
    let params = told.params.into_iter().map(|param| DescribedParam {
        name: param.name,
        param_type: type_from_wit(param.value_type),
        description: param.description,
        default: param.default.map(from_wit),
        properties: param.properties,
    });
    let workspaces = told.workspaces.into_iter();
    let workspaces = workspaces.map(|workspace| DescribedWorkspace {
        name: workspace.name,
        description: workspace.description,
        read_only: workspace.read_only,
        optional: workspace.optional,
    });
    let results = told.results.into_iter().map(|result| DescribedResult {
        name: result.name,
        result_type: type_from_wit(result.value_type),
        description: result.description,
        properties: result.properties,
    });
    let capabilities = told.capabilities.into_iter().map(|want| Want {
        grant: match want.capability {
            types::Capability::RealClock => "clock=real".to_owned(),
            types::Capability::RealRandom => "random=real".to_owned(),
            types::Capability::Network(to) => format!("network={to}"),
            types::Capability::Tools(image) => format!("tools={image}"),
        },
        reason: want.reason,
    });
    Description {
        name: told.name,
        version: told.version,
        documentation: told.documentation,
        params: params.collect(),
        workspaces: workspaces.collect(),
        results: results.collect(),
        capabilities: capabilities.collect(),
    }
}

/// Why it did not answer: in its own words where it has any, which are what its language says of a mistake.
fn unanswered(ending: Ending, said: &str) -> String {
    match ending {
        Ending::TimedOut { after } => format!("it did not answer within {} s", after.as_secs()),
        Ending::LimitReached { limit, value, .. } => {
            format!("it did not answer within its limit `{limit}` of {value}")
        }
        _ if !said.is_empty() => format!("it did not answer, and said\n{said}"),
        Ending::Trapped { reason, .. } => format!("it did not answer: {reason}"),
        Ending::Exited { code } => format!("it did not answer, and exited with code {code}"),
        other => format!("it did not answer: {other:?}"),
    }
}

/// Nobody listens to a plugin that says what it is.
struct Unheard;

impl StepSink for Unheard {
    fn log(&self, _: LogStream, _: &[u8]) {}

    fn emit(&self, name: &str, _: ParamValue) -> Result<(), EmitError> {
        Err(EmitError::Undeclared(name.to_owned()))
    }

    fn progress(&self, _: u64, _: Option<u64>, _: &str) {}
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use stepwell_contract::Limit;

    use super::*;

    #[test]
    fn why_there_is_no_answer_is_said_in_the_plugins_own_words_where_it_has_any() {
        let trapped = || Ending::Trapped {
            reason: "unreachable".to_owned(),
            message: None,
            backtrace: Vec::new(),
        };
        let said = "Traceback:\n  File \"app.py\", line 3\nValueError: no";
        assert!(unanswered(trapped(), said).ends_with(said));
        assert!(unanswered(trapped(), "").ends_with(": unreachable"));
        let after = Duration::from_secs(10);
        assert_eq!(
            unanswered(Ending::TimedOut { after }, "working"),
            "it did not answer within 10 s"
        );
        let reached = Ending::LimitReached {
            limit: Limit::Fuel,
            value: 7,
            backtrace: Vec::new(),
        };
        assert!(unanswered(reached, "").ends_with("limit `fuel` of 7"));
    }
}
