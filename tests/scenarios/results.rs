//! What a step leaves where a result should be, read back by the engine: a result is text in a regular file, of some size.

use std::path::Path;

use stepwell_guest_artifacts as guests;

use crate::stage::{Stage, Told};

/// Tekton's words.
const TOO_LARGE: &str = "results exceeded size limit 4096 bytes";

/// Runs a guest that leaves something at the result `sum`.
fn left_by(guest: &Path, args: &[&str]) -> Told {
    let stage = Stage::new();
    let document = stage.path("task.yaml");
    let text = format!(
        "apiVersion: tekton.dev/v1\n\
         kind: Task\n\
         metadata:\n  name: results\n\
         spec:\n\
         \x20 results:\n  - name: sum\n  - name: other\n\
         \x20 steps:\n\
         \x20 - name: honest\n    image: {}\n    args: [other, kept]\n\
         \x20 - name: leave\n    image: {}\n    args: {args:?}\n",
        guests::result_write().display(),
        guest.display(),
    );
    std::fs::write(&document, text).unwrap();
    stage.run_at(&document, &[])
}

/// The result was not taken, the run says so, and the honest one is still there.
#[track_caller]
fn refused(told: &Told, why: &str) {
    assert_eq!(told.code, Some(5), "{told:#?}");
    assert_eq!(told.last()["succeeded"], false);
    assert!(
        told.of_type("result").all(|event| event["name"] != "sum"),
        "{told:#?}"
    );
    assert_eq!(told.result("other"), "kept");
    let message = told.of_type("task-end").next().unwrap()["message"].clone();
    assert!(message.as_str().unwrap().contains(why), "{message}");
}

#[test]
fn text_in_a_file_is_a_result() {
    let told = left_by(guests::result_write(), &["sum", "42"]).succeeded();
    assert_eq!(told.result("sum"), "42");
}

#[test]
fn attack_huge_result() {
    refused(&left_by(guests::result_huge(), &["sum", "4097"]), TOO_LARGE);
    refused(
        &left_by(guests::result_huge(), &["sum", "100000000"]),
        TOO_LARGE,
    );
}

#[test]
fn the_last_byte_of_the_limit_is_taken() {
    let told = left_by(guests::result_huge(), &["sum", "4096"]).succeeded();
    assert_eq!(told.result("sum").as_str().unwrap().len(), 4096);
}

#[test]
fn attack_gigabytes_that_are_not_there() {
    refused(
        &left_by(guests::result_sparse(), &["sum", "8589934592"]),
        TOO_LARGE,
    );
}

#[test]
fn a_few_zeros_are_text() {
    let told = left_by(guests::result_sparse(), &["sum", "3"]).succeeded();
    assert_eq!(told.result("sum"), "\0\0\0");
}

#[test]
fn attack_symlink_in_the_place_of_a_result() {
    // To a result, to a file of the task, to a file of the host, to nothing.
    for target in [
        "other",
        "../steps/step-honest/exitCode",
        "../../../../etc/hostname",
        "none",
    ] {
        refused(
            &left_by(guests::result_symlink(), &["sum", target]),
            "\"sum\": ",
        );
    }
}

#[test]
fn attack_directory_in_the_place_of_a_result() {
    refused(&left_by(guests::result_directory(), &["sum"]), "\"sum\": ");
}

#[test]
fn attack_bytes_that_are_no_text() {
    refused(&left_by(guests::result_binary(), &["sum"]), "\"sum\": ");
}
