//! What a run asks for and does not get here, told before it runs: it goes on as if it had not asked.

use stepwell_spec::{Run, Sources};

/// One line for each.
pub(crate) fn of(run: &Run, sources: &Sources) -> Vec<String> {
    let notices = match run {
        Run::Task(run) => &run.notices[..],
        // Its tasks have no field of their own for it.
        Run::Pipeline(_) => &[],
    };
    let lines = notices.iter().map(|notice| {
        let (line, _) = sources.line_and_column(notice.span);
        let (name, field, why) = (sources.name(notice.span.source), notice.field, notice.why);
        format!("`{field}` makes no difference ({name}:{line}): {why}")
    });
    lines.collect()
}
