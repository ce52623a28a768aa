//! `diff` and `cmp`.

use super::{Call, Done, Trouble};

pub(super) fn cmp(call: &mut Call<'_>) -> Done {
    let arguments = call.arguments("s", "", &[("silent", 's'), ("quiet", 's')])?;
    let [left, right] = arguments.operands.as_slice() else {
        return Err(two_files());
    };
    let (one, other) = (call.read(left)?, call.read(right)?);
    if one != other && !arguments.has('s') {
        let at = one
            .iter()
            .zip(&other)
            .take_while(|(one, other)| one == other)
            .count();
        let line = format!("{left} {right} differ: byte {}\n", at + 1);
        call.print(&line)?;
    }
    Ok(u8::from(one != other))
}

/// The lines that only one file has, each with its side. What is the same at both ends is left out first; between, the
/// longest common sequence is looked for, unless that would take too long.
pub(super) fn diff(call: &mut Call<'_>) -> Done {
    /// The most cells of the table.
    const MOST: usize = 4_000_000;
    let arguments = call.arguments("qurbwN", "U", &[("brief", 'q')])?;
    let [left, right] = arguments.operands.as_slice() else {
        return Err(two_files());
    };
    let read = |path: &str| {
        let bytes = call.read(path);
        bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    let (one, other) = match (read(left), read(right)) {
        (Ok(one), Ok(other)) => (one, other),
        (Err(trouble), _) | (_, Err(trouble)) => {
            return Err(Trouble {
                status: 2,
                ..trouble
            });
        }
    };
    if one == other {
        return Ok(0);
    }
    if arguments.has('q') {
        let line = format!("Files {left} and {right} differ\n");
        call.print(&line)?;
        return Ok(1);
    }
    let (one, other): (Vec<&str>, Vec<&str>) = (one.lines().collect(), other.lines().collect());
    let start = one
        .iter()
        .zip(&other)
        .take_while(|(one, other)| one == other)
        .count();
    let (one, other) = (&one[start..], &other[start..]);
    if one.len().saturating_mul(other.len()) > MOST {
        return Err(Trouble {
            message: "the files are too long to be compared here".to_owned(),
            status: 2,
        });
    }
    let mut common = vec![vec![0_u32; other.len() + 1]; one.len() + 1];
    for i in (0..one.len()).rev() {
        for j in (0..other.len()).rev() {
            common[i][j] = if one[i] == other[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < one.len() || j < other.len() {
        if i < one.len() && j < other.len() && one[i] == other[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == other.len() || (i < one.len() && common[i + 1][j] >= common[i][j + 1]) {
            call.out.extend(format!("< {}\n", one[i]).bytes());
            i += 1;
        } else {
            call.out.extend(format!("> {}\n", other[j]).bytes());
            j += 1;
        }
    }
    Ok(1)
}

fn two_files() -> Trouble {
    Trouble {
        message: "two files are needed".to_owned(),
        status: 2,
    }
}
