//! Rules that the mock can be told to break, one at a time: what shows that a case can fail.

macro_rules! flaws {
    ($($(#[$doc:meta])* $flaw:ident,)*) => {
        /// A rule that is broken.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Flaw {
            $($(#[$doc])* $flaw,)*
        }

        impl Flaw {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$flaw,)*];
        }
    };
}

flaws! {
    /// Says nothing of what a step prints.
    Mute,
    /// Loses every second line.
    LosesLines,
    /// Says something of its own.
    Chatty,
    /// Every exit code but 0 is 1.
    OneExitCode,
    /// Says everything on standard output.
    OneOutput,
    /// Says what was printed when the step has ended.
    SaysItAtTheEnd,
    /// Says whole lines and forgets the rest.
    WholeLinesOnly,
    /// Takes spaces away around arguments.
    TrimsArguments,
    /// Keeps all output.
    KeepsOutput,
    /// Takes spaces away around values of variables.
    TrimsVariables,
    /// Hands the host's environment on.
    InheritsEnvironment,
    /// Variables stay for the next step.
    RemembersEnvironment,
    /// Checks no names.
    ChecksNothing,
    /// A mount of no volume is left out.
    SkipsMissingVolumes,
    /// Writes into read-only mounts.
    IgnoresReadOnly,
    /// Refuses to read what cannot be written.
    ReadOnlyIsClosed,
    /// Writes nothing, and says that it did.
    WritesNothing,
    /// A volume begins with a file in it.
    LitteredVolume,
    /// A volume begins with a result in it that nobody wrote.
    InventsResults,
    /// Volumes are copied back without what is no file, and with what links lead to.
    CopiesVolumes,
    /// Relative paths begin at the root.
    IgnoresWorkingDirectory,
    /// The first mount that fits is taken, not the longest.
    FirstMountWins,
    /// The last mount that fits is taken.
    LastMountWins,
    /// Mounts are compared by their text, not by whole names.
    PrefixMounts,
    /// The access of a mount is that of its volume's first.
    AccessOfFirst,
    /// A step sees the host where nothing is mounted.
    SeesTheHost,
    /// Links and `..` are left to the system.
    FollowsAnything,
    /// Follows no link.
    FollowsNothing,
    /// Every volume of the task is mounted at its name.
    MountsAll,
    /// Volumes are remembered between tasks.
    SharesVolumes,
    /// Does not stop.
    NeverStops,
    /// Runs a step that was stopped before.
    RunsTheStopped,
    /// Every stop is one that was asked for.
    NoTimeOuts,
    /// Takes away what a stopped step has written.
    UndoesTheStopped,
    /// Stops every step, once one was asked to stop.
    StopsEverybody,
    /// Runs a step when it is prepared.
    RunsEarly,
    /// Runs a sandbox that is dropped.
    RunsTheDropped,
    /// One step at a time.
    OneAtATime,
    /// What steps of a task say goes to the first one.
    MixesOutputs,
    /// Fails to close.
    FailsToClose,
    /// Leaves a file in its folder.
    LeavesAFile,
    /// Leaves something open.
    LeavesADescriptor,
    /// Leaves a process.
    LeavesAProcess,
    /// Leaves something that only the harness can see.
    LeavesAName,
    /// Extracts one byte too little.
    CutsFiles,
    /// Extracts an empty file where there is none, and nothing from a folder that is not there.
    ExtractsNothing,
    /// Extracts only what is directly in a folder.
    ExtractsFlat,
    /// Goes on when nobody wants more.
    GoesOn,
    /// Extracts from all volumes of the task.
    ExtractsUnseen,
    /// Extracts through links that lead out.
    ExtractsOutside,
    /// Extracts no link.
    ExtractsNoLinks,
    /// Extracts what is no file.
    ExtractsSpecial,
    /// Takes any path.
    ExtractsRelative,
    /// Extracts only after success.
    ExtractsSuccess,
    /// Leaves what cannot be written out of the archive.
    ArchivesWritable,
    /// Archives what links lead to.
    ArchivesThroughLinks,
    /// Says that an archive is whole that is not.
    HidesFailedWrites,
    /// Answers by itself.
    ProxyAnswers,
    /// Hands a refusal on as an answer.
    ProxyIsAlwaysFine,
    /// Asks one after the other.
    ProxyOneAtATime,
    /// Asks the proxy that was attached last.
    ProxyLast,
    /// Takes any name for a proxy.
    ProxyTakesAnyName,
    /// Every task reaches every proxy, and for ever.
    ProxyIsPublic,
    /// Never says that a program runs.
    NeverStarts,
    /// Connects, and says nothing.
    ConnectionIsMute,
    /// Connects to any port.
    ConnectionIsAlwaysThere,
    /// What listened stays when its step goes.
    ConnectionStays,
    /// Every task reaches what listens in any.
    ConnectionIsPublic,
    /// Connects to the machine's own ports.
    ConnectionReachesHost,
    /// Opens its shell somewhere else.
    ShellElsewhere,
    /// A shell ends well whatever it did.
    ShellAlwaysFine,
    /// A shell outlives the task.
    ShellStays,
    /// A window keeps its size.
    FixedWindow,
    /// A shell needs a step that has not ended.
    ShellOnlyRunning,
    /// Takes what is typed after the end.
    ShellTakesAll,
    /// All displays have one name.
    DisplaysAlike,
    /// Displays say something else.
    DisplaysGreetWrong,
    /// Opens any display.
    OpensAnyDisplay,
    /// A display stays when its step goes.
    DisplayStays,
    /// Refuses its powers as a host that failed.
    VagueRefusals,
}
