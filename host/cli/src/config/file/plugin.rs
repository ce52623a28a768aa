//! The table `[plugin]`: that a folder is the project of a plugin.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Reader;
use crate::author::{Language, is_name};
use crate::config::PluginSettings;

impl Reader<'_> {
    /// Reads the table `value`.
    pub(super) fn plugin(&mut self, value: &Spanned<DeValue<'_>>) {
        self.table("plugin", value, |reader, table| {
            reader.fields(table);
            let has = |key: &str| table.iter().any(|(one, _)| *one.get_ref() == key);
            if !(has("name") && has("lang")) {
                reader.wrong(value, "a plugin has `name` and `lang`");
            }
        });
    }

    fn fields(&mut self, table: &DeTable<'_>) {
        let (mut name, mut language) = (None, None);
        for (key, value) in table {
            match &**key.get_ref() {
                "name" => {
                    let text = self.text(value);
                    name = text.clone().filter(|text| is_name(text));
                    if text.is_some() && name.is_none() {
                        let help = "lower-case letters, digits and `-`, with a letter first";
                        self.wrong(value, help);
                    }
                }
                "lang" => {
                    let text = self.text(value);
                    language = text.as_deref().and_then(Language::from_text);
                    if text.is_some() && language.is_none() {
                        self.wrong(value, &format!("one of {}", Language::list()));
                    }
                }
                _ => self.unknown(key, "name and lang"),
            }
        }
        if let (Some(name), Some(language)) = (name, language) {
            self.config.plugin = Some(PluginSettings { name, language });
        }
    }
}
