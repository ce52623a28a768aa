//! What a change depends on, recorded before it is made, and what becomes the step's own by it.

use std::io;

use cap_std::fs::Dir;
use rustix::io::Errno;
use stepwell_contract::{Answer, Asker, Flaw, Kind, NoDigests, Question};

use super::At;
use super::walk::Found;
use crate::fs::raw_entries;

/// A change that is about to be made.
#[derive(Debug)]
pub(crate) struct Change {
    doing: &'static str,
    /// The folder that the guest began at, for messages.
    from: At,
    /// What becomes the step's own, with what is there before. Nothing, where the paths lead nowhere.
    ends: Vec<Found>,
    /// A file that other names lead to, whose change is seen there too.
    shared: Option<At>,
}

/// Whether what is recorded decides that a call fails in this way. Everything else is the machine's own affair.
pub(super) fn is_decided(error: &io::Error) -> bool {
    const DECIDED: [Errno; 9] = [
        Errno::NOENT,
        Errno::EXIST,
        Errno::NOTDIR,
        Errno::ISDIR,
        Errno::NOTEMPTY,
        Errno::INVAL,
        Errno::LOOP,
        Errno::NAMETOOLONG,
        Errno::XDEV,
    ];
    match Errno::from_io_error(error) {
        Some(errno) => DECIDED.contains(&errno),
        // What cap-std says by itself, of the path alone.
        None => true,
    }
}

/// Ends `change`, which is a change that was recorded or one of a step that nobody records.
///
/// # Errors
///
/// Those of `result`.
pub(crate) fn settle<T>(change: Option<Change>, result: io::Result<T>) -> io::Result<T> {
    if let Some(change) = change {
        match &result {
            Ok(_) => change.made(),
            Err(error) => change.refused(error),
        }
    }
    result
}

impl Change {
    fn new(doing: &'static str, from: &At) -> Self {
        Self {
            doing,
            from: from.clone(),
            ends: Vec::new(),
            shared: None,
        }
    }

    /// The place that is changed, where there is just one.
    pub(crate) fn at(&self) -> Option<&At> {
        self.ends.first().map(|end| &end.at)
    }

    fn made(self) {
        if self.ends.is_empty() {
            // Nothing was there to be changed.
            self.from.changed();
        }
        let mut recorder = self.from.root.tracer.lock();
        for Found { at, kind } in &self.ends {
            recorder.own(&at.spot(), *kind);
        }
        if let Some(at) = &self.shared {
            recorder.flaw(Flaw::SharedFile(at.spot()));
        }
    }

    fn refused(self, error: &io::Error) {
        if !is_decided(error) {
            let spot = self.at().unwrap_or(&self.from).spot();
            self.from.flaw(Flaw::Refused {
                doing: self.doing,
                spot,
                cause: error.to_string(),
            });
        }
    }

    /// All that can still be read of what is changed is recorded.
    fn settled(mut self, found: Option<Found>) -> Self {
        if let Some(found) = found {
            found.at.root.tracer.settle(&found.at.spot());
            self.ends.push(found);
        }
        self
    }
}

impl Found {
    /// A file that has other names too, of which one would change with it: its bytes, or how many names it has.
    fn shared(&self) -> Option<At> {
        let is_shared = matches!(self.kind, Kind::File { shared: true, .. });
        (is_shared && !self.at.is_own()).then(|| self.at.clone())
    }
}

/// How a file is opened to be changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening {
    /// Whether a link at the end of the path is followed.
    pub(crate) follow: bool,
    /// Whether the file is made where there is none.
    pub(crate) creates: bool,
    /// Whether it must not be there.
    pub(crate) exclusive: bool,
    /// Whether it is emptied.
    pub(crate) truncates: bool,
}

impl At {
    /// `path` is opened to be changed.
    pub(crate) fn opening(&self, path: &str, how: Opening) -> Change {
        let Opening {
            follow,
            creates,
            exclusive,
            truncates,
        } = how;
        let mut change = Change::new("open", self);
        // Whatever is emptied may as well not have been there.
        let is_room = creates && truncates && !exclusive;
        let found = match is_room {
            true => self.find_room(path, follow),
            false => self.find(path, follow && !exclusive, Question::Kind),
        };
        if let Some(Found { at, kind }) = &found {
            match kind {
                Kind::Absent if creates && !is_room => at.ask_folder(),
                Kind::File { .. } if !exclusive => {
                    change.shared = found.as_ref().and_then(Found::shared);
                    if !truncates && !at.is_own() {
                        at.ask(Question::Content);
                    }
                }
                _ => {}
            }
        }
        change.settled(found)
    }

    /// What `path` leads to, asked so that a plain file and nothing at all are the same.
    fn find_room(&self, path: &str, follow: bool) -> Option<Found> {
        if super::walk::is_plain(path) {
            let at = self.below(path);
            let kind = match at.ask(Question::Room)? {
                Answer::Kind(kind) => kind,
                _ => at.quietly()?,
            };
            if kind != Kind::Astray && !(follow && kind == Kind::Link) {
                return Some(Found { at, kind });
            }
        }
        let found = self.find(path, follow, Question::Kind)?;
        found.at.ask(Question::Room);
        Some(found)
    }

    /// What is here, for the listing of its folder as it was before; the guest is not told.
    fn quietly(&self) -> Option<Kind> {
        match Asker::new(&self.root.dir, &NoDigests).ask(&self.path, Question::Kind) {
            Ok(Answer::Kind(kind)) => Some(kind),
            _ => None,
        }
    }

    /// Whether the folder that this is to be in is there.
    fn ask_folder(&self) {
        if let Some(folder) = self.parent() {
            folder.ask(Question::Kind);
        }
    }

    /// The name itself at `path`, whether something is there or not. A slash at the end says nothing.
    fn name(&self, path: &str) -> Option<Found> {
        let stripped = path.trim_end_matches('/');
        let path = if stripped.is_empty() { path } else { stripped };
        self.find(path, false, Question::Kind)
    }

    /// The same for the first of two paths. The kernel looks for both folders before it looks for a name in either, so that
    /// a folder that is missing and a name that is may end in two errors.
    fn name_in(&self, path: &str) -> Option<Found> {
        let found = self.name(path)?;
        if matches!(found.kind, Kind::Absent | Kind::Refused(_)) {
            found.at.ask_folder();
        }
        Some(found)
    }

    /// A folder or a link is made at `path`.
    pub(crate) fn making(&self, doing: &'static str, path: &str) -> Change {
        let found = self.name(path);
        if let Some(Found {
            at,
            kind: Kind::Absent,
        }) = &found
        {
            at.ask_folder();
        }
        Change::new(doing, self).settled(found)
    }

    /// What is at `path` is removed: a folder only where it is empty.
    pub(crate) fn removing(&self, path: &str) -> Change {
        let found = self.name(path);
        let mut change = Change::new("remove", self);
        change.shared = found.as_ref().and_then(Found::shared);
        if let Some(found) = &found
            && found.kind == Kind::Folder
        {
            found.at.ask_listing();
        }
        change.settled(found)
    }

    /// What is at `path` gets the name `new_path` in `to`. With two names, a change of one is a change of the other, which
    /// no list of files says.
    pub(crate) fn linking(&self, path: &str, to: &Self, new_path: &str) -> Change {
        let found = self.name_in(path);
        let mut change = to.making("link", new_path);
        change.shared = Some(found.map_or_else(|| self.clone(), |found| found.at));
        change
    }

    /// What is at `path` becomes `new_path` in `to`.
    pub(crate) fn moving(&self, path: &str, to: &Self, new_path: &str) -> Change {
        let mut change = Change::new("rename", self);
        let found = self.name_in(path);
        let target = to.name(new_path);
        if let Some(target) = &target {
            match target.kind {
                Kind::Absent | Kind::Refused(_) => target.at.ask_folder(),
                Kind::Folder => drop(target.at.ask_listing()),
                _ => {}
            }
        }
        if let (Some(found), Some(target)) = (&found, &target) {
            let moved = found.at.record_all(found.kind);
            change.shared = moved.or_else(|| target.shared());
        }
        let (Some(found), Some(target)) = (found, target) else {
            return change;
        };
        change.settled(Some(found)).settled(Some(target))
    }

    /// Records a file, a link, or a folder with all that is in it, as far as it is not the step's own. Gives a file that has
    /// other names too, if there is one.
    fn record_all(&self, kind: Kind) -> Option<Self> {
        let mut shared = None;
        let mut left = vec![(self.clone(), kind)];
        // A walk with a list, and no recursion: who made the tree decides how deep it is.
        while let Some((at, kind)) = left.pop() {
            if at.is_own() || at.root.tracer.lock().is_given_up() {
                continue;
            }
            match kind {
                Kind::File { shared: one, .. } => {
                    at.ask(Question::Content);
                    if one {
                        shared = Some(at);
                    }
                }
                Kind::Link => drop(at.ask(Question::Link)),
                Kind::Folder => {
                    for (name, _) in at.ask_listing().into_iter().rev() {
                        let Ok(name) = std::str::from_utf8(&name) else {
                            let tracer = &at.root.tracer;
                            tracer.unobservable("moved a file whose name is no text");
                            continue;
                        };
                        let entry = at.below(name);
                        if !entry.is_own()
                            && let Some(Answer::Kind(kind)) = entry.ask(Question::Kind)
                        {
                            left.push((entry, kind));
                        }
                    }
                }
                Kind::Absent | Kind::Refused(_) | Kind::Astray => {}
                Kind::Fifo
                | Kind::Socket
                | Kind::CharacterDevice
                | Kind::BlockDevice
                | Kind::Unknown => {
                    let tracer = &at.root.tracer;
                    tracer.unobservable("moved what is neither a file, a folder nor a link");
                }
            }
        }
        shared
    }

    /// Records what was in the folder here before the step changed it; gives what is in it now.
    fn ask_listing(&self) -> Vec<(Box<[u8]>, Kind)> {
        if self.is_own() {
            return Vec::new();
        }
        let path = if self.path.is_empty() {
            "."
        } else {
            &*self.path
        };
        let dir: io::Result<Dir> = self.root.dir.open_dir(path);
        match dir.and_then(|dir| raw_entries(&dir)) {
            Ok(entries) => {
                self.listed(&entries);
                entries
            }
            Err(error) => {
                self.unlisted(&error);
                Vec::new()
            }
        }
    }
}
