//! Every error that a plugin's function may return, and the failure that it is.

use std::error::Error as StdError;

use crate::{Failure, FailureClass};

/// Anything that can go wrong in a plugin, with its class: whatever `?` is used on becomes one.
///
/// An error without a class is [`failed`](Failure::failed); a [`Failure`] anywhere in the chain of causes gives its own.
/// `anyhow::Error`, `std::io::Error`, `&str` and `Box<dyn Error>` all turn into it; it is no `std::error::Error` itself,
/// as with `anyhow`, for that is what makes this possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Failure);

impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for Error {
    fn from(error: E) -> Self {
        let error = error.into();
        let class = chain(&*error).find_map(|one| one.downcast_ref::<FailureClass>());
        let mut message = String::new();
        let causes = chain(&*error).filter(|one| !one.is::<FailureClass>());
        for said in causes.map(ToString::to_string) {
            // Some errors say what their cause says; once is enough.
            if message.ends_with(&said) {
                continue;
            }
            if !message.is_empty() {
                message.push_str(": ");
            }
            message.push_str(&said);
        }
        let class = class.copied().unwrap_or(FailureClass::Failed);
        Self(Failure { class, message })
    }
}

/// An error, its cause, the cause of that, and so on.
fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&one| one.source())
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        error.0
    }
}

/// Gives an error a class.
///
/// ```
/// use stepwell::Classify as _;
///
/// fn level(text: &str) -> Result<u8, stepwell::Error> {
///     Ok(text.parse().malformed_input()?)
/// }
/// let failure = stepwell::Failure::from(level("loud").unwrap_err());
/// assert_eq!(failure.class, stepwell::FailureClass::MalformedInput);
/// ```
pub trait Classify<T> {
    /// The work was done and its verdict is no.
    ///
    /// # Errors
    ///
    /// The error, so classed.
    fn failed(self) -> Result<T, Failure>;

    /// What the plugin was given makes no sense; another try with the same input cannot help.
    ///
    /// # Errors
    ///
    /// The error, so classed.
    fn malformed_input(self) -> Result<T, Failure>;

    /// Something outside was not there; another try may help.
    ///
    /// # Errors
    ///
    /// The error, so classed.
    fn transient(self) -> Result<T, Failure>;
}

impl<T, E: Into<Error>> Classify<T> for Result<T, E> {
    fn failed(self) -> Result<T, Failure> {
        classed(self, FailureClass::Failed)
    }

    fn malformed_input(self) -> Result<T, Failure> {
        classed(self, FailureClass::MalformedInput)
    }

    fn transient(self) -> Result<T, Failure> {
        classed(self, FailureClass::Transient)
    }
}

fn classed<T, E: Into<Error>>(result: Result<T, E>, class: FailureClass) -> Result<T, Failure> {
    result.map_err(|error| Failure {
        class,
        ..error.into().0
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn failure(error: impl Into<Error>) -> Failure {
        error.into().into()
    }

    #[test]
    fn the_chain_of_causes_is_the_message() {
        let error = io::Error::new(io::ErrorKind::NotFound, "no such page");
        let error = anyhow::Error::new(error).context("failed to read `index.md`");
        assert_eq!(
            failure(error),
            Failure::failed("failed to read `index.md`: no such page")
        );
        assert_eq!(failure("too many"), Failure::failed("too many"));
    }

    #[test]
    fn a_class_survives_what_is_said_around_it() {
        let error = Err::<(), _>("the registry did not answer").transient();
        assert_eq!(
            failure(anyhow::Error::from(error.unwrap_err()).context("failed to push")),
            Failure::transient("failed to push: the registry did not answer")
        );
    }
}
