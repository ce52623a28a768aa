//! `[proxies.NAME]`: where a proxy leads, what it adds, and what it takes.

use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Reader;
use crate::config::{Header, HeaderSource, ProxySettings};

impl Reader<'_> {
    /// All proxies.
    pub(super) fn proxies(&mut self, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = &**name.get_ref();
            let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            let label = !key.is_empty() && key.len() <= 63 && key.chars().all(inside);
            if !label || key.starts_with('-') || key.ends_with('-') {
                self.wrong(
                    value,
                    "the name of a proxy has small letters, digits and `-`",
                );
                continue;
            }
            self.table("[proxies.NAME]", value, |reader, table| {
                if let Some(settings) = reader.proxy(value, table) {
                    reader.config.proxies.insert(key.to_owned(), settings);
                }
            });
        }
    }

    fn proxy(
        &mut self,
        whole: &Spanned<DeValue<'_>>,
        table: &DeTable<'_>,
    ) -> Option<ProxySettings> {
        let mut settings = ProxySettings::default();
        for (key, value) in table {
            match &**key.get_ref() {
                "url" => match self.text(value) {
                    Some(url) if url.starts_with("https://") || url.starts_with("http://") => {
                        settings.url = url;
                    }
                    Some(_) => self.wrong(value, "a URL that begins with `https://` or `http://`"),
                    None => {}
                },
                "methods" => {
                    settings.methods = self.texts(value, "a list of methods, such as [\"GET\"]");
                }
                "paths" => {
                    settings.paths = self.texts(value, "a list of paths, such as [\"/repos/\"]");
                    if settings.paths.iter().any(|path| !path.starts_with('/')) {
                        self.wrong(value, "paths begin with `/`");
                    }
                }
                "headers" => self.table("headers", value, |reader, table| {
                    for (name, value) in table {
                        let header = reader.header(name.get_ref(), value);
                        settings.headers.extend(header);
                    }
                }),
                _ => self.unknown(key, "url, headers, methods and paths"),
            }
        }
        if table.iter().all(|(key, _)| *key.get_ref() != "url") {
            self.wrong(whole, "a proxy has a `url`");
        }
        Some(settings)
    }

    /// A value is not written into the file, which others read: it says where the value is.
    fn header(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> Option<Header> {
        const EXPECTED: &str = "where the value is: { env = \"TOKEN\" } or { file = \"token.txt\" }, and a `prefix` such as \"Bearer \"";
        let Some(table) = value.get_ref().as_table() else {
            self.wrong(value, EXPECTED);
            return None;
        };
        let (mut sources, mut prefix) = (Vec::new(), String::new());
        for (key, value) in table {
            match &**key.get_ref() {
                "env" => sources.extend(self.text(value).map(HeaderSource::Variable)),
                "file" => {
                    let path = self.text(value).map(PathBuf::from);
                    sources.extend(path.map(HeaderSource::File));
                }
                "prefix" => prefix = self.text(value)?,
                _ => self.unknown(key, "env, file and prefix"),
            }
        }
        match (sources.len(), sources.pop()) {
            (1, Some(source)) => Some(Header {
                name: name.to_owned(),
                prefix,
                source,
            }),
            _ => {
                self.wrong(value, EXPECTED);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn a_proxy_says_where_its_values_are() {
        let text = "\
[proxies.my-forge]
url = \"https://api.example.com/v1\"
methods = [\"GET\"]
paths = [\"/repos/\"]
[proxies.my-forge.headers]
Authorization = { env = \"TOKEN\", prefix = \"Bearer \" }
X-Key = { file = \"key.txt\" }
";
        let config = read("stepwell.toml", text).unwrap();
        let proxy = &config.proxies["my-forge"];
        assert_eq!(proxy.url, "https://api.example.com/v1");
        assert_eq!((proxy.methods.len(), proxy.paths.len()), (1, 1));
        let mut headers = proxy.headers.iter();
        let first = headers.next().unwrap();
        assert_eq!((&*first.name, &*first.prefix), ("Authorization", "Bearer "));
        assert_eq!(first.source, HeaderSource::Variable("TOKEN".to_owned()));
        let second = headers.next().unwrap();
        assert_eq!(second.source, HeaderSource::File("key.txt".into()));
    }

    #[test]
    fn what_is_wrong_with_a_proxy_is_said() {
        for (text, expected) in [
            ("[proxies.Forge]\nurl = \"https://a\"", "small letters"),
            ("[proxies.a]\nurl = \"ftp://a\"", "begins with `https://`"),
            ("[proxies.a]\nmethods = [\"GET\"]", "a proxy has a `url`"),
            (
                "[proxies.a]\nurl = \"https://a\"\npaths = [\"x\"]",
                "begin with `/`",
            ),
            (
                "[proxies.a]\nurl = \"https://a\"\nheaders = {A = \"secret\"}",
                "where the value is",
            ),
            (
                "[proxies.a]\nurl = \"https://a\"\nheaders = {A = {}}",
                "where the value is",
            ),
            (
                "[proxies.a]\nurl = \"https://a\"\nbody = 1",
                "url, headers, methods and paths",
            ),
        ] {
            let problems = read("stepwell.toml", text).unwrap_err();
            let help = problems[0].help().unwrap().to_string();
            assert!(help.contains(expected), "{text}: {help}");
        }
    }
}
