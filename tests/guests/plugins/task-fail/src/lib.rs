//! Emits the result `stage`, then ends as the param `class` says: `failed`, `malformed-input`, `transient`, `panic`, or,
//! with anything else, well. The param `message` is what it says.

use stepwell::{Description, Failure, Invocation, ParamDecl, ParamType, ResultDecl, Task};

struct Fail;

impl Task for Fail {
    fn describe() -> Description {
        Description {
            params: vec![
                ParamDecl::new("class", ParamType::String, "How to fail."),
                ParamDecl::with_default("message", "as asked", "What to say."),
            ],
            results: vec![ResultDecl::new(
                "stage",
                ParamType::String,
                "How far it came.",
            )],
            ..Description::new("task-fail", "0.1.0", "Fails as it is told.")
        }
    }

    fn run(invocation: Invocation) -> Result<(), Failure> {
        let message = invocation.param_str("message")?;
        stepwell::emit("stage", "about to end")?;
        match invocation.param_str("class")? {
            "failed" => Err(Failure::failed(message)),
            "malformed-input" => Err(Failure::malformed_input(message)),
            "transient" => Err(Failure::transient(message)),
            "panic" => panic!("{message}"),
            _ => Ok(()),
        }
    }
}

stepwell::export!(Fail);
