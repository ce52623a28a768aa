//! Redirections.

use crate::state::{Shell, Stop};
use crate::streams::{Input, Stream};
use crate::syntax::ast::{Redirect, Redirection};
use crate::text::reason;

impl Shell {
    /// Applies redirections in order. A file that cannot be opened is complained about, and the answer is no.
    pub(super) fn redirected(&mut self, redirects: &[Redirect]) -> Result<bool, Stop> {
        for redirect in redirects {
            let mut target = self.text(&redirect.target)?;
            let fd = redirect.fd.unwrap_or(1);
            let opened = match redirect.operator {
                Redirection::Read => self.open(&target).map(Stream::In),
                Redirection::Write | Redirection::WriteBoth => {
                    self.create(&target, false).map(Stream::Out)
                }
                Redirection::Append | Redirection::AppendBoth => {
                    self.create(&target, true).map(Stream::Out)
                }
                Redirection::Document => Ok(Stream::In(Input::bytes(target.clone().into_bytes()))),
                Redirection::Text => {
                    target.push('\n');
                    Ok(Stream::In(Input::bytes(target.clone().into_bytes())))
                }
                Redirection::Duplicate => {
                    if !self.duplicated(fd, &target) {
                        self.complain(&format!("{target}: Bad file descriptor"));
                        return Ok(false);
                    }
                    continue;
                }
            };
            match opened {
                Ok(stream) => {
                    if matches!(
                        redirect.operator,
                        Redirection::WriteBoth | Redirection::AppendBoth
                    ) {
                        self.streams.set(2, stream.clone());
                    }
                    self.streams.set(fd, stream);
                }
                Err(error) => {
                    self.complain(&format!("{target}: {}", reason(&error)));
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn duplicated(&mut self, fd: u32, target: &str) -> bool {
        if target == "-" {
            self.streams.close(fd);
            return true;
        }
        let stream = target.parse().ok().and_then(|from| self.streams.get(from));
        match stream.cloned() {
            Some(stream) => {
                self.streams.set(fd, stream);
                true
            }
            None => false,
        }
    }
}
