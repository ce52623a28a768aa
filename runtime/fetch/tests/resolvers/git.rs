//! The resolver `git` on repositories of this machine.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    thread,
    time::Duration,
};

use stepwell_fetch::{FetchOptions, Fetcher};

use crate::{
    repository::{Repository, TASK},
    wanted::{blames_document, blames_environment, fetch, options},
};

fn task(
    fetcher: &Fetcher,
    url: &str,
    revision: &str,
) -> Result<stepwell_fetch::Fetched, stepwell_fetch::FetchError> {
    fetch(
        fetcher,
        "git",
        &[
            ("url", url),
            ("revision", revision),
            ("pathInRepo", "task.yaml"),
        ],
    )
}

fn fetcher(folder: &tempfile::TempDir) -> Fetcher {
    Fetcher::new(options(folder.path()))
}

#[test]
fn a_file_is_read_at_a_branch_a_tag_and_a_commit() {
    let temp = tempfile::tempdir().unwrap();
    let repository = Repository::new();
    let first = repository.head();
    repository.git(&["tag", "light"]);
    repository.git(&["tag", "--annotate", "--message=x", "heavy"]);
    repository.write("task.yaml", b"kind: Changed\n");
    let second = repository.commit();
    let fetcher = fetcher(&temp);
    for (revision, commit, text) in [
        ("main", &second, "kind: Changed\n"),
        ("refs/heads/main", &second, "kind: Changed\n"),
        ("light", &first, TASK),
        ("heavy", &first, TASK),
        (&first, &first, TASK),
        (&first[..8], &first, TASK),
        (&second, &second, "kind: Changed\n"),
    ] {
        for url in [repository.url(), format!("file://{}", repository.url())] {
            let fetched = task(&fetcher, &url, revision).unwrap();
            assert_eq!(fetched.text, text, "{revision}");
            assert_eq!(
                fetched.provenance,
                serde_json::json!({
                    "uri": format!("git+file://{}", repository.url()),
                    "digest": { "sha1": commit },
                    "entryPoint": "task.yaml",
                })
            );
            assert_eq!(fetched.name, format!("{url}@{commit}:task.yaml"));
        }
    }
}

#[test]
fn a_path_is_taken_from_the_root() {
    let temp = tempfile::tempdir().unwrap();
    let repository = Repository::new();
    let params = [("url", &*repository.url()), ("pathInRepo", "/a/./b.yaml")];
    let fetched = fetch(&fetcher(&temp), "git", &params).unwrap();
    assert_eq!(fetched.text, "kind: Pipeline\n");
    assert_eq!(fetched.provenance["entryPoint"], "a/b.yaml");
}

#[test]
fn a_local_repository_is_read_anew_and_without_a_network() {
    let temp = tempfile::tempdir().unwrap();
    let repository = Repository::new();
    let mut offline = options(temp.path());
    offline.offline = true;
    let fetcher = Fetcher::new(offline);
    assert_eq!(
        task(&fetcher, &repository.url(), "main").unwrap().text,
        TASK
    );
    repository.write("task.yaml", b"new");
    repository.commit();
    assert_eq!(
        task(&fetcher, &repository.url(), "main").unwrap().text,
        "new"
    );
}

#[test]
fn what_is_not_there_is_the_documents_mistake() {
    let temp = tempfile::tempdir().unwrap();
    let repository = Repository::new();
    let url = repository.url();
    let fetcher = fetcher(&temp);
    blames_document(
        task(&fetcher, &url, "nothing"),
        "has no branch, tag or commit `nothing`",
    );
    blames_document(
        task(&fetcher, &url, &"0".repeat(40)),
        "has no branch, tag or commit `000",
    );
    blames_document(
        task(&fetcher, "/no/where", "main"),
        "there is no repository `/no/where`",
    );
    for (path, says) in [
        ("other.yaml", "has no file `other.yaml` at"),
        ("a", "`a` of"),
        ("*.yaml", "has no file"),
    ] {
        let params = [("url", url.as_str()), ("pathInRepo", path)];
        blames_document(fetch(&fetcher, "git", &params), says);
    }
    // And it still works after all that.
    task(&fetcher, &url, "main").unwrap();
}

#[test]
fn a_missing_git_is_the_environments() {
    let temp = tempfile::tempdir().unwrap();
    let repository = Repository::new();
    let mut options = options(temp.path());
    options.environment = vec![("PATH".into(), "/nowhere".into())];
    blames_environment(
        task(&Fetcher::new(options), &repository.url(), "main"),
        "apt-get install git",
    );
}

#[test]
fn attack_links_and_submodules_are_not_followed() {
    let temp = tempfile::tempdir().unwrap();
    let repository = Repository::new();
    symlink("/etc/passwd", repository.path().join("link.yaml")).unwrap();
    symlink("/etc", repository.path().join("etc")).unwrap();
    symlink("a", repository.path().join("inside")).unwrap();
    repository.commit();
    let commit = repository.head();
    repository.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{commit},module"),
    ]);
    repository.git(&["commit", "--quiet", "--message=x"]);
    let fetcher = fetcher(&temp);
    for (path, says) in [
        ("link.yaml", "is a symbolic link"),
        ("etc/passwd", "has no file"),
        ("inside/b.yaml", "has no file"),
        ("module", "is a submodule"),
        ("a", "is a folder"),
    ] {
        let params = [("url", &*repository.url()), ("pathInRepo", path)];
        blames_document(fetch(&fetcher, "git", &params), says);
    }
    task(&fetcher, &repository.url(), "main").unwrap();
}

#[test]
fn attack_nothing_of_a_repository_or_of_the_settings_is_run() {
    let temp = tempfile::tempdir().unwrap();
    let repository = Repository::new();
    let mark = temp.path().join("mark");
    let script = temp.path().join("evil");
    fs::write(
        &script,
        format!("#!/bin/sh\ntouch {}\nexec \"$@\"\n", mark.display()),
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
    let evil = script.to_str().unwrap();
    repository.write(".gitattributes", b"* filter=x\n");
    repository.commit();
    for name in [
        "post-checkout",
        "pre-auto-gc",
        "reference-transaction",
        "post-upload-pack",
        "fsmonitor-watchman",
    ] {
        fs::copy(&script, repository.path().join(".git/hooks").join(name)).unwrap();
    }
    for setting in [
        "uploadpack.packObjectsHook",
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "filter.x.smudge",
    ] {
        repository.git(&["config", setting, evil]);
    }
    // The user's settings, and variables, that would run it.
    fs::write(
        temp.path().join(".gitconfig"),
        format!(
            "[uploadpack]\n\tpackObjectsHook = {evil}\n[core]\n\thooksPath = {}\n",
            temp.path().display()
        ),
    )
    .unwrap();
    assert!(!mark.exists());
    let mut options = options(temp.path());
    for (name, value) in [
        ("HOME", temp.path().to_str().unwrap()),
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "uploadpack.packObjectsHook"),
        ("GIT_CONFIG_VALUE_0", evil),
        ("GIT_EXTERNAL_DIFF", evil),
    ] {
        options.environment.push((name.into(), value.into()));
    }
    assert_eq!(
        task(&Fetcher::new(options), &repository.url(), "main")
            .unwrap()
            .text,
        TASK
    );
    assert!(
        !mark.exists(),
        "a program of the repository or of the settings was run"
    );
}

#[test]
fn ssh_is_the_users_own_and_asks_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let repository = Repository::new();
    let log = temp.path().join("log");
    // Does on this machine what it is told to do on another.
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> {}\nfor command; do :; done\nexec sh -c \"$command\"\n",
        log.display()
    );
    let program = temp.path().join("ssh");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let mut options = options(temp.path());
    let search = format!("{}:/usr/bin:/bin", temp.path().display());
    options.environment = vec![("PATH".into(), search.into())];
    let url = format!("git@host.example:{}/.git", repository.url());
    let fetched = task(&Fetcher::new(options), &url, "main").unwrap();
    assert_eq!(fetched.text, TASK);
    let uri = format!("git+ssh://git@host.example{}/.git", repository.url());
    assert_eq!(fetched.provenance["uri"], uri);
    let asked = fs::read_to_string(log).unwrap();
    assert!(
        asked.contains("-o BatchMode=yes") && asked.contains("git@host.example"),
        "{asked}"
    );
}

#[test]
fn attack_a_large_file_or_repository_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let repository = Repository::new();
    // Nothing that could be compressed.
    let mut state = 1_u64;
    let noise: Vec<u8> = (0..600_000)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            b'a' + (state >> 60) as u8
        })
        .collect();
    repository.write("large.yaml", &noise);
    repository.commit();
    let url = repository.url();
    let large = [("url", url.as_str()), ("pathInRepo", "large.yaml")];
    let with = |folder: &str, change: &dyn Fn(&mut FetchOptions)| {
        let mut options = options(&temp.path().join(folder));
        change(&mut options);
        Fetcher::new(options)
    };
    let small_file = with("a", &|options| options.limits.document = 599_999);
    blames_document(
        fetch(&small_file, "git", &large),
        "has more than 599999 bytes",
    );
    task(&small_file, &url, "main").unwrap();
    let enough = with("b", &|options| options.limits.document = 600_000);
    assert_eq!(fetch(&enough, "git", &large).unwrap().text.len(), 600_000);
    let small_repository = with("c", &|options| options.limits.repository = 100_000);
    blames_environment(
        task(&small_repository, &url, "main"),
        "takes more than 100000 bytes",
    );
    let left = fs::read_dir(temp.path().join("c/cache/git"))
        .unwrap()
        .flatten();
    assert!(
        left.into_iter()
            .all(|entry| entry.path().extension().is_some()),
        "it was not removed"
    );
}

#[test]
fn attack_a_git_that_never_ends_is_stopped() {
    let temp = tempfile::tempdir().unwrap();
    let program = temp.path().join("git");
    fs::write(&program, "#!/bin/sh\nsleep 600\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let mut options = options(temp.path());
    options.environment = vec![(
        "PATH".into(),
        format!("{}:/bin", temp.path().display()).into(),
    )];
    options.limits.time = Duration::from_millis(300);
    blames_environment(
        task(&Fetcher::new(options), "https://example.org/a", "main"),
        "took too long",
    );
}

#[test]
fn a_damaged_repository_of_the_cache_is_made_anew() {
    let temp = tempfile::tempdir().unwrap();
    let repository = Repository::new();
    let fetcher = fetcher(&temp);
    task(&fetcher, &repository.url(), "main").unwrap();
    let bare = fs::read_dir(temp.path().join("cache/git"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_none())
        .unwrap();
    // What somebody who was killed leaves behind.
    fs::write(bare.join("shallow.lock"), "").unwrap();
    repository.write("task.yaml", b"second");
    repository.commit();
    assert_eq!(
        task(&fetcher, &repository.url(), "main").unwrap().text,
        "second"
    );
    fs::write(bare.join("HEAD"), "nonsense").unwrap();
    assert_eq!(
        task(&fetcher, &repository.url(), "main").unwrap().text,
        "second"
    );
}

#[test]
fn the_repository_used_longest_ago_goes_first() {
    let temp = tempfile::tempdir().unwrap();
    let mut options = options(temp.path());
    options.limits.repositories = 2;
    let fetcher = Fetcher::new(options);
    let repositories: Vec<Repository> = (0..4).map(|_| Repository::new()).collect();
    for repository in &repositories {
        task(&fetcher, &repository.url(), "main").unwrap();
    }
    let kept = fs::read_dir(temp.path().join("cache/git"))
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().extension().is_none());
    assert_eq!(kept.count(), 2);
}

#[test]
fn many_may_fetch_the_same_at_once() {
    let temp = tempfile::tempdir().unwrap();
    let repository = Repository::new();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                // Each with its own, as several processes have.
                let fetcher = fetcher(&temp);
                assert_eq!(
                    task(&fetcher, &repository.url(), "main").unwrap().text,
                    TASK
                );
            });
        }
    });
}

#[test]
fn what_is_no_text_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let repository = Repository::new();
    repository.write("task.yaml", b"\xff\xfe");
    repository.commit();
    blames_document(
        task(&fetcher(&temp), &repository.url(), "main"),
        "no UTF-8 text",
    );
}

#[test]
fn a_cache_that_is_cleared_has_no_repository_and_gets_it_again() {
    let temp = tempfile::tempdir().unwrap();
    let repository = Repository::new();
    let fetcher = fetcher(&temp);
    task(&fetcher, &repository.url(), "main").unwrap();
    assert_eq!(fetcher.clear().unwrap().repositories, 1);
    assert_eq!(fetcher.clear().unwrap().repositories, 0);
    let again = task(&fetcher, &repository.url(), "main").unwrap();
    assert_eq!(again.text, TASK);
}
