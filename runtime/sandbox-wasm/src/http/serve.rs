//! The half of `wasi:http/types` that servers use. A step is none: there is no such thing to hold, and so nothing to do
//! with it.

use std::convert::Infallible;

use wasmtime::component::Resource;

use super::{Fields, IncomingBody, OutgoingBody};
use crate::bindings::http::wasi::http::types::{
    ErrorCode, HostIncomingRequest, HostOutgoingResponse, HostResponseOutparam, Method, Scheme,
};
use crate::guest::Guest;

/// What only a server would hold: there is none.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Unserved(Infallible);

fn no_server<T>() -> wasmtime::Result<T> {
    Err(wasmtime::Error::msg(
        "a step sends requests and serves none",
    ))
}

impl HostIncomingRequest for Guest {
    fn method(&mut self, _: Resource<Unserved>) -> wasmtime::Result<Method> {
        no_server()
    }

    fn path_with_query(&mut self, _: Resource<Unserved>) -> wasmtime::Result<Option<String>> {
        no_server()
    }

    fn scheme(&mut self, _: Resource<Unserved>) -> wasmtime::Result<Option<Scheme>> {
        no_server()
    }

    fn authority(&mut self, _: Resource<Unserved>) -> wasmtime::Result<Option<String>> {
        no_server()
    }

    fn headers(&mut self, _: Resource<Unserved>) -> wasmtime::Result<Resource<Fields>> {
        no_server()
    }

    fn consume(
        &mut self,
        _: Resource<Unserved>,
    ) -> wasmtime::Result<Result<Resource<IncomingBody>, ()>> {
        no_server()
    }

    fn drop(&mut self, held: Resource<Unserved>) -> wasmtime::Result<()> {
        self.table.delete(held).map(|held| match held.0 {})?
    }
}

impl HostOutgoingResponse for Guest {
    fn new(&mut self, _: Resource<Fields>) -> wasmtime::Result<Resource<Unserved>> {
        no_server()
    }

    fn status_code(&mut self, _: Resource<Unserved>) -> wasmtime::Result<u16> {
        no_server()
    }

    fn set_status_code(
        &mut self,
        _: Resource<Unserved>,
        _: u16,
    ) -> wasmtime::Result<Result<(), ()>> {
        no_server()
    }

    fn headers(&mut self, _: Resource<Unserved>) -> wasmtime::Result<Resource<Fields>> {
        no_server()
    }

    fn body(
        &mut self,
        _: Resource<Unserved>,
    ) -> wasmtime::Result<Result<Resource<OutgoingBody>, ()>> {
        no_server()
    }

    fn drop(&mut self, held: Resource<Unserved>) -> wasmtime::Result<()> {
        self.table.delete(held).map(|held| match held.0 {})?
    }
}

impl HostResponseOutparam for Guest {
    fn send_informational(
        &mut self,
        _: Resource<Unserved>,
        _: u16,
        _: Resource<Fields>,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        no_server()
    }

    fn set(
        &mut self,
        _: Resource<Unserved>,
        _: Result<Resource<Unserved>, ErrorCode>,
    ) -> wasmtime::Result<()> {
        no_server()
    }

    fn drop(&mut self, held: Resource<Unserved>) -> wasmtime::Result<()> {
        self.table.delete(held).map(|held| match held.0 {})?
    }
}
