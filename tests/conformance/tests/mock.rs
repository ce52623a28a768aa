//! Each case can be passed, and each can fail: the mock, and the mock with one rule broken.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use libtest_mimic::{Arguments, Failed, Trial};
use stepwell_conformance::mock::{Flaw, MockHarness};
use stepwell_conformance::{CASES, Case, check_page};

use Flaw::*;

/// Which cases fail for which broken rule. Others may fail too; these have to.
const CAUGHT: &[(Flaw, &[&str])] = &[
    (Mute, &["log_target", "parallel_capped"]),
    (OneExitCode, &["log_failing"]),
    (Chatty, &["log_silent"]),
    (OneOutput, &["log_apart"]),
    (LosesLines, &["log_order"]),
    (TrimsArguments, &["log_odd_arguments"]),
    (WholeLinesOnly, &["log_unended"]),
    (SaysItAtTheEnd, &["log_live", "proxy_live"]),
    (NeverStarts, &["log_started"]),
    (KeepsOutput, &["log_flood"]),
    (TrimsVariables, &["env_set"]),
    (InheritsEnvironment, &["env_unset"]),
    (
        ChecksNothing,
        &[
            "env_conflict",
            "env_malformed",
            "env_malformed_argument",
            "mount_conflict",
            "mount_malformed",
        ],
    ),
    (
        WritesNothing,
        &[
            "volume_write",
            "volume_kept",
            "result_written",
            "result_too_large",
            "result_binary",
        ],
    ),
    (InventsResults, &["result_missing"]),
    (CopiesVolumes, &["result_link", "result_fifo"]),
    (LitteredVolume, &["volume_empty", "discard_task"]),
    (
        IgnoresReadOnly,
        &["volume_read_only_written", "mount_ro_in_rw"],
    ),
    (ReadOnlyIsClosed, &["volume_read_only_read"]),
    (IgnoresWorkingDirectory, &["volume_relative"]),
    (SkipsMissingVolumes, &["mount_missing"]),
    (
        FirstMountWins,
        &["mount_ro_in_rw", "mount_rw_in_ro", "mount_deep"],
    ),
    (LastMountWins, &["mount_parent_last"]),
    (PrefixMounts, &["mount_siblings"]),
    (AccessOfFirst, &["mount_shared"]),
    (SeesTheHost, &["escape_absolute"]),
    (
        FollowsAnything,
        &[
            "escape_traversal",
            "escape_link",
            "escape_link_write",
            "escape_link_read_only",
        ],
    ),
    (FollowsNothing, &["escape_link_inside"]),
    (
        NeverStops,
        &[
            "kill_task",
            "kill_printing",
            "kill_any_moment",
            "discard_starting",
            "shell_abort",
        ],
    ),
    (UndoesTheStopped, &["kill_leaves", "result_killed"]),
    (RunsTheStopped, &["kill_before"]),
    (StopsEverybody, &["kill_after", "kill_one"]),
    (NoTimeOuts, &["kill_twice", "kill_time_out"]),
    (FailsToClose, &["discard_task"]),
    (RunsEarly, &["discard_prepared"]),
    (
        RunsTheDropped,
        &["discard_with_prepared", "discard_preparing"],
    ),
    (SharesVolumes, &["isolation_tasks"]),
    (MountsAll, &["isolation_mounts"]),
    (RemembersEnvironment, &["isolation_environment"]),
    (MixesOutputs, &["isolation_output"]),
    (OneAtATime, &["parallel_steps", "parallel_tasks"]),
    (LeavesAFile, &["parallel_many"]),
    (LeavesADescriptor, &["parallel_many"]),
    (LeavesAProcess, &["parallel_many"]),
    (LeavesAName, &["parallel_many"]),
    (CutsFiles, &["extract_text"]),
    (
        ExtractsNothing,
        &["extract_missing_file", "extract_missing_folder"],
    ),
    (ExtractsFlat, &["extract_nested"]),
    (GoesOn, &["extract_interrupted"]),
    (ExtractsUnseen, &["extract_mounts"]),
    (ExtractsNoLinks, &["extract_link"]),
    (ExtractsOutside, &["extract_link_out"]),
    (ExtractsSpecial, &["extract_special"]),
    (ExtractsRelative, &["extract_malformed"]),
    (ExtractsSuccess, &["extract_killed"]),
    (ArchivesWritable, &["archive_all"]),
    (ArchivesThroughLinks, &["archive_links"]),
    (HidesFailedWrites, &["archive_interrupted"]),
    (ProxyAnswers, &["proxy_ping"]),
    (ProxyIsAlwaysFine, &["proxy_not_found"]),
    (ProxyOneAtATime, &["proxy_parallel"]),
    (ProxyLast, &["proxy_several"]),
    (ProxyTakesAnyName, &["proxy_conflict", "proxy_malformed"]),
    (ProxyIsPublic, &["proxy_private"]),
    (ConnectionIsMute, &["connection_served"]),
    (ConnectionIsAlwaysThere, &["connection_missing"]),
    (ConnectionStays, &["connection_ended"]),
    (ConnectionIsPublic, &["connection_private"]),
    (ConnectionReachesHost, &["connection_host"]),
    (ShellElsewhere, &["shell_command"]),
    (ShellAlwaysFine, &["shell_bad_command"]),
    (ShellStays, &["shell_kill"]),
    (FixedWindow, &["shell_window"]),
    (ShellOnlyRunning, &["shell_after_failure"]),
    (ShellTakesAll, &["shell_input_ends"]),
    (DisplaysAlike, &["display_list"]),
    (DisplaysGreetWrong, &["display_open"]),
    (OpensAnyDisplay, &["display_invalid"]),
    (DisplayStays, &["display_kill"]),
];

/// Whether the case is passed; what a failure says is of no interest where one is expected.
fn passes(case: &Case, harness: &MockHarness) -> bool {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = catch_unwind(AssertUnwindSafe(|| case.check(harness)));
    std::panic::set_hook(hook);
    outcome.is_ok()
}

fn fails(flaw: Flaw, name: &str) -> Result<(), Failed> {
    let case = Case::named(name).ok_or("no such case")?;
    match passes(case, &MockHarness::flawed(flaw)) {
        true => Err(format!("`{name}` passes although the mock {flaw:?}").into()),
        false => Ok(()),
    }
}

/// Every case is failed by some broken rule, and every rule that can be broken is noticed.
fn every_case_can_fail() -> Result<(), Failed> {
    let caught: BTreeSet<&str> = CAUGHT
        .iter()
        .flat_map(|(_, cases)| *cases)
        .copied()
        .collect();
    let all: BTreeSet<&str> = CASES.iter().map(|case| case.name).collect();
    let broken: Vec<Flaw> = CAUGHT.iter().map(|(flaw, _)| *flaw).collect();
    let unnoticed: Vec<_> = Flaw::ALL
        .iter()
        .filter(|flaw| !broken.contains(flaw) && **flaw != VagueRefusals)
        .collect();
    if caught == all && unnoticed.is_empty() {
        return Ok(());
    }
    let never: Vec<_> = all.difference(&caught).collect();
    Err(format!("cases that never fail: {never:?}; flaws without a case: {unnoticed:?}").into())
}

/// A mock without powers passes by its refusals, and not where they do not say what they are.
fn refusals_are_typed() -> Result<(), Failed> {
    for case in CASES.iter().filter(|case| case.needs.is_some()) {
        case.check(&MockHarness::powerless(None));
        if passes(case, &MockHarness::powerless(Some(VagueRefusals))) {
            return Err(format!("`{}` takes any refusal", case.name).into());
        }
    }
    Ok(())
}

fn main() {
    let mut arguments = Arguments::from_args();
    // What is left behind is looked for in the whole process.
    arguments.test_threads = Some(1);
    let mut trials = vec![
        Trial::test("every_case_can_fail", every_case_can_fail),
        Trial::test("refusals_are_typed", refusals_are_typed),
        Trial::test("page", || {
            check_page(&MockHarness::new());
            Ok(())
        }),
    ];
    trials.extend(CASES.iter().map(|case| {
        Trial::test(format!("passes::{}", case.name), || {
            case.check(&MockHarness::new());
            Ok(())
        })
    }));
    for (flaw, cases) in CAUGHT {
        trials.extend(
            cases
                .iter()
                .map(|name| Trial::test(format!("fails::{flaw:?}::{name}"), || fails(*flaw, name))),
        );
    }
    libtest_mimic::run(&arguments, trials).exit();
}
