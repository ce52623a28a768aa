//! Where the volumes of a step truly are, so that nothing has two names.
//!
//! Two mounts may show one folder, or one of them a part of what the other shows: a step that writes through one reads it
//! through the other. So each volume is a place in a *root*: a mounted volume that is a part of no other mounted one. The host
//! says where a folder is by the path of its open handle, which has no links in it; a folder that is mounted a second time
//! by the machine itself is known by its device and inode.

use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::Dir;
use stepwell_contract::{Access, Asker, Digest, Digests, Hasher, Mount, Spot, StepSpec, Volume};

use super::NotKept;
use crate::plan::layout::below;

/// The volumes of one step.
pub(super) struct Places {
    roots: Vec<Root>,
    /// For each mount, in order: which root, and where in it.
    mounts: Vec<Mounted>,
}

struct Root {
    /// What it is called in traces: where the step sees it first.
    name: Arc<str>,
    dir: Arc<Dir>,
}

struct Mounted {
    volume: Arc<str>,
    root: usize,
    path: String,
    access: Access,
}

/// A mounted volume and where it is on the host.
struct Located<'a> {
    mount: &'a Mount,
    volume: &'a Volume,
    path: PathBuf,
    identity: (u64, u64),
}

impl Places {
    /// The places of the volumes that `mounts` show.
    pub(super) fn of(mounts: &[Mount], volumes: &[Volume]) -> Result<Self, NotKept> {
        let mut located: Vec<Located<'_>> = Vec::with_capacity(mounts.len());
        for mount in mounts {
            let unplaced = || NotKept::Unplaced(mount.volume.to_string());
            let volume = volumes.iter().find(|volume| volume.name == mount.volume);
            let volume = volume.ok_or_else(unplaced)?;
            let (path, identity) = locate(&volume.dir).ok_or_else(unplaced)?;
            located.push(Located {
                mount,
                volume,
                path,
                identity,
            });
        }
        let mut places = Self {
            roots: Vec::new(),
            mounts: Vec::with_capacity(located.len()),
        };
        // Which root begins at which of the located.
        let mut begins: Vec<usize> = Vec::new();
        for one in &located {
            // The outermost folder that this one is in, and the first mount that shows that.
            let outer = located
                .iter()
                .enumerate()
                .filter(|(_, other)| other.holds(one).is_some())
                .min_by_key(|(index, other)| (other.path.as_os_str().len(), *index));
            let (begin, path) = match outer {
                Some((index, other)) => (index, other.holds(one).unwrap_or_default()),
                None => return Err(NotKept::Unplaced(one.mount.volume.to_string())),
            };
            let root = match begins.iter().position(|known| *known == begin) {
                Some(root) => root,
                None => {
                    begins.push(begin);
                    let first = &located[begin];
                    places.roots.push(Root {
                        name: Arc::clone(&first.mount.path),
                        dir: Arc::clone(&first.volume.dir),
                    });
                    begins.len() - 1
                }
            };
            places.mounts.push(Mounted {
                volume: Arc::clone(&one.mount.volume),
                root,
                path,
                access: one.mount.access,
            });
        }
        Ok(places)
    }

    /// Makes the folder that `step` starts in, where a backend would make it before the step runs: what is there before a step
    /// is the same whether it runs or not.
    pub(super) fn make_working_dir(&self, step: &StepSpec, volumes: &[Volume]) {
        let inside = |mount: &Mount| below(&step.working_dir, &mount.path).map(str::to_owned);
        let homes = step.mounts.iter();
        let homes = homes.filter_map(|mount| Some((mount, inside(mount)?)));
        let home = homes.max_by_key(|(mount, _)| mount.path.len());
        let Some((mount, path)) = home.filter(|(_, path)| !path.is_empty()) else {
            return;
        };
        let volume = volumes.iter().find(|volume| volume.name == mount.volume);
        if let Some(volume) = volume.filter(|_| mount.access == Access::ReadWrite) {
            // Where it cannot be made, the backend says so.
            let _ = volume.dir.create_dir_all(path);
        }
    }

    /// The key of a step with this static key and these places: which of its mounts show one folder is nothing that it is
    /// told, and decides what it sees.
    pub(super) fn key(&self, static_key: Digest) -> Digest {
        let mut key = Hasher::new("stepwell cache key v2");
        key.field(static_key.as_bytes());
        key.number(self.mounts.len() as u64);
        for mounted in &self.mounts {
            key.number(mounted.root as u64).field(&mounted.path);
        }
        key.finish()
    }

    /// Where `volume` is.
    pub(super) fn place(&self, volume: &str) -> Option<Spot> {
        let mounted = self
            .mounts
            .iter()
            .find(|mounted| *mounted.volume == *volume)?;
        let root = self.roots.get(mounted.root)?;
        Some(Spot::new(Arc::clone(&root.name), &*mounted.path))
    }

    /// The folder of the root that is called `name`.
    pub(super) fn dir(&self, name: &str) -> Option<&Arc<Dir>> {
        let mut roots = self.roots.iter();
        let root = roots.find(|root| *root.name == *name)?;
        Some(&root.dir)
    }

    /// The place of each root.
    pub(super) fn roots(&self) -> impl Iterator<Item = Spot> {
        let roots = self.roots.iter();
        roots.map(|root| Spot::new(Arc::clone(&root.name), ""))
    }

    /// Whether the step may write to `spot` through one of its mounts.
    pub(super) fn may_write(&self, spot: &Spot) -> bool {
        self.mounts.iter().any(|mounted| {
            let root = self.roots.get(mounted.root);
            let inside = spot.path.strip_prefix(&*mounted.path).is_some_and(|rest| {
                mounted.path.is_empty() || rest.is_empty() || rest.starts_with('/')
            });
            let here = root.is_some_and(|root| root.name == spot.volume);
            here && inside && mounted.access == Access::ReadWrite
        })
    }

    /// Who answers questions about each root.
    pub(super) fn askers<'a>(&'a self, digests: &'a dyn Digests) -> HashMap<&'a str, Asker<'a>> {
        let roots = self.roots.iter();
        roots
            .map(|root| (&*root.name, Asker::new(&root.dir, digests)))
            .collect()
    }

    /// Where the step sees `spot`.
    pub(super) fn show(&self, spot: &Spot) -> String {
        match (&*spot.volume, &*spot.path) {
            (root, "") => root.to_owned(),
            ("/", path) => format!("/{path}"),
            (root, path) => format!("{root}/{path}"),
        }
    }
}

impl Located<'_> {
    /// Where `other` is in this one's folder; `None` where it is not in it.
    fn holds(&self, other: &Self) -> Option<String> {
        if self.identity == other.identity {
            return Some(String::new());
        }
        let inside = other.path.strip_prefix(&self.path).ok()?;
        // What is not text has no spot.
        inside.to_str().map(str::to_owned)
    }
}

/// Where an open folder is, and which one it is.
pub(super) fn locate(dir: &Dir) -> Option<(PathBuf, (u64, u64))> {
    let stat = rustix::fs::fstat(dir).ok()?;
    let link = format!("/proc/self/fd/{}", dir.as_fd().as_raw_fd());
    let path = std::fs::read_link(Path::new(&link)).ok()?;
    path.is_absolute()
        .then_some((path, (stat.st_dev, stat.st_ino)))
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    fn places(temp: &Path, mounts: &[(&str, &str)]) -> Places {
        let volumes = mounts.iter().map(|(_, folder)| {
            let path = temp.join(folder);
            std::fs::create_dir_all(&path).unwrap();
            let dir = Dir::open_ambient_dir(&path, ambient_authority()).unwrap();
            Volume {
                name: format!("v-{folder}").into(),
                dir: Arc::new(dir),
                path,
            }
        });
        let volumes: Vec<_> = volumes.collect();
        let mounts = mounts.iter().map(|(path, folder)| Mount {
            volume: format!("v-{folder}").into(),
            path: (*path).into(),
            access: Access::ReadWrite,
        });
        Places::of(&mounts.collect::<Vec<_>>(), &volumes).unwrap()
    }

    #[test]
    fn what_is_in_another_is_a_place_in_it_and_what_is_not_stands_alone() {
        let temp = tempfile::tempdir().unwrap();
        let places = places(
            temp.path(),
            &[
                ("/a", "one/deep/er"),
                ("/b", "one"),
                ("/c", "two"),
                ("/d", "one/deep"),
            ],
        );
        let place = |folder: &str| places.place(&format!("v-{folder}")).unwrap();
        assert_eq!(place("one/deep/er"), Spot::new("/b", "deep/er"));
        assert_eq!(place("one"), Spot::new("/b", ""));
        assert_eq!(place("two"), Spot::new("/c", ""));
        assert_eq!(place("one/deep"), Spot::new("/b", "deep"));
        assert_eq!(places.place("v-missing"), None);
        assert_eq!(places.show(&Spot::new("/b", "deep/x")), "/b/deep/x");
        assert_eq!(places.show(&Spot::new("/", "x")), "/x");
    }

    #[test]
    fn one_folder_shown_twice_has_the_name_of_the_first() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir(temp.path().join("real")).unwrap();
        std::os::unix::fs::symlink("real", temp.path().join("link")).unwrap();
        let places = places(temp.path(), &[("/a", "link"), ("/b", "real")]);
        for folder in ["link", "real"] {
            let place = places.place(&format!("v-{folder}")).unwrap();
            assert_eq!(place, Spot::new("/a", ""));
        }
    }

    #[test]
    fn which_mounts_share_a_folder_is_in_the_key_and_what_folders_are_called_is_not() {
        let temp = tempfile::tempdir().unwrap();
        let key = |mounts| places(temp.path(), mounts).key(Digest::of(b"static"));
        let apart = key(&[("/a", "one"), ("/b", "two")]);
        assert_eq!(apart, key(&[("/a", "three"), ("/b", "four")]));
        let same = key(&[("/a", "one"), ("/b", "one")]);
        let inside = key(&[("/a", "one"), ("/b", "one/in")]);
        let deeper = key(&[("/a", "one"), ("/b", "one/in/side")]);
        let keys = std::collections::BTreeSet::from([apart, same, inside, deeper]);
        assert_eq!(keys.len(), 4);
    }
}
