//! Which system calls a container cannot make.
//!
//! What Docker's profile keeps from a container with the default capabilities is kept from ours: calls that reach the
//! machine, that make namespaces, or that have been the way out of kernels before. A list of what is denied, and not of what is
//! allowed, lets a program use a call that is newer than this list; the capabilities are what such a call would need.
//!
//! The filter is compiled by `seccompiler`, so that building needs no system library.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule,
};

/// Denied whatever their arguments are.
const DENIED: &[c_long] = &[
    // The kernel's keys know no namespace.
    libc::SYS_add_key,
    libc::SYS_keyctl,
    libc::SYS_request_key,
    // Mounts and roots.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_mount_setattr,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    // Namespaces.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    // The kernel itself.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_lookup_dcookie,
    libc::SYS_vhangup,
    libc::SYS_nfsservctl,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // The machine's clock and memory.
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_mbind,
    libc::SYS_get_mempolicy,
    libc::SYS_set_mempolicy,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    // Other processes.
    libc::SYS_kcmp,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
];

/// The same for calls that only x86 has.
#[cfg(target_arch = "x86_64")]
const DENIED_HERE: &[c_long] = &[
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS_sysfs,
    libc::SYS__sysctl,
];
#[cfg(not(target_arch = "x86_64"))]
const DENIED_HERE: &[c_long] = &[];

/// The bit that makes a call one of the x32 kind: the same call by another number, which would slip through.
#[cfg(target_arch = "x86_64")]
const OTHER_NUMBERS: &[c_long] = &[0, 0x4000_0000];
#[cfg(not(target_arch = "x86_64"))]
const OTHER_NUMBERS: &[c_long] = &[0];

/// Flags of `clone` that make a namespace.
const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// A filter could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilterError {
    /// No filter can be compiled for this processor.
    #[error("there is no system call filter for this processor")]
    Processor(#[source] BackendError),
    /// The compiler refused.
    #[error("failed to compile the system call filter")]
    Compile(#[source] BackendError),
}

/// The filters, to be put in place in this order.
pub(crate) fn filters() -> Result<[BpfProgram; 2], FilterError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for call in DENIED.iter().chain(DENIED_HERE) {
        for number in OTHER_NUMBERS {
            rules.insert(call | number, Vec::new());
        }
    }
    let mut clone = Vec::new();
    for flag in NAMESPACES {
        let flag = u64::from(flag.unsigned_abs());
        let operator = SeccompCmpOp::MaskedEq(flag);
        let condition = SeccompCondition::new(0, SeccompCmpArgLen::Qword, operator, flag)
            .map_err(FilterError::Compile)?;
        clone.push(SeccompRule::new(vec![condition]).map_err(FilterError::Compile)?);
    }
    let mut unknown = BTreeMap::new();
    for number in OTHER_NUMBERS {
        rules.insert(libc::SYS_clone | number, clone.clone());
        // Its flags are behind a pointer, which a filter cannot follow: programs fall back to `clone`.
        unknown.insert(libc::SYS_clone3 | number, Vec::new());
    }
    Ok([filter(rules, libc::EPERM)?, filter(unknown, libc::ENOSYS)?])
}

fn filter(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    error: libc::c_int,
) -> Result<BpfProgram, FilterError> {
    let processor = std::env::consts::ARCH
        .try_into()
        .map_err(FilterError::Processor)?;
    let denied = SeccompAction::Errno(error.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, denied, processor)
        .and_then(BpfProgram::try_from)
        .map_err(FilterError::Compile)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_compile_and_fit_into_the_kernel() {
        for filter in filters().unwrap() {
            assert!(!filter.is_empty() && filter.len() <= 4096);
        }
    }
}
