//! What is kept of a run: its events, its completed objects and its documents, into files that somebody else made.
//!
//! It does not know where they are. What events tell was masked before they were; what comes from documents is masked
//! here.

use std::io::{self, BufWriter, Write};

use serde_json::Value;
use stepwell_contract::Event;

use crate::mask::Mask;
use crate::object::Object;
use crate::{Json, Objects, Reporter};

/// How many bytes are handed to the system at once, where so many come together: those of some dozen tasks.
const AT_ONCE: usize = 64 << 10;

/// Where a record goes.
#[derive(Debug)]
pub struct Handles<E, O, S> {
    /// Each event, as it comes.
    pub events: E,
    /// Each completed object, as it comes.
    pub objects: O,
    /// The run's own object, at the end.
    pub status: S,
}

/// Writes a record. What was taken is handed to the system before anybody waits for the next event, so that little of it
/// is lost when this process is killed.
pub struct Record<E: Write, O: Write, S> {
    events: Json<BufWriter<E>>,
    objects: Objects<BufWriter<O>>,
    status: S,
    /// The run's own object.
    completed: Option<Object>,
}

impl<E: Write, O: Write, S: Write> Record<E, O, S> {
    /// Writes to `handles`, without what `mask` finds.
    pub fn new(handles: Handles<E, O, S>, mask: Mask) -> Self {
        Self {
            events: Json::new(BufWriter::with_capacity(AT_ONCE, handles.events)),
            objects: Objects::new(BufWriter::with_capacity(AT_ONCE, handles.objects)).masked(mask),
            status: handles.status,
            completed: None,
        }
    }
}

impl<E: Write, O: Write, S: Write> Reporter for Record<E, O, S> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.events.event(event)?;
        if let Some(completed) = self.objects.take(event)?
            && completed.is_run
        {
            self.completed = Some(completed.object);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.events.flush()?;
        self.objects.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.events.finish()?;
        self.objects.finish()?;
        let object = self.completed.take().or_else(|| self.objects.unfinished());
        if let Some(object) = object {
            crate::yaml::write_object(&mut self.status, &object, self.objects.mask())?;
        }
        self.status.flush()
    }
}

/// Writes the documents that ran as YAML: no Secret, also none in a List, and without what `mask` finds.
///
/// # Errors
///
/// What could not be written.
pub fn documents(out: &mut dyn Write, mut documents: Vec<Value>, mask: &Mask) -> io::Result<()> {
    documents.retain(|document| !is_secret(document));
    for document in &mut documents {
        drop_secrets(document);
        mask.value(document);
    }
    crate::yaml::write_all(out, &documents)?;
    out.flush()
}

/// Keys are matched as Tekton's decoder matches them, without regard to case.
fn is_secret(document: &Value) -> bool {
    let members = document.as_object().into_iter().flatten();
    members
        .filter(|(key, _)| key.eq_ignore_ascii_case("kind"))
        .any(|(_, kind)| kind == "Secret")
}

/// Drops the Secrets among the items of lists.
fn drop_secrets(document: &mut Value) {
    let mut open = vec![document];
    while let Some(document) = open.pop() {
        let members = document.as_object_mut().into_iter().flatten();
        for (key, items) in members {
            if let (true, Some(items)) = (key.eq_ignore_ascii_case("items"), items.as_array_mut()) {
                items.retain(|item| !is_secret(item));
                open.extend(items);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use stepwell_contract::EventKind;

    use super::*;
    use crate::samples::pipelines::release;
    use crate::samples::{Page, show};

    fn mask() -> Mask {
        let secret: Arc<str> = "hunter2".into();
        Mask::new(&[secret]).unwrap()
    }

    #[test]
    fn a_record_has_every_event_every_object_and_the_status() {
        let [events, objects, status] = std::array::from_fn(|_| Page::default());
        let handles = Handles {
            events: events.clone(),
            objects: objects.clone(),
            status: status.clone(),
        };
        let run = release();
        let mut record = Record::new(handles, Mask::default());
        for (written, event) in run.iter().enumerate() {
            record.event(event).unwrap();
            record.flush().unwrap();
            // Each is written by then, not some time later.
            assert_eq!(events.text().lines().count(), written + 1);
        }
        assert_eq!(status.text(), "");
        record.finish().unwrap();
        assert_eq!(objects.text().lines().count(), 10);
        assert!(status.text().contains("\nkind: PipelineRun\n"));
    }

    #[test]
    fn attack_a_secret_that_stands_in_a_document_is_not_kept() {
        let [events, objects, status] = std::array::from_fn(|_| Page::default());
        let handles = Handles {
            events: events.clone(),
            objects: objects.clone(),
            status: status.clone(),
        };
        let mut run = release();
        let told = json!({"spec": {"params": [{"name": "token", "value": "Bearer hunter2"}]}});
        for event in &mut run {
            match &mut event.kind {
                EventKind::TaskStart {
                    task_run,
                    task_spec,
                    ..
                } => {
                    *task_run = Arc::new(told.clone());
                    *task_spec = Arc::new(told.clone());
                }
                EventKind::PipelineStart {
                    pipeline_run,
                    pipeline_spec,
                    ..
                } => {
                    *pipeline_run = Arc::new(told.clone());
                    *pipeline_spec = Arc::new(told.clone());
                }
                _ => {}
            }
        }
        show(&mut Record::new(handles, mask()), &run);
        let mut written = Vec::new();
        documents(&mut written, vec![told], &mask()).unwrap();
        let written = String::from_utf8(written).unwrap();
        for text in [
            events.text(),
            objects.text(),
            status.text(),
            written.clone(),
        ] {
            assert!(!text.contains("hunter2"), "{text}");
        }
        assert!(written.contains("value: Bearer ***"), "{written}");
        assert!(objects.text().contains("Bearer ***"));
    }

    #[test]
    fn attack_a_secret_in_any_spelling_is_no_document_that_is_kept() {
        let secret = |key: &str| json!({key: "Secret", "stringData": {"a": "other"}});
        let list = json!({"kind": "List", "Items": [
            secret("kind"), {"kind": "ConfigMap"}, {"kind": "List", "items": [secret("Kind")]},
        ]});
        let all = vec![
            secret("kind"),
            secret("KIND"),
            list,
            json!({"kind": "Task"}),
        ];
        let mut written = Vec::new();
        documents(&mut written, all, &Mask::default()).unwrap();
        insta::assert_snapshot!(String::from_utf8(written).unwrap(), @r"
        kind: List
        Items:
        - kind: ConfigMap
        - kind: List
          items: []
        ---
        kind: Task
        ");
    }
}
