//! What makes a Stepwell plugin of a function and two structs; used through `stepwell-sdk`, which documents it.
//!
//! - **In**: a function under `#[stepwell::task]`, structs under `#[derive(Params)]`, `#[derive(Results)]` and
//!   `#[derive(Object)]`.
//! - **Out**: implementations of the SDK's traits. What is written wrong is an error at the place where it is written.
//! - **Must not know**: types. A macro sees how a type is spelt; what it means is asked of the SDK's traits.
//! - **Held up by**: `syn` and `quote`.
//! - **Read next**: `params.rs`, then `task.rs`.

mod docs;
mod name;
mod object;
mod params;
mod results;
mod structs;
mod task;

use proc_macro::TokenStream;
use syn::{DeriveInput, ItemFn, parse_macro_input};

/// Makes a struct what the function of a plugin takes. Each field is a param or a workspace, by its type; its doc comment
/// is the description.
///
/// | attribute | means |
/// | --- | --- |
/// | `#[param(default = VALUE)]` | what it is where nobody gives it; of the field's own type, or a literal |
/// | `#[param(default)]` | the `Default` of its type |
/// | `#[param(name = "other-name")]` | its name in documents, where that is not the field's |
/// | `#[params(rename_all = "kebab-case")]` on the struct | `max_size` is `max-size` in documents |
///
/// A field of type `Option` need not be given; any other that has no default has to be.
#[proc_macro_derive(Params, attributes(param, params))]
pub fn params(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    params::derive(&input)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

/// Makes a struct what the function of a plugin gives. Each field is a result, its doc comment the description; an
/// `Option` that is `None` is left out. `#[result(name = "other-name")]` and `#[results(rename_all = "kebab-case")]` are as
/// for params.
#[proc_macro_derive(Results, attributes(result, results))]
pub fn results(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    results::derive(&input)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

/// Makes a struct a value of the type object: each field is a key and has to be there, its type is one that is a string in
/// a document. `#[object(rename_all = "kebab-case")]` is as for params.
#[proc_macro_derive(Object, attributes(object))]
pub fn object(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    object::derive(&input)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

/// Makes a function the plugin of this crate, which has to be a `cdylib`.
///
/// The function takes a struct that derives `Params`, or nothing, and returns a `Result` of a struct that derives
/// `Results`, or of `()`. Its doc comment is the plugin's documentation; its name, with `-` for `_`, is the plugin's name;
/// the crate's version is its version. `#[stepwell::task(name = "other-name")]` names it otherwise, and
/// `#[stepwell::task(wants(network("example.com:443") = "to look up versions", real_clock = "…", real_random = "…"))]`
/// says what it wants to be granted, and why. `#[stepwell::task(results = Found)]` names the results of a function that
/// emits them itself, because it has them although it fails.
#[proc_macro_attribute]
pub fn task(arguments: TokenStream, input: TokenStream) -> TokenStream {
    let arguments = parse_macro_input!(arguments as task::Arguments);
    let function = parse_macro_input!(input as ItemFn);
    task::expand(&arguments, &function)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}
