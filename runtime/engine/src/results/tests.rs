use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use cap_std::ambient_authority;

use super::*;

const LIMIT: u64 = 64;

struct World {
    temp: tempfile::TempDir,
    folder: ResultsFolder,
}

impl World {
    fn new(result_type: ParamType) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("results");
        fs::create_dir(&path).unwrap();
        let dir = Dir::open_ambient_dir(&path, ambient_authority()).unwrap();
        let declared = ResultDecl {
            name: "r".into(),
            result_type,
            properties: vec!["k".into()],
        };
        let folder = ResultsFolder::new(Some(Arc::new(dir)), [declared].into());
        Self { temp, folder }
    }

    fn file(&self) -> std::path::PathBuf {
        self.temp.path().join("results/r")
    }

    fn read(&self) -> Result<Option<ParamValue>, Rejection> {
        let Reading { results, rejected } = self.folder.read(LIMIT);
        match rejected.into_iter().next() {
            Some((_, rejection)) => Err(rejection),
            None => Ok(results.into_iter().next().map(|(_, value)| value)),
        }
    }
}

fn read(
    result_type: ParamType,
    write: impl FnOnce(&Path),
) -> Result<Option<ParamValue>, Rejection> {
    let world = World::new(result_type);
    write(&world.file());
    world.read()
}

fn read_text(result_type: ParamType, text: &str) -> Result<Option<ParamValue>, Rejection> {
    read(result_type, |file| fs::write(file, text).unwrap())
}

fn object(key: &str) -> ParamValue {
    ParamValue::Object([(key.to_owned(), "v".to_owned())].into())
}

#[test]
fn a_string_is_taken_verbatim() {
    for text in ["", "a\n", r#"["a"]"#, "é"] {
        assert_eq!(
            read_text(ParamType::String, text),
            Ok(Some(ParamValue::from(text)))
        );
    }
}

#[test]
fn arrays_and_objects_are_json() {
    assert_eq!(
        read_text(ParamType::Array, " [\"a\", \"b\"]\n"),
        Ok(Some(ParamValue::Array(vec!["a".into(), "b".into()])))
    );
    assert_eq!(
        read_text(ParamType::Object, r#"{"k": "v"}"#),
        Ok(Some(object("k")))
    );
}

#[test]
fn another_type_is_refused_as_tekton_sees_it() {
    let wrong = |declared, given| Err(Rejection::WrongType { declared, given });
    use ParamType::{Array, Object, String};
    assert_eq!(read_text(Array, r#"{"k":"v"}"#), wrong(Array, Object));
    assert_eq!(read_text(Object, r#"["v"]"#), wrong(Object, Array));
    for text in ["", "[", "[1]", "null", r#""text""#, r#"[["a"]]"#] {
        assert_eq!(read_text(Array, text), wrong(Array, String), "{text}");
    }
    assert_eq!(
        read_text(Object, r#"{"other":"v"}"#),
        Err(Rejection::MissingKeys(vec!["k".into()]))
    );
}

#[test]
fn a_result_that_nobody_wrote_is_none() {
    assert_eq!(read(ParamType::String, |_| {}), Ok(None));
}

#[test]
fn a_result_is_as_large_as_the_limit_and_no_larger() {
    let exactly = "x".repeat(64);
    assert_eq!(
        read_text(ParamType::String, &exactly),
        Ok(Some(ParamValue::String(exactly)))
    );
    assert_eq!(
        read_text(ParamType::String, &"x".repeat(65)),
        Err(Rejection::TooLarge)
    );
    let sparse = |file: &Path| fs::File::create(file).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(read(ParamType::String, sparse), Err(Rejection::TooLarge));
}

#[test]
fn what_is_not_text_is_refused() {
    assert_eq!(
        read(ParamType::String, |file| fs::write(file, [0xff]).unwrap()),
        Err(Rejection::NotUtf8)
    );
}

#[test]
fn a_symlink_is_refused_wherever_it_leads() {
    for target in ["../secret", "/etc/hostname", "beside", "nowhere", "r"] {
        let found = read(ParamType::String, |file| {
            fs::write(file.with_file_name("beside"), "1").unwrap();
            fs::write(file.parent().unwrap().with_file_name("secret"), "1").unwrap();
            symlink(target, file).unwrap();
        });
        assert_eq!(
            found,
            Err(Rejection::NotAFile("a symbolic link")),
            "{target}"
        );
    }
}

#[test]
fn a_directory_is_refused() {
    assert_eq!(
        read(ParamType::String, |file| fs::create_dir(file).unwrap()),
        Err(Rejection::NotAFile("a directory"))
    );
}

#[test]
fn a_fifo_that_never_answers_is_refused_at_once() {
    let found = read(ParamType::String, |file| {
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, file, kind, mode, 0).unwrap();
    });
    assert_eq!(found, Err(Rejection::NotAFile("a special file")));
}

#[test]
fn a_socket_is_refused() {
    let found = read(ParamType::String, |file| {
        std::os::unix::net::UnixListener::bind(file).unwrap();
    });
    assert!(matches!(found, Err(Rejection::Unreadable(_))), "{found:?}");
}

#[test]
fn what_is_emitted_reads_back_and_the_last_one_stands() {
    let world = World::new(ParamType::Object);
    for key in ["x", "k"] {
        world.folder.emit("r", &object(key), LIMIT).unwrap();
    }
    assert_eq!(world.read(), Ok(Some(object("k"))));
    let world = World::new(ParamType::String);
    world.folder.emit("r", &"a\n".into(), LIMIT).unwrap();
    assert_eq!(world.read(), Ok(Some("a\n".into())));
}

#[test]
fn what_is_not_declared_so_is_not_kept() {
    let world = World::new(ParamType::String);
    assert_eq!(
        world.folder.emit("other", &"a".into(), LIMIT),
        Err(EmitError::Undeclared("other".into()))
    );
    assert_eq!(
        world.folder.emit("r", &object("k"), LIMIT),
        Err(EmitError::WrongType {
            name: "r".into(),
            declared: ParamType::String,
            given: ParamType::Object,
        })
    );
    assert_eq!(
        world
            .folder
            .emit("r", &ParamValue::String("x".repeat(65)), LIMIT),
        Err(EmitError::TooLarge {
            name: "r".into(),
            size: 65,
            limit: 64,
        })
    );
    assert_eq!(world.read(), Ok(None));
}

#[test]
fn what_is_emitted_is_not_written_through_a_link() {
    let world = World::new(ParamType::String);
    let secret = world.temp.path().join("secret");
    fs::write(&secret, "kept").unwrap();
    symlink("../secret", world.file()).unwrap();
    world.folder.emit("r", &"new".into(), LIMIT).unwrap();
    assert_eq!(fs::read(&secret).unwrap(), b"kept");
    assert_eq!(world.read(), Ok(Some("new".into())));
    fs::remove_file(world.file()).unwrap();
    fs::hard_link(&secret, world.file()).unwrap();
    world.folder.emit("r", &"new".into(), LIMIT).unwrap();
    assert_eq!(fs::read(&secret).unwrap(), b"kept");
}

#[test]
fn a_directory_in_the_way_is_told_to_the_guest() {
    let world = World::new(ParamType::String);
    fs::create_dir(world.file()).unwrap();
    assert!(matches!(
        world.folder.emit("r", &"new".into(), LIMIT),
        Err(EmitError::Host { .. })
    ));
}
