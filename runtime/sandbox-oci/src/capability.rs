//! Root's powers, and which of them a container keeps.
//!
//! The default ones are Docker's: what installing packages and changing users inside a root of one's own takes, and
//! nothing that reaches the machine.

use rustix_namespaces::thread::Capability;
use stepwell_contract::Security;

/// Each capability with the name that a document calls it by.
const TABLE: [(&str, Capability); 41] = [
    ("CHOWN", Capability::ChangeOwnership),
    ("DAC_OVERRIDE", Capability::DACOverride),
    ("DAC_READ_SEARCH", Capability::DACReadSearch),
    ("FOWNER", Capability::FileOwner),
    ("FSETID", Capability::FileSetID),
    ("KILL", Capability::Kill),
    ("SETGID", Capability::SetGroupID),
    ("SETUID", Capability::SetUserID),
    ("SETPCAP", Capability::SetPermittedCapabilities),
    ("LINUX_IMMUTABLE", Capability::LinuxImmutable),
    ("NET_BIND_SERVICE", Capability::NetBindService),
    ("NET_BROADCAST", Capability::NetBroadcast),
    ("NET_ADMIN", Capability::NetAdmin),
    ("NET_RAW", Capability::NetRaw),
    ("IPC_LOCK", Capability::IPCLock),
    ("IPC_OWNER", Capability::IPCOwner),
    ("SYS_MODULE", Capability::SystemModule),
    ("SYS_RAWIO", Capability::SystemRawIO),
    ("SYS_CHROOT", Capability::SystemChangeRoot),
    ("SYS_PTRACE", Capability::SystemProcessTrace),
    ("SYS_PACCT", Capability::SystemProcessAccounting),
    ("SYS_ADMIN", Capability::SystemAdmin),
    ("SYS_BOOT", Capability::SystemBoot),
    ("SYS_NICE", Capability::SystemNice),
    ("SYS_RESOURCE", Capability::SystemResource),
    ("SYS_TIME", Capability::SystemTime),
    ("SYS_TTY_CONFIG", Capability::SystemTTYConfig),
    ("MKNOD", Capability::MakeNode),
    ("LEASE", Capability::Lease),
    ("AUDIT_WRITE", Capability::AuditWrite),
    ("AUDIT_CONTROL", Capability::AuditControl),
    ("SETFCAP", Capability::SetFileCapabilities),
    ("MAC_OVERRIDE", Capability::MACOverride),
    ("MAC_ADMIN", Capability::MACAdmin),
    ("SYSLOG", Capability::SystemLog),
    ("WAKE_ALARM", Capability::WakeAlarm),
    ("BLOCK_SUSPEND", Capability::BlockSuspend),
    ("AUDIT_READ", Capability::AuditRead),
    ("PERFMON", Capability::PerformanceMonitoring),
    ("BPF", Capability::BerkeleyPacketFilters),
    ("CHECKPOINT_RESTORE", Capability::CheckpointRestore),
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
    TABLE
        .iter()
        .fold(0, |bits, (_, capability)| bits | bit(*capability))
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

/// Those that are not in `bits`.
pub(crate) fn missing(bits: u64) -> impl Iterator<Item = Capability> {
    TABLE
        .iter()
        .map(|(_, capability)| *capability)
        .filter(move |capability| bits & bit(*capability) == 0)
}

fn bit(capability: Capability) -> u64 {
    1 << capability as u32
}

fn set(names: &[&str]) -> u64 {
    TABLE
        .iter()
        .filter(|(name, _)| names.contains(name))
        .fold(0, |bits, (_, capability)| bits | bit(*capability))
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
        assert_eq!(missing(all()).count(), 0);
    }
}
