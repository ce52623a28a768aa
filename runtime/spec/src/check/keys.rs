//! The keys of ConfigMaps and Secrets.

use super::KEEP_ONE;
use crate::document::config_map::ConfigMap;
use crate::document::secret::Secret;
use crate::name;
use crate::problem::{FieldProblem, Problems};

/// Checks a ConfigMap, whose texts and bytes share their keys.
pub(crate) fn check_config_map(map: &ConfigMap, problems: &Problems) {
    for key in map.text_keys.iter().chain(&map.byte_keys) {
        name::DATA_KEY.check(key, problems);
    }
    // A key that one of the two has twice was found by the reader of YAML.
    for key in &map.byte_keys {
        if map.texts.contains_key(&key.value) {
            problems.push(FieldProblem::DuplicateName {
                what: "keys of `data` and `binaryData`",
                name: key.value.clone(),
                help: KEEP_ONE.to_owned(),
                span: key.span,
                first: None,
            });
        }
    }
}

/// Checks a Secret, in which a text may stand for bytes of the same key.
pub(crate) fn check_secret(secret: &Secret, problems: &Problems) {
    for key in &secret.keys {
        name::DATA_KEY.check(key, problems);
    }
}
