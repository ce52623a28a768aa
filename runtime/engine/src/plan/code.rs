//! What a step runs, with what of the image's own configuration: a component has none, a container image may bring a
//! program, variables and a folder to start in.

use std::sync::Arc;

use stepwell_contract::{Code, ContainerImage, Mount};
use stepwell_spec::Step;

use super::layout::{self, SCRIPTS_PATH};
use super::{Part, PlanError, script_file};

/// What a step runs, and with what around it.
pub(super) struct Invocation {
    pub(super) argv: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) working_dir: Arc<str>,
}

/// What `part` of a task runs, which sees `mounts`.
///
/// # Errors
///
/// A folder to start in that a component does not see; a container that has nothing to run.
pub(super) fn invocation(
    part: Part,
    step: &Step,
    code: &Code,
    mounts: &[Mount],
) -> Result<Invocation, PlanError> {
    let script = step
        .script
        .is_some()
        .then(|| format!("{SCRIPTS_PATH}/{}", script_file(part)));
    match code {
        Code::Component(_) => Ok(Invocation {
            argv: component(step, script),
            env: step.env.clone(),
            working_dir: match (part, &step.working_dir) {
                // It has no `/workspace`.
                (Part::Sidecar(_), None) => mounts
                    .first()
                    .map_or("/".into(), |mount| Arc::clone(&mount.path)),
                _ => layout::working_dir(step, mounts)?,
            },
        }),
        Code::Container(image) => Ok(Invocation {
            argv: container(part, step, script, image)?,
            env: merged(&image.env, &step.env),
            working_dir: starts_in(step, image)?,
        }),
    }
}

/// `command` and `args` after the program's own name, or after the script that it is to interpret.
fn component(step: &Step, script: Option<String>) -> Vec<String> {
    let mut argv = step.command.clone();
    if argv.is_empty() {
        argv.push(file_name(&step.image).to_owned());
    }
    argv.extend(script);
    argv.extend(step.args.iter().cloned());
    argv
}

/// The script, or `command`, or what the image runs: as Tekton looks it up, the image's own arguments stand only behind
/// its own entrypoint and where the step has no `args`; an image that has arguments alone runs their first. Of a sidecar,
/// `args` stand for the image's arguments always, as in Kubernetes.
fn container(
    part: Part,
    step: &Step,
    script: Option<String>,
    image: &ContainerImage,
) -> Result<Vec<String>, PlanError> {
    let mut argv = match script {
        Some(script) => vec![script],
        None => step.command.clone(),
    };
    if argv.is_empty() {
        argv.clone_from(&image.entrypoint);
        let tekton = matches!(part, Part::Step(_)) && argv.is_empty();
        if step.args.is_empty() || tekton {
            argv.extend(image.cmd.iter().cloned());
        }
    }
    if argv.is_empty() && (step.args.is_empty() || matches!(part, Part::Step(_))) {
        return Err(PlanError::NoCommand {
            step: step.name.clone(),
            image: Arc::clone(&step.image),
        });
    }
    argv.extend(step.args.iter().cloned());
    Ok(argv)
}

/// The variables of the image, with those of the step over and behind them.
pub(crate) fn merged(
    image: &[(String, String)],
    step: &[(String, String)],
) -> Vec<(String, String)> {
    let own = |name: &String| step.iter().any(|(own, _)| own == name);
    let below = image.iter().filter(|(name, _)| !own(name));
    below.chain(step).cloned().collect()
}

/// What the step says, taken from the image's folder where it is relative; else that folder, else the root.
fn starts_in(step: &Step, image: &ContainerImage) -> Result<Arc<str>, PlanError> {
    let start = image.working_dir.as_deref().unwrap_or("/");
    let said = step.working_dir.as_deref().unwrap_or_default();
    layout::joined(start, said).map(Into::into).ok_or_else(|| {
        let (step, path) = (step.name.clone(), format!("{start}/{said}"));
        PlanError::WorkingDir { step, path }
    })
}

/// What a program at `reference` would call itself: the last part of a path.
fn file_name(reference: &str) -> &str {
    let path = reference.strip_prefix("file:").unwrap_or(reference);
    path.rsplit('/')
        .find(|part| !part.is_empty())
        .unwrap_or(reference)
}

#[cfg(test)]
mod tests {
    use stepwell_contract::{Platform, StepName};
    use stepwell_spec::{Sources, Span};

    use super::*;

    fn image(entrypoint: &[&str], cmd: &[&str]) -> ContainerImage {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        ContainerImage {
            manifest: "sha256:0".to_owned(),
            platform: Platform {
                os: "linux".to_owned(),
                architecture: "amd64".to_owned(),
                variant: None,
            },
            entrypoint: owned(entrypoint),
            cmd: owned(cmd),
            env: vec![
                ("PATH".to_owned(), "/bin".to_owned()),
                ("LANG".to_owned(), "C".to_owned()),
            ],
            working_dir: Some("/srv".to_owned()),
            user: None,
            stop_signal: None,
            layers: Vec::new(),
        }
    }

    fn step(command: &[&str], args: &[&str]) -> Step {
        let span = Span {
            source: Sources::new().add("test", ""),
            start: 0,
            len: 0,
        };
        let mut step = Step::new(StepName::new("a"), "app:1".into(), span);
        step.command = command.iter().map(|word| (*word).to_owned()).collect();
        step.args = args.iter().map(|word| (*word).to_owned()).collect();
        step
    }

    fn planned(step: &Step, image: ContainerImage) -> Result<Invocation, PlanError> {
        invocation(Part::Step(2), step, &Code::Container(Arc::new(image)), &[])
    }

    #[test]
    fn the_entrypoint_is_looked_up_as_tekton_does() {
        let (run, serve) = (["run"].as_slice(), ["serve", "-v"].as_slice());
        for (command, args, entrypoint, cmd, argv) in [
            (&["x"] as &[&str], &["y"] as &[&str], run, serve, "x y"),
            (&["x"], &[], run, serve, "x"),
            (&[], &["y"], run, serve, "run y"),
            (&[], &[], run, serve, "run serve -v"),
            (&[], &["y"], &[], serve, "serve -v y"),
            (&[], &[], &[], serve, "serve -v"),
        ] {
            let planned = planned(&step(command, args), image(entrypoint, cmd)).unwrap();
            assert_eq!(planned.argv.join(" "), argv);
        }
    }

    #[test]
    fn a_sidecars_program_is_looked_up_as_kubernetes_does() {
        let (run, serve) = (["run"].as_slice(), ["serve", "-v"].as_slice());
        for (command, args, entrypoint, cmd, argv) in [
            (&["x"] as &[&str], &["y"] as &[&str], run, serve, "x y"),
            (&["x"], &[], run, serve, "x"),
            (&[], &["y"], run, serve, "run y"),
            (&[], &[], run, serve, "run serve -v"),
            (&[], &["y"], &[], serve, "y"),
            (&[], &[], &[], serve, "serve -v"),
        ] {
            let code = Code::Container(Arc::new(image(entrypoint, cmd)));
            let planned = invocation(Part::Sidecar(0), &step(command, args), &code, &[]).unwrap();
            assert_eq!(planned.argv.join(" "), argv);
        }
    }

    #[test]
    fn a_script_is_run_whatever_the_image_runs() {
        let mut step = step(&[], &["y"]);
        step.script = Some("#!/bin/sh\n".to_owned());
        let planned = planned(&step, image(&["run"], &["serve"])).unwrap();
        assert_eq!(planned.argv, ["/tekton/scripts/script-2", "y"]);
    }

    #[test]
    fn a_container_that_has_nothing_to_run_is_refused() {
        let refused = planned(&step(&[], &["y"]), image(&[], &[])).err().unwrap();
        assert_eq!(
            refused.to_string(),
            "step `a` has no `command`, and its image `app:1` says nothing of what to run"
        );
    }

    #[test]
    fn the_steps_variables_go_over_the_images() {
        let mut step = step(&["x"], &[]);
        step.env = vec![("LANG".into(), "de".into()), ("A".into(), "1".into())];
        let planned = planned(&step, image(&[], &[])).unwrap();
        let env: Vec<_> = planned
            .env
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        assert_eq!(env, ["PATH=/bin", "LANG=de", "A=1"]);
    }

    #[test]
    fn a_container_starts_where_it_says_and_sees_what_it_likes() {
        for (said, starts_in) in [
            (None, "/srv"),
            (Some("a/./b/"), "/srv/a/b"),
            (Some("/x//y"), "/x/y"),
            (Some("/"), "/"),
        ] {
            let mut step = step(&["x"], &[]);
            step.working_dir = said.map(str::to_owned);
            let planned = planned(&step, image(&[], &[])).unwrap();
            assert_eq!(&*planned.working_dir, starts_in);
        }
        let mut step = step(&["x"], &[]);
        step.working_dir = Some("../etc".to_owned());
        assert!(matches!(
            planned(&step, image(&[], &[])),
            Err(PlanError::WorkingDir { .. })
        ));
    }
}
