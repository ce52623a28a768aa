//! The trait that a plugin implements, by hand or by `#[stepwell::task]`, and the glue between it and the exports of the
//! contract.

use std::marker::PhantomData;

use crate::bindings::exports::stepwell::task::task::Guest;
use crate::bindings::stepwell::task::types as wire;
use crate::{Description, Error, Failure, Invocation, Params, Results};

/// A plugin. `#[stepwell::task]` implements it for a function.
pub trait Task: 'static {
    /// Says what the plugin is and needs. Gives the same answer every time, and must not touch files, clocks or the
    /// network: it is called outside a run too, with nothing granted.
    fn describe() -> Description;

    /// Does the work, once. What it prints is the log of the step.
    ///
    /// # Errors
    ///
    /// Why the step failed, in words for a person. A panic also ends the step, and says less.
    fn run(invocation: Invocation) -> Result<(), Failure>;
}

/// What stands behind the exports of the plugin `T`.
#[doc(hidden)]
pub struct Exported<T>(PhantomData<T>);

impl<T: Task> Guest for Exported<T> {
    fn describe() -> Description {
        T::describe()
    }

    fn run(invocation: wire::Invocation) -> Result<(), wire::Failure> {
        Ok(T::run(Invocation::from_wire(invocation, T::describe()))?)
    }
}

/// What a plugin of one function says about itself: `description`, and what the function takes and gives.
#[doc(hidden)]
pub fn describe<P: Params, R: Results, E>(
    _: fn(P) -> Result<R, E>,
    mut description: Description,
) -> Description {
    P::declare(&mut description);
    description.results.extend(R::declare());
    description
}

/// Calls a plugin of one function.
///
/// # Errors
///
/// What is wrong with the params, why the function failed, or the result that was not taken.
#[doc(hidden)]
pub fn call<P: Params, R: Results, E: Into<Error>>(
    work: fn(P) -> Result<R, E>,
    mut invocation: Invocation,
) -> Result<(), Failure> {
    let params = P::take(&mut invocation)?;
    let results = work(params).map_err(|error| Failure::from(error.into()))?;
    Ok(results.emit()?)
}

/// Exports a type that implements [`Task`] as the plugin of this crate, which has to be a `cdylib`. On a machine that is
/// not WebAssembly it exports nothing.
#[macro_export]
macro_rules! export {
    ($task:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Plugin = $crate::Exported<$task>;
    $crate::bindings::export_contract!(Plugin with_types_in $crate::bindings);
        };
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() -> $crate::Description = <$task as $crate::Task>::describe;
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ParamDecl, emit, emitted};

    struct Greet;

    impl Task for Greet {
        fn describe() -> Description {
            Description {
                params: vec![ParamDecl::with_default("name", "world", "Whom to greet.")],
                ..Description::new("greet", "0.1.0", "Greets.")
            }
        }

        fn run(invocation: Invocation) -> Result<(), Failure> {
            emit(
                "greeting",
                format!("hello {}", invocation.param_str("name")?),
            )?;
            Ok(())
        }
    }

    #[test]
    fn a_task_is_called_with_its_own_defaults() {
        let invocation = wire::Invocation {
            params: Vec::new(),
            workspaces: Vec::new(),
            attempt: 0,
        };
        <Exported<Greet> as Guest>::run(invocation).unwrap();
        assert_eq!(
            emitted(),
            [("greeting".to_owned(), "hello world".into())].into()
        );
    }
}
