//! What a typed component says about itself: enough to run it without a document, or to write one.
//!
//! A [`Description`] comes from a guest, and is checked before anybody sees it: names that cannot be, names that are there
//! twice, defaults of another type are refused, so that whoever reads one can rely on it.

use std::collections::HashSet;

use serde::Serialize;

use crate::{ParamType, ParamValue};

/// Stops descriptions that nobody could read: of each sort of thing there can be as many.
const MOST_ITEMS: usize = 256;

/// Stops a description that fills a screen with one name; Tekton's names are no longer.
const MOST_NAME_BYTES: usize = 253;

/// Stops a documentation that is no documentation.
const MOST_TEXT_BYTES: usize = 1 << 20;

/// What a typed component says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description {
    /// Its name: lower-case letters, digits and `-`, so that it can name a task.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it does: a summary in the first line, then Markdown.
    pub documentation: String,
    /// The params it reads.
    pub params: Vec<DescribedParam>,
    /// The folders it works in.
    pub workspaces: Vec<DescribedWorkspace>,
    /// The results it may emit.
    pub results: Vec<DescribedResult>,
    /// What it wants to be granted.
    pub capabilities: Vec<Want>,
}

/// A param that a component reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DescribedParam {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub param_type: ParamType,
    /// What it does.
    pub description: String,
    /// What it is where nobody gives it; `None` where somebody has to.
    pub default: Option<ParamValue>,
    /// For an object, the keys that it has to have.
    pub properties: Vec<String>,
}

/// A folder that a component works in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DescribedWorkspace {
    /// Its name.
    pub name: String,
    /// What the component does with it.
    pub description: String,
    /// Whether the component only looks.
    pub read_only: bool,
    /// Whether the component also runs without it.
    pub optional: bool,
}

/// A result that a component may emit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DescribedResult {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub result_type: ParamType,
    /// What it says.
    pub description: String,
    /// For an object, the keys that it always has.
    pub properties: Vec<String>,
}

/// Something that a component wants to be granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Want {
    /// The setting that grants it: `network=example.com:443`.
    pub grant: String,
    /// What it is used for.
    pub reason: String,
}

/// A description that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptionError {
    /// A name that nothing of its sort can have.
    #[error("the {what} is called `{name}`, and none can be")]
    Name {
        /// What has the name: "param", "workspace".
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Two have the same name; case makes no difference to Tekton.
    #[error("two of its {what}s are called `{name}`")]
    Twice {
        /// What has the name.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A default of another type than the param's.
    #[error("the param `{name}` is of type {declared}, its default of type {given}")]
    Default {
        /// The param.
        name: String,
        /// Its type.
        declared: ParamType,
        /// The default's.
        given: ParamType,
    },
    /// More than anybody reads.
    #[error("it has {count} {what}s, and {MOST_ITEMS} may be")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
    },
    /// Texts that are longer than anybody reads.
    #[error("its texts have {bytes} bytes, and {MOST_TEXT_BYTES} may be")]
    TooLong {
        /// How many bytes.
        bytes: usize,
    },
}

impl Description {
    /// Takes the description if it can be meant.
    ///
    /// # Errors
    ///
    /// The first thing in it that cannot.
    pub fn checked(self) -> Result<Self, DescriptionError> {
        let is_task = |name: &str| {
            let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            name.len() <= 63
                && name.starts_with(edge)
                && name.ends_with(edge)
                && name.chars().all(|c| edge(c) || c == '-')
        };
        if !is_task(&self.name) {
            return Err(DescriptionError::Name {
                what: "plugin",
                name: self.name,
            });
        }
        let names = |what, names: Vec<&str>| check_names(what, &names);
        names("param", self.params.iter().map(|p| &*p.name).collect())?;
        names(
            "workspace",
            self.workspaces.iter().map(|w| &*w.name).collect(),
        )?;
        names("result", self.results.iter().map(|r| &*r.name).collect())?;
        for param in &self.params {
            let given = param.default.as_ref().map(ParamValue::param_type);
            if let Some(given) = given.filter(|given| *given != param.param_type) {
                return Err(DescriptionError::Default {
                    name: param.name.clone(),
                    declared: param.param_type,
                    given,
                });
            }
        }
        let texts = self.params.iter().map(|param| &param.description);
        let texts = texts.chain(self.workspaces.iter().map(|one| &one.description));
        let texts = texts.chain(self.results.iter().map(|result| &result.description));
        let texts = texts.chain(self.capabilities.iter().map(|want| &want.reason));
        let texts = texts.chain([&self.documentation, &self.version]);
        let bytes = texts.map(String::len).sum();
        match bytes > MOST_TEXT_BYTES {
            true => Err(DescriptionError::TooLong { bytes }),
            false => Ok(self),
        }
    }
}

/// Names of one sort, by Tekton's rules for the narrowest of them.
fn check_names(what: &'static str, names: &[&str]) -> Result<(), DescriptionError> {
    if names.len() > MOST_ITEMS {
        let count = names.len();
        return Err(DescriptionError::TooMany { what, count });
    }
    let mut seen = HashSet::new();
    for name in names {
        let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let can_be = name.len() <= MOST_NAME_BYTES
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(inner);
        let name = (*name).to_owned();
        if !can_be {
            return Err(DescriptionError::Name { what, name });
        }
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(DescriptionError::Twice { what, name });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described() -> Description {
        Description {
            name: "lint".to_owned(),
            version: "1.0.0".to_owned(),
            documentation: "Lints.".to_owned(),
            params: vec![DescribedParam {
                name: "level".to_owned(),
                param_type: ParamType::String,
                description: "How strict.".to_owned(),
                default: Some(ParamValue::String("warn".to_owned())),
                properties: Vec::new(),
            }],
            workspaces: Vec::new(),
            results: Vec::new(),
            capabilities: Vec::new(),
        }
    }

    fn spoilt(spoil: impl FnOnce(&mut Description)) -> DescriptionError {
        let mut description = described();
        spoil(&mut description);
        description.checked().unwrap_err()
    }

    #[test]
    fn what_can_be_meant_is_taken_as_it_is() {
        assert_eq!(described().checked(), Ok(described()));
    }

    #[test]
    fn attack_a_description_that_cannot_be_meant() {
        let name = |what, name: &str| DescriptionError::Name {
            what,
            name: name.to_owned(),
        };
        for bad in ["", "Lint", "-lint", "a/b", "\u{1b}[2J", &"a".repeat(64)] {
            let told = spoilt(|description| description.name = bad.to_owned());
            assert_eq!(told, name("plugin", bad));
        }
        for bad in ["", "a b", "1st", "a\nb", &"a".repeat(254)] {
            let told = spoilt(|description| description.params[0].name = bad.to_owned());
            assert_eq!(told, name("param", bad));
        }
        let twice = spoilt(|description| {
            let mut second = description.params[0].clone();
            second.name = "Level".to_owned();
            description.params.push(second);
        });
        assert_eq!(twice.to_string(), "two of its params are called `Level`");
        let default = spoilt(|description| {
            description.params[0].default = Some(ParamValue::Array(Vec::new()));
        });
        assert_eq!(
            default.to_string(),
            "the param `level` is of type string, its default of type array"
        );
        let many = spoilt(|description| {
            description.params = (0..257)
                .map(|n| DescribedParam {
                    name: format!("p{n}"),
                    ..described().params.remove(0)
                })
                .collect();
        });
        assert_eq!(many.to_string(), "it has 257 params, and 256 may be");
        let long = spoilt(|description| description.documentation = "x".repeat(MOST_TEXT_BYTES));
        assert!(matches!(long, DescriptionError::TooLong { .. }));
    }
}
