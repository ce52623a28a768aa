//! The static key of a step: everything that decides what the step does, apart from what it reads.
//!
//! | input | in the key | why |
//! |---|---|---|
//! | fingerprint | yes | another engine version or setting may compute otherwise |
//! | `name` | no | the step cannot see what it is called |
//! | `image` | its kind and digest | the code is what runs; what the document calls it (`reference`) is not seen |
//! | `argv` | yes | seen by the step; the path of a script is among them, its text is a file that the step reads |
//! | `env` | yes, in order | seen by the step, order included |
//! | `working_dir` | yes | relative paths start there |
//! | `mounts` | path and access, and which of them show one volume | the step sees where, whether it may write, and what it wrote through another; not which host folder is behind it |
//! | `params`, `workspaces` | yes | a typed component is called with them |
//! | `results` | yes | what a typed component emits is accepted or refused by them |
//! | `attempt` | yes | a typed component is told |
//! | `limits` | yes | whether a step ends by itself depends on them |
//! | `grants` | yes | what a step can reach depends on them; the image of `tools` by its name alone, for a step that uses it is never looked up |
//! | `resources` | of a container | whether it ends by itself depends on them, and it can read them; a component is bound by its `limits` alone |
//! | `security` | of a container | it sees who it is, and what it may do depends on it; a component is nobody |
//! | `ambient.epoch_seconds` | yes | a virtual clock shows it |
//! | `ambient.seed` | no | it is made from the key |
//!
//! The destructuring below has no `..`: a new field of [`StepSpec`] does not compile until it has a row here.

use stepwell_contract::{
    Access, Ambient, Digest, Fingerprint, Hasher, Image, ImageKind, Mount, ParamValue, Resources,
    ResultDecl, Security, StepSpec,
};

/// The key of `step` on a backend with `fingerprint`.
pub fn static_key(step: &StepSpec, fingerprint: Fingerprint) -> Digest {
    let StepSpec {
        name: _,
        image,
        argv,
        env,
        working_dir,
        mounts,
        params,
        workspaces,
        results,
        attempt,
        limits,
        grants,
        resources,
        security,
        ambient,
    } = step;
    let mut key = Hasher::new("stepwell static key v2");
    key.field(fingerprint.0.as_bytes());

    let Image {
        reference: _,
        substitute: _,
        digest,
        code: _,
    } = image;
    key.number(kind_number(image.kind()))
        .field(digest.as_bytes());

    key.list(argv.iter());
    key.number(env.len() as u64);
    for (name, value) in env {
        key.field(name).field(value);
    }
    key.field(&**working_dir);

    key.number(mounts.len() as u64);
    for Mount {
        volume,
        path,
        access,
    } in mounts
    {
        let first = mounts.iter().position(|mount| mount.volume == *volume);
        key.field(&**path)
            .number(access_number(*access))
            .number(first.unwrap_or_default() as u64);
    }

    key.number(params.len() as u64);
    for (name, value) in params {
        key.field(name);
        add_value(&mut key, value);
    }
    key.number(workspaces.len() as u64);
    for (name, path) in workspaces {
        key.field(name).field(&**path);
    }
    key.number(results.len() as u64);
    for ResultDecl {
        name,
        result_type,
        properties,
    } in results
    {
        key.field(&**name)
            .field(result_type.as_str())
            .list(properties.iter());
    }

    key.number(u64::from(*attempt));
    for (limit, value) in limits.iter() {
        key.field(limit.name()).number(value);
    }
    key.list(grants.settings().iter());
    if image.kind() == ImageKind::Container {
        add_resources(&mut key, *resources);
        add_security(&mut key, security);
    }
    let Ambient {
        epoch_seconds,
        seed: _,
    } = ambient;
    key.number(*epoch_seconds).finish()
}

/// The seed of a step's random stream: from its key, but not its key, so that a step that prints its random bytes tells
/// nothing about the key.
pub fn seed(key: Digest) -> [u8; 32] {
    *Hasher::new("stepwell seed v1")
        .field(key.as_bytes())
        .finish()
        .as_bytes()
}

fn kind_number(kind: ImageKind) -> u64 {
    match kind {
        ImageKind::Component => 0,
        ImageKind::Container => 1,
    }
}

fn access_number(access: Access) -> u64 {
    match access {
        Access::ReadOnly => 0,
        Access::ReadWrite => 1,
    }
}

fn add_resources(key: &mut Hasher, resources: Resources) {
    let Resources {
        memory,
        cpu_millis,
        pids,
    } = resources;
    for bound in [memory, cpu_millis, pids] {
        add_option(key, bound);
    }
}

fn add_security(key: &mut Hasher, security: &Security) {
    let Security {
        run_as_user,
        run_as_group,
        groups,
        run_as_non_root,
        read_only_root,
        add_capabilities,
        drop_capabilities,
        privileged,
        allow_privilege_escalation,
    } = security;
    add_option(key, run_as_user.map(u64::from));
    add_option(key, run_as_group.map(u64::from));
    key.number(groups.len() as u64);
    for group in groups {
        key.number(u64::from(*group));
    }
    key.number(u64::from(*run_as_non_root));
    add_option(key, read_only_root.map(u64::from));
    key.list(add_capabilities.iter());
    key.list(drop_capabilities.iter());
    key.number(u64::from(*privileged));
    add_option(key, allow_privilege_escalation.map(u64::from));
}

fn add_option(key: &mut Hasher, number: Option<u64>) {
    key.number(u64::from(number.is_some()))
        .number(number.unwrap_or_default());
}

fn add_value(key: &mut Hasher, value: &ParamValue) {
    key.field(value.param_type().as_str());
    match value {
        ParamValue::String(text) => {
            key.field(text);
        }
        ParamValue::Array(items) => {
            key.list(items.iter());
        }
        ParamValue::Object(members) => {
            key.number(members.len() as u64);
            for (name, text) in members {
                key.field(name).field(text);
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use stepwell_contract::{ContainerImage, Grants, Limits, ParamType, Platform, StepName};

    use super::*;

    pub(crate) fn step() -> StepSpec {
        StepSpec {
            name: StepName::new("a"),
            image: Image::component("./a.wasm", b"code".as_slice()),
            argv: vec!["a.wasm".into(), "x".into()],
            env: vec![("A".into(), "1".into()), ("B".into(), "2".into())],
            working_dir: "/workspace".into(),
            mounts: vec![Mount {
                volume: "workspace".into(),
                path: "/workspace".into(),
                access: Access::ReadWrite,
            }],
            params: [("p".to_owned(), ParamValue::from("v"))].into(),
            workspaces: [("src".to_owned(), "/workspace/src".into())].into(),
            results: vec![ResultDecl {
                name: "r".into(),
                result_type: ParamType::Object,
                properties: vec!["k".into()],
            }],
            attempt: 0,
            limits: Limits::default(),
            grants: Grants::default(),
            resources: Resources::default(),
            security: Security::default(),
            ambient: Ambient {
                epoch_seconds: 1,
                seed: [0; 32],
            },
        }
    }

    pub(crate) fn container() -> ContainerImage {
        ContainerImage {
            manifest: "sha256:aa".to_owned(),
            platform: Platform::host(),
            entrypoint: Vec::new(),
            cmd: Vec::new(),
            env: Vec::new(),
            working_dir: None,
            user: None,
            stop_signal: None,
            layers: Vec::new(),
        }
    }

    fn mount(volume: &str) -> Mount {
        Mount {
            volume: volume.into(),
            path: "/other".into(),
            access: Access::ReadWrite,
        }
    }

    fn key(change: impl FnOnce(&mut StepSpec)) -> Digest {
        let mut step = step();
        change(&mut step);
        static_key(&step, Fingerprint(Digest::of(b"engine")))
    }

    #[test]
    fn what_a_step_cannot_see_is_not_in_its_key() {
        let plain = key(|_| {});
        let unseen = [
            key(|step| step.name = StepName::new("b")),
            key(|step| step.image.reference = "./b.wasm".into()),
            key(|step| step.mounts[0].volume = "other".into()),
            key(|step| step.ambient.seed = [1; 32]),
        ];
        assert_eq!(unseen, [plain; 4]);
    }

    #[test]
    fn what_a_step_can_see_is_in_its_key() {
        let changed = [
            key(|_| {}),
            static_key(&step(), Fingerprint(Digest::of(b"another"))),
            key(|step| step.image = Image::component("./a.wasm", b"other".as_slice())),
            key(|step| step.argv = vec!["a.wasmx".into()]),
            key(|step| step.env.reverse()),
            key(|step| step.env[0] = ("A1".into(), String::new())),
            key(|step| step.working_dir = "/".into()),
            key(|step| step.mounts[0].path = "/w".into()),
            key(|step| step.mounts[0].access = Access::ReadOnly),
            key(|step| step.mounts.push(mount("workspace"))),
            key(|step| step.mounts.push(mount("other"))),
            key(|step| {
                step.params = [("p".to_owned(), ParamValue::Array(vec!["v".into()]))].into()
            }),
            key(|step| step.workspaces.clear()),
            key(|step| step.results[0].result_type = ParamType::String),
            key(|step| step.results[0].properties.clear()),
            key(|step| step.attempt = 1),
            key(|step| step.limits.apply("files=1").unwrap()),
            key(|step| step.grants.apply("clock=real").unwrap()),
            key(|step| step.ambient.epoch_seconds = 2),
        ];
        let distinct: std::collections::BTreeSet<_> = changed.iter().collect();
        assert_eq!(distinct.len(), changed.len());
    }

    #[test]
    fn who_a_step_is_to_the_kernel_is_in_the_key_of_a_container_alone() {
        type Change = fn(&mut StepSpec);
        let changes: [Change; 13] = [
            |_| {},
            |step| step.resources.memory = Some(0),
            |step| step.resources.cpu_millis = Some(0),
            |step| step.resources.pids = Some(0),
            |step| step.security.run_as_user = Some(0),
            |step| step.security.run_as_group = Some(0),
            |step| step.security.groups = vec![0],
            |step| step.security.run_as_non_root = true,
            |step| step.security.read_only_root = Some(false),
            |step| step.security.add_capabilities = vec!["ALL".into()],
            |step| step.security.drop_capabilities = vec!["ALL".into()],
            |step| step.security.privileged = true,
            |step| step.security.allow_privilege_escalation = Some(false),
        ];
        let container = || Image::container("busybox", container());
        let of_containers = changes.map(|change| {
            key(|step| {
                step.image = container();
                change(step);
            })
        });
        let distinct: std::collections::BTreeSet<_> = of_containers.iter().collect();
        assert_eq!(distinct.len(), changes.len());
        assert_eq!(changes.map(key), [key(|_| {}); 13]);
    }

    #[test]
    fn the_seed_follows_the_key_and_does_not_show_it() {
        let key = key(|_| {});
        assert_eq!(seed(key), seed(key));
        assert_ne!(&seed(key), key.as_bytes());
        assert_ne!(seed(key), seed(Digest::of(b"another")));
    }
}
