//! Headers and trailers: what a guest may set, and how much of it.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use wasmtime::component::Resource;

use super::Room;
use crate::bindings::http::wasi::http::types::{HeaderError, HostFields};
use crate::guest::Guest;

/// What keeping a field costs beside its name and its value.
const FIELD_BYTES: u64 = 64;

/// What the host says, not the guest: where a request goes, and how its body is bounded.
const OURS: [HeaderName; 10] = [
    header::CONNECTION,
    header::HOST,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// A set of fields.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Fields {
    pub(super) map: HeaderMap,
    /// A request's or a response's own.
    immutable: bool,
    room: Room,
}

impl Fields {
    pub(super) fn new(room: Room) -> Self {
        Self {
            map: HeaderMap::new(),
            immutable: false,
            room,
        }
    }

    /// What a server sent; `None` where it is more than a guest may hold.
    pub(super) fn received(map: HeaderMap, room: Room) -> Option<Self> {
        let mut fields = Self {
            map,
            immutable: true,
            room,
        };
        let bytes = fields.map.iter().map(|(name, value)| cost(name, value));
        let bytes = bytes.sum();
        fields.room.take(bytes).then_some(fields)
    }

    /// The same fields once more; `None` where that is more than a guest may hold.
    pub(super) fn copy(&self, room: Room, immutable: bool) -> Option<Self> {
        let copy = Self::received(self.map.clone(), room)?;
        Some(Self { immutable, ..copy })
    }

    /// Nothing of it is changed any more.
    pub(super) fn freeze(mut self) -> Self {
        self.immutable = true;
        self
    }

    fn append(&mut self, name: &str, value: &[u8]) -> Result<(), HeaderError> {
        let (name, value) = field(name, value)?;
        self.changed()?;
        let bytes = cost(&name, &value);
        if !self.room.take(bytes) {
            return Err(HeaderError::Forbidden);
        }
        match self.map.try_append(name, value) {
            Ok(_) => Ok(()),
            Err(_) => {
                self.room.give_back(bytes);
                Err(HeaderError::Forbidden)
            }
        }
    }

    /// The old values stay where one of the new ones is none.
    fn set(&mut self, text: &str, values: &[Vec<u8>]) -> Result<(), HeaderError> {
        let name = name(text)?;
        for value in values {
            field(text, value)?;
        }
        self.remove(&name)?;
        values.iter().try_for_each(|value| self.append(text, value))
    }

    fn remove(&mut self, name: &HeaderName) -> Result<(), HeaderError> {
        self.changed()?;
        let bytes = self.map.get_all(name).iter().map(|value| cost(name, value));
        self.room.give_back(bytes.sum());
        self.map.remove(name);
        Ok(())
    }

    fn changed(&self) -> Result<(), HeaderError> {
        match self.immutable {
            true => Err(HeaderError::Immutable),
            false => Ok(()),
        }
    }
}

fn cost(name: &HeaderName, value: &HeaderValue) -> u64 {
    FIELD_BYTES + (name.as_str().len() + value.len()) as u64
}

fn name(text: &str) -> Result<HeaderName, HeaderError> {
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| HeaderError::InvalidSyntax)?;
    match OURS.contains(&name) {
        true => Err(HeaderError::Forbidden),
        false => Ok(name),
    }
}

fn field(text: &str, value: &[u8]) -> Result<(HeaderName, HeaderValue), HeaderError> {
    let name = name(text)?;
    let value = HeaderValue::from_bytes(value).map_err(|_| HeaderError::InvalidSyntax)?;
    Ok((name, value))
}

impl HostFields for Guest {
    fn new(&mut self) -> wasmtime::Result<Resource<Fields>> {
        Ok(self.table.push(Fields::new(self.http.room()))?)
    }

    fn from_list(
        &mut self,
        entries: Vec<(String, Vec<u8>)>,
    ) -> wasmtime::Result<Result<Resource<Fields>, HeaderError>> {
        let mut fields = Fields::new(self.http.room());
        for (name, value) in entries {
            if let Err(error) = fields.append(&name, &value) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(self.table.push(fields)?))
    }

    fn get(&mut self, fields: Resource<Fields>, name: String) -> wasmtime::Result<Vec<Vec<u8>>> {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            return Ok(Vec::new());
        };
        let values = self.table.get(&fields)?.map.get_all(&name);
        Ok(values
            .iter()
            .map(|value| value.as_bytes().to_vec())
            .collect())
    }

    fn has(&mut self, fields: Resource<Fields>, name: String) -> wasmtime::Result<bool> {
        let fields = self.table.get(&fields)?;
        let name = HeaderName::from_bytes(name.as_bytes());
        Ok(name.is_ok_and(|name| fields.map.contains_key(&name)))
    }

    fn set(
        &mut self,
        fields: Resource<Fields>,
        text: String,
        values: Vec<Vec<u8>>,
    ) -> wasmtime::Result<Result<(), HeaderError>> {
        let fields = self.table.get_mut(&fields)?;
        Ok(fields.set(&text, &values))
    }

    fn delete(
        &mut self,
        fields: Resource<Fields>,
        text: String,
    ) -> wasmtime::Result<Result<(), HeaderError>> {
        let fields = self.table.get_mut(&fields)?;
        Ok(name(&text).and_then(|name| fields.remove(&name)))
    }

    fn append(
        &mut self,
        fields: Resource<Fields>,
        name: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), HeaderError>> {
        Ok(self.table.get_mut(&fields)?.append(&name, &value))
    }

    fn entries(&mut self, fields: Resource<Fields>) -> wasmtime::Result<Vec<(String, Vec<u8>)>> {
        let entries = self.table.get(&fields)?.map.iter();
        Ok(entries
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect())
    }

    fn clone(&mut self, fields: Resource<Fields>) -> wasmtime::Result<Resource<Fields>> {
        let copy = self.table.get(&fields)?.copy(self.http.room(), false);
        Ok(self.table.push(copy.ok_or_else(too_many)?)?)
    }

    fn drop(&mut self, fields: Resource<Fields>) -> wasmtime::Result<()> {
        self.table.delete(fields)?;
        Ok(())
    }
}

/// The guest can only be told by being ended.
pub(super) fn too_many() -> wasmtime::Error {
    crate::meter::LimitHit {
        limit: stepwell_contract::Limit::HostCall,
    }
    .into()
}
