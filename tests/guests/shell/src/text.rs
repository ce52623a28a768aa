//! Text as several programs treat it: backslash escapes, and what went wrong with a file.

use std::io;

/// Replaces the escapes of `echo -e`, `printf` and `$'…'`. The second value says whether `\c` asked for no more output.
pub(crate) fn unescape(text: &str) -> (String, bool) {
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match rest.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('e' | 'E') => out.push('\u{1b}'),
            Some('f') => out.push('\u{c}'),
            Some('v') => out.push('\u{b}'),
            Some('c') => return (out, true),
            Some(hidden @ ('\\' | '"')) => out.push(hidden),
            Some(start @ ('x' | 'u' | '0'..='7')) => {
                let (radix, most) = match start {
                    'x' => (16, 2),
                    'u' => (16, 4),
                    _ => (8, 3),
                };
                let mut code = start.to_digit(8).unwrap_or_default();
                let mut count = 0;
                while let Some(digit) = rest.peek().and_then(|next| next.to_digit(radix)) {
                    if count == most {
                        break;
                    }
                    code = code * radix + digit;
                    count += 1;
                    rest.next();
                }
                out.extend(char::from_u32(code));
            }
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    (out, false)
}

/// What a C library would say about an error.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = match error.kind() {
        io::ErrorKind::NotFound => "No such file or directory",
        io::ErrorKind::PermissionDenied => "Permission denied",
        io::ErrorKind::AlreadyExists => "File exists",
        io::ErrorKind::NotADirectory => "Not a directory",
        io::ErrorKind::IsADirectory => "Is a directory",
        io::ErrorKind::DirectoryNotEmpty => "Directory not empty",
        io::ErrorKind::ReadOnlyFilesystem => "Read-only file system",
        _ => {
            let text = error.to_string();
            let end = text.find(" (os error").unwrap_or(text.len());
            return text[..end].to_owned();
        }
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_characters() {
        assert_eq!(
            unescape(r"a\tb\\n\x41\101\0101\u00e9").0,
            "a\tb\\nAAA\u{e9}"
        );
        assert_eq!(unescape(r"\q\"), (r"\q\".to_owned(), false));
        assert_eq!(unescape(r"a\cb"), ("a".to_owned(), true));
    }

    #[test]
    fn an_error_is_said_as_a_c_library_says_it() {
        let error = std::fs::read("/no/such/file").unwrap_err();
        assert_eq!(reason(&error), "No such file or directory");
        assert_eq!(reason(&io::Error::other("odd")), "odd");
    }
}
