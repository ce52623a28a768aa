//! Doc comments as text.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The doc comment among `attributes`, without the space that follows its slashes; empty where there is none.
pub(crate) fn text(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(meta) = &attribute.meta else {
            return None;
        };
        let Expr::Lit(ExprLit {
            lit: Lit::Str(line),
            ..
        }) = &meta.value
        else {
            return None;
        };
        meta.path.is_ident("doc").then(|| line.value())
    });
    // A block comment is one attribute of several lines.
    let text: Vec<String> = lines
        .flat_map(|line| line.split('\n').map(unindented).collect::<Vec<_>>())
        .collect();
    text.join("\n").trim().to_owned()
}

fn unindented(line: &str) -> String {
    line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()
}

/// The doc comment of a field in one paragraph: a description has a sentence or two.
pub(crate) fn sentence(attributes: &[Attribute]) -> String {
    let text = text(attributes);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use syn::{ItemStruct, parse_quote};

    use super::*;

    #[test]
    fn lines_and_paragraphs_stay() {
        let item: ItemStruct = parse_quote! {
            /// The first line.
            ///
            ///     code
            struct S;
        };
        assert_eq!(text(&item.attrs), "The first line.\n\n    code");
        assert_eq!(sentence(&item.attrs), "The first line. code");
    }
}
