//! `sh`: hands the program's arguments, environment and folder to the shell.

use std::path::PathBuf;
use std::process::ExitCode;

use shell::program;
use shell::state::Shell;
use shell::streams::Streams;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let shell = Shell::new("sh", folder(), std::env::vars(), Streams::standard());
    ExitCode::from(program::run(shell, &args))
}

#[cfg(not(target_os = "wasi"))]
fn folder() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))
}

/// The folder that the program starts in. WASI 0.1 has no call for it; the first folder that is handed over is the one.
#[cfg(target_os = "wasi")]
fn folder() -> PathBuf {
    const FIRST: wasip1::Fd = 3;
    #[expect(
        unsafe_code,
        reason = "WASI 0.1 is called as it is; the buffer is as long as it is said to be"
    )]
    // SAFETY: `name` lives through the call and has the length that is passed with it.
    let name = unsafe {
        wasip1::fd_prestat_get(FIRST).and_then(|prestat| {
            let mut name = vec![0; prestat.u.dir.pr_name_len];
            wasip1::fd_prestat_dir_name(FIRST, name.as_mut_ptr(), name.len())?;
            Ok(name)
        })
    };
    let name = name.ok().and_then(|name| String::from_utf8(name).ok());
    name.map_or_else(|| PathBuf::from("/"), PathBuf::from)
}
