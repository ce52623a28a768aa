//! A folder that a guest holds open, by its true name, and what is learned by looking from there.
//!
//! The calls that a step makes by the ten thousand, opening and asking about a plain path, cost no system call more than
//! they do unrecorded: the kernel is told to follow no link, and where it says that there is one, the slow way records it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use cap_std::fs::{Dir, Metadata, OpenOptions};
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat2};
use rustix::io::Errno;
use stepwell_contract::{Answer, Flaw, Kind, Question, Spot, Version};

use super::change::is_decided;
use super::walk::{Found, is_plain};
use super::{Root, Seen, Tracer};

/// The path stays in its folder and has no link in it.
const PLAINLY: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS);

/// Opens a path that a guest wants to look into; a FIFO must not hold the host up.
const TO_LOOK: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// Reaches what a path names, whatever that is.
const TO_ASK: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A place by its true name: a mount's folder, and a path in there that has no link in it.
#[derive(Clone)]
pub(crate) struct At {
    pub(super) root: Arc<Root>,
    pub(super) path: Arc<str>,
}

impl std::fmt::Debug for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("At").field(&self.path).finish()
    }
}

/// What a guest is told of something, by its path or by its handle.
pub(crate) enum Looked {
    /// The kernel's own words.
    Stat(Stat),
    /// Where a path had to be resolved in steps.
    Metadata(Metadata),
}

/// What a `stat` is answered with.
pub(super) fn stat_answer(stat: &Stat) -> Answer {
    let kind = Kind::of(stat);
    match kind {
        Kind::File { .. } | Kind::Link => Answer::Stat {
            kind,
            size: Version::of(stat).size,
        },
        kind => Answer::Kind(kind),
    }
}

impl At {
    /// The folder at `path` of a mount.
    pub(crate) fn new(root: Arc<Root>, path: impl Into<Arc<str>>) -> Self {
        let path = path.into();
        Self { root, path }
    }

    /// Who records.
    pub(crate) fn tracer(&self) -> &Arc<Tracer> {
        &self.root.tracer
    }

    /// What this place is called in a trace.
    pub(crate) fn spot(&self) -> Spot {
        match &*self.root.spot.path {
            "" => Spot::new(Arc::clone(&self.root.spot.volume), Arc::clone(&self.path)),
            _ => self.root.spot.below(&self.path),
        }
    }

    /// The place at the plain path `path` from here.
    pub(super) fn below(&self, path: &str) -> Self {
        let path: Arc<str> = match &*self.path {
            "" => path.into(),
            own => format!("{own}/{path}").into(),
        };
        Self::new(Arc::clone(&self.root), path)
    }

    /// The folder that this is in.
    pub(super) fn parent(&self) -> Option<Self> {
        let (folder, _) = match &*self.path {
            "" => return None,
            path => path.rsplit_once('/').unwrap_or(("", path)),
        };
        Some(Self::new(Arc::clone(&self.root), folder))
    }

    /// The guest was told `answer` of what is here.
    pub(crate) fn note(&self, question: Question, answer: Answer) {
        self.root.tracer.lock().note(&self.spot(), question, answer);
    }

    /// What is here is the step's from now on; `prior` was here before.
    pub(crate) fn own(&self, prior: Kind) {
        self.root.tracer.lock().own(&self.spot(), prior);
    }

    pub(super) fn flaw(&self, flaw: Flaw) {
        self.root.tracer.lock().flaw(flaw);
    }

    /// What is here is not what it was a moment ago, and it was not the step.
    pub(super) fn changed(&self) {
        self.flaw(Flaw::Changed(self.spot()));
    }

    /// Opens `path` below `dir`, which is the folder here, to look at it. `options` say the same to cap-std, for paths that
    /// are not plain.
    pub(crate) fn open(
        &self,
        dir: &Dir,
        path: &str,
        follow: bool,
        options: &OpenOptions,
    ) -> io::Result<(File, Stat, Self)> {
        if is_plain(path) {
            match openat2(dir.as_fd(), path, TO_LOOK, Mode::empty(), PLAINLY) {
                Ok(file) => {
                    let stat = fstat(&file)?;
                    let at = self.below(path);
                    at.note(Question::Kind, Answer::Kind(Kind::of(&stat)));
                    return Ok((file.into(), stat, at));
                }
                Err(Errno::NOENT) => {
                    let nothing = Answer::Kind(Kind::Absent);
                    self.below(path).note(Question::Kind, nothing);
                    return Err(Errno::NOENT.into());
                }
                // A link, or something that the slow way knows how to tell.
                Err(_) => {}
            }
        }
        let found = self.find(path, follow, Question::Kind);
        match dir.open_with(path, options) {
            Ok(file) => {
                let file = file.into_std();
                let stat = fstat(file.as_fd())?;
                let found = found.filter(|found| found.kind == Kind::of(&stat));
                let at = found.map(|found| found.at).unwrap_or_else(|| {
                    self.changed();
                    self.clone()
                });
                Ok((file, stat, at))
            }
            Err(error) => {
                self.unreadable(found, &error);
                Err(error)
            }
        }
    }

    /// What was found could not be opened. A missing permission is an answer, to the question that opening it was for.
    fn unreadable(&self, found: Option<Found>, error: &io::Error) {
        if is_decided(error) {
            return;
        }
        let question = match &found {
            Some(found) if found.kind == Kind::Folder => Question::Listing,
            _ => Question::Content,
        };
        let at = found.as_ref().map_or(self, |found| &found.at);
        let denied = error.kind() == io::ErrorKind::PermissionDenied && !at.is_own();
        match at.ask(question) {
            Some(Answer::Kind(Kind::Refused(_))) if denied => {}
            _ => self.flaw(Flaw::Unobserved {
                spot: at.spot(),
                cause: error.to_string(),
            }),
        }
    }

    /// What is at `path` below `dir`, which is the folder here. `question` says how much of it the guest is told.
    pub(crate) fn look(
        &self,
        dir: &Dir,
        path: &str,
        follow: bool,
        question: Question,
    ) -> io::Result<Looked> {
        if is_plain(path) {
            let reached: Result<OwnedFd, Errno> =
                openat2(dir.as_fd(), path, TO_ASK, Mode::empty(), PLAINLY);
            match reached {
                Ok(reached) => {
                    let stat = fstat(&reached)?;
                    let is_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
                    if !(follow && is_link) {
                        let answer = match question {
                            Question::Stat => stat_answer(&stat),
                            _ => Answer::Kind(Kind::of(&stat)),
                        };
                        self.below(path).note(question, answer);
                        return Ok(Looked::Stat(stat));
                    }
                }
                Err(Errno::NOENT) => {
                    let nothing = Answer::Kind(Kind::Absent);
                    self.below(path).note(question, nothing);
                    return Err(Errno::NOENT.into());
                }
                Err(_) => {}
            }
        }
        self.find(path, follow, question);
        let looked = match follow {
            true => dir.metadata(path),
            false => dir.symlink_metadata(path),
        };
        self.told(looked).map(Looked::Metadata)
    }

    /// Where the link at `path` below `dir` points to.
    pub(crate) fn read_link(&self, dir: &Dir, path: &str) -> io::Result<std::path::PathBuf> {
        self.find(path, false, Question::Link);
        self.told(dir.read_link(path))
    }

    fn told<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && !is_decided(error)
        {
            self.flaw(Flaw::Unobserved {
                spot: self.spot(),
                cause: error.to_string(),
            });
        }
        result
    }

    /// The guest is shown what is in the folder here; `entries` is all of it, sorted.
    pub(crate) fn listed(&self, entries: &[(Box<[u8]>, Kind)]) {
        let spot = self.spot();
        let mut recorder = self.root.tracer.lock();
        let digest = recorder.prior_listing(&spot, entries);
        recorder.note(&spot, Question::Listing, Answer::Listing(digest));
    }

    /// The folder here could not be shown.
    pub(crate) fn unlisted(&self, error: &dyn std::fmt::Display) {
        self.flaw(Flaw::Unobserved {
            spot: self.spot(),
            cause: error.to_string(),
        });
    }

    /// What is recorded of the file here, which was just opened to be read.
    pub(crate) fn reading(&self, stat: &Stat) -> Seen {
        Seen::to_read(&self.root.tracer, self.spot(), stat)
    }

    /// What is recorded of the file here, which has become the step's.
    pub(crate) fn changing(&self, stat: &Stat) -> Seen {
        Seen::to_change(&self.root.tracer, self.spot(), stat)
    }

    /// Whether what is here is the step's own.
    pub(super) fn is_own(&self) -> bool {
        self.root.tracer.lock().owns(&self.spot())
    }
}
