//! From a path as a guest says it to the place that it means, with every link on the way as an observation.
//!
//! Most paths have no link in them, and the kernel says so in the call that opens them. This is for the others: name by
//! name, as the kernel goes, so that two runs ask alike up to the first name in which their trees differ.

use std::collections::VecDeque;

use stepwell_contract::{Answer, Asker, Flaw, Kind, Question};

use super::At;

/// How many links are followed: what the kernel does.
const MOST_LINKS: usize = 40;

/// The longest path that the kernel takes. Of a longer one nothing is told but that it is too long.
const LONGEST: usize = 4096;

/// What a path leads to.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) at: At,
    pub(super) kind: Kind,
}

/// Whether `path` is one or more names and nothing else: then it is its own canonical form, unless a link is in it.
pub(super) fn is_plain(path: &str) -> bool {
    !path.is_empty()
        && path.len() < LONGEST
        && path
            .split('/')
            .all(|name| !matches!(name, "" | "." | "..") && !name.contains('\0'))
}

/// Whether the last name of `path` is followed even by a call that follows no link.
fn ends_inside(path: &str) -> bool {
    path.ends_with('/') || path.ends_with("/.")
}

impl At {
    /// Asks the host, and records the answer where the place is not the step's own.
    pub(super) fn ask(&self, question: Question) -> Option<Answer> {
        let tracer = &self.root.tracer;
        match Asker::new(&self.root.dir, tracer.digests()).ask(&self.path, question) {
            Ok(answer) => {
                tracer.lock().note(&self.spot(), question, answer.clone());
                Some(answer)
            }
            Err(error) => {
                tracer.lock().flaw(Flaw::Unobserved {
                    spot: self.spot(),
                    cause: error.to_string(),
                });
                None
            }
        }
    }

    /// What `path` leads to from this folder, which is then asked `question`; nothing where the way ends before its last name.
    pub(super) fn find(&self, path: &str, follow: bool, question: Question) -> Option<Found> {
        if is_plain(path) {
            let at = self.below(path);
            let kind = kind_of(at.ask(question)?)?;
            let is_final = kind != Kind::Astray && !(follow && kind == Kind::Link);
            if is_final {
                return Some(Found { at, kind });
            }
        }
        let found = self.walk(path, follow || ends_inside(path))?;
        if question != Question::Kind {
            found.at.ask(question);
        }
        Some(found)
    }

    /// The same for a path with links, dots and slashes in it.
    fn walk(&self, path: &str, follow: bool) -> Option<Found> {
        if path.is_empty() || path.len() >= LONGEST {
            return None;
        }
        let floor = self.path.len();
        let mut here = self.clone();
        let mut kind = Kind::Folder;
        let mut left: VecDeque<Box<str>> = path.split('/').map(Box::from).collect();
        let mut links = 0;
        while let Some(name) = left.pop_front() {
            if matches!(&*name, "" | ".") {
                continue;
            }
            // A file has nothing in it, not even itself.
            if kind != Kind::Folder || name.contains('\0') {
                return None;
            }
            if &*name == ".." {
                if here.path.len() <= floor {
                    return None;
                }
                here = here.parent()?;
                continue;
            }
            let next = here.below(&name);
            let is_last = left.iter().all(|name| matches!(&**name, "" | "."));
            match kind_of(next.ask(Question::Kind)?)? {
                Kind::Link if follow || !is_last => {
                    links += 1;
                    let target = next.target()?;
                    if links > MOST_LINKS || target.starts_with('/') {
                        return None;
                    }
                    for name in target.rsplit('/') {
                        left.push_front(name.into());
                    }
                }
                found => {
                    here = next;
                    kind = found;
                }
            }
        }
        Some(Found { at: here, kind })
    }

    /// Where the link that is here points to.
    fn target(&self) -> Option<String> {
        let Answer::Link(target) = self.ask(Question::Link)? else {
            self.changed();
            return None;
        };
        let target = String::from_utf8(target.into()).ok();
        if target.is_none() {
            let tracer = &self.root.tracer;
            tracer.unobservable("went through a link whose target is no text");
        }
        target
    }
}

/// What is there, if the answer tells.
pub(super) fn kind_of(answer: Answer) -> Option<Kind> {
    match answer {
        Answer::Kind(kind) | Answer::Stat { kind, .. } => Some(kind),
        Answer::Link(_) => Some(Kind::Link),
        Answer::Listing(_) => Some(Kind::Folder),
        // Of these the kind is asked for itself.
        Answer::Content(_) | Answer::Room | Answer::Whole(_) => None,
    }
}
