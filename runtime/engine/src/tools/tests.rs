use stepwell_contract::{ContainerImage, Digest, Platform};
use stepwell_spec::{Sources, Span};

use super::*;

fn container(env: &[(&str, &str)]) -> Image {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let container = ContainerImage {
        manifest: "sha256:0".to_owned(),
        platform: Platform::host(),
        entrypoint: vec!["/entry".to_owned()],
        cmd: Vec::new(),
        env: env.iter().map(owned).collect(),
        working_dir: None,
        user: None,
        stop_signal: None,
        layers: Vec::new(),
    };
    Image::container("gcc:14", container)
}

#[test]
fn native_programs_run_in_containers_alone() {
    assert!(check("gcc:14", &container(&[])).is_ok());
    let component = Image::component("./a.wasm", b"\0asm".to_vec());
    let error = check("./a.wasm", &component).unwrap_err();
    assert!(matches!(error.kind, SandboxErrorKind::BadGuest));
}

#[test]
fn a_step_is_granted_the_image_that_its_grant_names() {
    let span = Span {
        source: Sources::new().add("test", ""),
        start: 0,
        len: 0,
    };
    let mut step = Step::new(stepwell_contract::StepName::new("a"), "app:1".into(), span);
    assert_eq!(granted(&step), None);
    step.grants.apply("tools=gcc:14").unwrap();
    assert_eq!(granted(&step).map(|image| &**image), Some("gcc:14"));
}

/// A scope that says what it is asked to prepare, and prepares nothing.
struct Told(std::sync::Mutex<Option<StepSpec>>);

impl TaskScope for Told {
    fn backend(&self) -> &'static str {
        "told"
    }

    fn prepare(&self, step: StepSpec) -> Result<Box<dyn stepwell_contract::Sandbox>, SandboxError> {
        *self.0.lock().unwrap() = Some(step);
        Err(SandboxError::new("told", "go on", SandboxErrorKind::Host))
    }

    fn close(self: Box<Self>) -> Result<(), SandboxError> {
        Ok(())
    }
}

/// Hears nothing.
struct Deaf;

impl stepwell_contract::StepSink for Deaf {
    fn log(&self, _: stepwell_contract::LogStream, _: &[u8]) {}

    fn emit(
        &self,
        _: &str,
        _: stepwell_contract::ParamValue,
    ) -> Result<(), stepwell_contract::EmitError> {
        Ok(())
    }

    fn progress(&self, _: u64, _: Option<u64>, _: &str) {}
}

fn called(image: &str, network: Network) -> (Option<StepSpec>, SandboxError) {
    let scope = Told(std::sync::Mutex::default());
    let images = [(
        "gcc:14".into(),
        container(&[("PATH", "/bin"), ("A", "image")]),
    )];
    let call = ToolCall {
        name: stepwell_contract::StepName::new("build-tool-1"),
        image: image.into(),
        argv: vec!["cc".to_owned()],
        env: vec![("A".to_owned(), "call".to_owned())],
        working_dir: "/".into(),
        mounts: Vec::new(),
        limits: Default::default(),
        resources: Default::default(),
        security: Default::default(),
        network,
    };
    let io = StepIo {
        sink: Arc::new(Deaf),
        cancel: stepwell_contract::Cancel::new(),
    };
    let error = run(&scope, &images, call, io).unwrap_err();
    (scope.0.into_inner().unwrap(), error)
}

#[test]
fn a_call_is_a_step_with_the_variables_of_the_image_below_its_own() {
    let (step, _) = called("gcc:14", Network::Any);
    let step = step.unwrap();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(step.env, [pair("PATH", "/bin"), pair("A", "call")]);
    assert_eq!(step.argv, ["cc"]);
    assert_eq!(step.grants.network, Network::Any);
    assert_eq!(step.image.digest, Digest::of(b"sha256:0"));
}

#[test]
fn attack_a_network_that_was_granted_in_part_is_whole_for_a_program() {
    for network in [
        Network::Off,
        Network::None,
        Network::To(vec!["a:1".to_owned()]),
    ] {
        let (step, _) = called("gcc:14", network);
        assert_eq!(step.unwrap().grants.network, Network::Off);
    }
}

#[test]
fn attack_an_image_that_was_not_granted() {
    let (step, error) = called("alpine", Network::Off);
    assert!(step.is_none());
    assert!(matches!(error.kind, SandboxErrorKind::NotFound));
}
