//! Programs for the guest `trace_script`: lines that open, read, list, ask, make, write, move, link and remove.

use super::chance::Chance;
use super::tree::{NAMES, Tree};

/// Handles that a script opens; 0 and 1 are there before.
const OPENED: [usize; 4] = [2, 3, 4, 5];

/// A writer of programs for one tree.
struct Writer<'a> {
    chance: &'a mut Chance,
    /// What is in the tree, below its volumes.
    known: Vec<&'a str>,
}

fn path(writer: &mut Writer<'_>) -> String {
    let Writer { chance, known } = writer;
    // What is there is worth more questions than what is not.
    if !known.is_empty() && chance.percent(45) {
        return known[chance.below(known.len())].to_owned();
    }
    match chance.below(100) {
        0..5 => return "@".to_owned(),
        5..12 => return "~".to_owned(),
        12..13 => {
            return chance
                .of(&["", "/", "/a", "..", "../..", "a//b", "./"])
                .to_owned();
        }
        _ => {}
    }
    let mut names = Vec::new();
    for _ in 0..1 + chance.below(3).min(chance.below(3)) {
        names.push(match chance.below(100) {
            0..4 => "..",
            4..7 => ".",
            _ => chance.of(&NAMES),
        });
    }
    let slash = if chance.percent(4) { "/" } else { "" };
    format!("{}{slash}", names.join("/"))
}

fn text(chance: &mut Chance) -> &'static str {
    chance.of(&["@", "~", "a", "b", "a/b", "new", "longer-than-others"])
}

/// A folder to begin at: mostly one of the first two.
fn dir(chance: &mut Chance) -> usize {
    match chance.percent(75) {
        true => chance.below(2),
        false => chance.of(&OPENED),
    }
}

fn open(writer: &mut Writer<'_>) -> String {
    let flags = writer.chance.of(&[
        "rf", "rf", "rf", "rf", "r", "rdf", "rdf", "rd", "wctf", "wctf", "wct", "wcf", "wcx",
        "rwf", "rwf", "wtf", "waf", "rwc", "rwcf", "wacf", "rc", "t",
    ]);
    let slot = writer.chance.of(&OPENED);
    format!(
        "open {slot} {} {} {flags}",
        dir(writer.chance),
        path(writer)
    )
}

fn line(writer: &mut Writer<'_>) -> String {
    let chance = &mut *writer.chance;
    let slot = chance.of(&OPENED);
    match chance.below(100) {
        0..26 => open(writer),
        26..36 => format!("read {slot} {}", chance.of(&[1, 10, 100, 1000])),
        36..40 => {
            let (offset, count) = (chance.of(&[0, 1, 20, 100]), chance.of(&[1, 10, 100]));
            format!("pread {slot} {offset} {count}")
        }
        40..46 => format!("write {slot} {}", text(chance)),
        46..48 => format!("pwrite {slot} {} {}", chance.of(&[0, 3, 50]), text(chance)),
        48..50 => format!("size {slot} {}", chance.of(&[0, 1, 30])),
        50..53 => format!("fstat {slot}"),
        53..60 => {
            let (dir, follow) = (dir(chance), chance.below(2));
            format!("stat {dir} {} {follow}", path(writer))
        }
        60..67 => format!("list {}", dir(chance)),
        67..71 => format!("readlink {} {}", dir(chance), path(writer)),
        71..75 => format!("mkdir {} {}", dir(chance), path(writer)),
        75..78 => format!("rmdir {} {}", dir(chance), path(writer)),
        78..82 => format!("unlink {} {}", dir(chance), path(writer)),
        82..88 => {
            let (from, to) = (dir(chance), dir(chance));
            format!("rename {from} {} {to} {}", path(writer), path(writer))
        }
        88..91 => {
            let target = chance.of(&["a", "b", "../a", "a/b", "c", ".", "@", "~"]);
            format!("symlink {target} {} {}", dir(chance), path(writer))
        }
        91..92 => {
            let (from, to) = (dir(chance), dir(chance));
            format!("link {from} {} {to} {}", path(writer), path(writer))
        }
        92..95 => format!("close {slot}"),
        _ => format!("skip {}", 1 + chance.below(3)),
    }
}

/// A program for `tree`.
pub(super) fn made(chance: &mut Chance, tree: &Tree) -> Vec<String> {
    let below = tree.keys().filter_map(|path| path.split_once('/'));
    let mut writer = Writer {
        chance,
        known: below.map(|(_, path)| path).collect(),
    };
    let mut lines = Vec::new();
    for _ in 0..3 + writer.chance.below(18) {
        let next = line(&mut writer);
        let chance = &mut *writer.chance;
        // What is opened is used, more often than not.
        let used = next.starts_with("open").then(|| {
            let slot = next.split(' ').nth(1).unwrap_or("2");
            let flags = next.rsplit(' ').next().unwrap_or("");
            match flags {
                _ if flags.contains('d') => format!("list {slot}"),
                _ if flags.contains('w') => format!("write {slot} {}", text(chance)),
                _ => format!("read {slot} {}", chance.of(&[5, 100])),
            }
        });
        lines.push(next);
        lines.extend(used.filter(|_| chance.percent(70)));
    }
    lines
}
