//! One call of a plugin: its params, its workspaces, its attempt.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::bindings::stepwell::task::types as wire;
use crate::{Description, Failure, ParamType, ParamValue};

/// One call of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Invocation {
    /// Every param of the task, and the plugin's own defaults for those that it declares and nobody gave.
    pub params: BTreeMap<String, ParamValue>,
    /// The workspaces that are there, and their folders.
    pub workspaces: BTreeMap<String, PathBuf>,
    /// Which try this is: 0 for the first.
    pub attempt: u32,
}

impl Invocation {
    /// What the host handed over, and the defaults of `description` where it handed over nothing.
    pub(crate) fn from_wire(invocation: wire::Invocation, description: Description) -> Self {
        let workspaces = invocation.workspaces.into_iter();
        Self {
            params: invocation.params.into_iter().collect(),
            workspaces: workspaces.map(|(name, path)| (name, path.into())).collect(),
            attempt: invocation.attempt,
        }
        .with_defaults(description)
    }

    /// With the defaults of `description` for what nobody gave.
    pub(crate) fn with_defaults(mut self, description: Description) -> Self {
        for param in description.params {
            if let Some(default) = param.default {
                self.params.entry(param.name).or_insert(default);
            }
        }
        self
    }

    fn param(&self, name: &str) -> Result<&ParamValue, Failure> {
        self.params
            .get(name)
            .ok_or_else(|| Failure::malformed_input(format!("there is no param `{name}`")))
    }

    /// The value of a string param.
    ///
    /// # Errors
    ///
    /// [`malformed_input`](Failure::malformed_input) where it is not there or has another type.
    pub fn param_str(&self, name: &str) -> Result<&str, Failure> {
        match self.param(name)? {
            ParamValue::String(text) => Ok(text),
            other => Err(wrong_type(name, other, ParamType::String)),
        }
    }

    /// The value of an array param.
    ///
    /// # Errors
    ///
    /// [`malformed_input`](Failure::malformed_input) where it is not there or has another type.
    pub fn param_array(&self, name: &str) -> Result<&[String], Failure> {
        match self.param(name)? {
            ParamValue::Array(items) => Ok(items),
            other => Err(wrong_type(name, other, ParamType::Array)),
        }
    }

    /// The value of an object param, sorted by its keys.
    ///
    /// # Errors
    ///
    /// [`malformed_input`](Failure::malformed_input) where it is not there or has another type.
    pub fn param_object(&self, name: &str) -> Result<BTreeMap<&str, &str>, Failure> {
        match self.param(name)? {
            ParamValue::Object(entries) => Ok(entries
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str()))
                .collect()),
            other => Err(wrong_type(name, other, ParamType::Object)),
        }
    }

    /// The folder of a workspace.
    ///
    /// # Errors
    ///
    /// [`malformed_input`](Failure::malformed_input) where nobody bound it. For an optional one, ask
    /// [`workspaces`](Self::workspaces).
    pub fn workspace(&self, name: &str) -> Result<&Path, Failure> {
        self.workspaces
            .get(name)
            .map(PathBuf::as_path)
            .ok_or_else(|| Failure::malformed_input(format!("there is no workspace `{name}`")))
    }
}

fn wrong_type(name: &str, value: &ParamValue, wanted: ParamType) -> Failure {
    Failure::malformed_input(format!(
        "param `{name}` is of type {}, not {}",
        value.param_type().as_str(),
        wanted.as_str(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FailureClass, ParamDecl};

    fn invocation() -> Invocation {
        let description = Description {
            params: vec![
                ParamDecl::with_default("level", "warn", "How loud."),
                ParamDecl::with_default("files", vec!["a".to_owned()], "Which."),
                ParamDecl::new("key", ParamType::String, "Has to be given."),
            ],
            ..Description::new("check", "0.1.0", "Checks.")
        };
        let wire = wire::Invocation {
            params: vec![
                ("level".into(), "error".into()),
                (
                    "owner".into(),
                    ParamValue::Object(vec![
                        ("name".into(), "Ada".into()),
                        ("area".into(), "docs".into()),
                    ]),
                ),
            ],
            workspaces: vec![("source".into(), "/workspace/source".into())],
            attempt: 2,
        };
        Invocation::from_wire(wire, description)
    }

    #[test]
    fn what_is_given_comes_before_a_default() {
        let invocation = invocation();
        assert_eq!(invocation.param_str("level").unwrap(), "error");
        assert_eq!(invocation.param_array("files").unwrap(), ["a"]);
        assert_eq!(invocation.attempt, 2);
    }

    #[test]
    fn a_param_that_the_plugin_does_not_declare_is_there_too() {
        let owner = invocation();
        let owner = owner.param_object("owner").unwrap();
        assert_eq!(
            owner.into_iter().collect::<Vec<_>>(),
            [("area", "docs"), ("name", "Ada")]
        );
    }

    #[test]
    fn what_is_missing_or_of_another_type_is_malformed_input() {
        let invocation = invocation();
        for (failure, message) in [
            (
                invocation.param_str("key").unwrap_err(),
                "there is no param `key`",
            ),
            (
                invocation.param_str("files").unwrap_err(),
                "param `files` is of type array, not string",
            ),
            (
                invocation.param_array("level").unwrap_err(),
                "param `level` is of type string, not array",
            ),
            (
                invocation.param_object("level").unwrap_err(),
                "param `level` is of type string, not object",
            ),
            (
                invocation.workspace("cache").unwrap_err(),
                "there is no workspace `cache`",
            ),
        ] {
            assert_eq!(failure.class, FailureClass::MalformedInput);
            assert_eq!(failure.message, message);
        }
        assert_eq!(
            invocation.workspace("source").unwrap(),
            Path::new("/workspace/source")
        );
    }
}
