//! Problems of one run: what the Task wants and what the TaskRun and the command line give do not fit.

use crate::problem::problems;
use crate::source::Span;

problems! {
    /// A run that cannot be made from what was given.
    RunProblem {
        /// `taskRef` names a Task that is in none of the files.
        #[error("there is no Task `{name}`")]
        #[diagnostic(code(spec::task_not_found), help("{help}"))]
        TaskNotFound {
            name: String,
            help: String,
            #[label("no document declares this Task")]
            span: Span,
        }
        /// A param without a default got no value.
        #[error("the param `{param}` has no value")]
        #[diagnostic(code(spec::missing_param), help("give it with `-p {param}={example}`{or}"))]
        MissingParam {
            param: String,
            example: &'static str,
            or: &'static str,
            #[label("declared here, without a default")]
            span: Span,
        }
        /// A param got a value of another type.
        #[error("the param `{param}` is given {found}, but it is {declared}")]
        #[diagnostic(code(spec::param_type), help("{help}"))]
        ParamType {
            param: String,
            found: &'static str,
            declared: &'static str,
            help: String,
            #[label("{found}")]
            span: Span,
        }
        /// An object got a value that lacks keys.
        #[error("the value of the param `{param}` lacks the keys {keys}")]
        #[diagnostic(code(spec::missing_keys), help("give every key of `properties` a value, here or in `default`"))]
        MissingKeys {
            param: String,
            keys: String,
            #[label("lacks {keys}")]
            span: Span,
        }
        /// `$(params.x[9])` of a list of two.
        #[error("`{reference}` is beyond the end of the param `{param}`, which has {len} values")]
        #[diagnostic(code(spec::index_out_of_bounds), help("the first value has the index 0"))]
        IndexOutOfBounds {
            reference: String,
            param: String,
            len: usize,
            #[label("beyond the end")]
            span: Span,
        }
        /// A workspace that must be bound is not.
        #[error("nothing is bound to the workspace `{workspace}`")]
        #[diagnostic(
            code(spec::missing_workspace),
            help("bind a folder with `-w {workspace}=PATH`, or declare the workspace `optional: true`")
        )]
        MissingWorkspace {
            workspace: String,
            #[label("declared here")]
            span: Span,
        }
        /// A TaskRun binds a workspace that the Task does not have.
        #[error("the Task declares no workspace `{workspace}`")]
        #[diagnostic(code(spec::unknown_workspace), help("{help}"))]
        UnknownWorkspace {
            workspace: String,
            help: String,
            #[label("bound here")]
            span: Span,
        }
        /// A binding to something that only a cluster has.
        #[error("the workspace `{workspace}` is bound to a `{source_field}`, which is not supported yet")]
        #[diagnostic(
            code(spec::workspace_source),
            help("bind a folder instead with `-w {workspace}=PATH`, or use `emptyDir: {{}}`")
        )]
        WorkspaceSource {
            workspace: String,
            source_field: &'static str,
            #[label("not supported")]
            span: Span,
        }
        /// A step that starts in a folder that does not exist for it.
        #[error("the step `{step}` starts in `{path}`, which it does not see")]
        #[diagnostic(code(spec::working_dir), help("folders it sees: {mounts}"))]
        WorkingDir {
            step: String,
            path: String,
            mounts: String,
            #[label("not at or below a mount")]
            span: Span,
        }
        /// Substitution made a name or a value that cannot stand where it stands.
        #[error("`{text}` becomes `{value}`, which is no value for `{field}`")]
        #[diagnostic(code(spec::bad_substitution), help("expected {expected}"))]
        BadSubstitution {
            text: String,
            value: String,
            field: &'static str,
            expected: String,
            #[label("becomes `{value}`")]
            span: Span,
        }
        /// Substitution would make more text than a run has any use for.
        #[error("the params make more than {limit} of text when they are filled in")]
        #[diagnostic(
            code(spec::substitution_too_large),
            help("hand large data to the step through a workspace")
        )]
        SubstitutionTooLarge {
            limit: &'static str,
            #[label("the limit is reached here")]
            span: Span,
        }
    }
}
