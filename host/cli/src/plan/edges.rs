//! What has to be before what, and how deep that makes a pipeline.

use stepwell_spec::{Pipeline, PipelineTask};

/// By the place of the task.
#[derive(Debug)]
pub(super) struct Edges {
    /// The tasks that it runs after though it uses none of their results.
    pub(super) ordering: Vec<Vec<usize>>,
    /// How many tasks have to settle one after the other before it.
    pub(super) depths: Vec<usize>,
}

/// The edges of a pipeline.
pub(super) fn of(pipeline: &Pipeline) -> Edges {
    let ordering = pipeline.tasks.iter().map(|task| {
        let only_order = task
            .parents
            .iter()
            .filter(|parent| !task.result_parents.contains(parent));
        only_order.copied().collect()
    });
    Edges {
        ordering: ordering.collect(),
        depths: depths(&pipeline.tasks),
    }
}

/// The longest way to each task, found from the tasks that wait for nothing; every edge is looked at once.
fn depths(tasks: &[PipelineTask]) -> Vec<usize> {
    let mut children = vec![Vec::new(); tasks.len()];
    let mut missing = vec![0; tasks.len()];
    for (index, task) in tasks.iter().enumerate() {
        for parent in task.parents.iter().filter(|parent| **parent < tasks.len()) {
            children[*parent].push(index);
            missing[index] += 1;
        }
    }
    let mut depths = vec![0; tasks.len()];
    let mut ready: Vec<usize> = (0..tasks.len()).filter(|at| missing[*at] == 0).collect();
    while let Some(at) = ready.pop() {
        for child in &children[at] {
            depths[*child] = depths[*child].max(depths[at] + 1);
            missing[*child] -= 1;
            if missing[*child] == 0 {
                ready.push(*child);
            }
        }
    }
    depths
}

#[cfg(test)]
mod tests {
    use stepwell_contract::TaskName;
    use stepwell_spec::{OnError, Section};

    use super::*;

    fn task(parents: &[usize]) -> PipelineTask {
        PipelineTask {
            name: "t".into(),
            key: TaskName::new("t"),
            section: Section::Tasks,
            parents: parents.to_vec(),
            result_parents: Vec::new(),
            retries: 0,
            on_error: OnError::StopAndFail,
            matrixed: false,
        }
    }

    #[test]
    fn a_task_is_as_deep_as_its_longest_way() {
        // A diamond with a long side, written from the end.
        let tasks = [task(&[1, 3]), task(&[2]), task(&[4]), task(&[4]), task(&[])];
        assert_eq!(depths(&tasks), [3, 2, 1, 1, 0]);
    }
}
