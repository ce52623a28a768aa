//! Problems of the fields of a document, whatever the document is about.

use crate::problem::problems;
use crate::source::Span;

problems! {
    /// A document that is not of the form it says it is.
    FieldProblem {
        /// No such field.
        #[error("{owner} has no field `{field}`")]
        #[diagnostic(code(spec::unknown_field), help("{help}"))]
        UnknownField {
            owner: &'static str,
            field: String,
            help: String,
            #[label("unknown field")]
            span: Span,
        }
        /// A field that must be there is not.
        #[error("{owner} has no `{field}`")]
        #[diagnostic(code(spec::missing_field), help("add `{field}: …`"))]
        MissingField {
            owner: &'static str,
            field: &'static str,
            #[label("`{field}` is missing here")]
            span: Span,
        }
        /// A value of another type than the field has.
        #[error("{what} is {found}, not {expected}")]
        #[diagnostic(code(spec::wrong_type), help("{help}"))]
        WrongType {
            what: String,
            found: &'static str,
            expected: &'static str,
            help: String,
            #[label("{found}")]
            span: Span,
        }
        /// A value of the right type that the field cannot have.
        #[error("`{value}` is no value for `{field}`")]
        #[diagnostic(code(spec::bad_value), help("expected {expected}"))]
        BadValue {
            field: String,
            value: String,
            expected: String,
            #[label("not a value for this field")]
            span: Span,
        }
        /// What should be base64 is not.
        #[error("{what} is not base64")]
        #[diagnostic(code(spec::not_base64), help("{help}"))]
        NotBase64 {
            what: String,
            help: &'static str,
            #[label("cannot be decoded")]
            span: Span,
        }
        /// Two fields that exclude each other, or neither of two.
        #[error("{owner} has {found}; it needs exactly one of {choices}")]
        #[diagnostic(code(spec::exactly_one), help("{help}"))]
        ExactlyOne {
            owner: &'static str,
            found: String,
            choices: &'static str,
            help: &'static str,
            #[label("{found}")]
            span: Span,
        }
        /// A name that breaks the rule for such names.
        #[error("`{name}` cannot be the name of {what}")]
        #[diagnostic(code(spec::bad_name), help("{rule}"))]
        BadName {
            what: &'static str,
            name: String,
            rule: &'static str,
            #[label("not a name that {what} can have")]
            span: Span,
        }
        /// Two things of one kind have one name.
        #[error("two {what} are called `{name}`")]
        #[diagnostic(code(spec::duplicate_name), help("{help}"))]
        DuplicateName {
            what: &'static str,
            name: String,
            help: String,
            #[label("the second one")]
            span: Span,
            #[label("the first one")]
            first: Option<Span>,
        }
        /// A document of a kind that nobody knows.
        #[error("there is no kind `{kind}` of document")]
        #[diagnostic(code(spec::unknown_kind), help("{help}"))]
        UnknownKind {
            kind: String,
            help: String,
            #[label("unknown kind")]
            span: Span,
        }
        /// A known kind under an API version it does not have.
        #[error("the kind {kind} has no API version `{version}`")]
        #[diagnostic(code(spec::unknown_api_version), help("write `apiVersion: {expected}`"))]
        UnknownApiVersion {
            kind: &'static str,
            version: String,
            expected: &'static str,
            #[label("unknown version")]
            span: Span,
        }
        /// A setting of an annotation of ours that cannot be meant.
        #[error("{message}")]
        #[diagnostic(code(spec::bad_setting), help("a list such as `{example}`, separated by commas"))]
        BadSetting {
            message: String,
            example: &'static str,
            #[label("in this setting")]
            span: Span,
        }
        /// An annotation with our prefix that means nothing.
        #[error("there is no annotation `{name}`")]
        #[diagnostic(code(spec::unknown_annotation), help("{help}"))]
        UnknownAnnotation {
            name: String,
            help: String,
            #[label("unknown annotation")]
            span: Span,
        }
    }
}
