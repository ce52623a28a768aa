//! What a script is once it is read. Nothing in here has been expanded or run.

use std::rc::Rc;

/// Commands that run one after the other.
pub type List = Vec<AndOr>;

/// Pipelines joined by `&&` and `||`.
#[derive(Debug, Clone, PartialEq)]
pub struct AndOr {
    /// The pipeline that always runs.
    pub first: Pipeline,
    /// Those that depend on how the one before ended.
    pub rest: Vec<(Join, Pipeline)>,
}

/// When the pipeline on the right runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// `&&`: after a success.
    And,
    /// `||`: after a failure.
    Or,
}

/// Commands of which each reads what the one before it wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// Whether `!` stands before it.
    pub negated: bool,
    /// At least one command.
    pub commands: Vec<Command>,
}

/// A command and its redirections.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// What it is.
    pub kind: Kind,
    /// In the order in which they are applied.
    pub redirects: Vec<Redirect>,
}

/// The forms of a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A program, a builtin, a function, or assignments alone.
    Simple(Simple),
    /// `{ …; }`
    Group(List),
    /// `( … )`
    Subshell(List),
    /// `if`: conditions with their bodies, and `else`.
    If(Vec<(List, List)>, List),
    /// `while` and, with `until` set, `until`.
    Loop {
        /// Whether the condition has to fail for the loop to go on.
        until: bool,
        /// Runs before each round.
        condition: List,
        /// One round.
        body: List,
    },
    /// `for NAME in …`; without words over `"$@"`.
    For(String, Option<Vec<Word>>, List),
    /// `for ((…; …; …))`
    Count([Word; 3], List),
    /// `case … in … esac`
    Case(Word, Vec<Arm>),
    /// `NAME() …`
    Function(String, Rc<Command>),
    /// `(( … ))`
    Arithmetic(Word),
    /// `[[ … ]]`
    Test(Test),
}

/// Words, and assignments before them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Simple {
    /// `NAME=value` before the first word.
    pub assignments: Vec<Assignment>,
    /// The name of what is called, and its arguments.
    pub words: Vec<Word>,
    /// `NAME=value` among the arguments of `export`, `local` and their like, which are assignments too.
    pub declared: Vec<Assignment>,
}

/// `NAME=value`, `NAME[index]=value`, `NAME=(…)`, or one of them with `+=`.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// Which element of it.
    pub index: Option<Word>,
    /// Whether the value is added to what is there.
    pub append: bool,
    /// The value.
    pub value: Assigned,
}

/// The right side of an assignment.
#[derive(Debug, Clone, PartialEq)]
pub enum Assigned {
    /// One text.
    Scalar(Word),
    /// `( … )`
    Array(Vec<Word>),
}

/// One arm of a `case`.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    /// Any of these has to match.
    pub patterns: Vec<Word>,
    /// What then runs.
    pub body: List,
}

/// A redirection of one file descriptor.
#[derive(Debug, Clone, PartialEq)]
pub struct Redirect {
    /// The number before the operator.
    pub fd: Option<u32>,
    /// The operator.
    pub operator: Redirection,
    /// A file, a number, or the text of a here-document.
    pub target: Word,
}

/// What a redirection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirection {
    /// `<`
    Read,
    /// `>` and `>|`
    Write,
    /// `>>`
    Append,
    /// `<&` and `>&` with a number
    Duplicate,
    /// `&>`, and `>&` with a file
    WriteBoth,
    /// `&>>`
    AppendBoth,
    /// `<<`, whose text is the target
    Document,
    /// `<<<`
    Text,
}

/// An expression of `[[ … ]]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// `a || b`
    Or(Box<Test>, Box<Test>),
    /// `a && b`
    And(Box<Test>, Box<Test>),
    /// `! a`
    Not(Box<Test>),
    /// `-f file`
    Unary(String, Word),
    /// `a == b`
    Binary(Word, String, Word),
    /// `word`: true unless it is empty.
    Word(Word),
}

/// Parts that stand next to each other.
pub type Word = Vec<Part>;

/// A part of a word.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// As written; may be a pattern.
    Plain(String),
    /// Quoted by `'…'` or `\`: stands for itself.
    Quoted(String),
    /// `"…"`
    Double(Word),
    /// `~` at the start of a word.
    Home,
    /// `$x`, `${x…}`
    Parameter(Box<Parameter>),
    /// `$(…)`
    Command(List),
    /// `$((…))`
    Arithmetic(Word),
    /// `<(…)`
    Process(List),
}

/// A parameter and what is made of its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// A variable's name, a number, or one of `@ * # ? $ ! -`.
    pub name: String,
    /// Which element of it.
    pub index: Option<Index>,
    /// What is made of it.
    pub operation: Operation,
}

/// Which element of an array.
#[derive(Debug, Clone, PartialEq)]
pub enum Index {
    /// `[@]`: all, each by itself.
    Each,
    /// `[*]`: all, joined.
    Joined,
    /// `[expression]`
    At(Word),
}

/// What is made of a parameter's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// The value itself.
    Value,
    /// `${#x}`
    Length,
    /// `${!x}`: the value of the variable that is named there; of an array with `[@]` its indices.
    Indirect,
    /// `${x-…}` `${x=…}` `${x?…}` `${x+…}`; with a colon, empty counts as unset.
    Substitute {
        /// Whether empty counts as unset.
        colon: bool,
        /// One of `-=?+`.
        operator: char,
        /// The word after it.
        word: Word,
    },
    /// `${x#…}` `${x%…}`; doubled, the longest match goes.
    Trim {
        /// From the end.
        suffix: bool,
        /// As much as matches.
        longest: bool,
        /// What goes.
        pattern: Word,
    },
    /// `${x/a/b}` `${x//a/b}` `${x/#a/b}` `${x/%a/b}`
    Replace {
        /// Which matches.
        which: Which,
        /// What goes.
        pattern: Word,
        /// What comes.
        with: Word,
    },
    /// `${x:offset:length}`
    Slice(Word, Option<Word>),
    /// `${x^}` `${x^^}` `${x,}` `${x,,}`
    Case {
        /// To upper case.
        upper: bool,
        /// Every letter.
        all: bool,
    },
}

/// Which matches of a pattern are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The first.
    First,
    /// All.
    All,
    /// One at the start.
    Prefix,
    /// One at the end.
    Suffix,
}
