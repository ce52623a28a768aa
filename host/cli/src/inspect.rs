//! `stepwell inspect`: what a component is, without running or compiling it; and what a plugin says that it is.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;
use stepwell_contract::Image;
use stepwell_sandbox_wasm::{Compile, Import, Inspection, WasmBackend, WasmOptions, World};
use stepwell_store::Store;

use crate::args::{InspectArgs, InspectOutput};
use crate::environment::Environment;
use crate::exit::ExitCode;
use crate::images;
use crate::plugin;
use crate::text::print;

/// Looks at a component and prints what it saw.
///
/// # Errors
///
/// The file cannot be read, or is not WebAssembly.
pub(crate) fn inspect(args: &InspectArgs, env: &Environment) -> anyhow::Result<ExitCode> {
    let component = &args.component;
    let text = match args.output {
        InspectOutput::Pretty => pretty(&component.display().to_string(), &look(component, env)?),
        InspectOutput::Json => json(&look(component, env)?)?,
        InspectOutput::Yaml => plugin::task(
            &plugin::describe(component, env)?,
            &plugin::image(component),
        )?,
        InspectOutput::JsonSchema => json(&plugin::schema(&plugin::describe(component, env)?))?,
    };
    print(&text)?;
    Ok(ExitCode::Success)
}

/// What can be said of a component that is neither compiled nor run.
///
/// # Errors
///
/// The file cannot be read, or is not WebAssembly.
pub(crate) fn look(component: &Path, env: &Environment) -> anyhow::Result<Inspection> {
    let name = component.display().to_string();
    let bytes = images::load(component).with_context(|| format!("failed to read `{name}`"))?;
    let store = Store::open(&env.store_root()?)?;
    let backend = WasmBackend::new(WasmOptions {
        artifacts: store.artifacts(),
        compile: Compile::InProcess,
        pool: false,
    })?;
    Ok(backend.inspect(&Image::component(name.as_str(), bytes))?)
}

fn json(value: &impl Serialize) -> anyhow::Result<String> {
    let json = serde_json::to_string_pretty(value).context("failed to write JSON")?;
    Ok(format!("{json}\n"))
}

fn pretty(name: &str, inspection: &Inspection) -> String {
    let kind = match inspection.core_module {
        true => "core module (wrapped into a component before it runs)",
        false => "component",
    };
    let world = match inspection.world {
        World::Command => "wasi:cli/command: an ordinary program",
        World::Task => "stepwell:task: a typed step",
        World::Neither => "none that can be a step",
    };
    let grants = match inspection.grants.as_slice() {
        [] => "none needed".to_owned(),
        grants => grants
            .iter()
            .map(|grant| format!("--grant {grant}"))
            .collect::<Vec<_>>()
            .join(" "),
    };
    let mut lines = vec![
        name.to_owned(),
        format!("  kind      {kind}"),
        format!("  world     {world}"),
        format!("  size      {}", size(inspection.size)),
        format!("  digest    {}", inspection.digest),
        format!("  grants    {grants}"),
        format!(
            "  language  {}",
            inspection.language.as_deref().unwrap_or("not said")
        ),
    ];
    let producers = inspection
        .producers
        .iter()
        .filter(|(field, ..)| field != "language");
    for (index, (_, tool, version)) in producers.enumerate() {
        let title = if index == 0 { "made by" } else { "" };
        lines.push(
            format!("  {title:<8}  {tool} {version}")
                .trim_end()
                .to_owned(),
        );
    }
    lines.extend([
        String::new(),
        format!("Imports ({})", inspection.imports.len()),
    ]);
    lines.extend(inspection.imports.iter().map(import));
    lines.extend([
        String::new(),
        format!("Exports ({})", inspection.exports.len()),
    ]);
    lines.extend(
        inspection
            .exports
            .iter()
            .map(|export| format!("  {export}")),
    );
    // Names in a component are its author's, and so hostile.
    lines
        .iter()
        .map(|line| format!("{}\n", stepwell_report::clean::clean(line)))
        .collect()
}

fn import(import: &Import) -> String {
    match (&import.grant, &import.missing) {
        (_, Some(why)) => format!("  {}  [not available: {why}]", import.name),
        (Some(grant), None) => format!("  {}  [needs --grant {grant}]", import.name),
        (None, None) => format!("  {}", import.name),
    }
}

/// A size for a person, and exactly.
fn size(bytes: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB ({bytes} bytes)", tenths(1024)),
        _ => format!("{} MiB ({bytes} bytes)", tenths(1_048_576)),
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_for_people_and_exact() {
        assert_eq!(size(12), "12 bytes");
        assert_eq!(size(1536), "1.5 KiB (1536 bytes)");
        assert_eq!(size(5 << 20), "5.0 MiB (5242880 bytes)");
    }
}
