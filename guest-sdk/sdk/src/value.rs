//! What a Rust type is as the value of a param or of a result.
//!
//! [`Value`] is the whole border between Rust's types and the three types of the contract. It does not know names,
//! defaults or hosts.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use crate::{ParamType, ParamValue};

impl ParamType {
    /// The word used in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

impl ParamValue {
    /// The type of this value.
    pub fn param_type(&self) -> ParamType {
        match self {
            Self::String(_) => ParamType::String,
            Self::Array(_) => ParamType::Array,
            Self::Object(_) => ParamType::Object,
        }
    }

    /// Whether there is nothing in it: what stands for `None` where a value has to stand.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::String(text) => text.is_empty(),
            Self::Array(items) => items.is_empty(),
            Self::Object(entries) => entries.is_empty(),
        }
    }

    fn mismatch(&self, wanted: ParamType) -> String {
        format!(
            "is of type {}, not {}",
            self.param_type().as_str(),
            wanted.as_str()
        )
    }
}

impl From<&str> for ParamValue {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for ParamValue {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<Vec<String>> for ParamValue {
    fn from(items: Vec<String>) -> Self {
        Self::Array(items)
    }
}

impl From<BTreeMap<String, String>> for ParamValue {
    fn from(entries: BTreeMap<String, String>) -> Self {
        Self::Object(entries.into_iter().collect())
    }
}

/// A type that params and results can have.
///
/// Numbers, `bool`, `char`, paths and network addresses are strings in a document; `Vec` of one of them is an array;
/// `BTreeMap<String, _>` of one of them, or a struct with `#[derive(stepwell::Object)]`, is an object. `Option` of any of
/// them is the empty value where it is `None`.
pub trait Value: Sized {
    /// Its type in a document.
    const TYPE: ParamType;

    /// For an object, the keys that it always has.
    fn properties() -> Vec<String> {
        Vec::new()
    }

    /// For an object, the keys that it always has where it is emitted as a result.
    fn result_properties() -> Vec<String> {
        Self::properties()
    }

    /// The value that a param of this type has where nobody gave one and no default is declared; `None` where one has to
    /// be given.
    fn absent() -> Option<ParamValue> {
        None
    }

    /// Reads a value.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words that follow the name of the param: "is of type array, not string".
    fn from_value(value: ParamValue) -> Result<Self, String>;

    /// Writes it.
    fn into_value(self) -> ParamValue;

    /// Writes it as a result; `None` where there is nothing to emit.
    fn into_result(self) -> Option<ParamValue> {
        Some(self.into_value())
    }
}

/// A type that is one string in a document: what arrays and objects are made of.
pub trait Word: Sized {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// What is wrong with it: "is `many`, which is no usize (invalid digit found in string)".
    fn from_word(text: String) -> Result<Self, String>;

    /// Writes it.
    fn into_word(self) -> String;
}

impl Word for String {
    fn from_word(text: String) -> Result<Self, String> {
        Ok(text)
    }

    fn into_word(self) -> String {
        self
    }
}

/// The lossless part of a path: in the sandbox all paths are UTF-8.
impl Word for PathBuf {
    fn from_word(text: String) -> Result<Self, String> {
        Ok(text.into())
    }

    fn into_word(self) -> String {
        self.to_string_lossy().into_owned()
    }
}

/// Reads a word as what its type reads.
fn parse<T: FromStr<Err: Display>>(text: &str, kind: &str) -> Result<T, String> {
    text.parse()
        .map_err(|error| format!("is `{text}`, which is no {kind} ({error})"))
}

macro_rules! words {
    ($($word:ty),*) => {$(
        impl Word for $word {
            fn from_word(text: String) -> Result<Self, String> {
                parse(&text, stringify!($word))
            }

            fn into_word(self) -> String {
                self.to_string()
            }
        }

        impl Value for $word {
            const TYPE: ParamType = ParamType::String;

            fn from_value(value: ParamValue) -> Result<Self, String> {
                string(value).and_then(Word::from_word)
            }

            fn into_value(self) -> ParamValue {
                ParamValue::String(self.into_word())
            }
        }
    )*};
}

words!(
    bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, IpAddr,
    Ipv4Addr, Ipv6Addr, SocketAddr
);

fn string(value: ParamValue) -> Result<String, String> {
    match value {
        ParamValue::String(text) => Ok(text),
        other => Err(other.mismatch(ParamType::String)),
    }
}

impl Value for String {
    const TYPE: ParamType = ParamType::String;

    fn from_value(value: ParamValue) -> Result<Self, String> {
        string(value)
    }

    fn into_value(self) -> ParamValue {
        ParamValue::String(self)
    }
}

impl Value for PathBuf {
    const TYPE: ParamType = ParamType::String;

    fn from_value(value: ParamValue) -> Result<Self, String> {
        string(value).and_then(Word::from_word)
    }

    fn into_value(self) -> ParamValue {
        ParamValue::String(self.into_word())
    }
}

impl<W: Word> Value for Vec<W> {
    const TYPE: ParamType = ParamType::Array;

    fn from_value(value: ParamValue) -> Result<Self, String> {
        let items = match value {
            ParamValue::Array(items) => items,
            other => return Err(other.mismatch(Self::TYPE)),
        };
        let items = items.into_iter().enumerate();
        items
            .map(|(index, item)| W::from_word(item).map_err(|error| format!("[{index}] {error}")))
            .collect()
    }

    fn into_value(self) -> ParamValue {
        ParamValue::Array(self.into_iter().map(Word::into_word).collect())
    }
}

impl<W: Word> Value for BTreeMap<String, W> {
    const TYPE: ParamType = ParamType::Object;

    fn from_value(value: ParamValue) -> Result<Self, String> {
        let entries = object(value)?.into_iter();
        entries
            .map(|(key, text)| match W::from_word(text) {
                Ok(word) => Ok((key, word)),
                Err(error) => Err(format!(".{key} {error}")),
            })
            .collect()
    }

    fn into_value(self) -> ParamValue {
        let entries = self.into_iter();
        ParamValue::Object(entries.map(|(key, word)| (key, word.into_word())).collect())
    }
}

/// The entries of an object.
///
/// # Errors
///
/// It is none.
#[doc(hidden)]
pub fn object(value: ParamValue) -> Result<BTreeMap<String, String>, String> {
    match value {
        ParamValue::Object(entries) => Ok(entries.into_iter().collect()),
        other => Err(other.mismatch(ParamType::Object)),
    }
}

/// Takes the key `name` of an object out of its entries.
///
/// # Errors
///
/// It is not there, or cannot be read.
#[doc(hidden)]
pub fn entry<W: Word>(entries: &mut BTreeMap<String, String>, name: &str) -> Result<W, String> {
    let text = entries
        .remove(name)
        .ok_or_else(|| format!("has no key `{name}`"))?;
    W::from_word(text).map_err(|error| format!(".{name} {error}"))
}

impl<V: Value> Value for Option<V> {
    const TYPE: ParamType = V::TYPE;

    // `properties` stays empty: a param that is `None` is an object without keys, which a host that wants them refuses. A
    // result that is `None` is none at all.
    fn result_properties() -> Vec<String> {
        V::result_properties()
    }

    fn absent() -> Option<ParamValue> {
        Some(match V::TYPE {
            ParamType::String => ParamValue::String(String::new()),
            ParamType::Array => ParamValue::Array(Vec::new()),
            ParamType::Object => ParamValue::Object(Vec::new()),
        })
    }

    fn from_value(value: ParamValue) -> Result<Self, String> {
        match value.is_empty() && value.param_type() == V::TYPE {
            true => Ok(None),
            false => V::from_value(value).map(Some),
        }
    }

    fn into_value(self) -> ParamValue {
        match self {
            Some(value) => value.into_value(),
            None => Self::absent().unwrap_or_else(|| ParamValue::String(String::new())),
        }
    }

    fn into_result(self) -> Option<ParamValue> {
        self.map(Value::into_value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<V: Value>(value: impl Into<ParamValue>) -> Result<V, String> {
        V::from_value(value.into())
    }

    #[test]
    fn what_is_written_is_read_again() {
        fn round_trip<V: Value + Clone + PartialEq + std::fmt::Debug>(value: V) {
            let written = value.clone().into_value();
            assert_eq!(written.param_type(), V::TYPE);
            assert_eq!(V::from_value(written).unwrap(), value);
        }
        round_trip("text".to_owned());
        round_trip(true);
        round_trip(-3i64);
        round_trip(2.5f64);
        round_trip(PathBuf::from("a/b"));
        round_trip(vec![1u16, 2]);
        round_trip(BTreeMap::from([("a".to_owned(), 1u8)]));
        round_trip(Some(7u32));
        round_trip(None::<Vec<String>>);
    }

    #[test]
    fn what_cannot_be_read_says_where_and_why() {
        let many = read::<usize>("many").unwrap_err();
        assert_eq!(
            many,
            "is `many`, which is no usize (invalid digit found in string)"
        );
        let array = read::<usize>(vec!["1".to_owned()]).unwrap_err();
        assert_eq!(array, "is of type array, not string");
        let item = read::<Vec<bool>>(vec!["true".to_owned(), "yes".to_owned()]).unwrap_err();
        assert!(item.starts_with("[1] is `yes`, which is no bool"), "{item}");
        let entries = BTreeMap::from([("port".to_owned(), "99999".to_owned())]);
        let entry = read::<BTreeMap<String, u16>>(entries).unwrap_err();
        assert!(
            entry.starts_with(".port is `99999`, which is no u16"),
            "{entry}"
        );
    }

    #[test]
    fn the_empty_value_is_none_and_the_wrong_type_is_not() {
        assert_eq!(read::<Option<usize>>("").unwrap(), None);
        assert_eq!(read::<Option<usize>>("3").unwrap(), Some(3));
        assert_eq!(
            read::<Option<String>>(Vec::new()).unwrap_err(),
            "is of type array, not string"
        );
        assert_eq!(None::<String>.into_result(), None);
    }
}
