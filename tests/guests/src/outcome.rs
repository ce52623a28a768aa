//! Arguments in, one line out.

use std::fmt::Display;
use std::io;

/// The arguments after the program's name. Another number of them ends the program with exit code 2.
pub fn args<const N: usize>() -> [String; N] {
    let args: Vec<String> = std::env::args().skip(1).collect();
    args.try_into().unwrap_or_else(|args: Vec<String>| {
        misused(&format!("expected {N} arguments, got {args:?}"))
    })
}

/// An argument as a number. Anything else ends the program with exit code 2.
pub fn number(text: &str) -> u64 {
    text.parse()
        .unwrap_or_else(|error| misused(&format!("`{text}`: {error}")))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a guest has nothing to clean up, and a test that calls it wrongly must see it"
)]
fn misused(why: &str) -> ! {
    eprintln!("{why}");
    std::process::exit(2)
}

/// Prints `ok` and the value, or `err` and the name of the error.
pub fn tell(outcome: io::Result<impl Display>) {
    match outcome {
        Ok(value) => println!("{}", format!("ok {value}").trim_end()),
        Err(error) => println!("err {}", error_name(&error)),
    }
}

/// The name that WASI 0.1 has for an error (`notcapable`), or what `std` calls it where the system did not raise it.
pub fn error_name(error: &io::Error) -> String {
    let name = match error.raw_os_error() {
        Some(2) => "acces",
        Some(8) => "badf",
        Some(10) => "busy",
        Some(19) => "dquot",
        Some(20) => "exist",
        Some(22) => "fbig",
        Some(25) => "ilseq",
        Some(28) => "inval",
        Some(29) => "io",
        Some(31) => "isdir",
        Some(32) => "loop",
        Some(33) => "mfile",
        Some(34) => "mlink",
        Some(37) => "nametoolong",
        Some(41) => "nfile",
        Some(44) => "noent",
        Some(48) => "nomem",
        Some(51) => "nospc",
        Some(52) => "nosys",
        Some(54) => "notdir",
        Some(55) => "notempty",
        Some(58) => "notsup",
        Some(61) => "overflow",
        Some(63) => "perm",
        Some(69) => "rofs",
        Some(70) => "spipe",
        Some(75) => "xdev",
        Some(76) => "notcapable",
        Some(other) => return format!("errno-{other}"),
        None => return format!("{:?}", error.kind()),
    };
    name.to_owned()
}
