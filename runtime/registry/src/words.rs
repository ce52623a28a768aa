//! Makes what a server or a program said fit to stand in a message of ours.
//!
//! It does not know who said it; only that it may be long, of several lines, and meant to confuse a terminal.

/// The most characters of it that are shown.
const SHOWN: usize = 200;

/// One line of printable characters, cut where it is long.
pub fn quoted(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().map(|c| if is_plain(c) { c } else { '?' }));
        if line.chars().count() > SHOWN {
            return line.chars().take(SHOWN).chain(['…']).collect();
        }
    }
    line
}

/// Neither a control character nor one that turns the direction of what follows.
fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_words_stay() {
        assert_eq!(quoted("manifest  unknown\n"), "manifest unknown");
    }

    #[test]
    fn attack_escape_sequences_and_endless_lines_do_not_reach_a_terminal() {
        assert_eq!(quoted("\u{1b}[2J\u{202e}ok"), "?[2J?ok");
        assert_eq!(quoted(&"x".repeat(10_000)).chars().count(), SHOWN + 1);
    }
}
