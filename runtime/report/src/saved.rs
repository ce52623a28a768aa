//! How many steps came from the cache, and the time that saved.

use stepwell_contract::event::CacheUse;
use stepwell_contract::{Event, EventKind, TerminationReason};

use crate::time::for_people;

/// What the cache did for a run.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    /// Steps that ended, whether they ran or not.
    steps: usize,
    hits: usize,
    /// How long those took when they ran.
    took_ms: u64,
    /// How long they took now.
    now_ms: u64,
}

impl Saved {
    /// Takes what matters of an event.
    pub(crate) fn note(&mut self, event: &Event) {
        match &event.kind {
            EventKind::StepCache(CacheUse {
                took_ms: Some(took_ms),
                ..
            }) => self.took_ms = self.took_ms.saturating_add(*took_ms),
            EventKind::StepEnd {
                termination_reason,
                duration_ms,
                cached,
                ..
            } if *termination_reason != TerminationReason::Skipped => {
                self.steps += 1;
                if *cached {
                    self.hits += 1;
                    self.now_ms = self.now_ms.saturating_add(*duration_ms);
                }
            }
            _ => {}
        }
    }

    /// One line, where there is something to tell.
    pub(crate) fn line(&self) -> Option<String> {
        if self.hits == 0 {
            return None;
        }
        let all = match (self.hits, self.steps) {
            (1, 1) => "the step".to_owned(),
            (hits, steps) if hits == steps => format!("all {steps} steps"),
            (hits, steps) => format!("{hits} of {steps} steps"),
        };
        let saved = for_people(self.took_ms.saturating_sub(self.now_ms));
        Some(format!("{all} came from the cache and saved {saved}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn told(cached: &[bool]) -> Option<String> {
        let mut saved = Saved::default();
        for cached in cached {
            if *cached {
                saved.note(&samples::event(1, Some("a"), samples::hit(1_500)));
            }
            let mut end = samples::step_end(TerminationReason::Completed, None, 500);
            if let EventKind::StepEnd { cached: flag, .. } = &mut end {
                *flag = *cached;
            }
            saved.note(&samples::event(1, Some("a"), end));
        }
        let skipped = samples::step_end(TerminationReason::Skipped, None, 0);
        saved.note(&samples::event(1, Some("a"), skipped));
        saved.line()
    }

    #[test]
    fn what_came_from_the_cache_is_counted_with_what_it_saved() {
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[false, false]), None);
        for (cached, line) in [
            (&[true][..], "the step came from the cache and saved 1.0 s"),
            (
                &[true, true],
                "all 2 steps came from the cache and saved 2.0 s",
            ),
            (
                &[true, false],
                "1 of 2 steps came from the cache and saved 1.0 s",
            ),
        ] {
            assert_eq!(told(cached).as_deref(), Some(line));
        }
    }
}
