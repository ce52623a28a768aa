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
        .flat_map(|comment| {
            let lines: Vec<&str> = comment.split('\n').collect();
            without_margin(&lines)
                .into_iter()
                .map(unindented)
                .collect::<Vec<_>>()
        })
        .collect();
    text.join("\n").trim().to_owned()
}

/// The lines of a block comment without the margin of stars before them, if every line has one at the same place; the first
/// stands after `/**` and needs none, nor does the last before `*/`.
fn without_margin<'c>(lines: &[&'c str]) -> Vec<&'c str> {
    let star = |line: &str| {
        let star = line.find('*')?;
        line[..star].trim().is_empty().then_some(star)
    };
    let [first, rest @ ..] = lines else {
        return Vec::new();
    };
    let inner = match rest {
        [inner @ .., last] if last.trim().is_empty() => inner,
        rest => rest,
    };
    let margin = inner.first().and_then(|line| star(line));
    let Some(margin) = margin.filter(|_| inner.iter().all(|line| star(line) == margin)) else {
        return lines.to_vec();
    };
    let inner = inner.iter().map(|line| &line[margin + 1..]);
    std::iter::once(*first).chain(inner).collect()
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

    #[test]
    fn the_margin_of_a_block_comment_goes_and_a_list_stays() {
        let item: ItemStruct = parse_quote! {
            /**
             * The first line.
             *
             * * one
             *     code
             */
            struct S;
        };
        assert_eq!(text(&item.attrs), "The first line.\n\n* one\n    code");
        let item: ItemStruct = parse_quote! {
            /** The first line.
             * The second. */
            struct S;
        };
        assert_eq!(text(&item.attrs), "The first line.\nThe second.");
        let item: ItemStruct = parse_quote! {
            #[doc = "\n A list:\n\n * one\n * two\n"]
            struct S;
        };
        assert_eq!(text(&item.attrs), "A list:\n\n* one\n* two");
        let item: ItemStruct = parse_quote! {
            /// * one
            /// * two
            struct S;
        };
        assert_eq!(text(&item.attrs), "* one\n* two");
    }
}
