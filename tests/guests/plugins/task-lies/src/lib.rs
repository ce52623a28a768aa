//! Describes a param whose default is of another type, and a name that would steer a terminal.

use stepwell::{
    Description, Failure, Invocation, ParamDecl, ParamType, ParamValue, ResultDecl, Task,
};

struct Lies;

impl Task for Lies {
    fn describe() -> Description {
        Description {
            params: vec![ParamDecl {
                default: Some(ParamValue::Array(Vec::new())),
                ..ParamDecl::new("level", ParamType::String, "How strict to be.")
            }],
            results: vec![ResultDecl::new(
                "\u{1b}[2J",
                ParamType::String,
                "Nothing to see.",
            )],
            ..Description::new("task-lies", "1.0.0", "Cannot be meant.")
        }
    }

    fn run(_: Invocation) -> Result<(), Failure> {
        Ok(())
    }
}

stepwell::export!(Lies);
