//! A container's first process, as the command is one when it is started again.

use std::process::ExitCode;

fn main() -> ExitCode {
    stepwell_sandbox_oci::container_init()
}
