//! A step's description as the daemon wants to be told it.
//!
//! Everything that the daemon would take from somewhere else is said here: an image of ours has no entrypoint, no user and no
//! environment, and a container's output is kept nowhere. It asks nothing of the daemon.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount};
use stepwell_contract::{ContainerImage, Resources, Security, StepSpec};

use crate::capability;

/// Processes and threads, if nothing is said: a program that starts itself over and over stops here.
const PIDS: u64 = 4096;

/// What `/dev/shm` holds.
const SHARED_MEMORY: i64 = 64 << 20;

/// How long a period of the processors' scheduler is, in microseconds, and the least that a part of it may be.
const PERIOD: i64 = 100_000;
const LEAST_QUOTA: i64 = 1_000;

/// What a container without another one's network is called, as in the embedded backend.
const HOST_NAME: &str = "stepwell";

/// Which network a container has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Network {
    /// Loopback of its own.
    Own,
    /// The one of this container.
    Of(String),
    /// The daemon's machine's.
    Machine,
}

/// What the daemon is told to create.
pub(super) fn body(
    step: &StepSpec,
    image: &ContainerImage,
    name: &str,
    mounts: Vec<Mount>,
    capabilities: u64,
    labels: HashMap<String, String>,
) -> ContainerCreateBody {
    let security = &step.security;
    let escalates = security.privileged || security.allow_privilege_escalation == Some(true);
    let (program, arguments) = match step.argv.split_first() {
        Some((program, arguments)) => (vec![program.clone()], arguments.to_vec()),
        None => (Vec::new(), Vec::new()),
    };
    let host = HostConfig {
        mounts: Some(mounts),
        auto_remove: Some(false),
        init: Some(false),
        log_config: Some(HostConfigLogConfig {
            typ: Some("none".to_owned()),
            config: None,
        }),
        readonly_rootfs: Some(security.read_only_root == Some(true)),
        privileged: Some(security.privileged),
        security_opt: (!escalates).then(|| vec!["no-new-privileges".to_owned()]),
        cap_drop: (!security.privileged).then(|| vec!["ALL".to_owned()]),
        cap_add: (!security.privileged)
            .then(|| capability::names(capabilities).map(str::to_owned).collect()),
        group_add: Some(security.groups.iter().map(u32::to_string).collect()),
        ipc_mode: Some("private".to_owned()),
        shm_size: Some(SHARED_MEMORY),
        ..resources(&step.resources)
    };
    ContainerCreateBody {
        image: Some(name.to_owned()),
        entrypoint: Some(program),
        cmd: Some(arguments),
        env: Some(
            step.env
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
        ),
        working_dir: Some(step.working_dir.to_string()),
        user: Some(user(security, image)),
        stop_signal: image.stop_signal.clone(),
        attach_stdin: Some(false),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(false),
        labels: Some(labels),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    }
}

/// Puts the container that is to be created into a network.
pub(super) fn join(body: &mut ContainerCreateBody, network: &Network) {
    let (mode, name) = match network {
        Network::Own => ("none".to_owned(), Some(HOST_NAME.to_owned())),
        // It has the other one's name, too.
        Network::Of(container) => (format!("container:{container}"), None),
        Network::Machine => ("host".to_owned(), Some(HOST_NAME.to_owned())),
    };
    body.hostname = name;
    if let Some(host) = &mut body.host_config {
        host.network_mode = Some(mode);
    }
}

fn resources(resources: &Resources) -> HostConfig {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let memory = resources.memory.map(signed);
    let quota = |millis: u64| {
        signed(millis)
            .saturating_mul(PERIOD / 1000)
            .max(LEAST_QUOTA)
    };
    HostConfig {
        memory,
        // Both together: no swap.
        memory_swap: memory,
        cpu_period: resources.cpu_millis.map(|_| PERIOD),
        cpu_quota: resources.cpu_millis.map(quota),
        pids_limit: Some(signed(resources.pids.unwrap_or(PIDS))),
        ..HostConfig::default()
    }
}

/// Who runs, in Docker's words: the daemon looks names up in the image's own files.
pub(super) fn user(security: &Security, image: &ContainerImage) -> String {
    let wanted = image.user.as_deref().unwrap_or_default();
    let image_user = wanted.split(':').next().filter(|user| !user.is_empty());
    match (security.run_as_user, security.run_as_group) {
        (None, None) => wanted.trim_end_matches(':').to_owned(),
        (Some(user), None) => user.to_string(),
        (Some(user), Some(group)) => format!("{user}:{group}"),
        (None, Some(group)) => format!("{}:{group}", image_user.unwrap_or("0")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stepwell_contract::Platform;

    fn image(user: &str) -> ContainerImage {
        ContainerImage {
            manifest: "sha256:aa".to_owned(),
            platform: Platform::host(),
            entrypoint: vec!["never".to_owned()],
            cmd: vec!["never".to_owned()],
            env: Vec::new(),
            working_dir: None,
            user: (!user.is_empty()).then(|| user.to_owned()),
            stop_signal: None,
            layers: Vec::new(),
        }
    }

    #[test]
    fn what_is_asked_for_comes_before_the_images_user() {
        let asked = |of: &str, run_as_user, run_as_group| {
            let security = Security {
                run_as_user,
                run_as_group,
                ..Security::default()
            };
            user(&security, &image(of))
        };
        for (of, user, group, expected) in [
            ("", None, None, ""),
            ("app:logs", None, None, "app:logs"),
            ("app:", None, None, "app"),
            ("app:logs", Some(7), None, "7"),
            ("app:logs", Some(7), Some(8), "7:8"),
            ("app:logs", None, Some(8), "app:8"),
            ("", None, Some(8), "0:8"),
        ] {
            assert_eq!(asked(of, user, group), expected, "{of} {user:?} {group:?}");
        }
    }

    #[test]
    fn bounds_are_those_of_the_embedded_backend() {
        let host = resources(&Resources {
            memory: Some(1 << 30),
            cpu_millis: Some(2500),
            pids: None,
        });
        assert_eq!(
            (host.memory, host.memory_swap),
            (Some(1 << 30), Some(1 << 30))
        );
        assert_eq!(
            (host.cpu_period, host.cpu_quota),
            (Some(100_000), Some(250_000))
        );
        assert_eq!(host.pids_limit, Some(4096));
        let least = resources(&Resources {
            cpu_millis: Some(1),
            ..Resources::default()
        });
        assert_eq!(least.cpu_quota, Some(1_000));
        assert_eq!(least.memory, None);
    }

    #[test]
    fn a_container_has_one_network() {
        let mut body = ContainerCreateBody {
            host_config: Some(HostConfig::default()),
            ..ContainerCreateBody::default()
        };
        let mut joined = |network| {
            join(&mut body, &network);
            let host = body.host_config.as_ref().unwrap();
            (host.network_mode.clone().unwrap(), body.hostname.clone())
        };
        assert_eq!(
            joined(Network::Own),
            ("none".to_owned(), Some("stepwell".to_owned()))
        );
        assert_eq!(
            joined(Network::Of("ab".to_owned())),
            ("container:ab".to_owned(), None)
        );
        assert_eq!(joined(Network::Machine).0, "host");
    }
}
