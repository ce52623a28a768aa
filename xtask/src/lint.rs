//! Work in progress.
pub(crate) fn run() -> anyhow::Result<()> {
    Ok(())
}
