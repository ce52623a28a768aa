//! What children are called: TaskRuns of a PipelineRun, and the identity that a cluster would give them.

use md5::{Digest, Md5};

/// The longest name that a label of a cluster can hold.
const LONGEST: usize = 63;
/// What of it is left beside a hash.
const HEAD: usize = LONGEST - 32;

/// `parent` and `suffix` together, or where that is too long, a name made from both and a hash.
fn child(parent: &str, suffix: &str) -> String {
    if parent.len() + suffix.len() <= LONGEST {
        return format!("{parent}{suffix}");
    }
    if suffix.len() < HEAD {
        return format!(
            "{}{}{suffix}",
            start(parent, HEAD - suffix.len()),
            hash(parent)
        );
    }
    let whole = hash(&format!("{parent}{suffix}"));
    let mut name = format!("{}{whole}", start(parent, HEAD));
    name.push_str(start(suffix, LONGEST - name.len()));
    let end = name.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    end.to_owned()
}

/// The first `len` bytes; names are ASCII.
fn start(text: &str, len: usize) -> &str {
    text.get(..len).unwrap_or(text)
}

fn hash(text: &str) -> String {
    let mut hash = String::with_capacity(32);
    for byte in Md5::digest(text.as_bytes()) {
        for digit in [byte >> 4, byte & 15] {
            hash.extend(char::from_digit(digit.into(), 16));
        }
    }
    hash
}

/// The name of the TaskRun of the pipeline task `task`: of the row `row` of `rows`, where there are several.
pub(crate) fn task_run(run: &str, task: &str, row: usize, rows: usize) -> String {
    if rows == 1 {
        return child(run, &format!("-{task}"));
    }
    let end = format!("-{row}");
    let name = child(run, &format!("-{task}{end}"));
    if name.ends_with(&end) {
        return name;
    }
    // The row fell victim to the hash, so that it is put at the end once more.
    let name = child(run, &format!("-{task}"));
    let kept = LONGEST - format!("-{rows}").len();
    format!("{}{end}", start(&name, kept))
}

/// An identity for `name`, which is a child of the run `uid`: the same every time.
pub(crate) fn uid(uid: &str, name: &str) -> String {
    let hash = hash(&format!("{uid}/{name}"));
    // The form of a UUID made from a name.
    format!(
        "{}-{}-3{}-8{}-{}",
        &hash[..8],
        &hash[8..12],
        &hash[13..16],
        &hash[17..20],
        &hash[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_is_put_together() {
        assert_eq!(task_run("run", "build", 0, 1), "run-build");
        assert_eq!(task_run("run", "build", 2, 3), "run-build-2");
    }

    #[test]
    fn a_long_name_keeps_a_hash_and_its_row() {
        let run = "a".repeat(60);
        let name = task_run(&run, "build", 0, 1);
        assert_eq!(name, format!("{}{}-build", "a".repeat(25), hash(&run)));
        assert_eq!(name.len(), 63);
        let row = task_run(&run, "build", 11, 12);
        assert!(row.len() <= 63 && row.ends_with("-build-11"), "{row}");
    }

    #[test]
    fn a_long_task_name_still_ends_with_its_row() {
        let task = "t".repeat(40);
        let names: Vec<String> = (0..3)
            .map(|row| task_run("a-long-run-name-indeed", &task, row, 3))
            .collect();
        for (row, name) in names.iter().enumerate() {
            assert!(
                name.len() <= 63 && name.ends_with(&format!("-{row}")),
                "{name}"
            );
        }
        assert_ne!(names[0], names[1]);
    }

    #[test]
    fn attack_no_name_is_longer_than_a_label() {
        for run in [1, 20, 58, 63] {
            for task in [1, 25, 31, 32, 63] {
                for rows in [1, 2, 256] {
                    let name = task_run(&"r".repeat(run), &"t".repeat(task), rows - 1, rows);
                    assert!(name.len() <= 63, "{name}");
                }
            }
        }
    }

    #[test]
    fn a_child_has_its_own_identity() {
        assert_eq!(uid("u", "a"), uid("u", "a"));
        assert_ne!(uid("u", "a"), uid("u", "b"));
        assert_eq!(uid("u", "a").len(), 36);
    }
}
