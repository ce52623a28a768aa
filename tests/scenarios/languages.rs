//! Programs in C and in Go, each built by its own compiler.

use serde_json::json;

use crate::hash::sha256;
use crate::stage::Stage;
use crate::tree::{copied, files, write};

/// Lines, words and bytes.
fn counts(bytes: &[u8]) -> [usize; 3] {
    let text = String::from_utf8_lossy(bytes);
    [
        text.matches('\n').count(),
        text.split_ascii_whitespace().count(),
        bytes.len(),
    ]
}

#[test]
fn a_program_in_c_counts_a_tree() {
    let stage = Stage::new();
    let wit = files(&copied(&stage, "wit"));
    let told = stage.run("c.yaml", &["-w", "tree=wit"]).succeeded();
    let mut lines = Vec::new();
    let mut total = [0; 3];
    // It visits the entries of each folder by name, folders and files alike.
    let mut paths: Vec<&String> = wit.keys().collect();
    paths.sort_by_key(|path| path.split('/').collect::<Vec<_>>());
    for path in paths {
        let [l, w, b] = counts(&wit[path]);
        lines.push(format!("{l} {w} {b} ./{path}"));
        total = [total[0] + l, total[1] + w, total[2] + b];
    }
    let sum = total.map(|count| count.to_string()).join(" ");
    lines.push(format!("{sum} total"));
    assert_eq!(told.stdout("count"), lines);
    assert_eq!(told.result("counts"), sum.as_str());
    // The next step read the result as a file.
    assert_eq!(told.stdout("read-back"), [json!(total).to_string()]);
}

#[test]
fn a_program_in_go_reads_json() {
    let stage = Stage::new();
    let tree = [
        (
            "a.json",
            r#"{"name": "a", "parts": [{"size": 1}, {"size": 2, "name": "b"}]}"#,
        ),
        ("deep/b.json", r#"[{"x": {"y": null}}]"#),
        ("deep/none.json", "[]"),
        ("deep/text.txt", "no JSON"),
    ];
    let keys = [
        (
            "a.json",
            vec![".name", ".parts", ".parts[].name", ".parts[].size"],
        ),
        ("deep/b.json", vec!["[].x", "[].x.y"]),
        ("deep/none.json", vec![]),
    ];
    write(
        &stage.folder("tree"),
        tree.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())),
    );
    let told = stage.run("go.yaml", &["-w", "tree=tree"]).succeeded();
    let mut lines: Vec<String> = keys
        .iter()
        .map(|(path, keys)| {
            let digest = sha256(keys.join("\n").as_bytes());
            format!("{digest} {} {path}", keys.len())
        })
        .collect();
    let all: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let digest = sha256(all.as_bytes());
    lines.push(format!("{digest} total"));
    assert_eq!(told.stdout("keys"), lines);
    assert_eq!(told.result("digest"), digest.as_str());
}
