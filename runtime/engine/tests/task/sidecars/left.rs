//! However a task ends, nothing runs beside it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use stepwell_contract::{Ending, SandboxError, StepIo};
use tokio::sync::Notify;

use super::{SECOND, command, serves, sidecar_ends};
use crate::scripted::{Fault, Place, Task, host_error};

/// Counts those that began, and those of them that have not ended.
#[derive(Clone, Default)]
struct Count(Arc<(AtomicU32, AtomicU32)>);

impl Count {
    fn body<F>(
        &self,
        then: F,
    ) -> impl FnOnce(Place, StepIo) -> Result<Ending, SandboxError> + Send + use<F>
    where
        F: FnOnce(Place, StepIo) -> Result<Ending, SandboxError> + Send + 'static,
    {
        struct Left(Count);
        impl Drop for Left {
            fn drop(&mut self) {
                self.0.0.1.fetch_sub(1, Ordering::SeqCst);
            }
        }
        let count = self.clone();
        move |place, io| {
            count.0.0.fetch_add(1, Ordering::SeqCst);
            count.0.1.fetch_add(1, Ordering::SeqCst);
            let _left = Left(count);
            then(place, io)
        }
    }

    fn began(&self) -> u32 {
        self.0.0.load(Ordering::SeqCst)
    }

    fn runs(&self) -> u32 {
        self.0.1.load(Ordering::SeqCst)
    }
}

type Spoil = fn(&mut Task);

/// Whatever goes wrong, every sidecar that was started is stopped, and has ended when the run has.
#[tokio::test]
async fn whatever_happens_no_sidecar_is_left() {
    let spoils: [(&str, Spoil); 9] = [
        ("nothing", |task| {
            task.ends("a", 0);
        }),
        ("a step fails", |task| {
            task.ends("a", 1);
        }),
        ("a step panics", |task| {
            task.step("a", |_, _| panic!("scripted panic"));
        }),
        ("a step cannot be run", |task| {
            task.step("a", |_, _| Err(host_error("run")));
        }),
        ("the scope panics when it is closed", |task| {
            task.ends("a", 0);
            task.fault = Fault::ClosePanics;
        }),
        ("a sidecar panics", |task| {
            task.ends("a", 0);
            task.sidecar("bad", |_, _| panic!("scripted panic"));
        }),
        ("a sidecar cannot be run", |task| {
            task.ends("a", 0);
            task.sidecar("bad", |_, _| Err(host_error("run")));
        }),
        ("a sidecar ends before it says that it runs", |task| {
            task.ends("a", 0);
            task.sidecar("bad", |_, _| Ok(Ending::Exited { code: 1 }));
        }),
        ("what is asked cannot be asked", |task| {
            task.ends("a", 0);
            task.sidecar("bad", serves).readiness = Some(command());
            task.run.timeout = Some(60 * SECOND);
        }),
    ];
    for (what, spoil) in spoils {
        let count = Count::default();
        let mut task = Task::new();
        task.sidecar("one", count.body(serves));
        task.sidecar("two", count.body(serves));
        spoil(&mut task);
        let sidecars = task.run.sidecars.len();
        let played = task.play().await;
        assert_eq!((count.began(), count.runs()), (2, 0), "{what}");
        assert_eq!(sidecar_ends(&played).len(), sidecars, "{what}");
        let spoiled = !matches!(what, "nothing" | "the scope panics when it is closed");
        let good = played.ended.is_ok_and(|verdict| verdict.succeeded);
        assert_eq!(good, !spoiled, "{what}");
    }
}

/// One that does not come back is given up, and its sidecars are stopped none the less.
#[tokio::test(start_paused = true)]
async fn a_step_that_is_given_up_leaves_no_sidecar() {
    let count = Count::default();
    let begun = Arc::new(Notify::new());
    let (go, stuck) = std::sync::mpsc::channel::<()>();
    let mut task = Task::new();
    task.sidecar("db", count.body(serves)).readiness = Some(command());
    task.answers("db", |_| Ok(Ending::SUCCESS));
    task.step("a", {
        let begun = Arc::clone(&begun);
        move |_, _| {
            begun.notify_one();
            let _ = stuck.recv();
            Ok(Ending::SUCCESS)
        }
    });
    task.run.timeout = Some(5 * SECOND);
    let played = task
        .play_while(async {
            begun.notified().await;
            tokio::time::advance(5 * SECOND).await;
            // The run sees it at some turn of its own; time goes on in small steps until it has.
            for _ in 0..100 {
                tokio::time::advance(SECOND / 10).await;
            }
        })
        .await;
    assert_eq!(played.verdict().0, "TaskRunTimeout");
    assert_eq!((count.began(), count.runs()), (1, 0));
    assert_eq!(sidecar_ends(&played), [("db".to_owned(), 137, true)]);
    drop(go);
}
