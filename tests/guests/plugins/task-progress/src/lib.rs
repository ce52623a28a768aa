//! Reports progress `count` times, each with a message of `bytes` bytes, and then ends well.

use std::str::FromStr;

use stepwell::{Description, Failure, Invocation, ParamDecl, Task};

struct Progress;

impl Task for Progress {
    fn describe() -> Description {
        Description {
            params: vec![
                ParamDecl::with_default("count", "3", "How often to report."),
                ParamDecl::with_default("bytes", "8", "How long a message is."),
            ],
            ..Description::new(
                "task-progress",
                "0.1.0",
                "Reports progress, much or little.",
            )
        }
    }

    fn run(invocation: Invocation) -> Result<(), Failure> {
        let count: u64 = number(&invocation, "count")?;
        let message = "m".repeat(number(&invocation, "bytes")?);
        for done in 1..=count {
            stepwell::progress(done, Some(count), &message);
        }
        Ok(())
    }
}

fn number<T: FromStr>(invocation: &Invocation, name: &str) -> Result<T, Failure> {
    let text = invocation.param_str(name)?;
    text.parse()
        .map_err(|_| Failure::malformed_input(format!("`{text}` is no number for `{name}`")))
}

stepwell::export!(Progress);
