//! The keys of ConfigMaps and Secrets.

use super::KEEP_ONE;
use crate::document::config_map::ConfigMap;
use crate::document::secret::Secret;
use crate::name::{self, Case, check_unique};
use crate::problem::Problems;

/// Checks a ConfigMap, whose texts and bytes share their keys.
pub(crate) fn check_config_map(map: &ConfigMap, problems: &Problems) {
    for key in &map.keys {
        name::DATA_KEY.check(key, problems);
    }
    check_unique(&map.keys, "keys", KEEP_ONE, Case::Matters, problems);
}

/// Checks a Secret, in which a text may stand for bytes of the same key.
pub(crate) fn check_secret(secret: &Secret, problems: &Problems) {
    for key in &secret.keys {
        name::DATA_KEY.check(key, problems);
    }
}
