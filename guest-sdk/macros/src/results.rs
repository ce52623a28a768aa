//! `#[derive(Results)]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{DeriveInput, Result};

use crate::structs::{self, Words};

const WORDS: Words = Words {
    field: "result",
    whole: "results",
    defaults: false,
};

/// The implementation of `stepwell::Results`.
///
/// # Errors
///
/// What is wrong with the fields.
pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let fields = structs::fields(input, &WORDS)?;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    let ident = &input.ident;
    let declared = fields.iter().map(|field| {
        let (ty, name, description) = (field.ty, &field.name, &field.description);
        quote_spanned!(ty.span()=> ::stepwell::output::declare::<#ty>(#name, #description))
    });
    let emitted = fields.iter().map(|field| {
        let (ident, name) = (field.ident, &field.name);
        quote!(::stepwell::output::hand_over(#name, self.#ident)?;)
    });
    Ok(quote! {
        #[automatically_derived]
        impl #generics ::stepwell::Results for #ident #arguments #bounds {
            fn declare() -> ::std::vec::Vec<::stepwell::ResultDecl> {
                ::std::vec![#(#declared),*]
            }

            fn emit(self) -> ::core::result::Result<(), ::stepwell::EmitError> {
                #(#emitted)*
                ::core::result::Result::Ok(())
            }
        }
    })
}
