//! A page of the tutorial, done line by line as its reader would.
//!
//! A block in `sh` is run, and has to succeed. In a block of text, `$ …` is run, and has to print what follows: `…` stands for
//! the rest of a line, or alone for any lines. A block in another language after "This is `PATH`:" is that file. What differs from
//! run to run, times and the names of runs, is not compared.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use regex_lite::Regex;

use crate::author;
use crate::debian::Registry;
use crate::stage::{Stage, checkout};

/// What pages call the registry of this machine.
const REGISTRY: &str = "localhost:5000";

/// Something that a page has its reader do.
#[derive(Debug, PartialEq, Eq)]
enum Act {
    /// Write this file.
    File(String, String),
    /// Run these lines, which succeed.
    Script(String),
    /// Run this line, which prints that.
    Command(String, Vec<String>),
}

/// What a page has its reader do, in order.
fn acts(page: &str) -> Vec<Act> {
    let mut acts = Vec::new();
    let mut lines = page.lines();
    let mut paragraph = String::new();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            paragraph = match line {
                "" => paragraph,
                line if paragraph.ends_with(':') => line.to_owned(),
                line => format!("{paragraph} {line}"),
            };
            continue;
        };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match language {
            "sh" => acts.push(Act::Script(block.join("\n"))),
            "text" => {
                for line in block {
                    match (line.strip_prefix("$ "), acts.last_mut()) {
                        (Some(command), _) => {
                            acts.push(Act::Command(command.to_owned(), Vec::new()));
                        }
                        (None, Some(Act::Command(_, printed))) => printed.push(line.to_owned()),
                        (None, _) => panic!("nothing prints `{line}`"),
                    }
                }
            }
            _ => {
                let named = paragraph.rsplit_once("This is `");
                let named = named.and_then(|(_, rest)| rest.strip_suffix("`:"));
                let path = named.unwrap_or_else(|| panic!("which file is this? {paragraph}"));
                acts.push(Act::File(path.to_owned(), block.join("\n") + "\n"));
            }
        }
        paragraph.clear();
    }
    acts
}

/// Without what differs from run to run.
fn settled(line: &str) -> String {
    let times = Regex::new(r" +[0-9]+ m?s\b").unwrap();
    let runs = Regex::new(r"-run-[a-z0-9]{5}\b").unwrap();
    let line = times.replace_all(line.trim_end(), " TIME");
    runs.replace_all(&line, "-run-NAME").into_owned()
}

/// Whether `found` is what `expected` says.
fn fits(expected: &[String], found: &[String]) -> bool {
    let Some((first, rest)) = expected.split_first() else {
        return found.is_empty();
    };
    if first == "…" {
        return (0..=found.len()).any(|skipped| fits(rest, &found[skipped..]));
    }
    let Some((line, after)) = found.split_first() else {
        return false;
    };
    line_fits(first, line) && fits(rest, after)
}

/// Whether a line is the other one, whose `…` stand for anything.
fn line_fits(expected: &str, found: &str) -> bool {
    let mut parts = expected.split('…');
    let Some(mut rest) = found.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut ended = true;
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
        ended = part.is_empty();
    }
    ended && expected.contains('…') || rest.is_empty()
}

/// A reader, who does what a page says.
struct Reader {
    stage: Stage,
    folder: PathBuf,
}

impl Reader {
    fn bash(&mut self, script: &str) -> Output {
        let stage = &self.stage;
        let left = stage.path("where-it-went");
        let mut bash = Command::new("bash");
        let like = stage.command(&[]);
        bash.env_clear()
            .envs(
                like.get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .current_dir(&self.folder)
            .arg("-ec")
            .arg(format!("{script}\npwd > {}", left.display()));
        let output = bash.output().unwrap();
        if let Ok(folder) = fs::read_to_string(left) {
            self.folder = folder.trim_end().into();
        }
        self.like_the_examples();
        output
    }

    /// The versions that the examples are built with, so that they are not compiled again.
    fn like_the_examples(&self) {
        let lock = self.folder.join("Cargo.lock");
        if self.folder.join("Cargo.toml").exists() && !lock.exists() {
            fs::copy(checkout().join("examples/Cargo.lock"), lock).unwrap();
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::File(path, text) => fs::write(self.folder.join(path), text).unwrap(),
            Act::Script(script) => {
                let output = self.bash(&script);
                assert!(output.status.success(), "{script}\n{output:?}");
            }
            Act::Command(command, printed) => {
                // What compilers say of their work is not the page's, nor is a lock file that this reader brings.
                let output = self.bash(&format!("{command} 2>&1"));
                let text = String::from_utf8(output.stdout).unwrap();
                let is_ours = |line: &&str| *line != "Cargo.lock" && !is_cargos(line);
                let found: Vec<String> = text.lines().filter(is_ours).map(settled).collect();
                let expected: Vec<String> = printed.iter().map(|line| settled(line)).collect();
                assert!(fits(&expected, &found), "$ {command}\n{text}");
            }
        }
    }
}

/// Whether cargo says how far it is.
fn is_cargos(line: &str) -> bool {
    let words = [
        "Compiling",
        "Finished",
        "Locking",
        "Adding",
        "Updating",
        "Removing",
        "Downloading",
        "Downloaded",
        "Blocking",
    ];
    let line = line.trim_start();
    words
        .iter()
        .any(|word| line.starts_with(&format!("{word} ")))
}

fn done(page: &str) {
    let mut stage = author::workshop();
    let program = Path::new(env!("CARGO_BIN_EXE_stepwell")).parent().unwrap();
    stage.prepend_path(program);
    let folder = stage.path("");
    let mut reader = Reader { stage, folder };
    let page = fs::read_to_string(checkout().join("docs").join(page)).unwrap();
    // Where there is no registry, what needs one is left out.
    let registry = Registry::start(false);
    let page = match &registry {
        Some(registry) => page.replace(REGISTRY, registry.host()),
        None => page,
    };
    let acts = acts(&page);
    assert!(acts.len() > 5, "{acts:?}");
    for act in acts {
        if !format!("{act:?}").contains(REGISTRY) && !format!("{act:?}").contains("shipped.yaml")
            || registry.is_some()
        {
            reader.act(act);
        }
    }
}

#[test]
fn the_first_plugin_is_made_as_its_page_says() {
    done("tutorial/first-plugin.md");
}

#[test]
fn a_page_is_read_as_what_its_reader_does() {
    let page = "One.\n\nThis is `a.rs`:\n\n```rust\nfn main() {}\n```\n\n```sh\ncd x\n```\n```text\n$ ls\na\n…\n$ pwd\n```\n";
    assert_eq!(
        acts(page),
        [
            Act::File("a.rs".to_owned(), "fn main() {}\n".to_owned()),
            Act::Script("cd x".to_owned()),
            Act::Command("ls".to_owned(), vec!["a".to_owned(), "…".to_owned()]),
            Act::Command("pwd".to_owned(), Vec::new()),
        ]
    );
}

#[test]
fn what_is_printed_is_compared_but_for_what_is_left_out() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let fits = |expected: &str, found: &str| fits(&lines(expected), &lines(found));
    assert!(fits("a\n…\nd", "a\nb\nc\nd") && fits("…", "") && fits("a … c", "a b c"));
    assert!(fits("a …", "a b") && fits("a", "a"));
    assert!(!fits("a", "a\nb") && !fits("a\nb", "a") && !fits("a … c", "a b") && !fits("a", "ab"));
    assert_eq!(
        settled("✓ x-run-ab3de took 12 ms"),
        settled("✓ x-run-zzzzz took 3 ms")
    );
}
