//! Runs the native program that it is told of, and says how that ended.

/// What to run.
#[derive(stepwell::Params)]
struct Input {
    /// The program and its arguments.
    command: Vec<String>,
    /// Where it starts; else where the plugin does.
    #[param(default = "")]
    folder: String,
    /// A variable of it.
    #[param(default = "")]
    variable: String,
    /// Whether what it prints comes back.
    #[param(default = false)]
    captured: bool,
    /// What both work in.
    source: stepwell::Workspace,
}

/// How it ended.
#[derive(stepwell::Results)]
struct Ended {
    /// Its exit code.
    code: i32,
    /// What it printed to standard output.
    out: String,
    /// What it printed to standard error.
    err: String,
    /// What of that was too much.
    dropped: u64,
    /// The files of the workspace, as the plugin sees them afterwards.
    files: Vec<String>,
}

/// Runs a native program.
#[stepwell::task(wants(tools("busybox") = "to run what it is told of"))]
fn task_tools(input: Input) -> Result<Ended, stepwell::Error> {
    std::fs::write(input.source.join("before"), "written by the plugin")?;
    let mut command = input.command.into_iter();
    let mut tool = stepwell::Tool::new(command.next().unwrap_or_default()).args(command);
    if !input.folder.is_empty() {
        tool = tool.current_dir(&input.folder);
    }
    if !input.variable.is_empty() {
        tool = tool.env("VARIABLE", &input.variable).env("OTHER", "");
    }
    let ran = if input.captured {
        tool.output()?
    } else {
        tool.run()?
    };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).chars().take(1000).collect();
    let mut files = Vec::new();
    for entry in std::fs::read_dir(input.source.join(""))? {
        files.push(entry?.file_name().to_string_lossy().into_owned());
    }
    files.sort();
    Ok(Ended {
        code: ran.exit_code,
        out: text(ran.stdout),
        err: text(ran.stderr),
        dropped: ran.dropped,
        files,
    })
}
