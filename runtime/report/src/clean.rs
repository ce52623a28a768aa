//! Makes a guest's text fit for a terminal.
//!
//! What a step prints goes to the terminal of whoever runs it, and a terminal obeys: it can be told to hide text, to
//! go back and overwrite a line, to set its title, to fill the clipboard, to answer as if the user had typed. So colours
//! are dropped (concealed text with them), and everything else that is not text is shown as an escape: it stays
//! visible, and does nothing.
//!
//! The road not taken is to strip whole sequences: one that does not end would take the rest of the line with it, and
//! the reader would not see that anything was tried.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with nothing left in it that a terminal would obey. Tabs stay; a line end at the very end goes.
pub fn clean(text: &str) -> Cow<'_, str> {
    let text = text.trim_end_matches(['\r', '\n']);
    if !text.chars().any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(colour) = colour_length(rest) {
            rest = &rest[colour..];
            continue;
        }
        if is_obeyed(c) {
            // Writing to a string cannot fail.
            let _ = match c {
                '\r' => write!(out, "\\r"),
                '\n' => write!(out, "\\n"),
                c if u32::from(c) < 0x100 => write!(out, "\\x{:02x}", u32::from(c)),
                c => write!(out, "\\u{{{:x}}}", u32::from(c)),
            };
        } else {
            out.push(c);
        }
        rest = &rest[c.len_utf8()..];
    }
    Cow::Owned(out)
}

/// Clean, on one line, and no longer than `limit` characters; what is left out is counted.
pub fn shorten(text: &str, limit: usize) -> String {
    let size = text.len();
    // An escape is longer than what it stands for, so this much is enough to fill the limit.
    let start: String = text.chars().take(limit + 1).collect();
    let start = clean(&start);
    if start.chars().count() <= limit && text.chars().nth(limit + 1).is_none() {
        return start.into_owned();
    }
    let kept: String = start.chars().take(limit).collect();
    format!("{kept}… ({size} bytes)")
}

/// Whether a terminal does something with `c` other than to show it.
pub(crate) fn is_obeyed(c: char) -> bool {
    match c {
        '\t' => false,
        // C0, DEL and C1: ESC, carriage return, backspace, and the one-character forms of CSI, OSC and the rest.
        '\0'..='\x1f' | '\x7f'..='\u{9f}' => true,
        // What reorders text: the line reads as something else than it says.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            true
        }
        // Line and paragraph separators, which some terminals break lines at.
        '\u{2028}' | '\u{2029}' => true,
        _ => false,
    }
}

/// The length of a colour sequence (`ESC [ digits and semicolons m`) that `text` begins with.
fn colour_length(text: &str) -> Option<usize> {
    let body = text.strip_prefix("\x1b[")?;
    let end = body.find(|c: char| !c.is_ascii_digit() && c != ';' && c != ':')?;
    body[end..].starts_with('m').then_some(2 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_of_any_script_is_kept() {
        for text in ["hello\tworld", "héllo", "日本語", "שלום", "👩‍🚀", ""] {
            assert!(matches!(clean(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn colours_are_dropped() {
        assert_eq!(clean("\x1b[1;31merror\x1b[0m: no"), "error: no");
        assert_eq!(clean("\x1b[38:2:1:2:3mx\x1b[m"), "x");
    }

    #[test]
    fn attack_concealed_text_becomes_visible() {
        assert_eq!(clean("\x1b[8mrm -rf /\x1b[28m"), "rm -rf /");
    }

    #[test]
    fn attack_carriage_return_overwrites_the_line() {
        assert_eq!(clean("FAILED\rpassed"), "FAILED\\rpassed");
        assert_eq!(clean("a line of Windows\r"), "a line of Windows");
    }

    #[test]
    fn attack_cursor_movement_and_erasure() {
        assert_eq!(clean("\x1b[2J\x1b[H\x1b[1Aok"), "\\x1b[2J\\x1b[H\\x1b[1Aok");
        assert_eq!(clean("ab\x08\x08cd\x7f"), "ab\\x08\\x08cd\\x7f");
    }

    #[test]
    fn attack_clipboard_title_and_link_by_osc() {
        assert_eq!(clean("\x1b]52;c;cm0=\x07"), "\\x1b]52;c;cm0=\\x07");
        assert_eq!(clean("\x1b]0;title\x1b\\"), "\\x1b]0;title\\x1b\\");
        assert_eq!(
            clean("\x1b]8;;http://evil\x1b\\good"),
            "\\x1b]8;;http://evil\\x1b\\good"
        );
    }

    #[test]
    fn attack_an_unfinished_sequence_swallows_what_follows() {
        assert_eq!(clean("\x1b]0;the rest"), "\\x1b]0;the rest");
        assert_eq!(clean("\x1b["), "\\x1b[");
        assert_eq!(clean("\x1b[31"), "\\x1b[31");
        assert_eq!(clean("\x1b"), "\\x1b");
    }

    #[test]
    fn attack_c1_controls_are_sequences_in_one_character() {
        assert_eq!(clean("\u{9b}2J\u{9d}0;x\u{9c}"), "\\x9b2J\\x9d0;x\\x9c");
        assert_eq!(clean("\u{85}"), "\\x85");
    }

    #[test]
    fn attack_the_terminal_is_asked_to_answer() {
        assert_eq!(
            clean("\x1b[6n\x1bP$q\x1b\\\x05"),
            "\\x1b[6n\\x1bP$q\\x1b\\\\x05"
        );
    }

    #[test]
    fn attack_bidi_controls_reorder_the_line() {
        assert_eq!(
            clean("\u{202e}txt.exe\u{2066}\u{200f}"),
            "\\u{202e}txt.exe\\u{2066}\\u{200f}"
        );
    }

    #[test]
    fn attack_a_line_is_forged_with_other_line_ends() {
        assert_eq!(clean("a\u{2028}b\nc"), "a\\u{2028}b\\nc");
    }

    #[test]
    fn a_sequence_torn_over_two_chunks_stays_harmless() {
        assert_eq!(clean("x\x1b") + clean("[2J"), "x\\x1b[2J");
    }

    #[test]
    fn long_text_is_cut_and_counted() {
        assert_eq!(shorten("short", 10), "short");
        assert_eq!(shorten("exactly-10", 10), "exactly-10");
        assert_eq!(shorten("one more than 10", 10), "one more t… (16 bytes)");
        assert_eq!(shorten("a\nb", 10), "a\\nb");
        assert_eq!(shorten("\u{7}\u{7}\u{7}", 10), "\\x07\\x07\\x… (3 bytes)");
    }
}
