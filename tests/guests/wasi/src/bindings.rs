//! The bindings of `wasi:cli/imports` and of HTTP, generated from `wit/deps`.

wit_bindgen::generate!({
    inline: "
        package stepwell:guests;

        world everything {
            include wasi:cli/imports@0.2.12;
            import wasi:http/outgoing-handler@0.2.12;
        }
    ",
    path: "../../../wit",
    world: "everything",
    generate_all,
});
