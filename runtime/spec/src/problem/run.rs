//! Problems of one run: what the Task wants and what the TaskRun and the command line give do not fit.

use crate::problem::problems;
use crate::source::Span;
use crate::substitute::is_pending;

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
        /// A component is given a param that it does not declare. What a Task made by hand has no use for is left alone, for
        /// Tekton leaves it; a component never gets to see it.
        #[error("the component declares no param `{param}`")]
        #[diagnostic(code(spec::param_of_component), help("{help}"))]
        ParamOfComponent {
            param: String,
            help: String,
            #[label("given here")]
            span: Span,
        }
        /// A component needs a param that nobody gives.
        #[error("the component needs the param `{param}`")]
        #[diagnostic(
            code(spec::component_lacks_param),
            help("add `{{name: {param}, value: {example}}}` to the `params` beside `taskRef`")
        )]
        ComponentLacksParam {
            param: String,
            example: &'static str,
            #[label("does not give it")]
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
        /// A reference names a document that is in none of the files.
        #[error("there is no {kind} `{name}`")]
        #[diagnostic(code(spec::document_not_found), help("{help}"))]
        DocumentNotFound {
            kind: &'static str,
            name: String,
            help: String,
            #[label("no document declares this {kind}")]
            span: Span,
        }
        /// A key that a ConfigMap or Secret does not have.
        #[error("the {kind} `{name}` has no key `{key}`")]
        #[diagnostic(code(spec::key_not_found), help("add the key, or say `optional: true`"))]
        KeyNotFound {
            kind: &'static str,
            name: String,
            key: String,
            #[label("no such key")]
            span: Span,
        }
        /// A file that would be put elsewhere.
        #[error("`{path}` cannot be the path of a file in a volume")]
        #[diagnostic(code(spec::bad_file_path), help("write a relative path without `..`"))]
        BadFilePath {
            path: String,
            #[label("not inside the volume")]
            span: Span,
        }
        /// Something that only a cluster can fill in.
        #[error("`{what}` has no value outside a cluster")]
        #[diagnostic(code(spec::not_here), help("give the value itself"))]
        NotHere {
            what: &'static str,
            #[label("only a cluster knows")]
            span: Span,
        }
        /// A field of the pod that only a cluster knows.
        #[error("the pod's field `{field}` has no value outside a cluster")]
        #[diagnostic(code(spec::field_not_known), help("fields with a value: {known}"))]
        FieldNotKnown {
            field: String,
            known: &'static str,
            #[label("only a cluster knows")]
            span: Span,
        }
        /// A mount of a volume that nobody declares.
        #[error("there is no volume `{volume}` to mount")]
        #[diagnostic(code(spec::no_such_volume), help("{help}"))]
        NoSuchVolume {
            volume: String,
            help: String,
            #[label("mounted here")]
            span: Span,
        }
        /// A resolver that needs what is not there.
        #[error("the resolver `{resolver}` cannot be used here")]
        #[diagnostic(
            code(spec::resolver_not_supported),
            help("put the {kind} into one of the files and name it, or fetch it with the resolver `git`, `http`, `bundles` or `component`")
        )]
        ResolverNotSupported {
            resolver: String,
            kind: &'static str,
            #[label("asks for something that only a cluster has")]
            span: Span,
        }
        /// A pipeline that would run itself.
        #[error("the Pipeline `{pipeline}` would run itself")]
        #[diagnostic(code(spec::pipeline_in_itself), help("{chain}"))]
        PipelineInItself {
            pipeline: String,
            chain: String,
            #[label("one of the pipelines around this one")]
            span: Span,
        }
        /// A task that some other controller runs.
        #[error("a custom task of the kind `{kind}` cannot be run here")]
        #[diagnostic(code(spec::custom_task), help("only a cluster with its controller runs it; use a Task"))]
        CustomTask {
            kind: String,
            #[label("not one of Tekton's own")]
            span: Span,
        }
        /// A required workspace that may be left out.
        #[error("the task needs the workspace `{workspace}`, which the Pipeline leaves optional")]
        #[diagnostic(
            code(spec::optional_workspace),
            help("declare it `optional: true` in the Task too, or take that out of the Pipeline")
        )]
        OptionalWorkspace {
            workspace: String,
            #[label("handed on here")]
            span: Span,
        }
        /// A pipeline allows values that its task does not.
        #[error("the param `{param}` of the Pipeline can have values that the Task does not allow")]
        #[diagnostic(code(spec::enum_not_subset), help("the Task allows: {allowed}"))]
        EnumNotSubset {
            param: String,
            allowed: String,
            #[label("handed on here")]
            span: Span,
        }
        /// Defaults that refer to each other in a circle.
        #[error("the default of the param `{param}` refers to itself in the end")]
        #[diagnostic(code(spec::default_cycle), help("give one of the params on the way a plain value"))]
        DefaultCycle {
            param: String,
            #[label("this default")]
            span: Span,
        }
    }
}

impl RunProblem {
    /// The text that is wrong, where it was made by filling in references.
    pub(super) fn made(&self) -> Option<&str> {
        match self {
            Self::BadSubstitution { value, .. } => Some(value),
            Self::DocumentNotFound { name, .. } => Some(name),
            Self::KeyNotFound { name, key, .. } => Some(if is_pending(key) { key } else { name }),
            Self::BadFilePath { path, .. } => Some(path),
            Self::NoSuchVolume { volume, .. } => Some(volume),
            _ => None,
        }
    }
}
