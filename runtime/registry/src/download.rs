//! What is too large for memory: a body that goes to where it is kept while it comes.
//!
//! It does not know where that is, nor what the bytes mean. There is no bound on the time of a whole download, for nobody
//! knows how fast a line is; there is one on the time in which nothing comes.

use std::{io, time::Duration};

use reqwest::{Response, header::CONTENT_RANGE};
use stepwell_contract::Cancel;

use crate::http::{self, Answer, Ask, Http, HttpError};

/// How long a server may say nothing in the middle of a body.
const SILENCE: Duration = Duration::from_secs(60);

/// How often it is looked whether somebody wants to stop, where nothing comes.
const LOOK: Duration = Duration::from_millis(100);

/// What is read of an answer that is not the body that was asked for.
const COMPLAINT_BYTES: u64 = 64 << 10;

/// Where a body goes.
pub trait Sink {
    /// A body begins, with this byte of it: the one that was asked for, or the first.
    ///
    /// # Errors
    ///
    /// Ends the download.
    fn begin(&mut self, from: u64) -> io::Result<()>;

    /// The next bytes.
    ///
    /// # Errors
    ///
    /// Ends the download.
    fn take(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Whether what was taken is what was wanted, now that a body has ended.
    fn is_right(&self) -> bool;
}

impl Http {
    /// Asks, and hands the body of a good answer to `sink`. An answer without a body in it was a bad one, or was taken
    /// whole; its status tells. [`Ask::deadline`] is when the answer has to begin.
    ///
    /// # Errors
    ///
    /// When there is no answer, it breaks a bound, or cannot be kept. What the sink took until then stands.
    pub fn download(
        &self,
        ask: &Ask<'_>,
        sink: &mut dyn Sink,
        cancel: &Cancel,
    ) -> Result<Answer, HttpError> {
        let url = http::read_url(ask.url)?;
        let place = http::place(&url);
        let Some(runtime) = &self.runtime else {
            return Err(HttpError::TooSlow { place });
        };
        let deadline = tokio::time::Instant::from_std(ask.deadline);
        runtime.block_on(async {
            let opened = watched(self.open(url, ask), cancel);
            let (response, url) = tokio::time::timeout_at(deadline, opened)
                .await
                .unwrap_or(Err(HttpError::TooSlow { place }))?;
            let place = http::place(&url);
            let status = response.status().as_u16();
            let from = match status {
                200 => 0,
                206 if is_range_from(&response, ask.from) => ask.from,
                206 => {
                    return Err(HttpError::Keep {
                        place,
                        source: io::Error::other("it is another part than the one asked for"),
                    });
                }
                _ => {
                    let read = http::read(response, &url, COMPLAINT_BYTES);
                    return tokio::time::timeout_at(deadline, read)
                        .await
                        .unwrap_or(Err(HttpError::TooSlow { place }));
                }
            };
            let kept = |source| HttpError::Keep {
                place: place.clone(),
                source,
            };
            sink.begin(from).map_err(kept)?;
            pour(response, &url, (from, ask.most), sink, cancel).await?;
            Ok(Answer {
                status,
                challenges: Vec::new(),
                location: None,
                has_more: false,
                knows_subject: false,
                body: Vec::new(),
            })
        })
    }
}

async fn pour(
    mut response: Response,
    url: &reqwest::Url,
    (mut taken, most): (u64, u64),
    sink: &mut dyn Sink,
    cancel: &Cancel,
) -> Result<(), HttpError> {
    let place = || http::place(url);
    loop {
        let next = async {
            response
                .chunk()
                .await
                .map_err(|error| http::unreachable(url, error.without_url()))
        };
        let next = tokio::time::timeout(SILENCE, watched(next, cancel));
        let chunk = match next.await {
            Err(_) => return Err(HttpError::TooSlow { place: place() }),
            Ok(chunk) => chunk?,
        };
        let Some(chunk) = chunk else {
            return Ok(());
        };
        taken = taken.saturating_add(chunk.len() as u64);
        if taken > most {
            return Err(HttpError::TooLarge {
                place: place(),
                most,
            });
        }
        sink.take(&chunk).map_err(|source| HttpError::Keep {
            place: place(),
            source,
        })?;
    }
}

/// Waits for `work`, unless somebody asks to stop.
async fn watched<T>(
    work: impl Future<Output = Result<T, HttpError>>,
    cancel: &Cancel,
) -> Result<T, HttpError> {
    let mut work = std::pin::pin!(work);
    loop {
        if cancel.reason().is_some() {
            return Err(HttpError::Cancelled);
        }
        if let Ok(done) = tokio::time::timeout(LOOK, &mut work).await {
            return done;
        }
    }
}

/// Whether a partial answer is the rest that was asked for: `bytes 5-9/10`.
fn is_range_from(response: &Response, from: u64) -> bool {
    response
        .headers()
        .get(CONTENT_RANGE)
        .and_then(|range| range.to_str().ok())
        .and_then(|range| range.strip_prefix("bytes "))
        .and_then(|range| range.split_once('-'))
        .is_some_and(|(start, _)| start.parse() == Ok(from))
}
