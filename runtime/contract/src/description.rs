//! What a typed component says about itself: enough to run it without a document, or to write one.
//!
//! A [`Description`] comes from a guest, and is checked before anybody sees it: names that cannot be, names that are there
//! twice, defaults of another type are refused, so that whoever reads one can rely on it.

use std::collections::HashSet;

use serde::Serialize;

use crate::{GrantError, Grants, ParamType, ParamValue};

/// Stops descriptions that nobody could read: of each sort of thing there can be as many.
const MOST_ITEMS: usize = 256;

/// Stops a description that fills a screen with one name; Tekton's names are no longer.
const MOST_NAME_BYTES: usize = 253;

/// What a key is called in an error.
const KEY: &str = "object key";

/// Stops texts that nobody could read: all of them together have no more.
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
    /// Something is wanted that nobody can grant.
    #[error("what it wants to be granted cannot be: {0}")]
    Grant(GrantError),
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
        let params = self.params.iter().map(|param| &*param.name);
        check_names("param", params, is_param)?;
        let workspaces = self.workspaces.iter().map(|workspace| &*workspace.name);
        check_names("workspace", workspaces, is_workspace)?;
        let results = self.results.iter().map(|result| &*result.name);
        check_names("result", results, is_result)?;
        check_count("wanted grant", self.capabilities.len())?;
        for result in &self.results {
            check_keys(&result.properties, is_result_key)?;
        }
        for param in &self.params {
            check_keys(&param.properties, is_param_key)?;
            // `a.b` is a key of the object `a`.
            if param.param_type == ParamType::Object && !is_param_key(&param.name) {
                return Err(DescriptionError::Name {
                    what: "object param",
                    name: param.name.clone(),
                });
            }
            let given = param.default.as_ref().map(ParamValue::param_type);
            if let Some(given) = given.filter(|given| *given != param.param_type) {
                return Err(DescriptionError::Default {
                    name: param.name.clone(),
                    declared: param.param_type,
                    given,
                });
            }
        }
        let bytes = self.text_bytes();
        if bytes > MOST_TEXT_BYTES {
            return Err(DescriptionError::TooLong { bytes });
        }
        for want in &self.capabilities {
            let granted = Grants::default().apply(&want.grant);
            granted.map_err(DescriptionError::Grant)?;
        }
        Ok(self)
    }

    /// How many bytes all of its texts have together.
    fn text_bytes(&self) -> usize {
        let params = self.params.iter().map(|param| {
            let default = param.default.as_ref().map_or(0, value_bytes);
            param.name.len() + param.description.len() + keys_bytes(&param.properties) + default
        });
        let workspaces = self.workspaces.iter();
        let workspaces = workspaces.map(|one| one.name.len() + one.description.len());
        let results = self.results.iter().map(|result| {
            result.name.len() + result.description.len() + keys_bytes(&result.properties)
        });
        let wants = self.capabilities.iter();
        let wants = wants.map(|want| want.grant.len() + want.reason.len());
        let parts = params.chain(workspaces).chain(results).chain(wants);
        parts.sum::<usize>() + self.name.len() + self.version.len() + self.documentation.len()
    }
}

fn keys_bytes(keys: &[String]) -> usize {
    keys.iter().map(String::len).sum()
}

/// The bytes of a value, where each item has one more: a million empty ones are not nothing.
fn value_bytes(value: &ParamValue) -> usize {
    match value {
        ParamValue::String(text) => text.len(),
        ParamValue::Array(items) => items.iter().map(|item| item.len() + 1).sum(),
        ParamValue::Object(pairs) => {
            let pairs = pairs.iter();
            pairs.map(|(key, value)| key.len() + value.len() + 1).sum()
        }
    }
}

fn check_count(what: &'static str, count: usize) -> Result<(), DescriptionError> {
    match count > MOST_ITEMS {
        true => Err(DescriptionError::TooMany { what, count }),
        false => Ok(()),
    }
}

/// Names of one sort, each of which has to be one by Tekton's rules.
fn check_names<'a>(
    what: &'static str,
    names: impl ExactSizeIterator<Item = &'a str>,
    is_name: fn(&str) -> bool,
) -> Result<(), DescriptionError> {
    check_count(what, names.len())?;
    let mut seen = HashSet::new();
    for name in names {
        if name.len() > MOST_NAME_BYTES || !is_name(name) {
            let name = name.to_owned();
            return Err(DescriptionError::Name { what, name });
        }
        if !seen.insert(name.to_ascii_lowercase()) {
            let name = name.to_owned();
            return Err(DescriptionError::Twice { what, name });
        }
    }
    Ok(())
}

/// The keys of one object. Unlike names they are told apart by their case.
fn check_keys(keys: &[String], is_key: fn(&str) -> bool) -> Result<(), DescriptionError> {
    check_count(KEY, keys.len())?;
    let mut seen = HashSet::new();
    for key in keys {
        let name = || key.clone();
        if key.len() > MOST_NAME_BYTES || !is_key(key) {
            let name = name();
            return Err(DescriptionError::Name { what: KEY, name });
        }
        if !seen.insert(key) {
            let name = name();
            return Err(DescriptionError::Twice { what: KEY, name });
        }
    }
    Ok(())
}

/// A letter or `_`, then letters, digits, `-`, `_` and `.`.
fn is_param(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && is_result_key(name)
}

/// Like a param, without the `.` that stands before a key.
fn is_param_key(key: &str) -> bool {
    is_param(key) && !key.contains('.')
}

/// Letters, digits, `-`, `_` and `.`: Tekton itself has no rule for them.
fn is_result_key(key: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !key.is_empty() && key.chars().all(inner)
}

/// Like a param, and no longer than the name of a folder that Kubernetes mounts.
fn is_workspace(name: &str) -> bool {
    name.len() <= 63 && is_param(name)
}

/// Like a param, with a letter or digit at both ends.
fn is_result(name: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric();
    is_param(name) && name.starts_with(edge) && name.ends_with(edge)
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

    fn result(name: &str) -> DescribedResult {
        DescribedResult {
            name: name.to_owned(),
            result_type: ParamType::Object,
            description: String::new(),
            properties: Vec::new(),
        }
    }

    fn want(grant: &str) -> Want {
        Want {
            grant: grant.to_owned(),
            reason: "to work".to_owned(),
        }
    }

    #[test]
    fn attack_names_that_build_and_never_run() {
        for bad in ["_r", "r-", "_r-", "r_", "r."] {
            let told = spoilt(|description| description.results.push(result(bad)));
            let name = bad.to_owned();
            let what = "result";
            assert_eq!(told, DescriptionError::Name { what, name });
        }
        let long = spoilt(|description| {
            description.workspaces.push(DescribedWorkspace {
                name: "w".repeat(64),
                description: String::new(),
                read_only: false,
                optional: false,
            });
        });
        assert!(long.to_string().starts_with("the workspace is called"));
        let dotted = spoilt(|description| {
            let param = &mut description.params[0];
            param.name = "a.b".to_owned();
            param.param_type = ParamType::Object;
        });
        assert!(dotted.to_string().starts_with("the object param is called"));
        let mut good = described();
        good.params[0].name = "_a.b-".to_owned();
        good.results.push(result("r-1"));
        assert_eq!(good.clone().checked(), Ok(good));
    }

    #[test]
    fn attack_keys_of_objects_that_cannot_be_meant() {
        let keys =
            |keys: &[&str]| -> Vec<String> { keys.iter().map(|key| (*key).to_owned()).collect() };
        let both = |properties: Vec<String>| {
            let of_result = spoilt(|description| {
                description.results.push(DescribedResult {
                    properties: properties.clone(),
                    ..result("r")
                });
            });
            let of_param = spoilt(|description| description.params[0].properties = properties);
            assert_eq!(of_result, of_param);
            of_param.to_string()
        };
        for bad in ["", "a\nb", "\u{1b}[2J", "ä", &"a".repeat(254)] {
            let told = format!("the object key is called `{bad}`, and none can be");
            assert_eq!(both(keys(&["k", bad])), told);
        }
        assert_eq!(
            both(keys(&["k", "K", "k"])),
            "two of its object keys are called `k`"
        );
        assert_eq!(
            both((0..257).map(|n| format!("k{n}")).collect()),
            "it has 257 object keys, and 256 may be"
        );
        let mut good = described();
        good.results.push(DescribedResult {
            properties: keys(&["k", "K", "_k-1", "1.5"]),
            ..result("r")
        });
        for bad in ["a.b", "1st"] {
            let told = spoilt(|description| description.params[0].properties = keys(&[bad]));
            assert!(told.to_string().starts_with("the object key is called"));
        }
        assert_eq!(good.clone().checked(), Ok(good));
    }

    #[test]
    fn attack_grants_that_are_none() {
        for bad in [
            "network=no thing; rm -rf /",
            "network=no thing; rm -rf /:80",
            "network=\u{1b}[2J:80",
            "network=",
            "tools=gcc 14",
            "filesystem=/",
            "",
        ] {
            let told = spoilt(|description| description.capabilities.push(want(bad)));
            assert!(matches!(told, DescriptionError::Grant(_)), "{bad}");
        }
        let many = spoilt(|description| {
            description.capabilities = vec![want("clock=real"); 257];
        });
        assert_eq!(many.to_string(), "it has 257 wanted grants, and 256 may be");
        let mut good = described();
        let grants = [
            "clock=real",
            "random=real",
            "network=any",
            "network=none",
            "network=[::1]:443",
            "network=rules.example:443",
            "tools=gcc:14",
        ];
        good.capabilities = grants.map(want).into();
        assert_eq!(good.clone().checked(), Ok(good));
    }

    #[test]
    fn attack_texts_in_places_that_nobody_counts() {
        let long = || "x".repeat(MOST_TEXT_BYTES);
        let spoils: [fn(&mut Description, String); 4] = [
            |description, long| {
                description
                    .capabilities
                    .push(want(&format!("tools={long}")))
            },
            |description, long| description.params[0].default = Some(ParamValue::String(long)),
            |description, long| {
                description.params[0].param_type = ParamType::Array;
                let items = vec![String::new(); long.len()];
                description.params[0].default = Some(ParamValue::Array(items));
            },
            |description, long| {
                description.params[0].param_type = ParamType::Object;
                let pairs = [(long, String::new())];
                description.params[0].default = Some(ParamValue::Object(pairs.into()));
            },
        ];
        for spoil in spoils {
            let told = spoilt(|description| spoil(description, long()));
            assert!(matches!(told, DescriptionError::TooLong { .. }));
        }
        // Each of 256 objects has as many keys as it may have, and each key as many bytes.
        let keys = (0..256).map(|n| format!("{n:_>253}")).collect::<Vec<_>>();
        let told = spoilt(|description| {
            description.results = (0..256)
                .map(|n| DescribedResult {
                    properties: keys.clone(),
                    ..result(&format!("r{n}"))
                })
                .collect();
        });
        assert!(matches!(told, DescriptionError::TooLong { .. }));
    }
}
