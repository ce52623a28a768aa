//! `#[derive(Object)]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{DeriveInput, Result};

use crate::structs::{self, Words};

const WORDS: Words = Words {
    field: "object",
    whole: "object",
    defaults: false,
};

/// The implementation of `stepwell::Value`.
///
/// # Errors
///
/// What is wrong with the fields.
pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let fields = structs::fields(input, &WORDS)?;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    let ident = &input.ident;
    let names: Vec<_> = fields.iter().map(|field| &field.name).collect();
    let read = fields.iter().map(|field| {
        let (ident, ty, name) = (field.ident, field.ty, &field.name);
        quote_spanned!(ty.span()=> #ident: ::stepwell::value::entry::<#ty>(&mut entries, #name)?)
    });
    let written = fields.iter().map(|field| {
        let (ident, name) = (field.ident, &field.name);
        quote!((#name.to_owned(), ::stepwell::Word::into_word(self.#ident)))
    });
    Ok(quote! {
        #[automatically_derived]
        impl #generics ::stepwell::Value for #ident #arguments #bounds {
            const TYPE: ::stepwell::ParamType = ::stepwell::ParamType::Object;

            fn properties() -> ::std::vec::Vec<::std::string::String> {
                ::std::vec![#(#names.to_owned()),*]
            }

            fn from_value(
                value: ::stepwell::ParamValue,
            ) -> ::core::result::Result<Self, ::std::string::String> {
                #[allow(unused_mut)]
                let mut entries = ::stepwell::value::object(value)?;
                ::core::result::Result::Ok(Self { #(#read),* })
            }

            fn into_value(self) -> ::stepwell::ParamValue {
                ::stepwell::ParamValue::Object(::std::vec![#(#written),*])
            }
        }
    })
}
