//! The heart of the cache: *a hit equals a run, always*.
//!
//! Programs are made at random and run as real guests over trees made at random, recorded. Then a tree is changed at random,
//! and each recorded question is asked of it, one after the other, by brute force. Where all answers are the same, the
//! program is run there too: its output, its ending and every file must be what the first run would have put there. Where
//! they are not, the second run must have asked the same questions up to the answer that differs, for look-ups walk a
//! tree of questions.
//!
//! A few hundred programs run by default. For an hour:
//! `STEPWELL_PROGRAMS=1000000 cargo nextest run -p stepwell-sandbox-wasm -E 'test(a_hit_equals_a_run)' --no-capture`.
//! `STEPWELL_SEED` begins with another program. A failure prints the seed of its program, and the smallest part of it that
//! still fails.

mod chance;
mod run;
mod script;
mod tree;

use std::collections::BTreeMap;

use stepwell_contract::{Asker, NoDigests, Observation, Trace};

use chance::Chance;
use run::{Layout, Ran, Stage};
use tree::{Node, Tree};

/// What a case came to.
#[derive(Debug, Default)]
struct Tally {
    programs: u64,
    /// Recorded runs that cannot be kept.
    flawed: u64,
    /// Changed trees on which the recorded run was found again.
    hits: u64,
    /// Changed trees on which it was not.
    misses: u64,
    observations: u64,
}

/// One program, the tree that it is recorded on, and the trees on which it is looked up.
#[derive(Debug, Clone)]
struct Case {
    layout: Layout,
    script: Vec<String>,
    recorded: Tree,
    looked_up: Vec<Tree>,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let layout = chance.of(&[Layout::Two, Layout::Below, Layout::Twice]);
        let recorded = tree::made(&mut chance);
        let script = script::made(&mut chance, &recorded);
        // The first is the same tree, made in another order.
        let mut looked_up = vec![recorded.clone()];
        for _ in 0..3 {
            let mut changed = recorded.clone();
            for _ in 0..=chance.below(2) {
                tree::change(&mut changed, &mut chance);
            }
            looked_up.push(changed);
        }
        Self {
            layout,
            script,
            recorded,
            looked_up,
        }
    }

    /// Runs and looks up; says what is wrong.
    fn check(&self, tally: &mut Tally) -> Result<(), String> {
        let script = self.script.join("\n");
        let first = Stage::new(&self.recorded, 1);
        let ran = first.run(self.layout, &script);
        let after = first.tree();
        tally.programs += 1;
        tally.observations += ran.trace.observations.len() as u64;
        if !ran.trace.flaws.is_empty() {
            tally.flawed += 1;
            return Ok(());
        }
        for (number, tree) in self.looked_up.iter().enumerate() {
            let second = Stage::new(tree, 2);
            let before = second.tree();
            let is_hit = look_up(&second, &ran.trace);
            if number == 0 && !is_hit {
                return Err(format!("the same tree is no hit: {:#?}", ran.trace));
            }
            let again = second.run(self.layout, &script);
            if is_hit {
                tally.hits += u64::from(number > 0);
                let expected = replayed(before, &after, &ran.trace);
                same(&ran, &expected, &again, &second.tree())
                    .map_err(|wrong| format!("tree {number}: {wrong}\n{:#?}", ran.trace))?;
            } else {
                tally.misses += 1;
            }
            same_questions(&ran.trace, &again.trace, is_hit)
                .map_err(|wrong| format!("tree {number}: {wrong}"))?;
        }
        Ok(())
    }

    /// The smallest part of the script that is still wrong.
    fn smallest(&self) -> Self {
        let mut smallest = self.clone();
        let mut line = 0;
        while line < smallest.script.len() {
            let mut smaller = smallest.clone();
            smaller.script.remove(line);
            match smaller.check(&mut Tally::default()) {
                Err(_) => smallest = smaller,
                Ok(()) => line += 1,
            }
        }
        smallest
    }
}

/// Whether every question of `trace` is answered as it was. As in a look-up, one asker answers all about a volume.
fn look_up(stage: &Stage, trace: &Trace) -> bool {
    let observations = trace.observations.iter();
    let volumes: BTreeMap<_, _> = observations
        .map(|seen| (&seen.spot.volume, stage.dir(&seen.spot.volume)))
        .collect();
    let volumes = volumes.iter();
    let mut askers: BTreeMap<_, _> = volumes
        .map(|(volume, dir)| (*volume, Asker::new(dir, &NoDigests)))
        .collect();
    trace.observations.iter().all(|seen| {
        let Observation {
            spot,
            question,
            answer,
        } = seen;
        let asker = askers.get_mut(&spot.volume).unwrap();
        asker.ask(&spot.path, *question).unwrap() == *answer
    })
}

/// `before` with all that is written as it was after the recorded run.
fn replayed(mut before: Tree, after: &Tree, trace: &Trace) -> Tree {
    for spot in &trace.written {
        let place = format!("{}/{}", spot.volume, spot.path);
        let below = format!("{place}/");
        let is_within = |path: &str| path == place || path.starts_with(&below);
        before.retain(|path, _| !is_within(path));
        let put = after.iter().filter(|(path, _)| is_within(path));
        before.extend(put.map(|(path, node)| (path.clone(), node.clone())));
    }
    before
}

fn same(ran: &Ran, expected: &Tree, again: &Ran, found: &Tree) -> Result<(), String> {
    if ran.stdout != again.stdout {
        return Err(format!(
            "a hit tells\n{}and a run tells\n{}",
            ran.stdout, again.stdout
        ));
    }
    if ran.ending != again.ending || ran.stderr != again.stderr {
        return Err(format!("a hit ends {ran:?} and a run {again:?}"));
    }
    let differing: BTreeMap<&String, (Option<&Node>, Option<&Node>)> = expected
        .keys()
        .chain(found.keys())
        .map(|path| (path, (expected.get(path), found.get(path))))
        .filter(|(_, (hit, run))| hit != run)
        .collect();
    match differing.is_empty() {
        true => Ok(()),
        false => Err(format!("a hit and a run leave: {differing:#?}")),
    }
}

/// Two runs of one program ask alike up to the first answer in which they differ. One that is given up may ask less.
fn same_questions(one: &Trace, other: &Trace, is_hit: bool) -> Result<(), String> {
    if !other.flaws.is_empty() {
        return match is_hit {
            true => Err(format!("a hit, and yet {:?}", other.flaws)),
            false => Ok(()),
        };
    }
    let (first, second) = (&one.observations, &other.observations);
    let mut pairs = first.iter().zip(second);
    match pairs.find(|(one, other)| one != other) {
        Some((one, other)) if one.spot == other.spot && one.question == other.question => {
            match is_hit {
                true => Err(format!("a hit, and yet {one:?} is now {other:?}")),
                false => Ok(()),
            }
        }
        Some((one, other)) => Err(format!("after the same answers: {one:?} and {other:?}")),
        None if first.len() != second.len() => Err(format!(
            "one run asks on: {:?} and {:?}",
            first.get(second.len()),
            second.get(first.len())
        )),
        None => Ok(()),
    }
}

/// A number from the environment.
#[expect(
    clippy::disallowed_methods,
    reason = "how long to look is for whoever runs the test"
)]
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

pub(crate) mod trace_script {
    use super::*;

    #[test]
    fn a_hit_equals_a_run() {
        let first = setting("STEPWELL_SEED", 1);
        let programs = setting("STEPWELL_PROGRAMS", 300);
        let mut tally = Tally::default();
        for seed in first..first + programs {
            let case = Case::new(seed);
            if let Err(wrong) = case.check(&mut tally) {
                let smallest = case.smallest();
                let wrong = smallest.check(&mut Tally::default()).err().unwrap_or(wrong);
                panic!("STEPWELL_SEED={seed}: {wrong}\n{smallest:#?}");
            }
            if tally.programs.is_multiple_of(10_000) {
                eprintln!("{tally:?}");
            }
        }
        eprintln!("{tally:?}");
        // A test in which nothing is ever found again, or everything is, says nothing.
        assert!(tally.hits > programs / 10, "{tally:?}");
        assert!(tally.misses > programs / 10, "{tally:?}");
        assert!(tally.flawed < programs / 2, "{tally:?}");
    }
}
