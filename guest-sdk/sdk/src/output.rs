//! What the function of a plugin gives: a struct of results, described by its own fields.

use crate::{EmitError, ResultDecl, Value, emit};

/// What the function of a plugin gives. Derived: `#[derive(stepwell::Results)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what the function of a plugin can give",
    label = "`{Self}` does not derive `stepwell::Results`",
    note = "write `#[derive(stepwell::Results)]` above the struct, or return `Result<(), _>`"
)]
pub trait Results: Sized {
    /// The results that it may have.
    fn declare() -> Vec<ResultDecl>;

    /// Hands each of them to the host; one that is `None` is left out. It happens by itself where the function gives them,
    /// and is called by a plugin that has results although it fails.
    ///
    /// # Errors
    ///
    /// The first that the host did not take.
    fn emit(self) -> Result<(), EmitError>;
}

/// A plugin without results.
impl Results for () {
    fn declare() -> Vec<ResultDecl> {
        Vec::new()
    }

    fn emit(self) -> Result<(), EmitError> {
        Ok(())
    }
}

/// One field of [`Results`], described.
#[doc(hidden)]
pub fn declare<V: Value>(name: &str, description: &str) -> ResultDecl {
    ResultDecl {
        name: name.to_owned(),
        value_type: V::TYPE,
        description: description.to_owned(),
        properties: V::result_properties(),
    }
}

/// One field of [`Results`], handed over.
///
/// # Errors
///
/// The host did not take it.
#[doc(hidden)]
pub fn hand_over<V: Value>(name: &str, value: V) -> Result<(), EmitError> {
    match value.into_result() {
        Some(value) => emit(name, value),
        None => Ok(()),
    }
}
