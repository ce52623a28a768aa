//! Problems of a Pipeline on its own, and of a PipelineRun with the Pipeline that stands in it.

use crate::problem::problems;
use crate::source::Span;

problems! {
    /// A Pipeline that contradicts itself.
    PipelineProblem {
        /// Nothing to do.
        #[error("the Pipeline has no tasks")]
        #[diagnostic(code(spec::no_tasks), help("add `tasks:` with at least one task"))]
        NoTasks {
            #[label("no tasks here")]
            span: Span,
        }
        /// The name of a task that is not there.
        #[error("{place} names the task `{name}`, which the Pipeline does not have")]
        #[diagnostic(code(spec::unknown_pipeline_task), help("{help}"))]
        UnknownPipelineTask {
            place: &'static str,
            name: String,
            help: String,
            #[label("no task has this name")]
            span: Span,
        }
        /// A task that needs something of a `finally` task.
        #[error("the task `{task}` waits for `{name}`, which is in `finally`")]
        #[diagnostic(
            code(spec::waits_for_finally),
            help("tasks of `finally` start when all others have ended, at the same time; only `results` of the Pipeline can refer to theirs")
        )]
        WaitsForFinally {
            task: String,
            name: String,
            #[label("never there in time")]
            span: Span,
        }
        /// An order among `finally` tasks.
        #[error("the `finally` task `{task}` has `runAfter`")]
        #[diagnostic(
            code(spec::run_after_in_finally),
            help("tasks of `finally` all start at once, when the others have ended; take `runAfter` out")
        )]
        RunAfterInFinally {
            task: String,
            #[label("no order in `finally`")]
            span: Span,
        }
        /// Tasks that wait for each other.
        #[error("tasks wait for each other: {cycle}")]
        #[diagnostic(
            code(spec::cycle),
            help("take one of these out of a `runAfter`, or one reference to a result")
        )]
        Cycle {
            cycle: String,
            #[label("this task waits for itself in the end")]
            span: Span,
        }
        /// A task that may fail and is tried again.
        #[error("the task `{task}` has both `onError: continue` and `retries`")]
        #[diagnostic(
            code(spec::on_error_with_retries),
            help("keep `retries` to try again, or `onError: continue` to go on after the first failure")
        )]
        OnErrorWithRetries {
            task: String,
            #[label("not together with `onError: continue`")]
            span: Span,
        }
        /// A param of a matrix of a type that it cannot have.
        #[error("the param `{param}` of {place} is {found}, not {expected}")]
        #[diagnostic(code(spec::matrix_param), help("{help}"))]
        MatrixParam {
            param: String,
            place: &'static str,
            found: &'static str,
            expected: &'static str,
            help: &'static str,
            #[label("{found}")]
            span: Span,
        }
        /// A param with two values.
        #[error("the param `{param}` is given by `matrix` and by `params`")]
        #[diagnostic(code(spec::matrix_and_params), help("keep one of the two"))]
        MatrixAndParams {
            param: String,
            #[label("given by `params` too")]
            span: Span,
        }
        /// More rows than Tekton makes.
        #[error("the matrix of the task `{task}` has {rows} rows, and at most {limit} are made")]
        #[diagnostic(code(spec::matrix_too_large), help("give it fewer values, or split the task in two"))]
        MatrixTooLarge {
            task: String,
            rows: String,
            limit: usize,
            #[label("{rows} rows")]
            span: Span,
        }
        /// A result of one row, where there are many.
        #[error("`{reference}` is one result, and the task `{task}` has a matrix")]
        #[diagnostic(
            code(spec::matrix_result),
            help("take the results of all rows as an array: `$(tasks.{task}.results.NAME[*])`")
        )]
        MatrixResult {
            reference: String,
            task: String,
            #[label("which row's?")]
            span: Span,
        }
        /// A matrix of Pipelines.
        #[error("the task `{task}` runs a Pipeline and has `{field}`")]
        #[diagnostic(
            code(spec::not_for_a_pipeline),
            help("take `{field}` out, or give it to the tasks of that Pipeline")
        )]
        NotForAPipeline {
            task: String,
            field: &'static str,
            #[label("not for a Pipeline")]
            span: Span,
        }
        /// A time-out beyond the one around it.
        #[error("{what} of {value} is more than {bound}")]
        #[diagnostic(code(spec::timeout_too_long), help("{help}"))]
        TimeoutTooLong {
            what: String,
            value: String,
            bound: String,
            help: &'static str,
            #[label("too long")]
            span: Span,
        }
    }
}
