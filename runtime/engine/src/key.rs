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
//! | `mounts` | path and access | the step sees where, and whether it may write; not which host folder is behind it |
//! | `params`, `workspaces` | yes | a typed component is called with them |
//! | `results` | yes | what a typed component emits is accepted or refused by them |
//! | `attempt` | yes | a typed component is told |
//! | `limits` | yes | whether a step ends by itself depends on them |
//! | `grants` | yes | what a step can reach depends on them |
//! | `ambient.epoch_seconds` | yes | a virtual clock shows it |
//! | `ambient.seed` | no | it is made from the key |
//!
//! The destructuring below has no `..`: a new field of [`StepSpec`] does not compile until it has a row here.

use stepwell_contract::{
    Access, Ambient, Digest, Fingerprint, Hasher, Image, ImageKind, Mount, ParamValue, ResultDecl,
    StepSpec,
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
        ambient,
    } = step;
    let mut key = Hasher::new("stepwell static key v1");
    key.field(fingerprint.0.as_bytes());

    let Image {
        reference: _,
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
        volume: _,
        path,
        access,
    } in mounts
    {
        key.field(&**path).number(access_number(*access));
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
mod tests {
    use stepwell_contract::{Grants, Limits, ParamType, StepName};

    use super::*;

    fn step() -> StepSpec {
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
            ambient: Ambient {
                epoch_seconds: 1,
                seed: [0; 32],
            },
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
    fn the_seed_follows_the_key_and_does_not_show_it() {
        let key = key(|_| {});
        assert_eq!(seed(key), seed(key));
        assert_ne!(&seed(key), key.as_bytes());
        assert_ne!(seed(key), seed(Digest::of(b"another")));
    }
}
