//! Cuts bytes, as they come, into lines of text.
//!
//! A line ends with `\n` or `\r\n`. A line that is longer than a bound comes in pieces, so that a gigabyte without a line
//! end costs no more memory than one piece; a piece never ends inside a character. It does not know which stream it reads.

/// How many bytes of a line are held back before they are passed on without its end: stops a guest that never writes a
/// line end from being kept whole in memory.
pub(crate) const LONGEST_PIECE: usize = 64 << 10;

/// Cuts one stream into lines.
#[derive(Debug)]
pub(crate) struct LineSplitter {
    pending: Vec<u8>,
    longest: usize,
}

impl Default for LineSplitter {
    fn default() -> Self {
        Self::new(LONGEST_PIECE)
    }
}

impl LineSplitter {
    /// A splitter whose pieces have at most `longest` bytes; at least 4, so that every character fits.
    pub(crate) fn new(longest: usize) -> Self {
        Self {
            pending: Vec::new(),
            longest: longest.max(4),
        }
    }

    /// Takes bytes. `line` is called for each line or piece that they complete, with whether the line goes on.
    pub(crate) fn push(&mut self, mut bytes: &[u8], line: &mut impl FnMut(String, bool)) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (head, rest) = bytes.split_at(end);
            bytes = &rest[1..];
            if self.pending.is_empty() && head.len() <= self.longest {
                line(text(without_return(head)), false);
            } else {
                self.hold(head, line);
                line(text(without_return(&self.pending)), false);
                self.pending.clear();
            }
        }
        self.hold(bytes, line);
    }

    /// Ends the stream: `line` is called for what has no line end.
    pub(crate) fn finish(&mut self, line: &mut impl FnMut(String, bool)) {
        if !self.pending.is_empty() {
            line(text(&self.pending), false);
            self.pending = Vec::new();
        }
    }

    /// Holds `bytes`, which have no line end, back; passes on what is too long to hold.
    fn hold(&mut self, mut bytes: &[u8], line: &mut impl FnMut(String, bool)) {
        while self.pending.len() + bytes.len() > self.longest {
            // One more than a piece, to see whether the piece ends inside a character.
            let (head, rest) = bytes.split_at(self.longest + 1 - self.pending.len());
            bytes = rest;
            self.pending.extend_from_slice(head);
            let cut = piece_end(&self.pending, self.longest);
            line(text(&self.pending[..cut]), true);
            self.pending.drain(..cut);
        }
        self.pending.extend_from_slice(bytes);
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The last place up to `longest` where `bytes` may be cut: before a character's first byte. Bytes that are no
/// characters may be cut anywhere.
fn piece_end(bytes: &[u8], longest: usize) -> usize {
    let continues = |byte: u8| byte & 0b1100_0000 == 0b1000_0000;
    if !continues(bytes[longest]) {
        return longest;
    }
    (longest.saturating_sub(3)..longest)
        .rev()
        .find(|start| !continues(bytes[*start]))
        .filter(|start| bytes[*start] >= 0b1100_0000 && *start > 0)
        .unwrap_or(longest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(longest: usize, chunks: &[&[u8]]) -> Vec<(String, bool)> {
        let mut splitter = LineSplitter::new(longest);
        let mut lines = Vec::new();
        let mut line = |text, partial| lines.push((text, partial));
        for chunk in chunks {
            splitter.push(chunk, &mut line);
        }
        splitter.finish(&mut line);
        lines
    }

    fn whole(text: &str) -> (String, bool) {
        (text.to_owned(), false)
    }

    fn part(text: &str) -> (String, bool) {
        (text.to_owned(), true)
    }

    #[test]
    fn lines_end_with_either_line_end_and_the_last_with_none() {
        let lines = split(64, &[b"a\nb\r", b"\n\r\n\nc\rd\ne"]);
        assert_eq!(lines, ["a", "b", "", "", "c\rd", "e"].map(whole));
    }

    #[test]
    fn a_long_line_comes_in_pieces() {
        assert_eq!(split(4, &[b"abcd\n"]), [whole("abcd")]);
        assert_eq!(
            split(4, &[b"abcdefghij\nk"]),
            [part("abcd"), part("efgh"), whole("ij"), whole("k")]
        );
        assert_eq!(split(4, &[b"abcd", b"e"]), [part("abcd"), whole("e")]);
    }

    #[test]
    fn a_character_is_not_cut_in_two() {
        assert_eq!(split(4, &["abé€".as_bytes()]), [part("abé"), whole("€")]);
        assert_eq!(split(4, &["abc€".as_bytes()]), [part("abc"), whole("€")]);
    }

    #[test]
    fn a_line_of_no_characters_at_all_is_cut_anywhere() {
        let bytes = vec![0x80; 10];
        let pieces = split(4, &[&bytes]);
        assert_eq!(pieces.len(), 3);
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_input(
            bytes in proptest::collection::vec(
                prop_oneof![
                    Just(b'\n'), Just(b'\r'), Just(b'a'), Just(0xc3), Just(0xa9), Just(0xe2), Just(0x82), Just(0xf0),
                    Just(0x9f), any::<u8>()
                ],
                0..200,
            ),
            cuts in proptest::collection::vec(0..200_usize, 0..10),
            longest in 4..20_usize,
        ) {
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<_> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let pieces = split(longest, &chunks);

            let mut joined = vec![String::new()];
            let mut ended = false;
            for (text, partial) in pieces {
                if ended {
                    joined.push(String::new());
                }
                prop_assert!(text.len() <= longest * 3, "replacement characters take three bytes");
                joined.last_mut().unwrap().push_str(&text);
                ended = !partial;
            }
            let input = String::from_utf8_lossy(&bytes);
            let expected: Vec<_> = input.split('\n').collect();
            let (last, full) = expected.split_last().unwrap();
            let mut expected: Vec<_> = full
                .iter()
                .map(|line| line.strip_suffix('\r').unwrap_or(line).to_owned())
                .collect();
            if !last.is_empty() {
                expected.push((*last).to_owned());
            }
            if expected.is_empty() {
                expected.push(String::new());
            }
            prop_assert_eq!(joined, expected);
        }
    }
}
