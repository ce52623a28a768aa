//! A request as a guest builds it, and the moment when it is sent.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method as HttpMethod, header};
use wasmtime::component::Resource;

use super::Fields;
use super::body::{self, Outgoing, OutgoingBody};
use super::exchange::{self, Ask};
use super::fields::too_many;
use super::response::FutureResponse;
use super::target::{self, Target};
use crate::bindings::http::wasi::http::outgoing_handler;
use crate::bindings::http::wasi::http::types::{
    ErrorCode, HostOutgoingBody, HostOutgoingRequest, HostRequestOptions, Method, Scheme,
};
use crate::guest::Guest;
use wasmtime_wasi_io::streams::DynOutputStream;

/// A request that was not sent yet.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct OutgoingRequest {
    method: Method,
    scheme: Option<Scheme>,
    authority: Option<String>,
    path: Option<String>,
    headers: Fields,
    body: Option<Outgoing>,
}

/// How long a guest waits for a server. A duration of zero is over at once, and one of centuries never.
#[derive(Debug, Clone, Copy, Default)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct RequestOptions {
    pub(super) connect: Option<Duration>,
    pub(super) first_byte: Option<Duration>,
    pub(super) between_bytes: Option<Duration>,
}

/// The length that the headers say the body has.
///
/// # Errors
///
/// They say it in a way that a server could understand as another length (GHSA-r8xh-cgf7-392j, GHSA-h4wp-g4x3-7398).
fn content_length(headers: &HeaderMap) -> Result<Option<u64>, ErrorCode> {
    let mut said = headers.get_all(header::CONTENT_LENGTH).iter();
    let (first, second) = (said.next(), said.next());
    let Some(first) = first else { return Ok(None) };
    let digits = first.to_str().ok().filter(|text| {
        second.is_none() && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
    });
    digits
        .and_then(|digits| digits.parse().ok())
        .map(Some)
        .ok_or(ErrorCode::HttpRequestBodySize(None))
}

/// The method on the wire. A tunnel is a way to another target, and is none of them.
fn method(asked: &Method) -> Option<HttpMethod> {
    Some(match asked {
        Method::Get => HttpMethod::GET,
        Method::Head => HttpMethod::HEAD,
        Method::Post => HttpMethod::POST,
        Method::Put => HttpMethod::PUT,
        Method::Delete => HttpMethod::DELETE,
        Method::Options => HttpMethod::OPTIONS,
        Method::Trace => HttpMethod::TRACE,
        Method::Patch => HttpMethod::PATCH,
        Method::Connect => return None,
        Method::Other(name) => {
            let method = HttpMethod::from_bytes(name.as_bytes()).ok()?;
            (!name.eq_ignore_ascii_case("CONNECT")).then_some(method)?
        }
    })
}

impl OutgoingRequest {
    /// The request for the wire, and whom it is for.
    fn finish(self) -> Result<(Target, http::Request<Outgoing>), ErrorCode> {
        let length = content_length(&self.headers.map)?;
        if self.body.is_none() && length.is_some_and(|length| length != 0) {
            return Err(ErrorCode::HttpRequestBodySize(Some(0)));
        }
        let method = method(&self.method).ok_or(ErrorCode::HttpRequestMethodInvalid)?;
        let target = Target::new(self.scheme.as_ref(), self.authority.as_deref())?;
        let mut request = http::Request::new(self.body.unwrap_or_else(Outgoing::none));
        *request.method_mut() = method;
        *request.uri_mut() = target::path(self.path.as_deref())?;
        *request.headers_mut() = self.headers.map.clone();
        let host = HeaderValue::try_from(target.authority());
        let host = host.map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
        request.headers_mut().insert(header::HOST, host);
        Ok((target, request))
    }
}

impl outgoing_handler::Host for Guest {
    fn handle(
        &mut self,
        request: Resource<OutgoingRequest>,
        options: Option<Resource<RequestOptions>>,
    ) -> wasmtime::Result<Result<Resource<FutureResponse>, ErrorCode>> {
        let request = self.table.delete(request)?;
        let options = match options {
            Some(options) => self.table.delete(options)?,
            None => RequestOptions::default(),
        };
        let (target, request) = match request.finish() {
            Ok(finished) => finished,
            Err(error) => return Ok(Err(error)),
        };
        let Some(way) = self.http.reach.way(&target) else {
            self.refused(&target.with_port());
            return Ok(Err(ErrorCode::HttpRequestDenied));
        };
        // A connection is a file that is open; the host has only so many.
        let Ok(permit) = self.meter.open() else {
            return Ok(Err(ErrorCode::ConnectionLimitReached));
        };
        let response = exchange::start(Ask {
            target,
            way,
            request,
            options,
            permit,
        });
        Ok(Ok(self.table.push(response)?))
    }
}

impl HostOutgoingRequest for Guest {
    fn new(&mut self, headers: Resource<Fields>) -> wasmtime::Result<Resource<OutgoingRequest>> {
        let headers = self.table.delete(headers)?.freeze();
        Ok(self.table.push(OutgoingRequest {
            method: Method::Get,
            scheme: None,
            authority: None,
            path: None,
            headers,
            body: None,
        })?)
    }

    fn body(
        &mut self,
        request: Resource<OutgoingRequest>,
    ) -> wasmtime::Result<Result<Resource<OutgoingBody>, ()>> {
        let request = self.table.get_mut(&request)?;
        let Ok(length) = content_length(&request.headers.map) else {
            return Ok(Err(()));
        };
        if request.body.is_some() {
            return Ok(Err(()));
        }
        let (ours, theirs) = body::outgoing(length);
        request.body = Some(theirs);
        Ok(Ok(self.table.push(ours)?))
    }

    fn method(&mut self, request: Resource<OutgoingRequest>) -> wasmtime::Result<Method> {
        Ok(self.table.get(&request)?.method.clone())
    }

    fn set_method(
        &mut self,
        request: Resource<OutgoingRequest>,
        asked: Method,
    ) -> wasmtime::Result<Result<(), ()>> {
        let request = self.table.get_mut(&request)?;
        Ok(match method(&asked) {
            Some(_) => {
                request.method = asked;
                Ok(())
            }
            None => Err(()),
        })
    }

    fn path_with_query(
        &mut self,
        request: Resource<OutgoingRequest>,
    ) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&request)?.path.clone())
    }

    fn set_path_with_query(
        &mut self,
        request: Resource<OutgoingRequest>,
        path: Option<String>,
    ) -> wasmtime::Result<Result<(), ()>> {
        let request = self.table.get_mut(&request)?;
        Ok(match target::path(path.as_deref()) {
            Ok(_) => {
                request.path = path;
                Ok(())
            }
            Err(_) => Err(()),
        })
    }

    fn scheme(&mut self, request: Resource<OutgoingRequest>) -> wasmtime::Result<Option<Scheme>> {
        Ok(self.table.get(&request)?.scheme.clone())
    }

    fn set_scheme(
        &mut self,
        request: Resource<OutgoingRequest>,
        scheme: Option<Scheme>,
    ) -> wasmtime::Result<Result<(), ()>> {
        let request = self.table.get_mut(&request)?;
        if matches!(scheme, Some(Scheme::Other(_))) {
            return Ok(Err(()));
        }
        request.scheme = scheme;
        Ok(Ok(()))
    }

    fn authority(
        &mut self,
        request: Resource<OutgoingRequest>,
    ) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&request)?.authority.clone())
    }

    fn set_authority(
        &mut self,
        request: Resource<OutgoingRequest>,
        authority: Option<String>,
    ) -> wasmtime::Result<Result<(), ()>> {
        let request = self.table.get_mut(&request)?;
        if let Some(authority) = &authority
            && Target::new(None, Some(authority)).is_err()
        {
            return Ok(Err(()));
        }
        request.authority = authority;
        Ok(Ok(()))
    }

    fn headers(
        &mut self,
        request: Resource<OutgoingRequest>,
    ) -> wasmtime::Result<Resource<Fields>> {
        let copy = self
            .table
            .get(&request)?
            .headers
            .copy(self.http.room(), true);
        Ok(self.table.push(copy.ok_or_else(too_many)?)?)
    }

    fn drop(&mut self, request: Resource<OutgoingRequest>) -> wasmtime::Result<()> {
        self.table.delete(request)?;
        Ok(())
    }
}

impl HostOutgoingBody for Guest {
    fn write(
        &mut self,
        body: Resource<OutgoingBody>,
    ) -> wasmtime::Result<Result<Resource<DynOutputStream>, ()>> {
        match self.table.get_mut(&body)?.stream() {
            Some(stream) => Ok(Ok(self.table.push_child(stream, &body)?)),
            None => Ok(Err(())),
        }
    }

    fn finish(
        &mut self,
        body: Resource<OutgoingBody>,
        trailers: Option<Resource<Fields>>,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        let body = self.table.delete(body)?;
        let trailers = match trailers {
            Some(trailers) => Some(self.table.delete(trailers)?.map.clone()),
            None => None,
        };
        Ok(body.finish(trailers))
    }

    fn drop(&mut self, body: Resource<OutgoingBody>) -> wasmtime::Result<()> {
        self.table.delete(body)?;
        Ok(())
    }
}

fn nanoseconds(duration: Option<Duration>) -> Option<u64> {
    duration.map(|duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

impl HostRequestOptions for Guest {
    fn new(&mut self) -> wasmtime::Result<Resource<RequestOptions>> {
        Ok(self.table.push(RequestOptions::default())?)
    }

    fn connect_timeout(&mut self, it: Resource<RequestOptions>) -> wasmtime::Result<Option<u64>> {
        Ok(nanoseconds(self.table.get(&it)?.connect))
    }

    fn set_connect_timeout(
        &mut self,
        it: Resource<RequestOptions>,
        duration: Option<u64>,
    ) -> wasmtime::Result<Result<(), ()>> {
        self.table.get_mut(&it)?.connect = duration.map(Duration::from_nanos);
        Ok(Ok(()))
    }

    fn first_byte_timeout(
        &mut self,
        it: Resource<RequestOptions>,
    ) -> wasmtime::Result<Option<u64>> {
        Ok(nanoseconds(self.table.get(&it)?.first_byte))
    }

    fn set_first_byte_timeout(
        &mut self,
        it: Resource<RequestOptions>,
        duration: Option<u64>,
    ) -> wasmtime::Result<Result<(), ()>> {
        self.table.get_mut(&it)?.first_byte = duration.map(Duration::from_nanos);
        Ok(Ok(()))
    }

    fn between_bytes_timeout(
        &mut self,
        it: Resource<RequestOptions>,
    ) -> wasmtime::Result<Option<u64>> {
        Ok(nanoseconds(self.table.get(&it)?.between_bytes))
    }

    fn set_between_bytes_timeout(
        &mut self,
        it: Resource<RequestOptions>,
        duration: Option<u64>,
    ) -> wasmtime::Result<Result<(), ()>> {
        self.table.get_mut(&it)?.between_bytes = duration.map(Duration::from_nanos);
        Ok(Ok(()))
    }

    fn drop(&mut self, it: Resource<RequestOptions>) -> wasmtime::Result<()> {
        self.table.delete(it)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_a_length_that_two_readers_understand_differently() {
        let length = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CONTENT_LENGTH, HeaderValue::from_static(value));
            }
            content_length(&headers).map_err(drop)
        };
        assert_eq!(length(&[]), Ok(None));
        assert_eq!(length(&["0"]), Ok(Some(0)));
        assert_eq!(length(&["12"]), Ok(Some(12)));
        for values in [
            &["+5"][..],
            &["-5"],
            &["0x5"],
            &["5, 5"],
            &["5", "5"],
            &["5", "6"],
            &[""],
            &["99999999999999999999"],
        ] {
            assert_eq!(length(values), Err(()), "{values:?}");
        }
    }

    #[test]
    fn attack_a_tunnel_is_no_request() {
        assert!(method(&Method::Connect).is_none());
        for name in ["CONNECT", "connect", "GET /", "", "A B"] {
            assert!(method(&Method::Other(name.to_owned())).is_none(), "{name}");
        }
        assert!(method(&Method::Other("PROPFIND".to_owned())).is_some());
    }
}
