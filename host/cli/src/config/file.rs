//! The text of a `stepwell.toml` → a [`Config`], or everything that is wrong with it, each with its place.
//!
//! Read through the parser's own tables, whose keys and values have places, and not through serde, which stops at the
//! first mistake.

mod plugin;
mod proxies;
mod signatures;

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Report};
use stepwell_contract::limit::parse_quantity;
use stepwell_registry::Mirror;
use stepwell_spec::duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Config, Pattern, Substitute, Substitution};
use crate::containers::Wanted;

/// Stops a file from making the choice of every image take for ever.
const MOST_IMAGES: usize = 1000;

/// Reads `text`, which diagnostics call `name`. Paths are as written.
///
/// # Errors
///
/// Everything that is wrong with it, in the order of the lines.
pub(super) fn read(name: &str, text: &str) -> Result<Config, Vec<Report>> {
    let mut reader = Reader {
        name,
        text,
        problems: Vec::new(),
        config: Config::default(),
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let help = "docs/reference/configuration.md has an example of every setting";
        reader.problem("syntax", error.message(), span, "here", help);
    }
    if reader.problems.is_empty() {
        reader.file(table.get_ref());
    }
    if reader.problems.is_empty() {
        return Ok(reader.config);
    }
    reader.problems.sort_by_key(|(at, _)| *at);
    Err(reader
        .problems
        .into_iter()
        .map(|(_, problem)| problem)
        .collect())
}

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
    /// Each with where it starts.
    problems: Vec<(usize, Report)>,
    config: Config,
}

impl Reader<'_> {
    fn file(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            match &**key.get_ref() {
                "images" => self.images(value),
                "containers" => self.table("containers", value, Self::containers),
                "run" => self.table("run", value, Self::run),
                "runs" => self.table("runs", value, Self::runs),
                "registries" => self.table("registries", value, Self::registries),
                "signatures" => self.signatures(value),
                "fetch" => self.table("fetch", value, Self::fetch),
                "cache" => self.table("cache", value, Self::cache),
                "proxies" => self.table("proxies", value, Self::proxies),
                "plugin" => self.plugin(value),
                _ => self.unknown(
                    key,
                    "images, containers, run, runs, registries, signatures, fetch, proxies, plugin and cache",
                ),
            }
        }
    }

    fn table<'t>(
        &mut self,
        what: &str,
        value: &'t Spanned<DeValue<'t>>,
        mut read: impl FnMut(&mut Self, &'t DeTable<'t>),
    ) {
        match value.get_ref().as_table() {
            Some(table) => read(self, table),
            None => self.wrong(value, &format!("`{what}` is a table, as in `[{what}]`")),
        }
    }

    fn images(&mut self, value: &Spanned<DeValue<'_>>) {
        let Some(items) = value.get_ref().as_array() else {
            return self.wrong(value, "images are a list: each begins with `[[images]]`");
        };
        if items.len() > MOST_IMAGES {
            let help = format!("at most {MOST_IMAGES} are taken; `*` makes one of many");
            return self.wrong(value, &help);
        }
        for item in items {
            self.table("[images]", item, |reader, table| {
                let (mut pattern, mut substitute) = (None, None);
                for (key, value) in table {
                    match &**key.get_ref() {
                        "match" => pattern = reader.text(value),
                        "replace" => substitute = reader.substitute(value),
                        _ => reader.unknown(key, "match and replace"),
                    }
                }
                let (Some(pattern), Some(substitute)) = (pattern, substitute) else {
                    let missing = !table.iter().any(|(key, _)| *key.get_ref() == "match")
                        || !table.iter().any(|(key, _)| *key.get_ref() == "replace");
                    if missing {
                        reader.wrong(item, "an image has `match` and `replace`");
                    }
                    return;
                };
                reader.config.substitutions.push(Substitution {
                    pattern: Pattern::new(&pattern),
                    substitute,
                    place: format!("{}:{}", reader.name, reader.line(item.span().start)),
                });
            });
        }
    }

    fn substitute(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Substitute> {
        let substitute = Substitute::read(&self.text(value)?);
        substitute.map_err(|why| self.wrong(value, &why)).ok()
    }

    fn containers(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            match &**key.get_ref() {
                "backend" => {
                    let text = self.text(value);
                    self.config.container = text.as_deref().and_then(Wanted::from_text);
                    if text.is_some() && self.config.container.is_none() {
                        self.wrong(value, "\"docker\" or \"embedded\"");
                    }
                }
                _ => self.unknown(key, "backend"),
            }
        }
    }

    fn run(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            match &**key.get_ref() {
                "max-parallel" => {
                    let number = self.number(value);
                    self.config.max_parallel = number.and_then(NonZeroUsize::new);
                    if number == Some(0) {
                        self.wrong(value, "at least one task runs at a time");
                    }
                }
                _ => self.unknown(key, "max-parallel"),
            }
        }
    }

    fn runs(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            match &**key.get_ref() {
                "keep" => self.config.keep = self.number(value),
                "age" => {
                    let text = self.text(value);
                    self.config.age = text.as_deref().and_then(duration::parse);
                    if text.is_some() && self.config.age.is_none() {
                        self.wrong(value, "a duration such as \"720h\" or \"90m\"");
                    }
                }
                _ => self.unknown(key, "keep and age"),
            }
        }
    }

    fn registries(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            match &**key.get_ref() {
                "insecure" => {
                    self.config.insecure =
                        self.texts(value, "a list of hosts, such as [\"localhost:5000\"]");
                }
                "mirrors" => self.table("mirrors", value, Self::mirrors),
                _ => self.unknown(key, "insecure and mirrors"),
            }
        }
    }

    fn mirrors(&mut self, table: &DeTable<'_>) {
        const EXPECTED: &str = "a list of mirrors, such as [\"mirror.example.com/hub\"]";
        for (registry, value) in table {
            let mut mirrors = Vec::new();
            for text in self.texts(value, EXPECTED) {
                match text.parse::<Mirror>() {
                    Ok(mirror) => mirrors.push(mirror),
                    Err(_) => self.wrong(value, "a mirror is HOST, HOST:PORT or HOST/PREFIX"),
                }
            }
            self.config
                .mirrors
                .insert(registry.get_ref().to_string(), mirrors);
        }
    }

    fn cache(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            match &**key.get_ref() {
                "max-size" => {
                    let text = self.text(value);
                    self.config.cache.max_size = text.as_deref().and_then(parse_quantity);
                    if text.is_some() && self.config.cache.max_size.is_none() {
                        self.wrong(value, "a size such as \"10Gi\" or \"512Mi\"");
                    }
                }
                "shared" => {
                    let folders = self.texts(value, "a list of folders, such as [\"/srv/cache\"]");
                    self.config.cache.shared = folders.into_iter().map(PathBuf::from).collect();
                }
                "failures" => match value.get_ref().as_bool() {
                    Some(failures) => self.config.cache.failures = failures,
                    None => self.wrong(value, "true or false"),
                },
                _ => self.unknown(key, "max-size, shared and failures"),
            }
        }
    }

    fn fetch(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            match &**key.get_ref() {
                "certificates" => {
                    let files = self.texts(value, "a list of files, such as [\"ca.pem\"]");
                    self.config.certificates = files.into_iter().map(PathBuf::from).collect();
                }
                _ => self.unknown(key, "certificates"),
            }
        }
    }

    fn texts(&mut self, value: &Spanned<DeValue<'_>>, expected: &str) -> Vec<String> {
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(value, expected);
            return Vec::new();
        };
        items.iter().filter_map(|item| self.text(item)).collect()
    }

    fn text(&mut self, value: &Spanned<DeValue<'_>>) -> Option<String> {
        let text = value.get_ref().as_str().filter(|text| !text.is_empty());
        if text.is_none() {
            self.wrong(value, "a text in quotes that is not empty");
        }
        text.map(str::to_owned)
    }

    fn number(&mut self, value: &Spanned<DeValue<'_>>) -> Option<usize> {
        let number = value.get_ref().as_integer();
        let number =
            number.and_then(|number| usize::from_str_radix(number.as_str(), number.radix()).ok());
        if number.is_none() {
            self.wrong(value, "a whole number");
        }
        number
    }

    fn unknown(&mut self, key: &Spanned<std::borrow::Cow<'_, str>>, known: &str) {
        let message = format!("there is no setting `{}`", key.get_ref());
        let help = format!("there is: {known}");
        self.problem("unknown_key", &message, key.span(), "unknown", &help);
    }

    fn wrong(&mut self, value: &Spanned<DeValue<'_>>, expected: &str) {
        let message = format!(
            "this {} is not what is expected",
            value.get_ref().type_str()
        );
        self.problem("bad_value", &message, value.span(), "this", expected);
    }

    fn problem(&mut self, code: &str, message: &str, at: Range<usize>, label: &str, help: &str) {
        let start = at.start;
        let diagnostic = MietteDiagnostic::new(message)
            .with_code(format!("config::{code}"))
            .with_help(help)
            .with_label(LabeledSpan::at(at, label));
        let source = NamedSource::new(self.name, Arc::<str>::from(self.text));
        let report = Report::new(diagnostic).with_source_code(source);
        self.problems.push((start, report));
    }

    fn line(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or("");
        before.matches('\n').count() + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let reports = read("stepwell.toml", text).unwrap_err();
        let place = |report: &Report| {
            let label = report.labels().unwrap().next().unwrap();
            let line = text[..label.offset()].matches('\n').count() + 1;
            let code = report.code().unwrap();
            format!("{line}: {code}: {report}; {}", report.help().unwrap())
        };
        reports.iter().map(place).collect()
    }

    #[test]
    fn everything_that_can_be_set_is_read() {
        let text = "\
[[images]]
match = \"docker.io/library/bash*\"
replace = \"./tools/sh.wasm\"

[[images]]
match = \"alpine\"
replace = \"/a.wasm\"

[containers]
backend = \"docker\"

[run]
max-parallel = 4

[runs]
keep = 100
age = \"720h\"

[registries]
insecure = [\"localhost:5000\"]

[registries.mirrors]
\"docker.io\" = [\"localhost:5001/hub\", \"mirror.example.com\"]

[fetch]
certificates = [\"ca.pem\"]

[plugin]
name = \"lint\"
lang = \"rust\"

[cache]
max-size = \"2Gi\"
shared = [\"/srv/cache\", \"near\"]
failures = true
";
        let config = read("stepwell.toml", text).unwrap();
        let plugin = config.plugin.as_ref().unwrap();
        assert_eq!((&*plugin.name, plugin.language.as_str()), ("lint", "rust"));
        assert_eq!(config.cache.max_size, Some(2 << 30));
        assert_eq!(
            config.cache.shared,
            [PathBuf::from("/srv/cache"), "near".into()]
        );
        assert!(config.cache.failures);
        let places: Vec<_> = config.substitutions.iter().map(|one| &one.place).collect();
        assert_eq!(places, ["stepwell.toml:1", "stepwell.toml:5"]);
        assert_eq!(config.max_parallel.unwrap().get(), 4);
        assert_eq!(config.container, Some(Wanted::Docker));
        assert_eq!(config.keep, Some(100));
        assert_eq!(config.age.unwrap().as_secs(), 720 * 60 * 60);
        assert_eq!(config.insecure, ["localhost:5000"]);
        let mirrors: Vec<String> = config.mirrors["docker.io"]
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(mirrors, ["localhost:5001/hub", "mirror.example.com"]);
        assert_eq!(config.certificates, [PathBuf::from("ca.pem")]);
    }

    #[test]
    fn every_mistake_is_said_with_its_place() {
        let text = "\
imgaes = 1
[[images]]
match = \"x\"
[[images]]
match = \"x\"
replace = \"sh.wasm\"
[run]
max-parallel = 0
paralel = 2
[runs]
age = \"a month\"
keep = \"all\"
[registries]
insecure = \"localhost\"
mirrors = {\"docker.io\" = [\"https://mirror\"]}
[fetch]
certificates = [3]
[containers]
backend = \"podman\"
[plugin]
name = \"Lint\"
lang = \"cobol\"
";
        insta::assert_snapshot!(problems(text).join("\n"), @r#"
        1: config::unknown_key: there is no setting `imgaes`; there is: images, containers, run, runs, registries, signatures, fetch, proxies, plugin and cache
        2: config::bad_value: this table is not what is expected; an image has `match` and `replace`
        6: config::bad_value: this string is not what is expected; a path starts with `./`, as in `./sh.wasm`
        8: config::bad_value: this integer is not what is expected; at least one task runs at a time
        9: config::unknown_key: there is no setting `paralel`; there is: max-parallel
        11: config::bad_value: this string is not what is expected; a duration such as "720h" or "90m"
        12: config::bad_value: this string is not what is expected; a whole number
        14: config::bad_value: this string is not what is expected; a list of hosts, such as ["localhost:5000"]
        15: config::bad_value: this array is not what is expected; a mirror is HOST, HOST:PORT or HOST/PREFIX
        17: config::bad_value: this integer is not what is expected; a text in quotes that is not empty
        19: config::bad_value: this string is not what is expected; "docker" or "embedded"
        21: config::bad_value: this string is not what is expected; lower-case letters, digits and `-`, with a letter first
        22: config::bad_value: this string is not what is expected; one of rust, c, go, python, js
        "#);
    }

    #[test]
    fn what_is_not_toml_is_said_with_its_place() {
        let problems = problems("[run]\nmax-parallel = = 2\n");
        assert!(
            problems[0].starts_with("2: config::syntax: "),
            "{problems:?}"
        );
    }
}
