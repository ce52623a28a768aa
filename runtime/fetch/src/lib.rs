//! Gets documents that live elsewhere: in git, behind a URL, in a bundle.
