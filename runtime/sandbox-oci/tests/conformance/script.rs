//! How a program in a container looks that does what a case asks for: a shell script, which is told by its arguments.

use stepwell_conformance::Action;

/// Does what its arguments say.
const SCRIPT: &str = include_str!("act.sh");

/// The program, as a step's.
pub(crate) fn argv(actions: &[Action]) -> Vec<String> {
    let script = ["sh", "-c", SCRIPT, "act"];
    let words = actions.iter().flat_map(Action::words);
    script.into_iter().map(str::to_owned).chain(words).collect()
}

/// The program, as it is typed into a shell.
pub(crate) fn typed(actions: &[Action]) -> String {
    let words = actions.iter().flat_map(Action::words);
    let quoted: Vec<_> = words
        .map(|word| format!("'{}'", word.replace('\'', "'\\''")))
        .collect();
    format!("act() {{\n{SCRIPT}}}\nact {}\n", quoted.join(" "))
}
