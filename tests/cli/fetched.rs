//! Documents from elsewhere: what is kept of them, what is listed, and what `clear` leaves.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use serde_json::Value;

use crate::stage::Stage;

const TASK: &str = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: remote}\n\
                    spec: {steps: [{name: hello, image: hello}]}\n";

/// A server on this machine that answers `requests` requests with a Task, each on a connection of its own; its address.
fn server(requests: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming().take(requests) {
            let mut connection = connection.unwrap();
            let lines = BufReader::new(connection.try_clone().unwrap()).lines();
            // The head of a request ends with an empty line.
            lines
                .take_while(|line| !line.as_ref().unwrap().is_empty())
                .for_each(drop);
            let length = TASK.len();
            write!(
                connection,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{TASK}"
            )
            .unwrap();
        }
    });
    format!("http://{address}/task.yaml")
}

fn run_of(url: &str) -> String {
    format!(
        "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{name: run}}\nspec:\n  taskRef:\n    \
         resolver: http\n    params: [{{name: url, value: \"{url}\"}}]\n"
    )
}

#[test]
fn what_was_fetched_is_listed_used_offline_and_cleared() {
    let stage = Stage::with(&["hello.wat"]);
    let empty = stage.stepwell(&["fetched", "list"]);
    assert_eq!(
        (empty.code, &*empty.stdout),
        (Some(0), "the cache holds no documents\n")
    );
    let url = server(1);
    stage.file("run.yaml", &run_of(&url));
    let run = |flags: &[&str]| {
        let args = ["run", "run.yaml", "-q", "--image", "hello=./hello.wat"];
        stage.stepwell(&[&args, flags].concat())
    };
    let first = run(&[]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert_eq!(run(&["--offline"]).code, Some(0));

    let list = stage.stepwell(&["fetched", "list"]);
    let rows: Vec<Vec<&str>> = list
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows,
        [
            vec!["RESOLVER", "FETCHED", "PINNED", "DOCUMENT", "ASKED", "FOR"],
            vec!["http", "[TIME]", "no", &url],
        ]
    );
    let json = stage.stepwell(&["fetched", "list", "-o", "json"]);
    let held: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(held["asked"]["url"], *url);
    assert_eq!(held["bytes"], TASK.len());
    assert_eq!(held["provenance"]["uri"], *url);

    let cleared = stage.stepwell(&["fetched", "clear"]);
    assert_eq!(cleared.stdout, "removed 1 document and 0 repositories\n");
    let gone = run(&["--offline"]);
    assert_eq!(gone.code, Some(3), "{gone:?}");
    assert!(
        gone.stderr.contains("`stepwell fetched list` shows"),
        "{gone:?}"
    );
}

#[test]
fn certificates_of_the_settings_are_read_where_something_is_fetched() {
    let stage = Stage::with(&["hello.wat"]);
    stage.file("run.yaml", &run_of(&server(1)));
    stage.file("stepwell.toml", "[fetch]\ncertificates = [\"no.pem\"]\n");
    let args = ["run", "run.yaml", "-q", "--image", "hello=./hello.wat"];
    let missing = stage.stepwell(&args);
    assert_eq!(missing.code, Some(3), "{missing:?}");
    assert!(missing.stderr.contains("no.pem"), "{missing:?}");
    stage.file("stepwell.toml", "[fetch]\ncertificates = []\n");
    assert_eq!(stage.stepwell(&args).code, Some(0));
}
