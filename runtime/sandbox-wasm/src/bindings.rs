//! What `bindgen!` makes of `wit/`; nothing else lives here.

#![allow(
    missing_docs,
    clippy::allow_attributes_without_reason,
    reason = "generated: the documentation is in the WIT"
)]

/// What a guest may import.
pub(crate) mod imports {
    wasmtime::component::bindgen!({
        inline: "
            package stepwell:host;
            world sandbox {
                import wasi:cli/environment@0.2.12;
                import wasi:cli/exit@0.2.12;
                import wasi:cli/stdin@0.2.12;
                import wasi:cli/stdout@0.2.12;
                import wasi:cli/stderr@0.2.12;
                import wasi:cli/terminal-input@0.2.12;
                import wasi:cli/terminal-output@0.2.12;
                import wasi:cli/terminal-stdin@0.2.12;
                import wasi:cli/terminal-stdout@0.2.12;
                import wasi:cli/terminal-stderr@0.2.12;
                import wasi:clocks/monotonic-clock@0.2.12;
                import wasi:clocks/wall-clock@0.2.12;
                import wasi:filesystem/types@0.2.12;
                import wasi:filesystem/preopens@0.2.12;
                import wasi:io/error@0.2.12;
                import wasi:io/poll@0.2.12;
                import wasi:io/streams@0.2.12;
                import wasi:random/random@0.2.12;
                import wasi:random/insecure@0.2.12;
                import wasi:random/insecure-seed@0.2.12;
                import stepwell:task/results@0.1.0;
                import stepwell:task/progress@0.1.0;
            }
        ",
        path: "../../wit",
        imports: { default: trappable },
        trappable_error_type: {
            "wasi:io/streams.stream-error" => wasmtime_wasi_io::streams::StreamError,
            "wasi:filesystem/types.error-code" => crate::fs::FsError,
        },
        with: {
            // Sockets are wasmtime-wasi's, and share their streams and pollables with ours.
            "wasi:io/error": wasmtime_wasi_io::bindings::wasi::io::error,
            "wasi:io/poll.pollable": wasmtime_wasi_io::poll::DynPollable,
            "wasi:io/streams.input-stream": wasmtime_wasi_io::streams::DynInputStream,
            "wasi:io/streams.output-stream": wasmtime_wasi_io::streams::DynOutputStream,
            "wasi:filesystem/types.descriptor": crate::fs::Descriptor,
            "wasi:filesystem/types.directory-entry-stream": crate::fs::Listing,
        },
        require_store_data_send: true,
    });
}

/// What a guest with an image for native programs may import.
pub(crate) mod tools {
    wasmtime::component::bindgen!({
        inline: "
            package stepwell:host;
            world driver {
                import stepwell:task/tools@0.1.0;
            }
        ",
        path: "../../wit",
        imports: { default: trappable },
        require_store_data_send: true,
    });
}

/// What a guest with a network may import beside sockets.
pub(crate) mod http {
    wasmtime::component::bindgen!({
        inline: "
            package stepwell:host;
            world client {
                import wasi:http/types@0.2.12;
                import wasi:http/outgoing-handler@0.2.12;
            }
        ",
        path: "../../wit",
        imports: { default: trappable },
        with: {
            "wasi:clocks": crate::bindings::imports::wasi::clocks,
            "wasi:io": crate::bindings::imports::wasi::io,
            "wasi:io/error": wasmtime_wasi_io::bindings::wasi::io::error,
            "wasi:http/types.fields": crate::http::Fields,
            "wasi:http/types.future-incoming-response": crate::http::FutureResponse,
            "wasi:http/types.future-trailers": crate::http::FutureTrailers,
            "wasi:http/types.incoming-body": crate::http::IncomingBody,
            "wasi:http/types.incoming-request": crate::http::Unserved,
            "wasi:http/types.incoming-response": crate::http::IncomingResponse,
            "wasi:http/types.outgoing-body": crate::http::OutgoingBody,
            "wasi:http/types.outgoing-request": crate::http::OutgoingRequest,
            "wasi:http/types.outgoing-response": crate::http::Unserved,
            "wasi:http/types.request-options": crate::http::RequestOptions,
            "wasi:http/types.response-outparam": crate::http::Unserved,
        },
        require_store_data_send: true,
    });
}

/// What a guest may export.
pub(crate) mod exports {
    wasmtime::component::bindgen!({
        inline: "
            package stepwell:host;
            world program {
                export wasi:cli/run@0.2.12;
            }
        ",
        path: "../../wit",
        require_store_data_send: true,
    });

    pub(crate) mod plugin {
        wasmtime::component::bindgen!({
            inline: "
                package stepwell:host;
                world plugin {
                    export stepwell:task/task@0.1.0;
                }
            ",
            path: "../../wit",
            with: { "stepwell:task/types": crate::bindings::imports::stepwell::task::types },
            require_store_data_send: true,
        });
    }
}
