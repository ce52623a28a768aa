//! A thread that runs something as another user, on one processor.
//!
//! The kernel keeps both for each thread; the C library's calls change them for all threads at once, and are not used. The
//! thread ends with what it was started for, so that nothing has to be put back.

use anyhow::{Context as _, anyhow};

/// Nobody: the user and the group that own nothing.
pub(super) const OTHER_USER: u32 = 65534;

/// Whether this process may become another user.
pub(super) fn may_be_another() -> bool {
    cfg!(target_os = "linux") && rustix::process::geteuid().is_root()
}

/// Runs `what` on a thread of its own: on one processor, and where it may, as another user.
///
/// # Errors
///
/// The thread cannot be started, or cannot be made what it is to be.
pub(super) fn run<T: Send>(what: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
    std::thread::scope(|threads| {
        let thread = std::thread::Builder::new().name("verify".to_owned());
        let thread = thread.spawn_scoped(threads, || {
            become_another()?;
            Ok(what())
        });
        let thread = thread.context("failed to start a thread")?;
        thread
            .join()
            .map_err(|_| anyhow!("failed to run a step again: a defect of stepwell"))?
    })
}

#[cfg(target_os = "linux")]
fn become_another() -> anyhow::Result<()> {
    use rustix_namespaces::process::{CpuSet, sched_getaffinity, sched_setaffinity};

    let allowed = sched_getaffinity(None).context("failed to ask for the processors")?;
    if let Some(first) = (0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu)) {
        let mut one = CpuSet::new();
        one.set(first);
        sched_setaffinity(None, &one).context("failed to choose a processor")?;
    }
    match may_be_another() {
        true => become_nobody().context("failed to become another user"),
        false => Ok(()),
    }
}

#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "rustix makes numbers of users by an unsafe call"
)]
fn become_nobody() -> Result<(), rustix_namespaces::io::Errno> {
    use rustix_namespaces::process::{Gid, Uid};
    use rustix_namespaces::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

    // SAFETY: the number is not -1, which alone is no user and no group.
    let (user, group) = unsafe { (Uid::from_raw(OTHER_USER), Gid::from_raw(OTHER_USER)) };
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(user, user, user)
}

#[cfg(not(target_os = "linux"))]
fn become_another() -> anyhow::Result<()> {
    Ok(())
}
