//! What a step of a case does, in words that belong to no backend.

/// One thing that a step does. Each prints one line where nothing else is said: `ok`, followed by what was found, or
/// `refused`; a refusal does not end the step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Prints this line on standard output.
    Print(String),
    /// Prints this line on standard error.
    Complain(String),
    /// Prints so many bytes, of lines of `x`, and nothing else.
    Flood(u64),
    /// Prints `ok` and the value of a variable, or `refused` where it is not set.
    Env(String),
    /// Writes a text into a file, which is made where it is missing.
    Write(String, String),
    /// Writes so many zero bytes into a file.
    Fill(String, u64),
    /// Writes bytes that are not text into a file.
    WriteBinary(String),
    /// Prints `ok` and the text in a file.
    Read(String),
    /// Prints `ok` and the sorted names in a folder, with a space between them.
    List(String),
    /// Makes a folder.
    MakeFolder(String),
    /// Makes a symbolic link that says the first at the second.
    Link(String, String),
    /// Removes a file.
    Remove(String),
    /// Waits until there is a file, and prints `ok`.
    Await(String),
    /// Listens on a port of the task's loopback network, prints `ok`, and says a text to whoever connects, until it is
    /// stopped.
    Serve(u16, String),
    /// Asks for a URL with GET. Prints `ok` and the answer's body where the status is 200.
    Get(String),
    /// Only in a shell: prints `ok`, the lines and the characters in a line of its window.
    Window,
    /// Ends with this code. Prints nothing.
    Exit(i32),
    /// Waits until it is stopped. Prints nothing.
    Hang,
}

impl Action {
    /// The action as a word and its operands, of which there are always as many for one word.
    pub fn words(&self) -> Vec<String> {
        let (word, operands): (&str, Vec<&str>) = match self {
            Self::Print(line) => ("print", vec![line]),
            Self::Complain(line) => ("complain", vec![line]),
            Self::Env(name) => ("env", vec![name]),
            Self::Write(path, text) => ("write", vec![path, text]),
            Self::WriteBinary(path) => ("write-binary", vec![path]),
            Self::Read(path) => ("read", vec![path]),
            Self::List(path) => ("list", vec![path]),
            Self::MakeFolder(path) => ("make-folder", vec![path]),
            Self::Link(target, path) => ("link", vec![target, path]),
            Self::Remove(path) => ("remove", vec![path]),
            Self::Await(path) => ("await", vec![path]),
            Self::Get(url) => ("get", vec![url]),
            Self::Window => ("window", Vec::new()),
            Self::Hang => ("hang", Vec::new()),
            Self::Serve(port, text) => {
                return vec!["serve".to_owned(), port.to_string(), text.clone()];
            }
            Self::Flood(bytes) => return vec!["flood".to_owned(), bytes.to_string()],
            Self::Exit(code) => return vec!["exit".to_owned(), code.to_string()],
            Self::Fill(path, bytes) => {
                return vec!["fill".to_owned(), path.clone(), bytes.to_string()];
            }
        };
        let words = [word].into_iter().chain(operands);
        words.map(str::to_owned).collect()
    }

    /// The actions that were said in `words`, one after the other; `None` where they say none.
    pub fn parse(words: &[String]) -> Option<Vec<Self>> {
        let mut words = words.iter().cloned();
        let mut actions = Vec::new();
        while let Some(word) = words.next() {
            let mut operand = || words.next();
            actions.push(match word.as_str() {
                "print" => Self::Print(operand()?),
                "complain" => Self::Complain(operand()?),
                "env" => Self::Env(operand()?),
                "write" => Self::Write(operand()?, operand()?),
                "write-binary" => Self::WriteBinary(operand()?),
                "read" => Self::Read(operand()?),
                "list" => Self::List(operand()?),
                "make-folder" => Self::MakeFolder(operand()?),
                "link" => Self::Link(operand()?, operand()?),
                "remove" => Self::Remove(operand()?),
                "await" => Self::Await(operand()?),
                "serve" => Self::Serve(operand()?.parse().ok()?, operand()?),
                "get" => Self::Get(operand()?),
                "window" => Self::Window,
                "hang" => Self::Hang,
                "flood" => Self::Flood(operand()?.parse().ok()?),
                "exit" => Self::Exit(operand()?.parse().ok()?),
                "fill" => Self::Fill(operand()?, operand()?.parse().ok()?),
                _ => return None,
            });
        }
        Some(actions)
    }
}

/// Short names for actions, so that a case reads as what it does.
pub mod act {
    use super::Action;

    /// [`Action::Print`].
    pub fn print(line: &str) -> Action {
        Action::Print(line.to_owned())
    }

    /// [`Action::Complain`].
    pub fn complain(line: &str) -> Action {
        Action::Complain(line.to_owned())
    }

    /// [`Action::Env`].
    pub fn env(name: &str) -> Action {
        Action::Env(name.to_owned())
    }

    /// [`Action::Write`].
    pub fn write(path: &str, text: &str) -> Action {
        Action::Write(path.to_owned(), text.to_owned())
    }

    /// [`Action::Fill`].
    pub fn fill(path: &str, bytes: u64) -> Action {
        Action::Fill(path.to_owned(), bytes)
    }

    /// [`Action::WriteBinary`].
    pub fn write_binary(path: &str) -> Action {
        Action::WriteBinary(path.to_owned())
    }

    /// [`Action::Read`].
    pub fn read(path: &str) -> Action {
        Action::Read(path.to_owned())
    }

    /// [`Action::List`].
    pub fn list(path: &str) -> Action {
        Action::List(path.to_owned())
    }

    /// [`Action::MakeFolder`].
    pub fn make_folder(path: &str) -> Action {
        Action::MakeFolder(path.to_owned())
    }

    /// [`Action::Link`].
    pub fn link(target: &str, path: &str) -> Action {
        Action::Link(target.to_owned(), path.to_owned())
    }

    /// [`Action::Remove`].
    pub fn remove(path: &str) -> Action {
        Action::Remove(path.to_owned())
    }

    /// [`Action::Await`].
    pub fn await_file(path: &str) -> Action {
        Action::Await(path.to_owned())
    }

    /// [`Action::Serve`].
    pub fn serve(port: u16, text: &str) -> Action {
        Action::Serve(port, text.to_owned())
    }

    /// [`Action::Get`].
    pub fn get(url: String) -> Action {
        Action::Get(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_was_said() {
        let actions = vec![
            act::print("a line"),
            act::complain(""),
            Action::Flood(7),
            act::env("NAME"),
            act::write("/ws/f", "print"),
            act::fill("/ws/f", 9),
            act::write_binary("/ws/b"),
            act::read("/ws/f"),
            act::list("/ws"),
            act::make_folder("/ws/d"),
            act::link("../x", "/ws/l"),
            act::remove("/ws/f"),
            act::await_file("/ws/go"),
            act::serve(80, "a text"),
            act::get("http://proxy/v1".to_owned()),
            Action::Window,
            Action::Exit(-3),
            Action::Hang,
        ];
        let words: Vec<String> = actions.iter().flat_map(Action::words).collect();
        assert_eq!(Action::parse(&words), Some(actions));
        assert_eq!(Action::parse(&["print".to_owned()]), None);
        assert_eq!(Action::parse(&["dance".to_owned()]), None);
    }
}
