//! Text for standard output: tables, and a reader that may have gone away.

use std::io::{self, Write as _};

use anyhow::Context as _;

/// Prints `text`. A reader that went away is no trouble.
///
/// # Errors
///
/// It cannot be written.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("failed to write to standard output")
        }
        _ => Ok(()),
    }
}

/// Rows one below the other, each column as wide as its widest cell. A row whose first cell is empty belongs to the one
/// above it: its second cell runs on as far as it likes.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows.iter().filter(|row| !row[0].is_empty()) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            line += &format!("{cell:<width$}  ");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let rows = [
            row(["A", "B", "C"]),
            row(["long", "x", "y"]),
            row(["", "a sentence that is longer", ""]),
        ];
        let text = "A     B  C\nlong  x  y\n      a sentence that is longer\n";
        assert_eq!(columns(&rows), text);
    }
}
