//! The bindings of `stepwell:task/contract`, generated from `wit/`.

wit_bindgen::generate!({
    path: "../../wit",
    world: "contract",
    default_bindings_module: "stepwell::bindings",
    export_macro_name: "export_contract",
    pub_export_macro: true,
    generate_unused_types: true,
    additional_derives: [PartialEq, Eq],
});
