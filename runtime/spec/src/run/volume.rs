//! What stands behind a workspace or a volume.

use std::path::PathBuf;
use std::sync::Arc;

use stepwell_contract::Access;

use crate::source::Span;

/// What stands behind a workspace or a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeSource {
    /// A folder of the user's, as given with `-w`, and a folder below it (`subPath`).
    Folder {
        /// As given: relative to where the command was started.
        path: PathBuf,
        /// Relative, without `..`.
        sub_path: Option<String>,
    },
    /// A new folder that goes away with the task.
    EmptyDir,
    /// A claim: a folder that Stepwell keeps.
    Claim {
        /// The claim's name; for one made from a `volumeClaimTemplate` unique in the run.
        name: Arc<str>,
        /// The namespace that it is in.
        namespace: Arc<str>,
        /// Whether it goes away with the run (`volumeClaimTemplate`) or stays for the next (`persistentVolumeClaim`).
        of_run: bool,
        /// A folder below it; relative, without `..`, made where it is missing.
        sub_path: Option<String>,
    },
    /// Files of a ConfigMap, a Secret, several of them (`projected`), or the pod's own fields (`downwardAPI`).
    Files(Arc<FileSet>),
    /// A folder or a file of the host's, which only the command line can allow.
    HostPath {
        /// Absolute.
        path: PathBuf,
        /// What has to be there (`DirectoryOrCreate`, `File`, …); empty for anything.
        kind: String,
        /// Where the document asks for it.
        span: Span,
    },
    /// Something that only a cluster has.
    Cluster {
        /// The field that asks for it, such as `csi`.
        what: &'static str,
        /// Where.
        span: Span,
    },
}

/// Files that a step finds in a folder, and cannot change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileSet {
    /// In the order of their paths, which are unique.
    pub files: Vec<File>,
}

/// A file with what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Relative, normalised, without `..`.
    pub path: String,
    /// What is in it.
    pub bytes: Arc<[u8]>,
    /// Its permission bits.
    pub mode: u32,
}

/// A volume of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskVolume {
    /// Its name, unique in the task.
    pub name: Arc<str>,
    /// What stands behind it.
    pub source: VolumeSource,
}

/// A volume where a step sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountedVolume {
    /// Which of the task's volumes.
    pub volume: Arc<str>,
    /// Where: absolute, normalised.
    pub mount_path: Arc<str>,
    /// The part of it that is shown; relative, without `..`.
    pub sub_path: Option<String>,
    /// What the step may do with it.
    pub access: Access,
}
