//! A request and its answer, in one line each: what is refused on the way is named by the step that refused it.

use crate::wasi::http::outgoing_handler::handle;
use crate::wasi::http::types::{
    ErrorCode, Fields, IncomingBody, Method, OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};

/// A request in the making.
pub struct Ask {
    /// `http`, `https` or another one.
    pub scheme: String,
    /// Host and port.
    pub authority: String,
    /// Path and query.
    pub path: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body; none at all where it is `None`.
    pub body: Option<String>,
    /// Nanoseconds to wait for a connection, for the head, and between two chunks.
    pub patience: [Option<u64>; 3],
}

impl Ask {
    /// A plain question.
    pub fn new(scheme: &str, authority: &str, path: &str) -> Self {
        Self {
            scheme: scheme.to_owned(),
            authority: authority.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: None,
            patience: [None; 3],
        }
    }

    /// Sends it: the status and the body, or what went wrong.
    ///
    /// # Errors
    ///
    /// What was refused, in one word.
    pub fn send(self) -> Result<String, String> {
        let refused = |what: &str| format!("refused {what}");
        let fields = Fields::new();
        for (name, value) in &self.headers {
            let set = fields.append(name, value.as_bytes());
            set.map_err(|error| format!("header {error:?}"))?;
        }
        let request = OutgoingRequest::new(fields);
        let scheme = match self.scheme.as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => Scheme::Other(other.to_owned()),
        };
        request
            .set_scheme(Some(&scheme))
            .map_err(|()| refused("scheme"))?;
        let set = request.set_authority(Some(&self.authority));
        set.map_err(|()| refused("authority"))?;
        let set = request.set_path_with_query(Some(&self.path));
        set.map_err(|()| refused("path"))?;
        let mut outgoing = None;
        if self.body.is_some() {
            let _ = request.set_method(&Method::Post);
            outgoing = Some(request.body().map_err(|()| refused("body"))?);
        }
        let options = RequestOptions::new();
        let [connect, first, between] = self.patience;
        let _ = options.set_connect_timeout(connect);
        let _ = options.set_first_byte_timeout(first);
        let _ = options.set_between_bytes_timeout(between);
        let response = handle(request, Some(options)).map_err(named)?;
        if let (Some(outgoing), Some(text)) = (outgoing, self.body) {
            write(outgoing, &text)?;
        }
        response.subscribe().block();
        let response = match response.get() {
            Some(Ok(Ok(response))) => response,
            Some(Ok(Err(error))) => return Err(named(error)),
            _ => return Err("nothing".to_owned()),
        };
        let status = response.status();
        let body = response.consume().map_err(|()| refused("consume"))?;
        Ok(format!("{status} {}", read(&body)?))
    }
}

fn write(outgoing: OutgoingBody, text: &str) -> Result<(), String> {
    let stream = outgoing.write().map_err(|()| "refused write".to_owned())?;
    for chunk in text.as_bytes().chunks(4096) {
        let written = stream.blocking_write_and_flush(chunk);
        written.map_err(|_| "write failed".to_owned())?;
    }
    drop(stream);
    OutgoingBody::finish(outgoing, None).map_err(named)
}

fn read(body: &IncomingBody) -> Result<String, String> {
    let stream = body.stream().map_err(|()| "refused stream".to_owned())?;
    let mut text = Vec::new();
    loop {
        match stream.blocking_read(65536) {
            Ok(bytes) => text.extend(bytes),
            Err(crate::wasi::io::streams::StreamError::Closed) => break,
            Err(crate::wasi::io::streams::StreamError::LastOperationFailed(error)) => {
                let code = crate::wasi::http::types::http_error_code(&error);
                return Err(code.map_or_else(|| "unnamed".to_owned(), named));
            }
        }
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The name of an error, without what it carries.
fn named(error: ErrorCode) -> String {
    let text = format!("{error:?}");
    let text = text.strip_prefix("ErrorCode::").unwrap_or(&text);
    text.split(['(', '{', ' '])
        .next()
        .unwrap_or_default()
        .to_owned()
}
