//! Problems of what the command line asks for. They have no place in a document.

/// A request that the documents cannot fulfil.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub(crate) enum RequestProblem {
    /// No Task and no TaskRun.
    #[error("there is nothing to run in {files}")]
    #[diagnostic(
        code(spec::nothing_to_run),
        help("a file with a Task or a TaskRun (`apiVersion: tekton.dev/v1`) can be run")
    )]
    NothingToRun { files: String },
    /// More than one that could be meant.
    #[error("the files hold several {kind}s: {names}")]
    #[diagnostic(code(spec::several_to_run), help("choose one with `--task {example}`"))]
    SeveralToRun {
        kind: &'static str,
        names: String,
        example: String,
    },
    /// `--task` names nothing.
    #[error("no Task or TaskRun is called `{name}`")]
    #[diagnostic(code(spec::unknown_task), help("{help}"))]
    UnknownTask { name: String, help: String },
    /// `-p` names a param that nobody declares.
    #[error("`-p {name}=…` gives a param that the Task does not declare")]
    #[diagnostic(code(spec::unknown_param), help("{help}"))]
    UnknownParam { name: String, help: String },
    /// `-w` names a workspace that nobody declares.
    #[error("`-w {name}=…` binds a workspace that the Task does not declare")]
    #[diagnostic(code(spec::unknown_workspace_flag), help("{help}"))]
    UnknownWorkspace { name: String, help: String },
    /// One flag is given twice with one name.
    #[error("`{flag} {name}=…` is given twice")]
    #[diagnostic(code(spec::flag_twice), help("keep one of the two"))]
    Twice { flag: &'static str, name: String },
    /// `-p` gives a value that its param cannot have.
    #[error("`-p {name}={value}` gives a value that the param cannot have")]
    #[diagnostic(code(spec::bad_param_flag), help("{help}"))]
    BadParam {
        name: String,
        value: String,
        help: String,
    },
    /// `--limit` or `--grant` with something that cannot be meant.
    #[error("`{flag} {setting}`: {message}")]
    #[diagnostic(code(spec::bad_flag), help("a setting such as `{flag} {example}`"))]
    BadSetting {
        flag: &'static str,
        setting: String,
        message: String,
        example: &'static str,
    },
}
