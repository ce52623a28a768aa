//! What the derives have in common: a struct with named fields, each with a name in documents and a description.

use syn::{Attribute, Data, DeriveInput, Error, Expr, Fields, Ident, LitStr, Result, Token, Type};

use crate::docs;
use crate::name::{self, Rename};

/// The words of one derive: its attribute on fields, and on the struct.
pub(crate) struct Words {
    /// `param` or `result`.
    pub(crate) field: &'static str,
    /// `params` or `results`.
    pub(crate) whole: &'static str,
    /// Whether a field may have a default.
    pub(crate) defaults: bool,
}

/// One field.
pub(crate) struct Field<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) default: Option<FieldDefault>,
}

/// What a field is where nobody gives it.
pub(crate) enum FieldDefault {
    /// The default of its type.
    OfType,
    /// A value.
    Value(Expr),
}

/// The fields of `input`.
///
/// # Errors
///
/// Everything that is wrong with them, at once.
pub(crate) fn fields<'a>(input: &'a DeriveInput, words: &Words) -> Result<Vec<Field<'a>>> {
    let Data::Struct(data) = &input.data else {
        let message = format!("only a struct can be the {} of a plugin", words.whole);
        return Err(Error::new_spanned(&input.ident, message));
    };
    let fields = match &data.fields {
        Fields::Named(fields) => fields.named.iter().collect(),
        Fields::Unit => Vec::new(),
        Fields::Unnamed(unnamed) => {
            let message = format!("each of the {} has a name: use named fields", words.whole);
            return Err(Error::new_spanned(unnamed, message));
        }
    };
    let rename = rename(&input.attrs, words)?;
    let mut wrong = Wrong::default();
    let mut found: Vec<Field<'_>> = Vec::new();
    for field in fields {
        let Some(ident) = &field.ident else { continue };
        let read = one(ident, &field.ty, &field.attrs, rename, words);
        let Some(one) = wrong.unless(read) else {
            continue;
        };
        let taken = found
            .iter()
            .find(|other| other.name.eq_ignore_ascii_case(&one.name));
        if let Some(other) = taken {
            let message = format!(
                "`{}` and `{}` have the same name in documents, where case makes no difference",
                other.ident, one.ident
            );
            wrong.add(Error::new(ident.span(), message));
        }
        found.push(one);
    }
    wrong.none().map(|()| found)
}

fn rename(attributes: &[Attribute], words: &Words) -> Result<Rename> {
    let mut rename = Rename::default();
    for attribute in attributes {
        if attribute.path().is_ident(words.field) && words.field != words.whole {
            let message = format!(
                "`#[{}(…)]` goes on a field; here it is `#[{}(…)]`",
                words.field, words.whole
            );
            return Err(Error::new_spanned(attribute, message));
        }
        if !attribute.path().is_ident(words.whole) {
            continue;
        }
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("rename_all") {
                return Err(meta.error("the one setting here is `rename_all`"));
            }
            let value: LitStr = meta.value()?.parse()?;
            rename = Rename::read(&value)?;
            Ok(())
        })?;
    }
    Ok(rename)
}

fn one<'a>(
    ident: &'a Ident,
    ty: &'a Type,
    attributes: &[Attribute],
    rename: Rename,
    words: &Words,
) -> Result<Field<'a>> {
    let mut default = None;
    let mut named: Option<LitStr> = None;
    let own = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident(words.field));
    for attribute in own {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                named = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("default") && words.defaults {
                default = Some(match meta.input.peek(Token![=]) {
                    true => FieldDefault::Value(meta.value()?.parse()?),
                    false => FieldDefault::OfType,
                });
            } else {
                let known = if words.defaults {
                    "`name` and `default`"
                } else {
                    "`name`"
                };
                return Err(meta.error(format!("the settings of a field are {known}")));
            }
            Ok(())
        })?;
    }
    let (name, span) = match &named {
        Some(name) => (name.value(), name.span()),
        None => (rename.apply(ident), ident.span()),
    };
    name::check(&name, span)?;
    let description = docs::sentence(attributes);
    if description.is_empty() {
        let message = format!(
            "`{name}` has no description: say in a doc comment what it is, as users will read it"
        );
        return Err(Error::new(ident.span(), message));
    }
    Ok(Field {
        ident,
        ty,
        name,
        description,
        default,
    })
}

/// Errors, gathered.
#[derive(Default)]
struct Wrong(Option<Error>);

impl Wrong {
    fn add(&mut self, error: Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    fn unless<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    fn none(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
