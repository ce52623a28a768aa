//! `spawn COUNT PROGRAM`: starts a program again and again, reads what it prints through a pipe and waits for its end.
//!
//! Prints the nanoseconds that one of them took. The work is what any runner of native steps does: spawn, read, wait.

use std::{
    env,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, ensure};

fn main() -> Result<()> {
    let usage = "usage: spawn COUNT PROGRAM";
    let count: u32 = env::args().nth(1).context(usage)?.parse().context(usage)?;
    let program = env::args().nth(2).context(usage)?;
    ensure!(count > 0, usage);
    let mut bytes = 0;
    let start = Instant::now();
    for _ in 0..count {
        let output = Command::new(&program)
            .env_clear()
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("failed to start `{program}`"))?;
        ensure!(
            output.status.success(),
            "`{program}` ended with {}",
            output.status
        );
        bytes += output.stdout.len();
    }
    let taken = start.elapsed() / count;
    ensure!(bytes > 0, "`{program}` printed nothing");
    println!("{}", taken.as_nanos());
    Ok(())
}
