//! `export`, `local` and the other declarations.

use super::print;
use crate::run::Ran;
use crate::state::{Shell, Value, Variable};
use crate::syntax::ast::Assignment;

/// Whether a command's arguments may be assignments.
pub(crate) fn is_declaring(name: &str) -> bool {
    matches!(
        name,
        "export" | "local" | "declare" | "typeset" | "readonly"
    )
}

impl Shell {
    /// Carries out a declaration: names and options as arguments, assignments as such.
    pub(crate) fn declare(&mut self, args: &[String], declared: &[Assignment]) -> Ran {
        let (command, args) = (args[0].as_str(), &args[1..]);
        let options: String = args
            .iter()
            .filter_map(|arg| arg.strip_prefix('-'))
            .collect();
        if options.contains('A') || options.contains('n') {
            return Err(self.fail(&format!("{command}: -{options}: not supported here")));
        }
        let is_listing = declared.is_empty() && (args.is_empty() || options == "p");
        if is_listing {
            let lines: String = self
                .environment()
                .iter()
                .map(|(name, value)| format!("export {name}='{value}'\n"))
                .collect();
            return Ok(print(self, &lines));
        }
        let is_local = command == "local"
            || (matches!(command, "declare" | "typeset") && !options.contains('g'));
        let (exports, fixes) = (
            command == "export" || options.contains('x'),
            command == "readonly" || options.contains('r'),
        );
        let texts = args.iter().filter(|arg| !arg.starts_with('-'));
        let mut names = Vec::new();
        // An argument that is an assignment only after it was expanded.
        for text in texts {
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, Some(Value::Text(value.to_owned()))),
                None => (text.as_str(), None),
            };
            self.hide(name, is_local);
            match value {
                Some(value) => self.assign(name, value)?,
                None if is_local && options.contains('a') => {
                    self.assign(name, Value::List(Vec::new()))?
                }
                None => {}
            }
            names.push(name.to_owned());
        }
        for assignment in declared {
            // `local x=$x` reads the outer one.
            let outer = self.variables.get(&assignment.name).cloned();
            self.hide(&assignment.name, is_local);
            if is_local && let Some(outer) = outer {
                self.variables.insert(assignment.name.clone(), outer);
            }
            self.assign_one(assignment)?;
            names.push(assignment.name.clone());
        }
        for name in names {
            if exports && !self.variables.contains_key(&name) {
                continue;
            }
            if options.contains('i')
                && let Some(text) = self.get(&name).map(str::to_owned)
            {
                let value = self.evaluate(&text)?;
                self.set(&name, Value::Text(value.to_string()));
            }
            if let Some(variable) = self.variables.get_mut(&name) {
                variable.exported =
                    (variable.exported || exports) && !(exports && options.contains('n'));
                variable.fixed |= fixes;
            }
        }
        Ok(0)
    }

    /// Makes a variable the function's own, until it returns.
    fn hide(&mut self, name: &str, is_local: bool) {
        if !is_local {
            return;
        }
        let before: Option<Variable> = self.variables.get(name).cloned();
        if let Some(locals) = self.locals.last_mut() {
            locals.push((name.to_owned(), before));
            self.variables.remove(name);
        }
    }

    /// Changes one element of an array, which is made as long as that takes.
    pub(crate) fn set_element(&mut self, name: &str, index: usize, text: String) {
        /// A script must not fill the memory with one number.
        const MOST: usize = 1 << 16;
        let mut list = match self
            .variables
            .get(name)
            .map(|variable| variable.value.clone())
        {
            None => Vec::new(),
            Some(Value::Text(text)) => vec![text],
            Some(Value::List(list)) => list,
        };
        let index = index.min(MOST);
        if index >= list.len() {
            list.resize(index + 1, String::new());
        }
        list[index] = text;
        self.set(name, Value::List(list));
    }
}

pub(super) fn unset(shell: &mut Shell, args: &[String]) -> Ran {
    let only_functions = args.first().is_some_and(|arg| arg == "-f");
    for name in args.iter().filter(|arg| !arg.starts_with('-')) {
        if only_functions {
            shell.functions.remove(name);
            continue;
        }
        if shell
            .variables
            .get(name)
            .is_some_and(|variable| variable.fixed)
        {
            shell.complain(&format!("unset: {name}: cannot unset: readonly variable"));
            return Ok(1);
        }
        if shell.variables.remove(name).is_none() {
            shell.functions.remove(name);
        }
    }
    Ok(0)
}
