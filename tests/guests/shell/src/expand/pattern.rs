//! Patterns with `*`, `?` and `[…]`.

/// What one place of a pattern matches.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    One(char),
    Any,
    Rest,
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
        classes: Vec<String>,
    },
}

/// A pattern. The text `\x` in its source stands for `x`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Place>);

impl Pattern {
    /// Reads a pattern. A bracket that is not closed stands for itself.
    pub(crate) fn new(source: &str) -> Self {
        let characters: Vec<char> = source.chars().collect();
        let mut places = Vec::new();
        let mut at = 0;
        while at < characters.len() {
            let place = match characters[at] {
                '*' => Place::Rest,
                '?' => Place::Any,
                '\\' if at + 1 < characters.len() => {
                    at += 1;
                    Place::One(characters[at])
                }
                '[' => match set(&characters[at + 1..]) {
                    Some((place, taken)) => {
                        at += taken;
                        place
                    }
                    None => Place::One('['),
                },
                other => Place::One(other),
            };
            at += 1;
            places.push(place);
        }
        Self(places)
    }

    /// Whether the whole text matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let characters: Vec<char> = text.chars().collect();
        self.matches_characters(&characters)
    }

    fn matches_characters(&self, text: &[char]) -> bool {
        let places = &self.0;
        let (mut place, mut at) = (0, 0);
        let mut last_rest = None;
        while at < text.len() {
            if places.get(place) == Some(&Place::Rest) {
                last_rest = Some((place, at));
                place += 1;
            } else if places.get(place).is_some_and(|place| place.takes(text[at])) {
                place += 1;
                at += 1;
            } else if let Some((rest, from)) = last_rest {
                last_rest = Some((rest, from + 1));
                (place, at) = (rest + 1, from + 1);
            } else {
                return false;
            }
        }
        places[place..].iter().all(|place| *place == Place::Rest)
    }

    /// Whether it is more than one text.
    pub(crate) fn is_plain(&self) -> bool {
        self.0.iter().all(|place| matches!(place, Place::One(_)))
    }

    /// Where a match that starts at the first character ends, counted in bytes.
    pub(crate) fn prefix(&self, text: &str, longest: bool) -> Option<usize> {
        let characters: Vec<char> = text.chars().collect();
        let ends = 0..=characters.len();
        let fits = |end: &usize| self.matches_characters(&characters[..*end]);
        let end = if longest {
            ends.rev().find(fits)
        } else {
            ends.into_iter().find(fits)
        };
        end.map(|end| characters[..end].iter().map(|c| c.len_utf8()).sum())
    }

    /// Where a match that ends at the last character starts, counted in bytes.
    pub(crate) fn suffix(&self, text: &str, longest: bool) -> Option<usize> {
        let characters: Vec<char> = text.chars().collect();
        let starts = 0..=characters.len();
        let fits = |start: &usize| self.matches_characters(&characters[*start..]);
        let start = if longest {
            starts.into_iter().find(fits)
        } else {
            starts.rev().find(fits)
        };
        start.map(|start| characters[..start].iter().map(|c| c.len_utf8()).sum())
    }
}

impl Place {
    fn takes(&self, character: char) -> bool {
        match self {
            Self::One(one) => *one == character,
            Self::Any => true,
            Self::Rest => false,
            Self::Set {
                negated,
                ranges,
                classes,
            } => {
                let found = ranges
                    .iter()
                    .any(|(first, last)| (*first..=*last).contains(&character))
                    || classes.iter().any(|class| is_in_class(class, character));
                found != *negated
            }
        }
    }
}

/// Reads the inside of a bracket, and how many characters it and the closing bracket are.
fn set(characters: &[char]) -> Option<(Place, usize)> {
    let negated = matches!(characters.first(), Some('!' | '^'));
    let mut at = usize::from(negated);
    let (mut ranges, mut classes) = (Vec::new(), Vec::new());
    let first = at;
    loop {
        let mut character = *characters.get(at)?;
        if character == ']' && at > first {
            let set = Place::Set {
                negated,
                ranges,
                classes,
            };
            return Some((set, at + 1));
        }
        if character == '[' && characters.get(at + 1) == Some(&':') {
            let end = characters[at..]
                .windows(2)
                .position(|pair| pair == [':', ']']);
            if let Some(end) = end.filter(|end| *end > 1) {
                classes.push(characters[at + 2..at + end].iter().collect());
                at += end + 2;
                continue;
            }
        }
        if character == '\\' {
            at += 1;
            character = *characters.get(at)?;
        }
        let range_end = characters.get(at + 2).filter(|end| **end != ']');
        if characters.get(at + 1) == Some(&'-')
            && let Some(end) = range_end
        {
            ranges.push((character, *end));
            at += 3;
        } else {
            ranges.push((character, character));
            at += 1;
        }
    }
}

/// Whether a character belongs to a class of POSIX, such as `digit`.
pub(crate) fn is_in_class(class: &str, character: char) -> bool {
    match class {
        "alpha" => character.is_alphabetic(),
        "digit" => character.is_ascii_digit(),
        "alnum" => character.is_alphanumeric(),
        "upper" => character.is_uppercase(),
        "lower" => character.is_lowercase(),
        "space" => character.is_whitespace(),
        "blank" => character == ' ' || character == '\t',
        "punct" => character.is_ascii_punctuation(),
        "cntrl" => character.is_control(),
        "print" => !character.is_control(),
        "graph" => !character.is_control() && !character.is_whitespace(),
        "xdigit" => character.is_ascii_hexdigit(),
        _ => false,
    }
}

/// Hides everything in a text that means something in a pattern.
pub(crate) fn hide(text: &str, into: &mut String) {
    for character in text.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\') {
            into.push('\\');
        }
        into.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, matches) in [
            ("*.txt", "a.txt", true),
            ("*.txt", "a.txt.gz", false),
            ("a*b*c", "a1b2b3c", true),
            ("?", "\u{e9}", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[[:upper:]]*", "Up", true),
            ("[]]", "]", true),
            ("[a", "[a", true),
            (r"\*", "*", true),
            (r"\*", "a", false),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(
                Pattern::new(pattern).matches(text),
                matches,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn ends_are_found() {
        let dot = Pattern::new("*.");
        assert_eq!(dot.prefix("a.b.c", false), Some(2));
        assert_eq!(dot.prefix("a.b.c", true), Some(4));
        let dot = Pattern::new(".*");
        assert_eq!(dot.suffix("a.b.c", false), Some(3));
        assert_eq!(dot.suffix("a.b.c", true), Some(1));
        assert_eq!(dot.suffix("abc", true), None);
    }

    #[test]
    fn attack_many_stars_take_no_exponential_time() {
        let pattern = Pattern::new(&"*a".repeat(40));
        assert!(!pattern.matches(&"a".repeat(39)));
        assert!(pattern.matches(&"a".repeat(400)));
    }
}
