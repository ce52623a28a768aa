//! `[[signatures]]`: which images have to be signed, and by whom.

use toml::Spanned;
use toml::de::DeValue;

use super::Reader;
use crate::config::{KeySource, Pattern, SignatureRule};

/// Stops a file from making the look at every image take for ever.
const MOST: usize = 1000;

impl Reader<'_> {
    /// All rules, in their order.
    pub(super) fn signatures(&mut self, value: &Spanned<DeValue<'_>>) {
        let Some(items) = value.get_ref().as_array() else {
            let help = "signatures are a list: each begins with `[[signatures]]`";
            return self.wrong(value, help);
        };
        if items.len() > MOST {
            let help = format!("at most {MOST} are taken; `*` makes one of many");
            return self.wrong(value, &help);
        }
        for item in items {
            self.table("[signatures]", item, |reader, table| {
                let (mut pattern, mut keys) = (None, Vec::new());
                for (key, value) in table {
                    match &**key.get_ref() {
                        "match" => pattern = reader.text(value),
                        "keys" => keys = reader.keys(value),
                        _ => reader.unknown(key, "match and keys"),
                    }
                }
                // A rule without a key would be taken for one that lets nothing in, or for one that lets everything in.
                let (Some(pattern), false) = (pattern, keys.is_empty()) else {
                    return reader.wrong(item, "a rule has `match`, and `keys` with at least one");
                };
                let place = format!("{}:{}", reader.name, reader.line(item.span().start));
                reader.config.signatures.push(SignatureRule {
                    pattern: Pattern::new(&pattern),
                    keys,
                    place,
                });
            });
        }
    }

    fn keys(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<KeySource> {
        const EXPECTED: &str = "a list of public keys of minisign: lines that start with `RW`, or paths of files that end \
                                with `.pub`";
        let mut keys = Vec::new();
        for text in self.texts(value, EXPECTED) {
            match KeySource::read(&text) {
                Some(key) => keys.push(key),
                None => self.wrong(value, EXPECTED),
            }
        }
        keys
    }
}
