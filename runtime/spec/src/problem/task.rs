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
        #[diagnostic(code(spec::no_properties), help("list its keys: `properties: {{KEY: {{type: string}}}}`"))]
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
        /// A reference to something that the Task does not declare.
        #[error("`{reference}` refers to {what} that the Task does not declare")]
        #[diagnostic(code(spec::unknown_reference), help("{help}"))]
        UnknownReference {
            reference: String,
            what: &'static str,
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
    }
}
