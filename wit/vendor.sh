#!/bin/sh
# Copies the WASI 0.2 interfaces that `task.wit` refers to into `deps/`.
#
# They come from the `wasmtime-wasi` crate at the version in Cargo.lock, so that what guests are built against is what
# the host serves. `--check` changes nothing and fails where `deps/` differs.
set -eu

here=$(cd "$(dirname "$0")" && pwd)

manifest=$(cargo metadata --locked --format-version 1 --manifest-path "$here/../Cargo.toml" |
    tr ',' '\n' |
    sed -n 's|^"manifest_path":"\(.*/wasmtime-wasi-[0-9][^/]*/Cargo\.toml\)".*$|\1|p')
if [ -z "$manifest" ]; then
    echo "failed to find the crate \`wasmtime-wasi\` in Cargo.lock" >&2
    exit 1
fi
source=$(dirname "$manifest")/src/p2/wit/deps

# `http.wit` is of the crate `wasmtime-wasi-http`, which is not used (see docs/decisions/0022): it is kept by hand, and has to be of the
# same version of WASI as the others.
version() { sed -n '1s/.*@//p' "$1"; }

if [ "${1:-}" = "--check" ]; then
    if diff -r -x http.wit "$source" "$here/deps" &&
        [ "$(version "$here/deps/http.wit")" = "$(version "$here/deps/io.wit")" ]; then
        exit 0
    fi
    echo "wit/deps differs from \`wasmtime-wasi\`: run wit/vendor.sh" >&2
    exit 1
fi

cp "$source"/*.wit "$here/deps/"
