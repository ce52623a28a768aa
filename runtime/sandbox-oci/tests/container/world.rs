//! A busybox image, and steps that run in it.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use stepwell_contract::{
    Access, Ambient, Backend, Cancel, ContainerImage, EmitError, Ending, Grants, Image, Layer,
    Limits, LogStream, Mount, ParamValue, Platform, Resources, Sandbox, SandboxError, Security,
    StepIo, StepName, StepSink, StepSpec, TaskName, TaskScope, TaskSpec, Volume,
};
use stepwell_sandbox_oci::{InitProgram, Layers, OciBackend, OciOptions};

/// Runs the rest of a test only where containers can be run.
macro_rules! world {
    () => {
        match $crate::world::World::new() {
            Some(world) => world,
            None => return,
        }
    };
}
pub(crate) use world;

const BUSYBOX: &str = "/bin/busybox";

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n";
const GROUP: &str = "root:x:0:\napp:x:1000:\nextra:x:1001:app\n";

/// Gives layers that are in memory.
#[derive(Default)]
pub(crate) struct Memory(Mutex<BTreeMap<String, Vec<u8>>>);

impl Layers for Memory {
    fn open(&self, layer: &Layer) -> Result<Box<dyn Read + Send>, Box<dyn Error + Send + Sync>> {
        let layers = self.0.lock().unwrap();
        let archive = layers.get(&layer.diff_id).ok_or("no such layer")?;
        Ok(Box::new(Cursor::new(archive.clone())))
    }
}

/// An archive in the making.
pub(crate) struct Archive(tar::Builder<Vec<u8>>);

impl Archive {
    pub(crate) fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    pub(crate) fn file(mut self, path: &str, mode: u32, content: &[u8]) -> Self {
        let mut header = header(mode);
        header.set_size(content.len() as u64);
        self.0.append_data(&mut header, path, content).unwrap();
        self
    }

    pub(crate) fn folder(mut self, path: &str, mode: u32) -> Self {
        let mut header = header(mode);
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        self.0.append_data(&mut header, path, &b""[..]).unwrap();
        self
    }

    pub(crate) fn link(mut self, path: &str, target: &str) -> Self {
        let mut header = header(0o777);
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        self.0.append_link(&mut header, path, target).unwrap();
        self
    }

    fn layer(self) -> (Layer, Vec<u8>) {
        let bytes = self.0.into_inner().unwrap();
        let digest = stepwell_contract::Digest::of(&bytes).to_string();
        let digits: String = digest
            .chars()
            .filter(char::is_ascii_hexdigit)
            .take(32)
            .collect();
        let layer = Layer {
            digest: format!("sha256:{digits}"),
            diff_id: format!("sha256:{digits}"),
            media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
            size: bytes.len() as u64,
        };
        (layer, bytes)
    }
}

fn header(mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_000);
    header
}

fn busybox() -> &'static [u8] {
    static ARCHIVE: OnceLock<Vec<u8>> = OnceLock::new();
    ARCHIVE.get_or_init(|| {
        let mut archive = Archive::new()
            .folder("bin", 0o755)
            .file("bin/busybox", 0o755, &std::fs::read(BUSYBOX).unwrap())
            .file("etc/passwd", 0o644, PASSWD.as_bytes())
            .file("etc/group", 0o644, GROUP.as_bytes())
            .folder("tmp", 0o1777)
            .folder("home/app", 0o755);
        let listed = Command::new(BUSYBOX).arg("--list").output().unwrap();
        for applet in String::from_utf8(listed.stdout).unwrap().lines() {
            if applet != "busybox" {
                archive = archive.link(&format!("bin/{applet}"), "busybox");
            }
        }
        archive.0.into_inner().unwrap()
    })
}

/// A backend of its own, with a scratch folder that must be empty in the end.
pub(crate) struct World {
    temp: tempfile::TempDir,
    layers: Arc<Memory>,
    options: OciOptions,
}

/// What a step left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) ending: Ending,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// What it printed, where it ended well.
    #[track_caller]
    pub(crate) fn said(self) -> String {
        assert_eq!(
            self.ending,
            Ending::SUCCESS,
            "{} {}",
            self.stdout,
            self.stderr
        );
        self.stdout
    }
}

impl World {
    pub(crate) fn new() -> Option<Self> {
        let again = crate::rootless::Again::here();
        let missing = if !rustix::process::geteuid().is_root() && again.is_none() {
            Some("root")
        } else if !Path::new(BUSYBOX).exists() {
            Some("Debian's `busybox-static`")
        } else {
            None
        };
        if let Some(missing) = missing {
            let required =
                std::env::vars_os().any(|(name, _)| name == "STEPWELL_REQUIRE_CONTAINERS");
            assert!(!required, "containers need {missing}");
            #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
            {
                eprintln!("skipped: containers need {missing}");
            }
            return None;
        }
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir(temp.path().join("scratch")).unwrap();
        let layers = Arc::new(Memory::default());
        let options = OciOptions::new(
            // Kept from test to test: that is what it is for.
            match &again {
                None => PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("layers"),
                Some(again) => again.layers.clone(),
            },
            temp.path().join("scratch"),
            Arc::clone(&layers) as Arc<dyn Layers>,
            InitProgram {
                program: match again {
                    None => env!("CARGO_BIN_EXE_container-init").into(),
                    Some(again) => again.init,
                },
                args: Vec::new(),
            },
        );
        Some(Self {
            temp,
            layers,
            options,
        })
    }

    pub(crate) fn options(&mut self) -> &mut OciOptions {
        &mut self.options
    }

    pub(crate) fn backend(&self) -> OciBackend {
        OciBackend::new(self.options.clone()).unwrap()
    }

    /// busybox under further layers.
    pub(crate) fn image(&self, above: Vec<Archive>) -> ContainerImage {
        let base = Archive(tar::Builder::new(Vec::new()));
        let mut archives = vec![{
            let mut base = base;
            base.0
                .get_mut()
                .extend_from_slice(&busybox()[..busybox().len() - 1024]);
            base
        }];
        archives.extend(above);
        let layers = archives.into_iter().map(|archive| {
            let (layer, bytes) = archive.layer();
            self.layers
                .0
                .lock()
                .unwrap()
                .insert(layer.diff_id.clone(), bytes);
            layer
        });
        ContainerImage {
            manifest: "sha256:test".to_owned(),
            platform: Platform::host(),
            entrypoint: Vec::new(),
            cmd: Vec::new(),
            env: Vec::new(),
            working_dir: None,
            user: None,
            stop_signal: None,
            layers: layers.collect(),
        }
    }

    /// A folder of the host's that a step can be shown.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.temp.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// A step that runs a shell script.
    pub(crate) fn shell(&self, script: &str) -> Step<'_> {
        self.step(&["sh", "-c", script])
    }

    pub(crate) fn step(&self, argv: &[&str]) -> Step<'_> {
        Step {
            world: self,
            image: self.image(Vec::new()),
            volumes: Vec::new(),
            spec: StepSpec {
                name: StepName::new("step"),
                image: Image::component("none", b"".as_slice()),
                argv: argv.iter().map(|word| (*word).to_owned()).collect(),
                env: Vec::new(),
                working_dir: "/".into(),
                mounts: Vec::new(),
                params: BTreeMap::new(),
                workspaces: BTreeMap::new(),
                results: Vec::new(),
                attempt: 0,
                limits: Limits::default(),
                resources: Resources::default(),
                security: Security::default(),
                grants: Grants::default(),
                ambient: Ambient {
                    epoch_seconds: 0,
                    seed: [0; 32],
                },
            },
            cancel: Cancel::new(),
            sink: Arc::new(Collected::default()),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let scratch = self.temp.path().join("scratch");
        let left: Vec<_> = std::fs::read_dir(&scratch).unwrap().collect();
        assert!(left.is_empty(), "left in the scratch folder: {left:?}");
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let path = self.temp.path().to_str().unwrap();
        assert!(!mounts.contains(path), "left mounted below {path}");
    }
}

/// A step that is about to run.
pub(crate) struct Step<'a> {
    world: &'a World,
    pub(crate) image: ContainerImage,
    volumes: Vec<Volume>,
    pub(crate) spec: StepSpec,
    pub(crate) cancel: Cancel,
    sink: Arc<Collected>,
}

impl Step<'_> {
    pub(crate) fn mount(mut self, folder: &Path, path: &str, access: Access) -> Self {
        let name: Arc<str> = format!("volume-{}", self.volumes.len()).into();
        self.volumes.push(Volume {
            name: Arc::clone(&name),
            dir: Arc::new(Dir::open_ambient_dir(folder, ambient_authority()).unwrap()),
            path: folder.to_owned(),
        });
        self.spec.mounts.push(Mount {
            volume: name,
            path: path.into(),
            access,
        });
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut StepSpec)) -> Self {
        change(&mut self.spec);
        self
    }

    pub(crate) fn image(mut self, change: impl FnOnce(&mut ContainerImage)) -> Self {
        change(&mut self.image);
        self
    }

    pub(crate) fn layers(self, above: Vec<Archive>) -> Self {
        let image = self.world.image(above);
        Self { image, ..self }
    }

    /// Calls `then` when the step has printed a line.
    pub(crate) fn when_it_speaks(self, then: impl FnOnce() + Send + 'static) -> Self {
        *self.sink.first.lock().unwrap() = Some(Box::new(then));
        self
    }

    #[track_caller]
    pub(crate) fn run(self) -> Ran {
        self.try_run().unwrap()
    }

    pub(crate) fn try_run(self) -> Result<Ran, SandboxError> {
        let backend = self.world.backend();
        let scope = self.open(&backend)?;
        let ran = self.run_in(&*scope);
        scope.close()?;
        ran
    }

    pub(crate) fn open(&self, backend: &OciBackend) -> Result<Box<dyn TaskScope>, SandboxError> {
        backend.open_task(&TaskSpec {
            name: TaskName::new("task"),
            volumes: self.volumes.clone(),
            loopback: None,
        })
    }

    pub(crate) fn run_in(self, scope: &dyn TaskScope) -> Result<Ran, SandboxError> {
        self.prepare_in(scope)?.run()
    }

    pub(crate) fn prepare_in(mut self, scope: &dyn TaskScope) -> Result<Prepared, SandboxError> {
        self.spec.image = Image::container("busybox", self.image);
        self.world
            .backend()
            .admit(&self.spec.image, &self.spec.grants, &self.spec.limits)?;
        Ok(Prepared {
            sandbox: scope.prepare(self.spec)?,
            sink: self.sink,
            cancel: self.cancel,
        })
    }
}

/// A step, or a shell, that is about to run.
pub(crate) struct Prepared {
    pub(crate) sandbox: Box<dyn Sandbox>,
    sink: Arc<Collected>,
    pub(crate) cancel: Cancel,
}

impl Prepared {
    pub(crate) fn new(sandbox: Box<dyn Sandbox>) -> Self {
        Self {
            sandbox,
            sink: Arc::default(),
            cancel: Cancel::new(),
        }
    }

    /// Calls `then` when it has printed a line.
    pub(crate) fn when_it_speaks(self, then: impl FnOnce() + Send + 'static) -> Self {
        *self.sink.first.lock().unwrap() = Some(Box::new(then));
        self
    }

    pub(crate) fn run(self) -> Result<Ran, SandboxError> {
        let ending = self.sandbox.run(StepIo {
            sink: Arc::clone(&self.sink) as Arc<dyn StepSink>,
            cancel: self.cancel,
        })?;
        let text =
            |bytes: &Mutex<Vec<u8>>| String::from_utf8_lossy(&bytes.lock().unwrap()).into_owned();
        Ok(Ran {
            ending,
            stdout: text(&self.sink.stdout),
            stderr: text(&self.sink.stderr),
        })
    }
}

/// Does something once.
type Once = Box<dyn FnOnce() + Send>;

/// Keeps what a step prints, up to a bound, and counts the rest.
#[derive(Default)]
pub(crate) struct Collected {
    stdout: Mutex<Vec<u8>>,
    stderr: Mutex<Vec<u8>>,
    first: Mutex<Option<Once>>,
}

impl StepSink for Collected {
    fn log(&self, stream: LogStream, bytes: &[u8]) {
        let kept = match stream {
            LogStream::Stdout => &self.stdout,
            LogStream::Stderr => &self.stderr,
        };
        let mut kept = kept.lock().unwrap();
        let room = (1usize << 20).saturating_sub(kept.len());
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        drop(kept);
        if let Some(first) = self.first.lock().unwrap().take() {
            first();
        }
    }

    fn emit(&self, name: &str, _value: ParamValue) -> Result<(), EmitError> {
        Err(EmitError::Undeclared(name.to_owned()))
    }

    fn progress(&self, _done: u64, _total: Option<u64>, _message: &str) {}
}
