//! What the function of a plugin takes: a struct of params and workspaces, described by its own fields.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use crate::{Description, Failure, Invocation, ParamDecl, ParamValue, Value, WorkspaceDecl};

/// What the function of a plugin takes. Derived: `#[derive(stepwell::Params)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what the function of a plugin can take",
    label = "`{Self}` does not derive `stepwell::Params`",
    note = "write `#[derive(stepwell::Params)]` above the struct"
)]
pub trait Params: Sized {
    /// Adds its params and workspaces to what the plugin says about itself.
    fn declare(description: &mut Description);

    /// Takes it out of a call.
    ///
    /// # Errors
    ///
    /// [`malformed_input`](Failure::malformed_input) that names the param and what is wrong with it: with all of them at
    /// once, one on a line.
    fn take(invocation: &mut Invocation) -> Result<Self, Failure>;
}

/// A plugin that takes nothing.
impl Params for () {
    fn declare(_: &mut Description) {}

    fn take(_: &mut Invocation) -> Result<Self, Failure> {
        Ok(())
    }
}

/// What a field says of itself beside its type.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Field {
    /// The name in documents.
    pub name: &'static str,
    /// Its documentation.
    pub description: &'static str,
    /// Its default, where one is declared.
    pub default: Option<ParamValue>,
}

/// A type that a field of [`Params`] may have: a [`Value`], a [`Workspace`], a [`ReadOnlyWorkspace`], an `Option` of one
/// of them, or an [`Attempt`].
#[diagnostic::on_unimplemented(
    message = "a param cannot be of the type `{Self}`",
    label = "neither a value of a document nor a workspace",
    note = "params are strings, numbers, `bool`, paths, `Vec` and `BTreeMap` of them, or structs with `#[derive(stepwell::Object)]`; implement `stepwell::Value` for a type of your own"
)]
pub trait Input: Sized {
    /// Adds the field to what the plugin says about itself.
    #[doc(hidden)]
    fn declare(field: Field, description: &mut Description);

    /// Takes the field out of a call.
    ///
    /// # Errors
    ///
    /// What is wrong, in a sentence that names the field.
    #[doc(hidden)]
    fn take(name: &str, invocation: &mut Invocation) -> Result<Self, String>;
}

impl<V: Value> Input for V {
    fn declare(field: Field, description: &mut Description) {
        description.params.push(ParamDecl {
            name: field.name.to_owned(),
            value_type: V::TYPE,
            description: field.description.to_owned(),
            default: field.default.or_else(V::absent),
            properties: V::properties(),
        });
    }

    fn take(name: &str, invocation: &mut Invocation) -> Result<Self, String> {
        let given = invocation.params.remove(name).or_else(V::absent);
        let value = given.ok_or_else(|| format!("there is no param `{name}`"))?;
        V::from_value(value).map_err(|error| match error.starts_with(['[', '.']) {
            true => format!("param `{name}`{error}"),
            false => format!("param `{name}` {error}"),
        })
    }
}

/// A folder that the plugin changes. It is where its [`Path`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace(PathBuf);

/// A folder that the plugin only looks into. The host refuses every change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOnlyWorkspace(PathBuf);

macro_rules! workspaces {
    ($($workspace:ident is read_only: $read_only:literal;)*) => {$(
        impl From<PathBuf> for $workspace {
            fn from(path: PathBuf) -> Self {
                Self(path)
            }
        }

        impl From<&Path> for $workspace {
            fn from(path: &Path) -> Self {
                Self(path.to_owned())
            }
        }

        impl Deref for $workspace {
            type Target = Path;

            fn deref(&self) -> &Path {
                &self.0
            }
        }

        impl AsRef<Path> for $workspace {
            fn as_ref(&self) -> &Path {
                &self.0
            }
        }

        impl Input for $workspace {
            fn declare(field: Field, description: &mut Description) {
                description.workspaces.push(folder(field, $read_only, false));
            }

            fn take(name: &str, invocation: &mut Invocation) -> Result<Self, String> {
                let path = invocation.workspaces.remove(name);
                path.map(Self).ok_or_else(|| format!("there is no workspace `{name}`"))
            }
        }

        impl Input for Option<$workspace> {
            fn declare(field: Field, description: &mut Description) {
                description.workspaces.push(folder(field, $read_only, true));
            }

            fn take(name: &str, invocation: &mut Invocation) -> Result<Self, String> {
                Ok(invocation.workspaces.remove(name).map($workspace))
            }
        }
    )*};
}

workspaces! {
    Workspace is read_only: false;
    ReadOnlyWorkspace is read_only: true;
}

fn folder(field: Field, read_only: bool, optional: bool) -> WorkspaceDecl {
    WorkspaceDecl {
        name: field.name.to_owned(),
        description: field.description.to_owned(),
        read_only,
        optional,
    }
}

/// Which try this is: 0 for the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Attempt(pub u32);

impl Input for Attempt {
    fn declare(_: Field, _: &mut Description) {}

    fn take(_: &str, invocation: &mut Invocation) -> Result<Self, String> {
        Ok(Self(invocation.attempt))
    }
}

/// A type whose default can be written as text.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "text is no default for a `{Self}`",
    label = "a value of the type `{Self}` belongs here, without quotes"
)]
pub trait FromText {
    /// The default that is written as `text`.
    fn from_text(text: &str) -> Self;
}

impl FromText for String {
    fn from_text(text: &str) -> Self {
        text.to_owned()
    }
}

impl FromText for PathBuf {
    fn from_text(text: &str) -> Self {
        text.into()
    }
}

impl<T: FromText> FromText for Option<T> {
    fn from_text(text: &str) -> Self {
        Some(T::from_text(text))
    }
}

/// Collects what is wrong with the fields of a call, so that all of it is said at once.
#[doc(hidden)]
#[derive(Debug)]
pub struct Fields<'a> {
    invocation: &'a mut Invocation,
    wrong: Vec<String>,
}

impl<'a> Fields<'a> {
    /// The fields of one call.
    pub fn of(invocation: &'a mut Invocation) -> Self {
        Self {
            invocation,
            wrong: Vec::new(),
        }
    }

    /// The field `name`; `None` where something is wrong with it.
    pub fn take<I: Input>(&mut self, name: &str) -> Option<I> {
        match I::take(name, self.invocation) {
            Ok(field) => Some(field),
            Err(error) => {
                self.wrong.push(error);
                None
            }
        }
    }

    /// What `all` of the fields make.
    ///
    /// # Errors
    ///
    /// Everything that was wrong.
    pub fn finish<T>(self, all: Option<T>) -> Result<T, Failure> {
        match all {
            Some(all) if self.wrong.is_empty() => Ok(all),
            _ => Err(Failure::malformed_input(self.wrong.join("\n"))),
        }
    }
}
