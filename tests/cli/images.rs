//! Images that are in no file of their own: layouts, a registry, and what the store keeps of them.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::boxes;
use crate::stage::{Stage, wait};

/// The guest `hello.wat` as a Wasm artifact.
pub(crate) fn hello(stage: &Stage) -> Vec<Vec<u8>> {
    let code = fs::read(stage.path("hello.wat")).unwrap();
    let config = "application/vnd.wasm.config.v0+json";
    boxes::image(config, b"{}", &[("application/wasm", &code)])
}

/// A container image of this machine's kind, with one layer.
pub(crate) fn container(layer: &[u8]) -> Vec<Vec<u8>> {
    let config = json!({ "Env": ["PATH=/bin", "WHO=image"], "WorkingDir": "/srv" });
    boxes::container(layer, &config)
}

/// Lays an image out in the folder `name`, with the tag `1`.
pub(crate) fn lay_out(stage: &Stage, name: &str, blobs: &[Vec<u8>]) {
    boxes::lay_out(&stage.path(name), &[("1", blobs.to_vec())]);
}

/// A registry on this machine that has one image as `a:1`; its host, and the paths that it was asked for.
fn registry(blobs: Vec<Vec<u8>>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let asks = Arc::clone(&asked);
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            lines
                .take_while(|line| !line.as_ref().unwrap().is_empty())
                .for_each(drop);
            let path = first.split(' ').nth(1).unwrap().to_owned();
            let name = path.rsplit('/').next().unwrap();
            let found = match name {
                "1" => blobs.last(),
                name => blobs.iter().find(|blob| boxes::digest(blob) == name),
            };
            asks.lock().unwrap().push(path.clone());
            let (status, body) = match found {
                Some(body) => ("200 OK", body.as_slice()),
                None => ("404 Not Found", b"".as_slice()),
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            connection
                .write_all(&[head.as_bytes(), body].concat())
                .unwrap();
        }
    });
    (host, asked)
}

fn task(stage: &Stage, image: &str) {
    let text = format!(
        "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {{name: task}}\nspec:\n  steps:\n  - {{name: hello, image: \"{image}\"}}\n"
    );
    stage.file("task.yaml", &text);
}

#[test]
fn a_component_of_a_layout_runs() {
    let stage = Stage::with(&["hello.wat"]);
    lay_out(&stage, "layout", &hello(&stage));
    for image in ["oci:./layout", "oci:layout:1"] {
        task(&stage, image);
        let ended = stage.stepwell(&["run", "task.yaml"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    task(&stage, "oci:layout:2");
    let ended = stage.stepwell(&["run", "task.yaml"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.contains("spec::image_not_pulled"), "{ended:?}");
}

#[test]
fn a_component_of_a_registry_is_pulled_once_listed_used_offline_and_removed() {
    let stage = Stage::with(&["hello.wat"]);
    let empty = stage.stepwell(&["images", "list"]);
    assert_eq!(
        (empty.code, &*empty.stdout),
        (Some(0), "the store holds no images\n")
    );
    let (host, asked) = registry(hello(&stage));
    let name = format!("{host}/a:1");
    task(&stage, &name);
    let plan = || stage.stepwell(&["plan", "task.yaml"]).stdout;
    assert!(plan().contains("(not looked up yet)"), "{}", plan());
    let absent = stage.stepwell(&["run", "task.yaml", "--offline"]);
    assert_eq!(absent.code, Some(3), "{absent:?}");
    assert!(asked.lock().unwrap().is_empty());
    for flags in [&[][..], &[], &["--offline"]] {
        let ended = stage.stepwell(&[&["run", "task.yaml"], flags].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    // The manifest and the component: a tag that is not meant to move is not asked for again.
    assert_eq!(asked.lock().unwrap().len(), 2);
    let listed = stage.stepwell(&["images", "list", "-o", "json"]);
    let held: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(held["reference"], name);
    assert_eq!(held["kind"], "component");
    let shown = format!("  → {}", held["digest"].as_str().unwrap());
    assert!(plan().contains(&shown), "{}", plan());
    let again = stage.stepwell(&["images", "pull", &name, "-o", "json"]);
    let pulled: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(pulled["digest"], held["digest"]);
    assert_eq!(asked.lock().unwrap().len(), 3);
    let removed = stage.stepwell(&["images", "rm", &name]);
    assert!(
        removed.stdout.starts_with("removed 1 image, "),
        "{removed:?}"
    );
    assert_eq!(stage.stepwell(&["images", "rm", &name]).code, Some(2));
    let gone = stage.stepwell(&["images", "pull", "--offline", &name]);
    assert_eq!(gone.code, Some(3), "{gone:?}");
}

#[test]
fn a_container_of_a_registry_is_pulled_and_for_those_who_cannot_run_it_its_layers_are_not() {
    let stage = Stage::new();
    let (host, asked) = registry(container(b"layer"));
    let settings = std::fs::read_to_string("/proc/sys/user/max_user_namespaces");
    if !rustix::process::geteuid().is_root() && settings.is_ok_and(|max| max.trim() == "0") {
        task(&stage, &format!("{host}/a:1"));
        let ended = stage.stepwell(&["run", "task.yaml"]);
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(
            ended.stderr.contains("spec::image_is_container"),
            "{ended:?}"
        );
        assert_eq!(asked.lock().unwrap().len(), 1);
    }
    let pulled = stage.stepwell(&["images", "pull", &format!("{host}/a:1")]);
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    assert!(pulled.stdout.ends_with("  container\n"), "{pulled:?}");
}

#[test]
fn a_registry_that_cannot_be_asked_is_the_environments_trouble_and_a_name_that_is_not_there_is_not()
{
    let stage = Stage::new();
    // Nobody listens there any more.
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (host, _) = registry(container(b"layer"));
    for (image, code) in [
        (format!("{address}/a:1"), 3),
        (format!("{host}/a:2"), 4),
        ("A".to_owned(), 4),
    ] {
        task(&stage, &image);
        let ended = stage.stepwell(&["run", "task.yaml"]);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stderr.contains("spec::image_not_pulled"), "{ended:?}");
    }
}

#[test]
fn a_policy_says_when_the_registry_is_asked_and_never_is_in_the_words_of_kubernetes() {
    let stage = Stage::with(&["hello.wat"]);
    let (host, asked) = registry(hello(&stage));
    let name = format!("{host}/a:1");
    let run = |policy: &str| {
        stage.file("task.yaml", &format!(
            "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {{name: task}}\nspec:\n  steps:\n  \
             - {{name: hello, image: \"{name}\", imagePullPolicy: {policy}}}\n"
        ));
        let before = asked.lock().unwrap().len();
        let ended = stage.stepwell(&["run", "task.yaml"]);
        (ended, asked.lock().unwrap().len() - before)
    };
    let (never, count) = run("Never");
    assert_eq!((never.code, count), (Some(3), 0), "{never:?}");
    assert!(never.stderr.contains("ErrImageNeverPull"), "{never:?}");
    for (policy, requests) in [("IfNotPresent", 2), ("Never", 0), ("Always", 1)] {
        let (ended, count) = run(policy);
        assert_eq!(
            (ended.code, count),
            (Some(0), requests),
            "{policy} {ended:?}"
        );
    }
    let (wrong, count) = run("Sometimes");
    assert_eq!((wrong.code, count), (Some(4), 0), "{wrong:?}");
    assert!(
        wrong.stderr.contains("Always, IfNotPresent or Never"),
        "{wrong:?}"
    );
}

#[test]
fn always_fails_where_the_registry_is_gone_although_the_image_is_here_unless_nobody_is_asked() {
    let stage = Stage::with(&["hello.wat"]);
    let (host, _) = registry(hello(&stage));
    let name = format!("{host}/a:1");
    let pulled = stage.stepwell(&["images", "pull", &name]);
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    // The same image, by a name at which nobody answers.
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    stage.file(
        "stepwell.toml",
        &format!("[registries.mirrors]\n\"{gone}\" = [\"{host}\"]\n"),
    );
    let name = format!("{gone}/a:1");
    let task = format!(
        "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {{name: task}}\nspec:\n  steps:\n  \
         - {{name: hello, image: \"{name}\", imagePullPolicy: Always}}\n"
    );
    stage.file("task.yaml", &task);
    assert_eq!(stage.stepwell(&["run", "task.yaml"]).code, Some(0));
    stage.file("stepwell.toml", "");
    // What is locked is not asked for.
    fs::remove_file(stage.path("stepwell.lock")).unwrap();
    let ended = stage.stepwell(&["run", "task.yaml"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let offline = stage.stepwell(&["run", "task.yaml", "--offline"]);
    assert_eq!(offline.code, Some(0), "{offline:?}");
}

#[test]
fn attack_a_registry_that_says_nothing_does_not_keep_whoever_asks_for_the_end() {
    let stage = Stage::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    task(&stage, &format!("{}/a:1", silent.local_addr().unwrap()));
    let mut child = stage
        .command(&["run", "task.yaml"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let asked = silent.accept().unwrap();
    let id = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGINT).unwrap();
    // It is the signal that ends it: nothing has run that would have to be cleaned up.
    assert_eq!(wait(&mut child), None);
    drop(asked);
}

#[test]
fn a_mirror_of_the_settings_is_asked_first() {
    let stage = Stage::with(&["hello.wat"]);
    let (host, asked) = registry(hello(&stage));
    stage.file(
        "stepwell.toml",
        &format!("[registries.mirrors]\n\"registry.invalid\" = [\"{host}/hub\"]\n"),
    );
    task(&stage, "registry.invalid/a:1");
    let ended = stage.stepwell(&["run", "task.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(asked.lock().unwrap()[0], "/v2/hub/a/manifests/1");
}
