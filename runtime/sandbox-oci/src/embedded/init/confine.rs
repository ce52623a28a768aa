//! Gives up every power that the program is not to have, for this process and with it for all that it starts.

use std::io;

use rustix_namespaces::process::{
    DumpableBehavior, Gid, Resource, Rlimit, Signal, Uid, getrlimit, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};
use rustix_namespaces::thread::{
    Capability, CapabilityFlags, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs, set_thread_groups,
    set_thread_res_gid, set_thread_res_uid,
};

use super::identity::Person;
use crate::embedded::request::{Failure, Request};
use crate::embedded::seccomp;

/// Each capability at the place of its number.
const CAPABILITIES: [Capability; 41] = [
    Capability::ChangeOwnership,
    Capability::DACOverride,
    Capability::DACReadSearch,
    Capability::FileOwner,
    Capability::FileSetID,
    Capability::Kill,
    Capability::SetGroupID,
    Capability::SetUserID,
    Capability::SetPermittedCapabilities,
    Capability::LinuxImmutable,
    Capability::NetBindService,
    Capability::NetBroadcast,
    Capability::NetAdmin,
    Capability::NetRaw,
    Capability::IPCLock,
    Capability::IPCOwner,
    Capability::SystemModule,
    Capability::SystemRawIO,
    Capability::SystemChangeRoot,
    Capability::SystemProcessTrace,
    Capability::SystemProcessAccounting,
    Capability::SystemAdmin,
    Capability::SystemBoot,
    Capability::SystemNice,
    Capability::SystemResource,
    Capability::SystemTime,
    Capability::SystemTTYConfig,
    Capability::MakeNode,
    Capability::Lease,
    Capability::AuditWrite,
    Capability::AuditControl,
    Capability::SetFileCapabilities,
    Capability::MACOverride,
    Capability::MACAdmin,
    Capability::SystemLog,
    Capability::WakeAlarm,
    Capability::BlockSuspend,
    Capability::AuditRead,
    Capability::PerformanceMonitoring,
    Capability::BerkeleyPacketFilters,
    Capability::CheckpointRestore,
];

/// Processes and threads of all containers of a task, where we are not root: stops a fork bomb before the machine is out
/// of processes.
const PROCESSES: u64 = 4096;

/// Becomes `person`, with no more powers than `request` leaves.
pub(super) fn confine(request: &Request, person: &Person) -> Result<(), Failure> {
    let host = |doing: &'static str| {
        move |error: rustix_namespaces::io::Errno| Failure::host(doing, error)
    };
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).map_err(host("keep cores from being written"))?;
    if request.no_new_privileges {
        set_no_new_privs(true).map_err(host("keep powers from being gained"))?;
    }
    if !request.privileged {
        // While there is the power to do so without giving up new privileges.
        for filter in
            seccomp::filters().map_err(|error| Failure::host("filter system calls", error))?
        {
            install(&filter).map_err(|error| Failure::host("filter system calls", error))?;
        }
    }
    for (number, capability) in CAPABILITIES.into_iter().enumerate() {
        if request.capabilities & (1 << number) != 0 {
            continue;
        }
        match remove_capability_from_bounding_set(capability) {
            // One that this kernel does not have.
            Err(rustix_namespaces::io::Errno::INVAL) => {}
            removed => removed.map_err(host("bound capabilities"))?,
        }
    }
    own_outputs(person).map_err(|error| Failure::host("hand its outputs over", error))?;
    let rootless = request.joined.is_some();
    if rootless {
        bound_processes().map_err(host("bound processes"))?;
    }
    become_person(person, !rootless).map_err(host("become the step's user"))?;
    // What we do not have ourselves we cannot give.
    let ours = capabilities(None).map_err(host("look at capabilities"))?;
    let kept = ours.permitted & CapabilityFlags::from_bits_retain(request.capabilities);
    let capabilities = match person.user {
        0 => kept,
        _ => CapabilityFlags::empty(),
    };
    clear_ambient_capability_set().map_err(host("give up capabilities"))?;
    let sets = CapabilitySets {
        effective: capabilities,
        permitted: capabilities,
        inheritable: CapabilityFlags::empty(),
    };
    set_capabilities(None, sets).map_err(host("give up capabilities"))?;
    // Nobody looks into this process, whose program is the machine's.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(host("hide from the container"))?;
    set_parent_process_death_signal(Some(Signal::Kill)).map_err(host("end with its parent"))
}

/// Makes the outputs the user's own, who could not open `/dev/stdout` otherwise.
fn own_outputs(person: &Person) -> io::Result<()> {
    let user = rustix::fs::Uid::from_raw(person.user);
    let group = rustix::fs::Gid::from_raw(person.group);
    rustix::fs::fchown(io::stdout(), Some(user), Some(group))?;
    rustix::fs::fchown(io::stderr(), Some(user), Some(group))?;
    Ok(())
}

/// Bounds the processes of the user namespace, where there may be no control group that does: what is asked for of them is
/// not what is asked for here.
fn bound_processes() -> rustix_namespaces::io::Result<()> {
    let now = getrlimit(Resource::Nproc);
    let least = |bound: Option<u64>| Some(bound.map_or(PROCESSES, |bound| bound.min(PROCESSES)));
    let bound = Rlimit {
        current: least(now.current),
        maximum: least(now.maximum),
    };
    setrlimit(Resource::Nproc, bound)
}

/// Groups are set where `groups_too`: where we are not root, the kernel lets nobody give up a group.
fn become_person(person: &Person, groups_too: bool) -> rustix_namespaces::io::Result<()> {
    #[expect(
        unsafe_code,
        reason = "rustix takes a number for a user only as unsafe"
    )]
    let (user, group, groups) = {
        let group = |number: u32| {
            // SAFETY: any number but the last is one of a group, and `identity` refuses that one.
            unsafe { Gid::from_raw(number) }
        };
        // SAFETY: as for groups.
        let user = unsafe { Uid::from_raw(person.user) };
        let groups: Vec<_> = person.groups.iter().copied().map(group).collect();
        (user, group(person.group), groups)
    };
    if groups_too {
        set_thread_groups(&groups)?;
    }
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(user, user, user)
}

/// Puts one filter in place. `seccompiler` would also keep set-user-id programs from working, wanted or not.
fn install(filter: &seccompiler::BpfProgram) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(io::Error::other)?,
        filter: filter.as_ptr().cast::<libc::sock_filter>().cast_mut(),
    };
    #[expect(
        unsafe_code,
        reason = "no crate that we use puts a filter in place as it is"
    )]
    // SAFETY: both structures are laid out as the kernel has them; it copies the program and keeps no pointer to it.
    let installed = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            &raw const program,
        )
    };
    match installed {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
