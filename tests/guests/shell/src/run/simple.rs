//! Simple commands: assignments, and the calls of functions, builtins and tools.

use std::io::{Read, Write};
use std::rc::Rc;

use super::Ran;
use crate::builtins;
use crate::state::{Shell, Stop, Value, Variable};
use crate::syntax::ast::{Assigned, Assignment, Command, Redirect, Simple};
use crate::tools::{self, Call};

/// The status of a command that is not there.
const NOT_FOUND: u8 = 127;

impl Shell {
    pub(super) fn simple(&mut self, simple: &Simple, redirects: &[Redirect]) -> Ran {
        self.substituted = None;
        let args = self.fields(&simple.words)?;
        let streams = self.streams.clone();
        let ran = match self.redirected(redirects) {
            Ok(false) => Ok(1),
            Err(stop) => Err(stop),
            Ok(true) if args.is_empty() => {
                let assigned = self.assign_all(&simple.assignments);
                self.trace(&simple.assignments, &args);
                assigned.map(|()| self.substituted.unwrap_or(0))
            }
            Ok(true) => self.called(simple, &args),
        };
        // `exec` without a command keeps its redirections.
        if args != ["exec"] {
            self.streams = streams;
        }
        ran
    }

    /// Calls a command with the assignments before it, which hold for it alone.
    fn called(&mut self, simple: &Simple, args: &[String]) -> Ran {
        let names = simple.assignments.iter().map(|assignment| &assignment.name);
        let before: Vec<(String, Option<Variable>)> = names
            .map(|name| (name.clone(), self.variables.get(name).cloned()))
            .collect();
        self.assign_all(&simple.assignments)?;
        for (name, _) in &before {
            if let Some(variable) = self.variables.get_mut(name) {
                variable.exported = true;
            }
        }
        self.trace(&simple.assignments, args);
        let ran = if builtins::is_declaring(&args[0]) {
            self.declare(args, &simple.declared)
        } else {
            self.call(args)
        };
        self.restore(before);
        ran
    }

    /// Puts variables back to what they were.
    pub(crate) fn restore(&mut self, variables: Vec<(String, Option<Variable>)>) {
        for (name, variable) in variables.into_iter().rev() {
            match variable {
                Some(variable) => self.variables.insert(name, variable),
                None => self.variables.remove(&name),
            };
        }
    }

    /// Calls a function, a builtin, a tool or a script by its name.
    pub(crate) fn call(&mut self, args: &[String]) -> Ran {
        let Some((name, rest)) = args.split_first() else {
            return Ok(0);
        };
        if let Some(body) = self.functions.get(name).cloned() {
            return self.call_function(&body, rest);
        }
        if let Some(builtin) = builtins::find(name) {
            return builtin(self, rest);
        }
        if let Some(tool) = tools::find(name) {
            return Ok(self.call_tool(tool, name, rest));
        }
        self.call_script(name, rest)
    }

    fn call_function(&mut self, body: &Rc<Command>, args: &[String]) -> Ran {
        self.deepen()?;
        let before = std::mem::replace(&mut self.args, args.to_vec());
        self.locals.push(Vec::new());
        let ran = self.command(body);
        if let Some(locals) = self.locals.pop() {
            self.restore(locals);
        }
        self.args = before;
        self.depth -= 1;
        match ran {
            Err(Stop::Return(status)) => Ok(status),
            ran => ran,
        }
    }

    fn call_tool(&mut self, tool: tools::Tool, name: &str, args: &[String]) -> u8 {
        let name = name.rsplit('/').next().unwrap_or(name);
        let mut output = self.streams.output(1);
        let mut call = Call {
            name,
            args,
            out: Vec::new(),
            shell: self,
        };
        let ended = tool(&mut call);
        let out = std::mem::take(&mut call.out);
        let written = output.write_all(&out).and_then(|()| output.flush());
        let ended = match (ended, written) {
            (Ok(_), Err(error)) => Err(tools::Trouble::from(format!(
                "write error: {}",
                crate::text::reason(&error)
            ))),
            (ended, _) => ended,
        };
        match ended {
            Ok(status) => status,
            Err(trouble) => {
                let message = format!("{name}: {}\n", trouble.message);
                // There is nobody to tell that standard error is closed.
                let _ = self.streams.output(2).write_all(message.as_bytes());
                trouble.status
            }
        }
    }

    /// Interprets a file, in a shell of its own.
    fn call_script(&mut self, name: &str, args: &[String]) -> Ran {
        if !name.contains('/') {
            self.complain(&format!("{name}: not found"));
            return Ok(NOT_FOUND);
        }
        let mut text = String::new();
        let read = self
            .open(name)
            .and_then(|mut file| file.read_to_string(&mut text));
        if let Err(error) = read {
            self.complain(&format!("{name}: {}", crate::text::reason(&error)));
            let is_missing = error.kind() == std::io::ErrorKind::NotFound;
            return Ok(if is_missing { NOT_FOUND } else { 126 });
        }
        Ok(self.other(name, args)?.interpret(&text))
    }

    /// Another shell, which sees of this one what a program sees.
    pub(crate) fn other(&self, name: &str, args: &[String]) -> Result<Self, Stop> {
        let mut shell = Self::new(
            name,
            self.folder.clone(),
            self.environment(),
            self.streams.clone(),
        );
        shell.args = args.to_vec();
        shell.depth = self.depth;
        shell.deepen()?;
        Ok(shell)
    }

    /// Runs a script and tells how it ended, be it that it is none.
    pub(crate) fn interpret(mut self, script: &str) -> u8 {
        match self.run(script) {
            Ok(status) => status,
            Err(error) => {
                self.complain(&error.to_string());
                2
            }
        }
    }

    fn assign_all(&mut self, assignments: &[Assignment]) -> Result<(), Stop> {
        for assignment in assignments {
            self.assign_one(assignment)?;
        }
        Ok(())
    }

    /// Carries out one assignment.
    pub(crate) fn assign_one(&mut self, assignment: &Assignment) -> Result<(), Stop> {
        let name = &assignment.name;
        let value = match &assignment.value {
            Assigned::Scalar(word) => {
                let text = self.text(word)?;
                if let Some(index) = &assignment.index {
                    let index = usize::try_from(self.arithmetic(index)?);
                    let index =
                        index.map_err(|_| self.fail(&format!("{name}: bad array subscript")))?;
                    self.set_element(name, index, text);
                    return Ok(());
                }
                if assignment.append {
                    Value::Text(format!("{}{text}", self.get(name).unwrap_or_default()))
                } else {
                    Value::Text(text)
                }
            }
            Assigned::Array(words) => {
                let mut list = self.fields(words)?;
                if assignment.append {
                    let old = self
                        .variables
                        .get(name)
                        .map(|variable| variable.value.clone());
                    let mut whole = match old {
                        None => Vec::new(),
                        Some(Value::Text(text)) => vec![text],
                        Some(Value::List(list)) => list,
                    };
                    whole.append(&mut list);
                    list = whole;
                }
                Value::List(list)
            }
        };
        self.assign(name, value)
    }

    /// Changes a variable that may be changed.
    pub(crate) fn assign(&mut self, name: &str, value: Value) -> Result<(), Stop> {
        if self
            .variables
            .get(name)
            .is_some_and(|variable| variable.fixed)
        {
            return Err(self.fail(&format!("{name}: readonly variable")));
        }
        self.set(name, value);
        Ok(())
    }

    fn trace(&self, assignments: &[Assignment], args: &[String]) {
        if !self.options.xtrace {
            return;
        }
        let mut line = String::from("+");
        for assignment in assignments {
            let value = self.get(&assignment.name).unwrap_or_default();
            line.push_str(&format!(" {}={value}", assignment.name));
        }
        for arg in args {
            line.push(' ');
            line.push_str(arg);
        }
        line.push('\n');
        // There is nobody to tell that standard error is closed.
        let _ = self.streams.output(2).write_all(line.as_bytes());
    }
}
