//! `wrap MODULE COMPONENT`: makes a component of a WASI 0.1 command, so that all sides of a row run the same one.

use std::{env, fs};

use anyhow::{Context, Result};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
};
use wit_component::ComponentEncoder;

fn main() -> Result<()> {
    let usage = "usage: wrap MODULE COMPONENT";
    let module = env::args().nth(1).context(usage)?;
    let component = env::args().nth(2).context(usage)?;
    let bytes = fs::read(&module).with_context(|| format!("failed to read `{module}`"))?;
    let wrapped = ComponentEncoder::default()
        .validate(true)
        .module(&bytes)?
        .adapter(
            WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
            WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
        )?
        .encode()
        .with_context(|| format!("failed to wrap `{module}`"))?;
    fs::write(&component, wrapped).with_context(|| format!("failed to write `{component}`"))
}
