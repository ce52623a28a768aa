//! Container images for documents, the settings that put them in the place of those that documents name, and the backends
//! that they are run on.

use std::fs;

use serde_json::json;

use crate::boxes;
use crate::daemon::{self, Daemon};
use crate::shell;
use crate::stage::Stage;

/// One way to run containers.
pub(crate) struct Backend {
    pub(crate) name: &'static str,
    /// What chooses it on the command line.
    flag: &'static str,
    /// The daemon that it speaks to.
    daemon: Option<Daemon>,
}

impl Backend {
    /// All that this machine has: Stepwell itself, and a daemon of Docker's that is started for it.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self {
            name: "embedded",
            flag: "--container=embedded",
            daemon: None,
        }];
        if daemon::missing().is_none() {
            all.push(Self {
                name: "docker",
                flag: "--container=docker",
                daemon: Some(Daemon::start(&[])),
            });
        }
        all
    }

    /// What chooses it on the command line.
    pub(crate) fn flag(&self) -> &'static str {
        self.flag
    }

    /// A stage on which it can be found.
    pub(crate) fn stage(&self) -> Stage {
        let mut stage = Stage::new();
        if let Some(daemon) = &self.daemon {
            let socket = format!("unix://{}", daemon.socket().display());
            stage.set("DOCKER_HOST", &socket);
        }
        stage
    }

    /// What a run is called with: the settings, and that nothing is asked of anybody else.
    pub(crate) fn flags<'a>(&self, settings: &'a str) -> [&'a str; 3] {
        [settings, "--offline", self.flag]
    }
}

/// What stands for what: a pattern, and an image of the layout.
const STANDING: [(&str, &str); 9] = [
    ("*/ubuntu*", "ubuntu"),
    ("mirror.gcr.io/bash*", "bash"),
    ("mirror.gcr.io/alpine*", "sh"),
    ("mirror.gcr.io/busybox*", "sh"),
    ("cgr.dev/chainguard/busybox@sha256:*", "sh"),
    ("registry.example/box*", "sh"),
    ("registry.example/entry*", "entry"),
    ("registry.example/command*", "command"),
    ("registry.example/app@sha256:*", "app"),
];

/// Lays images out in the stage's folder; gives the flag that names the settings.
pub(crate) fn lay_out(stage: &Stage) -> String {
    let root = boxes::root();
    let path = "PATH=/usr/bin:/bin";
    let images = [
        ("ubuntu", json!({ "Env": [path], "Cmd": ["bash"] })),
        // As the published one, it runs its arguments as a command.
        (
            "bash",
            json!({ "Env": [path], "Entrypoint": ["env"], "Cmd": ["bash"] }),
        ),
        ("sh", json!({ "Env": [path], "Cmd": ["sh"] })),
        (
            "entry",
            json!({ "Env": [path], "Entrypoint": ["echo", "entry"], "Cmd": ["cmd"] }),
        ),
        ("command", json!({ "Env": [path], "Cmd": ["echo", "cmd"] })),
        (
            "app",
            json!({
                "Env": [path, "WHO=image", "HOME=/home/app"],
                "Cmd": ["sh"], "User": "app", "WorkingDir": "/srv/app",
            }),
        ),
    ];
    let images = images.map(|(tag, config)| (tag, boxes::container(&root, &config)));
    boxes::lay_out(&stage.path("images"), &images);
    let standing = |(pattern, image): &(&str, &str)| {
        format!("[[images]]\nmatch = \"{pattern}\"\nreplace = \"oci:./images:{image}\"\n")
    };
    let mut settings: String = STANDING.iter().map(standing).collect();
    settings += &format!(
        "[[images]]\nmatch = \"registry.example/component*\"\nreplace = \"{}\"\n",
        shell::component().display()
    );
    let file = stage.path("stepwell.toml");
    fs::write(&file, settings).unwrap();
    format!("--config={}", file.display())
}
