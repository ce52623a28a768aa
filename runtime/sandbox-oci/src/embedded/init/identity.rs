//! Who runs in a container: the image's user, or who was asked for instead.
//!
//! Names are looked up in the image's own `/etc/passwd` and `/etc/group`. The root is the image's by now, so that a link
//! among them leads nowhere else; a FIFO, or a file without an end, is not waited for.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;

use rustix_namespaces::fs::OFlags;

use crate::embedded::request::{Failure, Identity};

/// What is read of a list of users: stops one of gigabytes.
const LIST_BYTES: u64 = 4 << 20;

/// More groups than this are not looked at; the kernel takes 65,536.
const GROUPS: usize = 1024;

/// Who runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) user: u32,
    pub(super) group: u32,
    pub(super) groups: Vec<u32>,
    pub(super) home: String,
}

/// Finds out who runs.
pub(super) fn resolve(identity: &Identity) -> Result<Person, Failure> {
    let users = list("/etc/passwd").map_err(|error| unreadable("/etc/passwd", error))?;
    let groups = list("/etc/group").map_err(|error| unreadable("/etc/group", error))?;
    let person = choose(identity, &users, &groups)?;
    if identity.non_root && person.user == 0 {
        let cause =
            "`runAsNonRoot` is set, and the image's user is root: set `runAsUser` to another one";
        return Err(Failure::guest("choose a user", cause));
    }
    Ok(person)
}

/// Holds `person` to a user namespace in which there is one user and one group. Groups of the image's are left out: they
/// are not there.
pub(super) fn alone(person: &mut Person) -> Result<(), Failure> {
    let (user, group) = (person.user, person.group);
    if (user, group) != (0, 0) {
        let cause = format!(
            "it is user {user} and group {group}, and without root a container has user 0 alone: run `stepwell` as root"
        );
        return Err(Failure::guest("become the image's user", cause));
    }
    person.groups.clear();
    Ok(())
}

fn unreadable(path: &str, error: io::Error) -> Failure {
    Failure::guest(format!("read `{path}`"), error)
}

fn list(path: &str) -> io::Result<String> {
    let mut options = OpenOptions::new();
    options.read(true);
    options.custom_flags(OFlags::NONBLOCK.bits() as i32 | OFlags::NOCTTY.bits() as i32);
    let file = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        opened => opened?,
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is not a file",
        ));
    }
    let mut bytes = Vec::new();
    file.take(LIST_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn choose(identity: &Identity, users: &str, groups: &str) -> Result<Person, Failure> {
    let wanted = identity.image_user.as_deref().unwrap_or_default();
    let (user_word, group_word) = match wanted.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (wanted, None),
    };
    let (user, image_group) = match identity.user {
        Some(user) => (user, None),
        None => (find_user(user_word, users)?, group_word),
    };
    let line = fields(users).find(|line| number(line.get(2)) == Some(user));
    let name = line.as_ref().and_then(|line| line.first().copied());
    let group = match (identity.group, image_group) {
        (Some(group), _) => group,
        (None, Some(word)) => find_group(word, groups)?,
        (None, None) => line
            .as_ref()
            .and_then(|line| number(line.get(3)))
            .unwrap_or(0),
    };
    let mut further = identity.groups.clone();
    // As Docker has it: whoever is given a group by the image is in no other.
    if let (Some(name), None) = (name, image_group) {
        let of_user = fields(groups)
            .filter(|line| {
                line.get(3)
                    .is_some_and(|members| members.split(',').any(|one| one == name))
            })
            .filter_map(|line| number(line.get(2)));
        further.extend(of_user.take(GROUPS));
    }
    further.retain(|one| *one != group);
    further.sort_unstable();
    further.dedup();
    let home = line
        .and_then(|line| line.get(5).copied())
        .filter(|home| !home.is_empty());
    Ok(Person {
        user,
        group,
        groups: further,
        home: home.unwrap_or("/").to_owned(),
    })
}

fn find_user(word: &str, users: &str) -> Result<u32, Failure> {
    let named = || fields(users).find(|line| line.first() == Some(&word));
    match word {
        "" => Ok(0),
        word => named()
            .and_then(|line| number(line.get(2)))
            .or_else(|| number(Some(&word)))
            .ok_or_else(|| unknown("user", word, "/etc/passwd")),
    }
}

fn find_group(word: &str, groups: &str) -> Result<u32, Failure> {
    fields(groups)
        .find(|line| line.first() == Some(&word))
        .and_then(|line| number(line.get(2)))
        .or_else(|| number(Some(&word)))
        .ok_or_else(|| unknown("group", word, "/etc/group"))
}

fn unknown(kind: &str, word: &str, path: &str) -> Failure {
    let word = word.escape_debug();
    Failure::guest(
        "choose a user",
        format!("the image's {kind} `{word}` is not in its `{path}`"),
    )
}

fn fields(list: &str) -> impl Iterator<Item = Vec<&str>> {
    list.lines().map(|line| line.split(':').collect())
}

/// A number of a user or group. The last one means "leave it as it is" to the kernel.
fn number(text: Option<&&str>) -> Option<u32> {
    text?.parse().ok().filter(|number| *number != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/sh\napp:x:10:20::/srv:/bin/sh\nbroken\n";
    const GROUPS: &str = "root:x:0:\nstaff:x:20:\nwheel:x:30:root,app\nlogs:x:40:app\n";

    fn identity(image_user: &str) -> Identity {
        Identity {
            image_user: (!image_user.is_empty()).then(|| image_user.to_owned()),
            user: None,
            group: None,
            groups: Vec::new(),
            non_root: false,
        }
    }

    fn chosen(identity: &Identity) -> (u32, u32, Vec<u32>, String) {
        let person = choose(identity, USERS, GROUPS).unwrap();
        (person.user, person.group, person.groups, person.home)
    }

    #[test]
    fn an_image_names_its_user_in_every_way_of_the_specification() {
        for (word, user, group, groups, home) in [
            ("", 0, 0, vec![30], "/root"),
            ("app", 10, 20, vec![30, 40], "/srv"),
            ("10", 10, 20, vec![30, 40], "/srv"),
            ("app:logs", 10, 40, vec![], "/srv"),
            ("10:7", 10, 7, vec![], "/srv"),
            ("99", 99, 0, vec![], "/"),
            ("99:staff", 99, 20, vec![], "/"),
        ] {
            let expected = (user, group, groups, home.to_owned());
            assert_eq!(chosen(&identity(word)), expected, "{word}");
        }
    }

    #[test]
    fn what_is_asked_for_comes_before_the_image() {
        let asked = Identity {
            user: Some(10),
            groups: vec![5, 30],
            ..identity("root:staff")
        };
        assert_eq!(chosen(&asked), (10, 20, vec![5, 30, 40], "/srv".to_owned()));
        let asked = Identity {
            group: Some(7),
            ..identity("app")
        };
        assert_eq!(chosen(&asked).1, 7);
    }

    #[test]
    fn attack_a_user_that_is_nobody_is_refused() {
        for word in ["ghost", "-1", "4294967295", "app:ghosts", "broken"] {
            let failure = choose(&identity(word), USERS, GROUPS).unwrap_err();
            assert!(failure.guests, "{word}");
        }
    }
}
