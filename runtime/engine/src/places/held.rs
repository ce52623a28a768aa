//! Tasks that failed and are held as they are, with their scopes and folders, until somebody has looked.

use std::sync::Arc;

use stepwell_contract::CancelReason;
use stepwell_store::Scratch;

use super::{Places, TaskPlaces};
use crate::backends::Scopes;
use crate::error::{EngineError, causes};
use crate::step::catch;
use crate::volumes::Volumes;

/// How many failed tasks are held: a matrix whose every row fails would otherwise fill the disk, and nobody looks into that
/// many.
const MOST_HELD: usize = 16;

/// What a task has that ends with it.
pub(crate) struct Held {
    pub(crate) scopes: Scopes,
    pub(crate) volumes: Option<Volumes>,
}

impl Held {
    /// Cleans up: the causes of each thing that could not be.
    pub(crate) fn close(self) -> Vec<Vec<String>> {
        let Self { scopes, volumes } = self;
        let mut troubles = close_scopes(scopes);
        if let Some(Err(error)) = volumes.map(Volumes::close) {
            troubles.push(causes(&error));
        }
        troubles
    }
}

/// Closes `scopes`: the causes of each thing that could not be cleaned up.
pub(crate) fn close_scopes(scopes: Scopes) -> Vec<Vec<String>> {
    let mut troubles = Vec::new();
    for scope in scopes.into_all() {
        match catch(|| scope.close()) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => troubles.push(causes(&error)),
            Err(message) => {
                let doing = "clean up".to_owned();
                let error = EngineError::Panicked { doing, message };
                troubles.push(causes(&error));
            }
        }
    }
    troubles
}

impl TaskPlaces {
    /// Holds what a task that failed has, until [`Places::close`]; gives it back where there is enough already.
    ///
    /// # Errors
    ///
    /// What is not held.
    pub(crate) fn hold(&self, held: Box<Held>) -> Result<(), Box<Held>> {
        let mut board = self.places.board();
        if board.held.len() >= MOST_HELD {
            return Err(held);
        }
        match board.task(self.number) {
            Some(task) if !task.steps.is_empty() => task.held = true,
            _ => return Err(held),
        }
        board.held.push(*held);
        Ok(())
    }
}

impl Places {
    /// Whether something is held.
    pub fn holds(&self) -> bool {
        !self.board().held.is_empty()
    }

    /// Lets `scratch` live as long as what is held in it; says whether anything is.
    pub(crate) fn hold_scratch(&self, scratch: &Arc<Scratch>) -> bool {
        let mut board = self.board();
        let holds = !board.held.is_empty();
        if holds {
            board.scratch = Some(Arc::clone(scratch));
        }
        holds
    }

    /// Ends whatever is done in places, and cleans up what was held: the causes of each thing that could not be.
    pub fn close(&self) -> Vec<Vec<String>> {
        let mut board = self.board();
        let (held, scratch) = (std::mem::take(&mut board.held), board.scratch.take());
        let (gone, left) = std::mem::take(&mut board.tasks)
            .into_iter()
            .partition::<Vec<_>, _>(|task| task.held);
        board.tasks = left;
        drop(board);
        for task in gone {
            task.over.cancel(CancelReason::Asked);
        }
        let mut troubles: Vec<_> = held.into_iter().flat_map(Held::close).collect();
        if let Some(Err(error)) = scratch.map(|scratch| scratch.close()) {
            troubles.push(causes(&error));
        }
        troubles
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stepwell_contract::{NoPowers, StepName, TaskName};

    use super::*;

    fn nothing() -> Held {
        Held {
            scopes: Scopes::none(),
            volumes: None,
        }
    }

    #[test]
    fn attack_a_matrix_whose_every_row_fails_is_not_held_as_a_whole() {
        let places = Places::new(true, |_, _, _| String::new());
        let held: Vec<bool> = (0..MOST_HELD + 2)
            .map(|row| {
                let task = places.open(TaskName::new(format!("t.{row}")), 0, Vec::new());
                task.enter(&StepName::new("s"), Arc::new(NoPowers("test")));
                task.hold(Box::new(nothing())).is_ok()
            })
            .collect();
        assert_eq!(held.iter().filter(|held| **held).count(), MOST_HELD);
        assert_eq!(places.list().len(), MOST_HELD);
        assert!(places.close().is_empty() && places.list().is_empty());
    }
}
