//! Talks to OCI registries: pulls artifacts by tag and digest.
