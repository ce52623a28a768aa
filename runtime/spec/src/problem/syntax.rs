//! Problems of the text itself: it is no YAML, or YAML that says two things at once.

use crate::problem::problems;
use crate::source::Span;

problems! {
    /// A text that has no one meaning.
    SyntaxProblem {
        /// Not YAML.
        #[error("the text is not YAML: {message}")]
        #[diagnostic(
            code(spec::not_yaml),
            help("look at the indentation, and for a missing quote or colon, on this line and the one above")
        )]
        NotYaml {
            message: String,
            #[label("here")]
            span: Span,
        }
        /// One mapping has a key twice.
        #[error("the key `{key}` is given twice")]
        #[diagnostic(code(spec::duplicate_key), help("keep one of the two"))]
        DuplicateKey {
            key: String,
            #[label("given again here")]
            span: Span,
            #[label("first given here")]
            first: Option<Span>,
        }
        /// A key is a list or a mapping.
        #[error("a key is a list or a mapping")]
        #[diagnostic(code(spec::key_not_text), help("a key is a word; put quotes around it if it starts with `[` or `{{`"))]
        KeyNotText {
            #[label("not a word")]
            span: Span,
        }
        /// An alias stands inside what it stands for.
        #[error("the alias stands inside the node that it repeats")]
        #[diagnostic(code(spec::endless_alias), help("write the part out, or move the anchor"))]
        EndlessAlias {
            #[label("this would never end")]
            span: Span,
        }
        /// `<<` is given something else than mappings.
        #[error("`<<` merges something that is not a mapping")]
        #[diagnostic(code(spec::bad_merge), help("give it the alias of a mapping, or a list of such aliases"))]
        BadMerge {
            #[label("not a mapping")]
            span: Span,
        }
        /// Larger than a document has any reason to be.
        #[error("the document has more than {limit} {unit}")]
        #[diagnostic(
            code(spec::too_large),
            help("aliases count as often as they are used; split the file, or move data into a workspace")
        )]
        TooLarge {
            limit: usize,
            unit: &'static str,
            #[label("the limit is reached here")]
            span: Span,
        }
        /// More mistakes than anybody reads.
        #[error("there are more than {limit} mistakes, and the others are left out")]
        #[diagnostic(code(spec::too_many), help("mend those that are shown, and look again"))]
        TooMany {
            limit: usize,
            #[label("the first one that is left out")]
            span: Span,
        }
    }
}
