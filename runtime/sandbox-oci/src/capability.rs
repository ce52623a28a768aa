//! Root's powers, and which of them a container keeps.
//!
//! The default ones are Docker's: what installing packages and changing users inside a root of one's own takes, and
//! nothing that reaches the machine.

use stepwell_contract::Security;

/// What a document calls each capability, at the place of its number.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// What a container has if nothing is said.
const DEFAULT: [&str; 14] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SYS_CHROOT",
    "MKNOD",
    "AUDIT_WRITE",
    "SETFCAP",
];

/// What a document may add by itself: powers over the container's own network and files, and none over the machine.
/// `SYS_PTRACE` is not among them: it would reach the container's first process, which is our program.
const ADDABLE: [&str; 5] = [
    "NET_ADMIN",
    "NET_BROADCAST",
    "IPC_OWNER",
    "LEASE",
    "SYS_NICE",
];

/// A set of capabilities cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CapabilityError {
    /// The kernel knows no such capability.
    #[error("there is no capability `{0}`")]
    Unknown(String),
    /// It would reach the machine.
    #[error(
        "the capability `{0}` reaches beyond the container, and only a privileged step may have it"
    )]
    Beyond(String),
}

/// The bits of all capabilities.
pub(crate) fn all() -> u64 {
    set(&NAMES)
}

/// Those that a step with `security` has, as bits.
pub(crate) fn granted(security: &Security) -> Result<u64, CapabilityError> {
    if security.privileged {
        return Ok(all());
    }
    let mut bits = set(&DEFAULT);
    for name in &security.drop_capabilities {
        bits &= match is_all(name) {
            true => 0,
            false => !named(name)?,
        };
    }
    for name in &security.add_capabilities {
        let added = match is_all(name) {
            true => return Err(CapabilityError::Beyond(name.clone())),
            false => named(name)?,
        };
        if added & (set(&DEFAULT) | set(&ADDABLE)) == 0 {
            return Err(CapabilityError::Beyond(name.clone()));
        }
        bits |= added;
    }
    Ok(bits)
}

/// The names of those in `bits`.
pub(crate) fn names(bits: u64) -> impl Iterator<Item = &'static str> {
    let numbered = NAMES.iter().enumerate();
    numbered
        .filter(move |(number, _)| bits & (1 << number) != 0)
        .map(|(_, name)| *name)
}

fn set(names: &[&str]) -> u64 {
    let numbered = NAMES.iter().enumerate();
    numbered
        .filter(|(_, name)| names.contains(name))
        .fold(0, |bits, (number, _)| bits | 1 << number)
}

fn is_all(name: &str) -> bool {
    name.eq_ignore_ascii_case("ALL")
}

fn named(name: &str) -> Result<u64, CapabilityError> {
    let upper = name.to_ascii_uppercase();
    let plain = upper.strip_prefix("CAP_").unwrap_or(&upper);
    match set(&[plain]) {
        0 => Err(CapabilityError::Unknown(name.to_owned())),
        bits => Ok(bits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn security(add: &[&str], drop: &[&str]) -> Security {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Security {
            add_capabilities: owned(add),
            drop_capabilities: owned(drop),
            ..Security::default()
        }
    }

    #[test]
    fn what_is_dropped_is_gone_and_what_is_added_then_is_there() {
        let granted = |add, drop| granted(&security(add, drop)).unwrap();
        assert_eq!(granted(&[], &[]), set(&DEFAULT));
        assert_eq!(granted(&[], &["ALL"]), 0);
        assert_eq!(
            granted(&["NET_BIND_SERVICE"], &["all"]),
            set(&["NET_BIND_SERVICE"])
        );
        assert_eq!(
            granted(&[], &["CAP_MKNOD"]),
            set(&DEFAULT) & !set(&["MKNOD"])
        );
        assert_eq!(
            granted(&["net_admin"], &[]),
            set(&DEFAULT) | set(&["NET_ADMIN"])
        );
    }

    #[test]
    fn attack_a_document_adds_no_power_over_the_machine() {
        for name in [
            "SYS_ADMIN",
            "CAP_SYS_MODULE",
            "BPF",
            "ALL",
            "SYS_RAWIO",
            "SYS_TIME",
        ] {
            let refused = granted(&security(&[name], &[]));
            assert_eq!(refused, Err(CapabilityError::Beyond(name.to_owned())));
        }
        let unknown = granted(&security(&[], &["SYS_ADMN"]));
        assert_eq!(
            unknown,
            Err(CapabilityError::Unknown("SYS_ADMN".to_owned()))
        );
    }

    #[test]
    fn the_default_set_is_dockers() {
        assert_eq!(set(&DEFAULT), 0xa804_25fb);
        assert_eq!(names(all()).count(), NAMES.len());
        assert_eq!(
            names(0b101).collect::<Vec<_>>(),
            ["CHOWN", "DAC_READ_SEARCH"]
        );
    }
}
