//! What a container may not take: the last of the disk.
//!
//! A container writes through the kernel, and nothing counts for us. So while it runs, what is left of the disk that holds its
//! layer is looked at, and it is ended before nothing is. This does not know who wrote: where the disk is nearly full, every
//! container that runs on it ends.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use cap_std::fs::Dir;
use rustix_namespaces::fs::fstatvfs;

/// What is left to everybody else, in bytes: more than a fast disk takes between two looks.
const FLOOR: u64 = 512 << 20;

/// How often it is looked at.
pub(crate) const LOOK: Duration = Duration::from_millis(50);

/// The disk that holds the layers that containers write to.
#[derive(Debug)]
pub(crate) struct Disk {
    folder: Arc<Dir>,
    floor: u64,
}

impl Disk {
    /// The disk of `folder`, of which `floor` bytes are to be left; where nothing is said, [`FLOOR`], or half of what there is
    /// now, if that is less.
    ///
    /// # Errors
    ///
    /// It does not say what is left of it.
    pub(crate) fn new(folder: Arc<Dir>, floor: Option<u64>) -> io::Result<Self> {
        let floor = match floor {
            Some(floor) => floor,
            None => usual(free(&folder)?),
        };
        Ok(Self { folder, floor })
    }

    /// What has to be left of it, in bytes.
    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }

    /// Whether less is left. A disk that does not say is not full.
    pub(crate) fn is_full(&self) -> bool {
        free(&self.folder).is_ok_and(|free| free < self.floor)
    }
}

fn usual(free: u64) -> u64 {
    FLOOR.min(free / 2)
}

/// What is left for those who are not root, in bytes.
fn free(folder: &Dir) -> io::Result<u64> {
    let disk = fstatvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_with_little_left_gives_half_of_it() {
        assert_eq!(usual(1 << 40), FLOOR);
        assert_eq!(usual(100 << 20), 50 << 20);
        assert_eq!(usual(0), 0);
    }
}
