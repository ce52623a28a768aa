//! `#[derive(Params)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{DeriveInput, Expr, ExprArray, ExprLit, Lit, Result};

use crate::structs::{self, Field, FieldDefault, Words};

const WORDS: Words = Words {
    field: "param",
    whole: "params",
    defaults: true,
};

/// The implementation of `stepwell::Params`.
///
/// # Errors
///
/// What is wrong with the fields.
pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let fields = structs::fields(input, &WORDS)?;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    let ident = &input.ident;
    let declared = fields.iter().map(declared);
    let taken = fields.iter().map(|field| {
        let (local, ty, name) = (local(field), field.ty, &field.name);
        quote_spanned! {ty.span()=>
            let #local = fields.take::<#ty>(#name);
        }
    });
    let locals: Vec<_> = fields.iter().map(local).collect();
    let idents = fields.iter().map(|field| field.ident);
    Ok(quote! {
        #[automatically_derived]
        impl #generics ::stepwell::Params for #ident #arguments #bounds {
            fn declare(description: &mut ::stepwell::Description) {
                #(#declared)*
                let _ = description;
            }

            fn take(
                invocation: &mut ::stepwell::Invocation,
            ) -> ::core::result::Result<Self, ::stepwell::Failure> {
                #[allow(unused_mut)]
                let mut fields = ::stepwell::input::Fields::of(invocation);
                #(#taken)*
                let all = (|| ::core::option::Option::Some(Self { #(#idents: #locals?),* }))();
                fields.finish(all)
            }
        }
    })
}

fn local(field: &Field<'_>) -> syn::Ident {
    // Not the field's own name, which may be that of another local.
    format_ident!("taken_{}", field.ident.to_string().trim_start_matches("r#"))
}

fn declared(field: &Field<'_>) -> TokenStream {
    let (ty, name, description) = (field.ty, &field.name, &field.description);
    let default = match &field.default {
        None => quote!(::core::option::Option::None),
        Some(FieldDefault::OfType) => {
            let value = quote_spanned!(ty.span()=> <#ty as ::core::default::Default>::default());
            written(field, &value)
        }
        Some(FieldDefault::Value(value)) => written(field, &typed(value)),
    };
    quote_spanned! {ty.span()=>
        <#ty as ::stepwell::Input>::declare(
            ::stepwell::input::Field {
                name: #name,
                description: #description,
                default: #default,
            },
            description,
        );
    }
}

/// A default of the field's own type, written as a value: what does not fit does not compile.
fn written(field: &Field<'_>, value: &TokenStream) -> TokenStream {
    let ty = field.ty;
    quote! {
        ::core::option::Option::Some({
            let default: #ty = #value;
            ::stepwell::Value::into_value(default)
        })
    }
}

/// A literal turns into the field's type where that takes it: text into `String`, a list of texts into `Vec<String>`.
fn typed(value: &Expr) -> TokenStream {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(_), ..
        }) => quote_spanned!(value.span()=> ::stepwell::input::FromText::from_text(#value)),
        Expr::Array(ExprArray { elems, .. }) => {
            let items = elems.iter().map(typed);
            quote_spanned!(value.span()=> ::std::vec![#(#items),*])
        }
        _ => quote!(#value),
    }
}
