//! `#[stepwell::task]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, FnArg, Ident, ItemFn, LitStr, Result, ReturnType, Token, Type, parenthesized};

use crate::docs;
use crate::name::{self, Rename};

/// What stands in the parentheses of the attribute.
#[derive(Default)]
pub(crate) struct Arguments {
    name: Option<LitStr>,
    results: Option<Type>,
    wants: Vec<Want>,
}

/// A capability, and what for.
struct Want {
    capability: TokenStream,
    reason: LitStr,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut arguments = Self::default();
        while !input.is_empty() {
            let setting: Ident = input.parse()?;
            if setting == "name" {
                input.parse::<Token![=]>()?;
                arguments.name = Some(input.parse()?);
            } else if setting == "results" {
                input.parse::<Token![=]>()?;
                arguments.results = Some(input.parse()?);
            } else if setting == "wants" {
                let wants;
                parenthesized!(wants in input);
                let wants: Punctuated<Want, Token![,]> =
                    wants.parse_terminated(Want::parse, Token![,])?;
                arguments.wants.extend(wants);
            } else {
                return Err(Error::new(
                    setting.span(),
                    "the settings are `name`, `results` and `wants`",
                ));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(arguments)
    }
}

impl Parse for Want {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let capability: Ident = input.parse()?;
        let capability = match capability.to_string().as_str() {
            "real_clock" => quote!(::stepwell::Capability::RealClock),
            "real_random" => quote!(::stepwell::Capability::RealRandom),
            "network" => {
                let to;
                parenthesized!(to in input);
                let to: LitStr = to.parse()?;
                quote!(::stepwell::Capability::Network(#to.to_owned()))
            }
            "tools" => {
                let image;
                parenthesized!(image in input);
                let image: LitStr = image.parse()?;
                quote!(::stepwell::Capability::Tools(#image.to_owned()))
            }
            _ => {
                return Err(Error::new(
                    capability.span(),
                    "the capabilities are `real_clock`, `real_random`, `network(\"HOST:PORT\")` and `tools(\"IMAGE\")`",
                ));
            }
        };
        input.parse::<Token![=]>()?;
        let reason: LitStr = input.parse()?;
        if reason.value().trim().is_empty() {
            return Err(Error::new(
                reason.span(),
                "say what it is used for: somebody has to decide whether to grant it",
            ));
        }
        Ok(Self { capability, reason })
    }
}

/// The function, and the plugin that it is.
///
/// # Errors
///
/// It is not a function that can be a plugin.
pub(crate) fn expand(arguments: &Arguments, function: &ItemFn) -> Result<TokenStream> {
    let signature = &function.sig;
    if let Some(keyword) = &signature.asyncness {
        let message = "a plugin runs to its end on one thread: take `async` away, and block";
        return Err(Error::new_spanned(keyword, message));
    }
    if !signature.generics.params.is_empty() {
        let message = "a plugin has no type parameters";
        return Err(Error::new_spanned(&signature.generics, message));
    }
    if let ReturnType::Default = signature.output {
        let message = "a plugin returns a `Result`: of its results, or of `()`";
        return Err(Error::new_spanned(signature, message));
    }
    let ident = &signature.ident;
    let work = match signature.inputs.len() {
        0 => quote!(|(): ()| #ident()),
        1 => match &signature.inputs[0] {
            FnArg::Typed(argument) => {
                let ty = &argument.ty;
                quote!(|input: #ty| #ident(input))
            }
            FnArg::Receiver(receiver) => {
                let message = "a plugin is a function, not a method";
                return Err(Error::new_spanned(receiver, message));
            }
        },
        _ => {
            let message = "a plugin takes one struct that derives `stepwell::Params`";
            return Err(Error::new_spanned(&signature.inputs, message));
        }
    };
    let documentation = docs::text(&function.attrs);
    if documentation.is_empty() {
        let message = "the plugin has no documentation: say in a doc comment what it does, as users will read it";
        return Err(Error::new(ident.span(), message));
    }
    let (name, span) = match &arguments.name {
        Some(name) => (name.value(), name.span()),
        None => (Rename::Kebab.apply(ident), ident.span()),
    };
    name::check_task(&name, span)?;
    let wants = arguments.wants.iter().map(|want| {
        let Want { capability, reason } = want;
        quote!(::stepwell::CapabilityWant { capability: #capability, reason: #reason.to_owned() })
    });
    let results = arguments.results.iter();
    let results = results.map(|results| quote!(<#results as ::stepwell::Results>::declare()));
    let visibility = &function.vis;
    let told = format!("The plugin that the function [`{ident}`](fn@{ident}) is.");
    Ok(quote! {
        #function

        #[doc = #told]
        #[allow(non_camel_case_types, dead_code)]
        #visibility enum #ident {}

        impl ::stepwell::Task for #ident {
            fn describe() -> ::stepwell::Description {
                let description = ::stepwell::Description {
                    #(results: #results,)*
                    capabilities: ::std::vec![#(#wants),*],
                    ..::stepwell::Description::new(#name, ::core::env!("CARGO_PKG_VERSION"), #documentation)
                };
                ::stepwell::export::describe(#work, description)
            }

            fn run(
                invocation: ::stepwell::Invocation,
            ) -> ::core::result::Result<(), ::stepwell::Failure> {
                ::stepwell::export::call(#work, invocation)
            }
        }

        ::stepwell::export!(#ident);
    })
}
