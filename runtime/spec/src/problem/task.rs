//! Problems of a Task on its own: its declarations, its steps, and how they refer to each other.

use crate::problem::problems;
use crate::source::Span;

problems! {
    /// A Task that contradicts itself.
    TaskProblem {
        /// Nothing to do.
        #[error("the Task has no steps")]
        #[diagnostic(code(spec::no_steps), help("add `steps:` with at least one step"))]
        NoSteps {
            #[label("no steps here")]
            span: Span,
        }
        /// A step that does not say what code it runs.
        #[error("the step `{step}` has no `image`")]
        #[diagnostic(
            code(spec::no_image),
            help("add `image: ./STEP.wasm` to the step, or to `stepTemplate` for every step")
        )]
        NoImage {
            step: String,
            #[label("no image for this step")]
            span: Span,
        }
        /// `script` and `command` in one step.
        #[error("the step `{step}` has both `script` and `command`")]
        #[diagnostic(code(spec::script_and_command), help("keep one of them; `args` are passed to either"))]
        ScriptAndCommand {
            step: String,
            #[label("this `command` has no effect beside a script")]
            span: Span,
        }
        /// An object param or result that does not say which keys it has.
        #[error("{what} `{name}` is an object without `properties`")]
        #[diagnostic(code(spec::no_properties), help("list its keys: `properties: {{KEY: {{type: string}}}}`, or `properties: {{}}` where any will do"))]
        NoProperties {
            what: &'static str,
            name: String,
            #[label("which keys does it have?")]
            span: Span,
        }
        /// A default of another type than its param.
        #[error("the default of the param `{param}` is {found}, but the param is {declared}")]
        #[diagnostic(code(spec::default_type), help("change the default, or declare `type: {found_type}`"))]
        DefaultType {
            param: String,
            found: &'static str,
            found_type: &'static str,
            declared: &'static str,
            #[label("{found}")]
            span: Span,
        }
        /// A value that is not among those that the param allows.
        #[error("`{value}` is not among the values of the param `{param}`")]
        #[diagnostic(code(spec::not_in_enum), help("allowed values: {allowed}"))]
        NotInEnum {
            param: String,
            value: String,
            allowed: String,
            #[label("not allowed here")]
            span: Span,
        }
        /// A reference to something that is not declared.
        #[error("`{reference}` refers to {what} that {owner} does not declare")]
        #[diagnostic(code(spec::unknown_reference), help("{help}"))]
        UnknownReference {
            reference: String,
            what: &'static str,
            owner: &'static str,
            help: String,
            #[label("refers to nothing")]
            span: Span,
        }
        /// A list or an object in the middle of a text.
        #[error("`{reference}` is {found}, and stands where a string must be")]
        #[diagnostic(code(spec::not_a_string), help("{help}"))]
        NotAString {
            reference: String,
            found: &'static str,
            help: String,
            #[label("{found}")]
            span: Span,
        }
        /// A place on the step's file system that nothing can be mounted at.
        #[error("nothing can be mounted at `{path}`")]
        #[diagnostic(code(spec::bad_mount_path), help("{rule}"))]
        BadMountPath {
            path: String,
            rule: &'static str,
            #[label("not a place for a workspace")]
            span: Span,
        }
        /// A setting for a step that is not there.
        #[error("`{setting}` is about a step that the Task does not have")]
        #[diagnostic(code(spec::unknown_step), help("{help}"))]
        UnknownStep {
            setting: String,
            help: String,
            #[label("no step has this name")]
            span: Span,
        }
        /// A setting for a sidecar that is not there.
        #[error("`sidecarSpecs` is about the sidecar `{sidecar}`, which the Task does not have")]
        #[diagnostic(code(spec::unknown_sidecar), help("{help}"))]
        UnknownSidecar {
            sidecar: String,
            help: String,
            #[label("no sidecar has this name")]
            span: Span,
        }
        /// A step that takes its code from a StepAction, and says itself what the StepAction says.
        #[error("the step `{step}` has both `ref` and `{field}`")]
        #[diagnostic(
            code(spec::not_with_ref),
            help("the StepAction says what `{field}` is; take it out, or write the step out without `ref`")
        )]
        NotWithRef {
            step: String,
            field: &'static str,
            #[label("the StepAction's to say")]
            span: Span,
        }
        /// Params for a StepAction, and no StepAction.
        #[error("the step `{step}` has `params` and no `ref`")]
        #[diagnostic(
            code(spec::params_without_ref),
            help("`params` are handed to a StepAction; a step refers to the params of its Task as it is")
        )]
        ParamsWithoutRef {
            step: String,
            #[label("handed to nothing")]
            span: Span,
        }
        /// A param in the script of a StepAction.
        #[error("`{reference}` stands in the script of a StepAction")]
        #[diagnostic(
            code(spec::params_in_script),
            help("set a variable under `env` to it, and let the script read the variable")
        )]
        ParamsInScript {
            reference: String,
            #[label("not filled in in a script")]
            span: Span,
        }
        /// A reference of a known form in a place where it is never filled in.
        #[error("`{reference}` cannot stand in {place}")]
        #[diagnostic(code(spec::misplaced_reference), help("{help}"))]
        MisplacedReference {
            reference: String,
            place: &'static str,
            help: &'static str,
            #[label("not filled in here")]
            span: Span,
        }
        /// A workspace that is used and not declared.
        #[error("{user} uses the workspace `{workspace}`, which {owner} does not declare")]
        #[diagnostic(code(spec::undeclared_workspace), help("{help}"))]
        UndeclaredWorkspace {
            user: String,
            workspace: String,
            owner: &'static str,
            help: String,
            #[label("not declared")]
            span: Span,
        }
        /// A name that Tekton needs for itself.
        #[error("`{name}` is a name that Tekton keeps for itself")]
        #[diagnostic(code(spec::reserved_name), help("give {what} another name"))]
        ReservedName {
            name: String,
            what: &'static str,
            #[label("taken")]
            span: Span,
        }
        /// An `enum` that cannot be meant.
        #[error("the `enum` of the param `{param}` {fault}")]
        #[diagnostic(code(spec::bad_enum), help("{help}"))]
        BadEnum {
            param: String,
            fault: String,
            help: &'static str,
            #[label("here")]
            span: Span,
        }
        /// The value of a result that comes from nowhere.
        #[error("the value of the result `{result}` does not come from {from}")]
        #[diagnostic(code(spec::result_value), help("write a reference such as `{example}`"))]
        ResultValue {
            result: String,
            from: &'static str,
            example: &'static str,
            #[label("no such reference")]
            span: Span,
        }
        /// An expression of `when` that says nothing, or two things.
        #[error("the `when` of {owner} {fault}")]
        #[diagnostic(code(spec::bad_when), help("{help}"))]
        BadWhen {
            owner: String,
            fault: &'static str,
            help: &'static str,
            #[label("in this expression")]
            span: Span,
        }
    }
}
