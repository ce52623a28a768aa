//! A case: what it demands, which power it needs, and how it is played.

use stepwell_contract::Feature;

use crate::cases::{
    archive, connection, discard, display, environment, escape, extract, isolation, kill, log,
    mount, proxy, refusal, results, shell, volume,
};
use crate::leak::{self, Remains};
use crate::stage::Stage;
use crate::{Action, Harness};

/// One thing that every backend has to do.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// What it is called: its group, and what it is about.
    pub name: &'static str,
    /// What it demands, in one sentence.
    pub demands: &'static str,
    /// The power it is about. A backend without it has to refuse it by name instead.
    pub needs: Option<Feature>,
    /// Plays it.
    play: fn(&Stage<'_>),
}

/// Every group of cases, in the order of the documentation.
const GROUPS: &[&[Case]] = &[
    log::CASES,
    environment::CASES,
    volume::CASES,
    mount::CASES,
    escape::CASES,
    results::CASES,
    kill::CASES,
    discard::CASES,
    isolation::CASES,
    extract::CASES,
    archive::CASES,
    proxy::CASES,
    connection::CASES,
    shell::CASES,
    display::CASES,
];

/// How many there are.
const COUNT: usize = {
    let mut count = 0;
    let mut group = 0;
    while group < GROUPS.len() {
        count += GROUPS[group].len();
        group += 1;
    }
    count
};

/// All cases, in the order of the documentation.
pub static CASES: [Case; COUNT] = {
    let mut all = [GROUPS[0][0]; COUNT];
    let (mut group, mut index) = (0, 0);
    while group < GROUPS.len() {
        let mut case = 0;
        while case < GROUPS[group].len() {
            all[index] = GROUPS[group][case];
            index += 1;
            case += 1;
        }
        group += 1;
    }
    all
};

impl Case {
    /// A case that every backend has to pass.
    pub(crate) const fn new(
        name: &'static str,
        demands: &'static str,
        play: fn(&Stage<'_>),
    ) -> Self {
        Self {
            name,
            demands,
            needs: None,
            play,
        }
    }

    /// A case for backends with a power.
    pub(crate) const fn with(
        needs: Feature,
        name: &'static str,
        demands: &'static str,
        play: fn(&Stage<'_>),
    ) -> Self {
        Self {
            needs: Some(needs),
            ..Self::new(name, demands, play)
        }
    }

    /// The case of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        CASES.iter().find(|case| case.name == name)
    }

    /// Whether it is the refusal that this backend has to show, and not the power.
    pub fn is_refused_by(&self, harness: &dyn Harness) -> bool {
        self.needs
            .is_some_and(|needs| !harness.features().contains(&needs))
    }

    /// Plays the case, or the refusal of its power, and looks whether anything was left behind.
    ///
    /// # Panics
    ///
    /// When the backend does not do what is demanded.
    pub fn check(&self, harness: &dyn Harness) {
        let _alone = leak::alone();
        // What a backend sets up once and keeps is there before anything is counted.
        Stage::new(harness)
            .play(&[Action::Print("ready".to_owned())])
            .says(&["ready"]);
        let before = Remains::now(harness);
        {
            let stage = Stage::new(harness);
            match self.needs.filter(|_| self.is_refused_by(harness)) {
                Some(needs) => refusal::check(&stage, needs),
                None => (self.play)(&stage),
            }
        }
        let left = Remains::now(harness).since(&before);
        assert!(left.is_empty(), "`{}` left behind: {left:#?}", self.name);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_cases_have_one_name() {
        let names: BTreeSet<_> = CASES.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), CASES.len());
    }
}
