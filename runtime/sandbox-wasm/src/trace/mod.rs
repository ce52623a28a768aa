//! Records what a guest learns from `wasi:filesystem` and what it changes there.
//!
//! A recorded run is worth something if *whatever a host function told the guest follows from the step's description, the
//! answers recorded so far, and the step's own changes*. Then a run on any tree that gives the same answers goes the same
//! way. Why that holds, function by function:
//!
//! | what the guest calls | what it learns | what is recorded |
//! |---|---|---|
//! | `open-at`, to look | whether something is there, and of which sort | `Kind`; each link on the way with its target |
//! | `read`, `read-via-stream` | bytes | `Content` of the whole file, from the first byte on that is read |
//! | `stat`, `stat-at` | sort and size | `Stat`; times are pinned and the count of links is always one |
//! | `read-directory` | names and sorts, in the order of their bytes | `Listing`, as it was before the step's own changes |
//! | `readlink-at` | a target | `Link` |
//! | `metadata-hash-at`, `set-times-at` | whether something is there | `Kind`; the hash is one of the path, and no time is set |
//! | `metadata-hash`, `get-type`, `get-flags`, `advise` | what opening it told already | nothing |
//! | `is-same-object` | whether two paths are one: they are where they are equal | nothing; a file with more names is a flaw |
//! | `open-at`, to create and empty | whether it may be written | `Room` |
//! | `open-at`, to change what is there | whether it is there | `Kind`, and `Content`, for what is not overwritten stays |
//! | `create-directory-at`, `symlink-at` | whether the name is free | `Kind` of it and of its folder |
//! | `unlink-file-at` | whether it is a file | `Kind`; one of several names of a file is a flaw, for it changes the others |
//! | `remove-directory-at` | whether it is empty | `Kind` and `Listing` |
//! | `rename-at` | whether both ends allow it | `Kind` of both, and all that is moved, for it is there at the new place |
//! | `link-at` | whether both ends allow it | `Kind` of both; a file with two names is a flaw once it is made |
//! | `write`, `set-size`, `sync`, streams | what was written can be read | nothing: the file is the step's since it was opened |
//!
//! An error is told to a guest as the observations decide it (nothing is there, no folder, not empty, a way out) or it is a
//! flaw (a full disk, a missing permission to write): then the trace is for people alone. A permission to read that is
//! missing is an answer like others.
//!
//! **Which question is asked depends on the call and on earlier answers, never on the answer itself.** So two runs of a step
//! ask alike up to the first answer in which they differ, and recorded runs form a tree of questions.
//!
//! Knows nothing of what a trace is good for, and nothing of WASI's handles and errors.

mod at;
mod beside;
mod change;
mod owned;
mod reading;
mod recorder;
mod tracer;
mod walk;

pub(crate) use at::{At, Looked};
pub(crate) use change::{Opening, settle};
pub(crate) use reading::Seen;
pub(crate) use tracer::{Root, Tracer};
