//! What of a step no container can be, whoever makes it.
//!
//! Beside [`StepSpec::check`], which holds for every backend. It touches nothing.

use stepwell_contract::{Refusal, SandboxErrorKind, StepSpec};

/// Where no volume can be mounted: what a container sees of the kernel is bounded by name.
const KERNEL: [&str; 3] = ["/proc", "/sys", "/dev"];

/// The one place below them that is a folder like any other.
const SHARED_MEMORY: &str = "/dev/shm";

/// What of a step no kernel takes, beside what no backend does.
pub(crate) fn impossible(step: &StepSpec) -> Option<String> {
    if step.argv.is_empty() {
        return Some("there is no program to run".to_owned());
    }
    let ids = [step.security.run_as_user, step.security.run_as_group];
    let ids = ids
        .into_iter()
        .flatten()
        .chain(step.security.groups.iter().copied());
    if ids.into_iter().any(|id| id == u32::MAX) {
        return Some(format!("{} is no user or group", u32::MAX));
    }
    (!step.working_dir.starts_with('/') || step.working_dir.contains('\0'))
        .then(|| format!("`{}` is no absolute path", step.working_dir.escape_debug()))
}

/// Why a step that wants all powers over `what` gets none, where the command line has not `allowed` it.
pub(crate) fn unprivileged(
    step: &StepSpec,
    allowed: bool,
    what: &str,
) -> Option<(SandboxErrorKind, &'static str)> {
    let refusal = || Refusal {
        import: "privileged".to_owned(),
        capability: format!("all powers over {what}"),
        grant: None,
    };
    (step.security.privileged && !allowed).then(|| {
        let cause = "only the command line can allow a privileged step";
        (SandboxErrorKind::Refused(vec![refusal()]), cause)
    })
}

/// Whether a volume may be mounted at `path`.
pub(crate) fn can_be_mounted(path: &str) -> bool {
    let below = |folder: &str| {
        path.strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let plain = path.len() > 1
        && path
            .strip_prefix('/')
            .is_some_and(|path| path.split('/').all(|name| !["", ".", ".."].contains(&name)));
    plain
        && !path.contains('\0')
        && (below(SHARED_MEMORY) || !KERNEL.iter().any(|folder| below(folder)))
}

#[cfg(test)]
mod tests {
    use super::can_be_mounted;

    #[test]
    fn attack_no_volume_hides_the_kernels_bounds() {
        for path in [
            "/",
            "/proc",
            "/proc/sys",
            "/sys",
            "/dev",
            "/dev/null",
            "/a/../proc",
            "/a//b",
            "a",
            "",
        ] {
            assert!(!can_be_mounted(path), "{path}");
        }
        for path in [
            "/workspace",
            "/process",
            "/dev/shm",
            "/dev/shm/a",
            "/tekton/results",
            "/etc",
        ] {
            assert!(can_be_mounted(path), "{path}");
        }
    }
}
