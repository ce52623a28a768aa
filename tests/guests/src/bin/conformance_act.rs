//! `conformance_act WORD OPERAND… WORD OPERAND… …`: does one thing after the other, as `stepwell_conformance::Action` says
//! it. Each prints one line, `ok` and what was found, or `refused`, where its word is not about printing.

use std::fs::{File, create_dir, metadata, read_dir, read_to_string, remove_file, write};
use std::io::{self, Read, Write, copy, repeat, stdout};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use stepwell_test_guests::{number, raw};

/// How much is printed at once.
const PIECE: usize = 64 << 10;

/// How long a line of a flood is.
const LINE: usize = 64;

fn main() {
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut operand = || words.next().expect("an operand");
        match word.as_str() {
            "print" => println!("{}", operand()),
            "complain" => eprintln!("{}", operand()),
            "flood" => flood(number(&operand())).expect("printed"),
            "exit" => exit(&operand()),
            "hang" => loop {
                sleep(Duration::from_secs(3600));
            },
            "env" => tell(env(&operand())),
            "write" => tell(done(write(operand(), operand()))),
            "write-binary" => tell(done(write(operand(), [0xff, 0xfe, 0]))),
            "fill" => tell(done(fill(&operand(), number(&operand())))),
            "read" => tell(read_to_string(operand())),
            "list" => tell(list(&operand())),
            "make-folder" => tell(done(create_dir(operand()))),
            "link" => tell(done(link(&operand(), &operand()))),
            "remove" => tell(done(remove_file(operand()))),
            "await" => {
                let path = operand();
                while metadata(&path).is_err() {
                    sleep(Duration::from_millis(1));
                }
                tell(Ok(String::new()));
            }
            // There is no terminal, no HTTP, and nothing to listen on.
            "serve" => {
                operand();
                operand();
                tell(Err(io::ErrorKind::Unsupported.into()));
            }
            "get" => {
                operand();
                tell(Err(io::ErrorKind::Unsupported.into()));
            }
            "window" => tell(Err(io::ErrorKind::Unsupported.into())),
            other => panic!("not a word: {other}"),
        }
    }
}

fn tell(answer: io::Result<String>) {
    match answer {
        Ok(found) => println!("{}", format!("ok {found}").trim_end()),
        Err(_) => println!("refused"),
    }
}

fn done(answer: io::Result<()>) -> io::Result<String> {
    answer.map(|()| String::new())
}

#[expect(clippy::disallowed_methods, reason = "it is what the word says")]
fn exit(code: &str) -> ! {
    std::process::exit(code.parse().expect("an exit code"))
}

fn env(name: &str) -> io::Result<String> {
    let value = std::env::vars().find(|(known, _)| known == name);
    let (_, value) = value.ok_or(io::ErrorKind::NotFound)?;
    Ok(value)
}

fn flood(bytes: u64) -> io::Result<()> {
    let piece: Vec<u8> = (1..=PIECE)
        .map(|index| {
            if index.is_multiple_of(LINE) {
                b'\n'
            } else {
                b'x'
            }
        })
        .collect();
    let mut out = stdout().lock();
    let mut left = bytes;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        out.write_all(&piece[..now])?;
        left -= now as u64;
    }
    out.flush()
}

fn fill(path: &str, bytes: u64) -> io::Result<()> {
    copy(&mut repeat(0).take(bytes), &mut File::create(path)?).map(drop)
}

fn list(path: &str) -> io::Result<String> {
    let names: io::Result<Vec<String>> = read_dir(path)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect();
    let mut names = names?;
    names.sort();
    Ok(names.join(" "))
}

/// Makes a link in the folder that it is to be in: `std` has no call for it here.
fn link(target: &str, path: &str) -> io::Result<()> {
    let path = Path::new(path);
    let folder = path.parent().expect("in a folder");
    let name = path.file_name().and_then(|name| name.to_str());
    raw::symlink_at(target, &File::open(folder)?, name.expect("a name"))
}
