//! Why what a step does is not kept: each reason by name, for a person to read.

use stepwell_contract::{Clock, Ending, Flaw, Grants, ImageKind, Random, StepSpec};

/// Why what a step does is not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum NotKept {
    /// The document says so.
    #[error("the document says `stepwell.dev/cache: \"off\"`")]
    Off,
    /// It is granted something whose answers nobody records.
    #[error(
        "it is granted `{0}`, which may answer otherwise each time; where it does not matter, \
         say so with `stepwell.dev/cache: \"on\"`"
    )]
    Granted(String),
    /// It is a container, whose questions nobody sees.
    #[error(
        "it is a container, and what a container reads cannot be seen; where it depends on its image and its mounts alone, \
         say so with `stepwell.dev/cache: \"on\"`"
    )]
    Container,
    /// It may run native programs, which nobody sees at work.
    #[error("it may run native programs, and what they read and change cannot be seen")]
    Tools,
    /// Programs run beside it.
    #[error("its task has sidecars, which may change what it sees")]
    Sidecars,
    /// It talks to a proxy.
    #[error("its task has proxies, whose answers nobody records")]
    Proxies,
    /// Its output goes to files too, which it could read.
    #[error("its output is copied to files that it may see while it runs")]
    Tees,
    /// Somebody may look into it before it runs.
    #[error("it stops before it runs, so that somebody may look into it")]
    Breakpoint,
    /// Where a volume is cannot be told.
    #[error("failed to tell where volume `{0}` is on the host")]
    Unplaced(String),
    /// The backend records nothing.
    #[error("its backend records no observations")]
    NoTrace,
    /// It did not end by itself.
    #[error("it did not end by itself")]
    Ending,
    /// It failed.
    #[error("it failed")]
    Failed,
    /// The trace is not whole.
    #[error("{0}")]
    Flaw(Flaw),
    /// It said more than is kept.
    #[error("it wrote more than {0} bytes of output")]
    Output(u64),
    /// A result could not be handed on.
    #[error("a result that it emitted could not be kept")]
    Result,
    /// It left something that cannot be put back.
    #[error("it left `{path}`, which is {what}")]
    Strange {
        /// Where.
        path: String,
        /// What it is.
        what: String,
    },
    /// What it left cannot be read.
    #[error("failed to read `{path}`, which it left: {cause}")]
    Unread {
        /// Where.
        path: String,
        /// Why.
        cause: String,
    },
    /// It left more than is kept.
    #[error("it left more than {0} files")]
    TooMany(usize),
    /// It is a container with a network.
    #[error("it is a container that can reach the network, whose answers nobody records")]
    Network,
    /// It is a container that is not confined as others are.
    #[error("it is a container with {0}")]
    Powers(&'static str),
    /// It sees a folder of the machine's.
    #[error("its task has a `hostPath`, a folder that others may change")]
    HostPath,
    /// Somebody was in there.
    #[error("somebody opened a shell in its task")]
    Shell,
    /// Others could write to its files.
    #[error("another task that may write to its folders ran at the same time")]
    Beside,
    /// It may look at more than is looked at for it.
    #[error("it may look at more than {most} {what}")]
    TooMuch {
        /// How many.
        most: u64,
        /// Of what.
        what: &'static str,
    },
    /// What it may look at cannot be looked at.
    #[error("failed to look at `{path}`, which it may look at too: {cause}")]
    Unseen {
        /// Where.
        path: String,
        /// Why.
        cause: String,
    },
    /// The cache could not be written to.
    #[error("{0}")]
    Store(String),
}

/// The exit codes of a program in a container that a signal has ended are above this.
const SIGNALS: i32 = 128;

/// Why what `step` does would depend on more than is recorded. Where the document declares that it does not matter, only
/// what it declares that about is let through.
pub(super) fn by_its_grants(step: &StepSpec, declared: bool) -> Option<NotKept> {
    if step.image.kind() == ImageKind::Container {
        return match declared {
            false => Some(NotKept::Container),
            true => beyond_its_mounts(step),
        };
    }
    let Grants {
        clock,
        random,
        network,
        sidecars,
        tools,
    } = &step.grants;
    if tools.is_some() {
        // What they change is in no trace, whatever the document says.
        return Some(NotKept::Tools);
    }
    let setting = if let Some(port) = sidecars.first() {
        format!("sidecar={port}")
    } else if network.is_reachable() {
        let settings = step.grants.settings();
        let mut settings = settings.into_iter();
        settings.find(|setting| setting.starts_with("network="))?
    } else if *clock == Clock::Real {
        "clock=real".to_owned()
    } else if *random == Random::Real {
        "random=real".to_owned()
    } else {
        return None;
    };
    (!declared).then_some(NotKept::Granted(setting))
}

/// What a container reaches beyond its image and its mounts, where it is one that does. That it has the machine's clock and
/// its random numbers is known to who declares that it may be kept; a network and powers over the machine are not meant.
fn beyond_its_mounts(step: &StepSpec) -> Option<NotKept> {
    let StepSpec {
        grants, security, ..
    } = step;
    if grants.tools.is_some() {
        Some(NotKept::Tools)
    } else if grants.network.is_reachable() || !grants.sidecars.is_empty() {
        Some(NotKept::Network)
    } else if security.privileged {
        Some(NotKept::Powers("all powers over the machine"))
    } else if !security.add_capabilities.is_empty() {
        Some(NotKept::Powers("capabilities that others do not have"))
    } else {
        None
    }
}

/// Whether what led to `ending` is kept.
pub(super) fn by_its_ending(
    kind: ImageKind,
    ending: &Ending,
    failures: bool,
) -> Result<(), NotKept> {
    match ending {
        ending if ending.is_success() => Ok(()),
        // A signal, which may be anybody's.
        Ending::Exited { code } if kind == ImageKind::Container && *code > SIGNALS => {
            Err(NotKept::Ending)
        }
        Ending::Exited { .. } | Ending::Failed { .. } | Ending::Trapped { .. } => match failures {
            true => Ok(()),
            false => Err(NotKept::Failed),
        },
        _ => Err(NotKept::Ending),
    }
}
