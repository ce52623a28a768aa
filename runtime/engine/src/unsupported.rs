//! What a TaskRun asks for that Stepwell cannot give it without containers or a cluster, before anything runs.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use stepwell_spec::{Span, TaskRun, VolumeSource};

use crate::volumes::allows;

/// One thing that a TaskRun asks for and cannot have.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsupported {
    /// Storage that only a cluster has.
    Cluster {
        /// The workspace or the volume.
        name: Arc<str>,
        /// The field that asks for it.
        what: &'static str,
        /// Where.
        span: Span,
    },
    /// A folder of the host's that the command line does not allow.
    HostPath {
        /// Which one.
        path: PathBuf,
        /// Where the document asks for it.
        span: Span,
    },
    /// Something of the host's that is no folder.
    HostFile {
        /// Where it is.
        path: PathBuf,
        /// What the document says it is.
        kind: String,
        /// Where the document asks for it.
        span: Span,
    },
}

impl Unsupported {
    /// Where the document asks for it.
    pub fn span(&self) -> Span {
        match self {
            Self::Cluster { span, .. }
            | Self::HostPath { span, .. }
            | Self::HostFile { span, .. } => *span,
        }
    }

    /// What would help.
    pub fn help(&self) -> String {
        match self {
            Self::Cluster { .. } => {
                "bind a folder instead, with `-w NAME=FOLDER`, or use an emptyDir or a claim"
                    .to_owned()
            }
            Self::HostPath { path, .. } => {
                format!("allow it with `--host-path {}`", path.display())
            }
            Self::HostFile { .. } => {
                "only folders can be shown to a step: ask for its folder".to_owned()
            }
        }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster { name, what, .. } => {
                write!(f, "`{name}` asks for `{what}`, which only a cluster has")
            }
            Self::HostPath { path, .. } => write!(
                f,
                "the folder `{}` of this machine is asked for, and no `--host-path` allows it",
                path.display()
            ),
            Self::HostFile { path, kind, .. } => {
                write!(
                    f,
                    "`{}` is asked for as a `{kind}`, which is no folder",
                    path.display()
                )
            }
        }
    }
}

/// What `run` asks for that it cannot have, in the order of the document; `host_paths` are the folders of the host's that
/// the command line allows. Touches nothing.
pub fn unsupported(run: &TaskRun, host_paths: &[PathBuf]) -> Vec<Unsupported> {
    let mut found = Vec::new();
    let workspaces = run.workspaces.iter();
    let workspaces = workspaces.map(|workspace| (&workspace.name, &workspace.source));
    let volumes = run
        .volumes
        .iter()
        .map(|volume| (&volume.name, &volume.source));
    for (name, source) in workspaces.chain(volumes) {
        match source {
            VolumeSource::Cluster { what, span } => found.push(Unsupported::Cluster {
                name: Arc::clone(name),
                what,
                span: *span,
            }),
            VolumeSource::HostPath { path, kind, span } => {
                let (path, span) = (path.clone(), *span);
                if !["", "Directory", "DirectoryOrCreate"].contains(&kind.as_str()) {
                    let kind = kind.clone();
                    found.push(Unsupported::HostFile { path, kind, span });
                } else if allows(host_paths, &path).is_none() {
                    found.push(Unsupported::HostPath { path, span });
                }
            }
            VolumeSource::Folder { .. }
            | VolumeSource::EmptyDir
            | VolumeSource::Claim { .. }
            | VolumeSource::Files(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use stepwell_contract::{RunName, TaskName};
    use stepwell_spec::{Sources, TaskVolume};

    use super::*;

    #[test]
    fn each_is_told_with_its_place_and_what_helps() {
        let span = Span {
            source: Sources::new().add("test", ""),
            start: 3,
            len: 4,
        };
        let host = |path: &str, kind: &str| VolumeSource::HostPath {
            path: path.into(),
            kind: kind.to_owned(),
            span,
        };
        let sources = [
            VolumeSource::Cluster { what: "csi", span },
            host("/srv/cache/a", "Directory"),
            host("/etc", ""),
            host("/srv/cache/x.sock", "Socket"),
            VolumeSource::EmptyDir,
        ];
        let mut run = TaskRun::new(RunName::new("run"), TaskName::new("task"));
        run.volumes = sources
            .into_iter()
            .map(|source| TaskVolume {
                name: "v".into(),
                source,
            })
            .collect();
        let found = unsupported(&run, &["/srv/cache".into()]);
        let told: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "`v` asks for `csi`, which only a cluster has",
                "the folder `/etc` of this machine is asked for, and no `--host-path` allows it",
                "`/srv/cache/x.sock` is asked for as a `Socket`, which is no folder",
            ]
        );
        assert_eq!(found[1].help(), "allow it with `--host-path /etc`");
        assert_eq!((found[0].span(), found[1].span()), (span, span));
    }
}
