//! Containers that Stepwell makes itself.
//!
//! A step's life is `scope` (volumes, powers, a folder of its own) → `run` → `process` (our own binary, started again as the
//! container's first process) → `init` (which becomes the container and starts the program). `place` is what can be done beside a
//! step: `shell` is one more program in its container, `held` the container again after the step has ended, `look` its files.
//!
//! Held up by the kernel alone, through `rustix`, and by `seccompiler` for the system call filter: no daemon and no system
//! library. `docs/decisions/0018-containers-without-a-runtime.md` says why not by an existing runtime. Read next: `run.rs`, then
//! `init/mod.rs`.

mod archive;
mod backend;
mod cgroup;
mod disk;
mod events;
mod handles;
mod held;
mod init;
mod keyboard;
mod look;
mod output;
mod place;
mod process;
mod proxy;
mod request;
mod rootless;
mod run;
mod scope;
mod seccomp;
mod shell;
mod signal;
mod site;
mod step_folder;

pub use backend::{InitProgram, OciBackend, OciOptions};
pub use init::container_init;
pub use rootless::obstacle;
