//! What a registry has: its repositories, and their tags.
//!
//! It does not know what is behind a tag. Registries hand out lists in pages; the next page is asked for by the last name of the one
//! before, and never by a URL that a registry made up.

use std::time::Instant;

use serde::Deserialize;

use crate::{
    client::{Registry, judge},
    error::{Power, RegistryError},
    http::Ask,
    push::ANSWER,
    reference::{Mirror, Reference},
};

/// How many names are taken of one list. Stops a list without an end.
const MOST: usize = 10_000;

/// How many names are asked for at a time.
const PAGE: usize = 1000;

/// What one page may have: as many names as are asked for, each as long as a name may be.
const PAGE_BYTES: u64 = 1 << 20;

/// A page of either list.
#[derive(Deserialize)]
struct Page {
    #[serde(alias = "tags", default)]
    repositories: Option<Vec<String>>,
}

impl Registry {
    /// The artifacts of a registry, or of a namespace in it, by all their tags: `HOST`, `HOST/NAMESPACE` or
    /// `HOST/REPOSITORY`, in the order of their names. What is no name is left out.
    ///
    /// # Errors
    ///
    /// What the registry does not list; many list nothing to those who may not see all of it.
    pub fn artifacts(&self, namespace: &Mirror) -> Result<Vec<Reference>, RegistryError> {
        let whole = namespace.whole();
        let mut found = Vec::new();
        for name in self.names(&whole, (Power::List, "repositories"), "_catalog")? {
            if !namespace.has(&name) {
                continue;
            }
            let Ok(repository) = format!("{}/{name}", namespace.registry()).parse::<Reference>()
            else {
                continue;
            };
            let path = format!("{name}/tags/list");
            for tag in self.names(&repository, (Power::Read, "tags"), &path)? {
                // The names of what belongs to other artifacts.
                if tag.starts_with("sha256-") {
                    continue;
                }
                found.extend(
                    format!("{}/{name}:{tag}", namespace.registry())
                        .parse()
                        .ok(),
                );
                if found.len() > MOST {
                    return Err(too_many(&repository, "artifacts"));
                }
            }
        }
        found.sort_by_cached_key(Reference::to_string);
        Ok(found)
    }

    fn names(
        &self,
        place: &Reference,
        (power, what): (Power, &'static str),
        path: &str,
    ) -> Result<Vec<String>, RegistryError> {
        let mut names: Vec<String> = Vec::new();
        loop {
            let deadline = Instant::now() + ANSWER;
            let size = PAGE.to_string();
            let mut query = vec![("n", size.as_str())];
            query.extend(names.last().map(|last| ("last", last.as_str())));
            let mut has_more = false;
            let answer = self.ask(place, power, deadline, |scheme, authorization| {
                let url = format!("{scheme}://{}/v2/{path}", place.host());
                let url = crate::http::with_query(&url, &query)?;
                let ask = Ask {
                    authorization,
                    ..Ask::new(&url, PAGE_BYTES, deadline)
                };
                let answer = self.http.ask(&ask)?;
                has_more = answer.has_more;
                Ok(answer)
            })?;
            let bytes = judge(place, answer)?;
            let page: Page =
                serde_json::from_slice(&bytes).map_err(|source| RegistryError::Malformed {
                    registry: place.registry().to_owned(),
                    what: "list of names",
                    source,
                })?;
            let page = page.repositories.unwrap_or_default();
            // A page that begins again is the last one, whatever the registry says.
            let goes_on = page.last().is_some_and(|last| !names.contains(last));
            names.extend(page);
            if names.len() > MOST {
                return Err(too_many(place, what));
            }
            if !has_more || !goes_on {
                return Ok(names);
            }
        }
    }
}

fn too_many(place: &Reference, what: &'static str) -> RegistryError {
    RegistryError::TooMany {
        registry: place.registry().to_owned(),
        what,
        most: MOST,
    }
}
