//! Calling a plugin whole from its own tests, with no WebAssembly and no host: as the host would call it, with params of
//! documents, defaults filled in, results collected.
//!
//! ```
//! # /// What to say.
//! # #[derive(stepwell::Params)]
//! # struct Input {
//! #     /// Whom to greet.
//! #     #[param(default = "world")]
//! #     name: String,
//! # }
//! # /// What was said.
//! # #[derive(stepwell::Results)]
//! # struct Said {
//! #     /// The words.
//! #     greeting: String,
//! # }
//! # /// Greets.
//! # #[stepwell::task]
//! # fn greet(input: Input) -> Result<Said, stepwell::Error> {
//! #     Ok(Said { greeting: format!("hello {}", input.name) })
//! # }
//! # fn main() {
//! let told = stepwell::testing::Call::new().param("name", "Ada").run::<greet>();
//! assert_eq!(told.ending, Ok(()));
//! assert_eq!(told.results["greeting"], "hello Ada".into());
//! # }
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::{Failure, Invocation, ParamValue, Task, emitted};

/// One call of a plugin, put together by a test.
#[derive(Debug, Clone, Default)]
pub struct Call(Invocation);

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// How it ended.
    pub ending: Result<(), Failure>,
    /// The results that it emitted, whichever way it ended.
    pub results: BTreeMap<String, ParamValue>,
}

impl Call {
    /// A call with nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a param, as a document gives it.
    #[must_use]
    pub fn param(mut self, name: &str, value: impl Into<ParamValue>) -> Self {
        self.0.params.insert(name.to_owned(), value.into());
        self
    }

    /// With a folder as a workspace.
    #[must_use]
    pub fn workspace(mut self, name: &str, folder: impl Into<PathBuf>) -> Self {
        self.0.workspaces.insert(name.to_owned(), folder.into());
        self
    }

    /// As the try with this number; 0 is the first.
    #[must_use]
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.0.attempt = attempt;
        self
    }

    /// Calls the plugin.
    pub fn run<T: Task>(self) -> Told {
        // What an earlier call on this thread left behind is not this one's.
        emitted();
        let ending = T::run(self.0.with_defaults(T::describe()));
        Told {
            ending,
            results: emitted(),
        }
    }
}
