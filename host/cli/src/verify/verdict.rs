//! What came of running one step a second time, in words and as JSON.

use std::fmt;

use serde::Serialize;
use stepwell_contract::{Clock, Grants, Network, Random};
use stepwell_report::clean::clean;

/// One step that ran, and what came of running it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Verified {
    /// Its task.
    pub(crate) task: String,
    /// Its name.
    pub(crate) step: String,
    /// Which try of the task it was, from 0.
    pub(crate) attempt: u32,
    /// What came of it.
    #[serde(flatten)]
    pub(crate) verdict: Verdict,
}

/// What came of running a step again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// Every byte was the same.
    Reproduced {
        /// How many files, folders and links were compared.
        entries: u64,
        /// How many bytes of files and of output were compared.
        bytes: u64,
    },
    /// Something was not.
    Differs {
        /// Where the first difference is.
        #[serde(flatten)]
        difference: Difference,
        /// The grants that can be why.
        sources: Vec<String>,
    },
    /// It ran once.
    Unverified {
        /// Why.
        reason: String,
    },
}

/// The first difference between two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    /// What differs: `stdout`, `stderr`, `ending`, a result or a path.
    #[serde(rename = "in")]
    pub(crate) place: String,
    /// How.
    #[serde(flatten)]
    pub(crate) how: How,
}

/// How two runs differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum How {
    /// In one byte, the first that differs; none where one of them ends there.
    Byte {
        /// Its place, from 0.
        byte: u64,
        /// What the first run has there.
        first: Option<u8>,
        /// What the second run has there.
        second: Option<u8>,
    },
    /// In what is there at all.
    Words {
        /// What the first run has.
        first: String,
        /// What the second run has.
        second: String,
    },
}

/// The grants by which two runs of a step may differ, as they are written.
pub(crate) fn sources(grants: &Grants) -> Vec<String> {
    let mut sources = Vec::new();
    if grants.clock == Clock::Real {
        sources.push("clock=real".to_owned());
    }
    if grants.random == Random::Real {
        sources.push("random=real".to_owned());
    }
    match &grants.network {
        Network::To(places) => {
            sources.extend(places.iter().map(|place| format!("network={place}")));
        }
        Network::Any => sources.push("network=any".to_owned()),
        Network::Off | Network::None => {}
    }
    sources
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let byte = |byte: &Option<u8>| match byte {
            Some(byte) => format!("{byte:#04x}"),
            None => "its end".to_owned(),
        };
        match self {
            Self::Byte {
                byte: at,
                first,
                second,
            } => write!(f, "byte {at}: {}, then {}", byte(first), byte(second)),
            Self::Words { first, second } => write!(f, "{first}, then {second}"),
        }
    }
}

impl Verified {
    /// The step in one line.
    pub(crate) fn line(&self) -> String {
        let name = format!("{}/{}", clean(&self.task), clean(&self.step));
        match &self.verdict {
            Verdict::Reproduced { entries, bytes } => {
                format!("reproduced  {name}  {entries} entries, {bytes} bytes")
            }
            Verdict::Differs {
                difference,
                sources,
            } => {
                let why = match sources.is_empty() {
                    true => "no grant explains it".to_owned(),
                    false => format!("granted: {}", clean(&sources.join(", "))),
                };
                let place = clean(&difference.place);
                let how = difference.how.to_string();
                format!("differs     {name}  {place}, {}; {why}", clean(&how))
            }
            Verdict::Unverified { reason } => format!("unverified  {name}  {}", clean(reason)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified(verdict: Verdict) -> Verified {
        Verified {
            task: "build".to_owned(),
            step: "stamp".to_owned(),
            attempt: 0,
            verdict,
        }
    }

    #[test]
    fn a_verdict_is_one_line_and_one_object() {
        let mut grants = Grants::default();
        for setting in ["clock=real", "random=real", "network=a.test:443"] {
            grants.apply(setting).unwrap();
        }
        let differs = verified(Verdict::Differs {
            difference: Difference {
                place: "stdout".to_owned(),
                how: How::Byte {
                    byte: 17,
                    first: Some(0x0a),
                    second: None,
                },
            },
            sources: sources(&grants),
        });
        insta::assert_snapshot!(differs.line(), @"differs     build/stamp  stdout, byte 17: 0x0a, then its end; granted: clock=real, random=real, network=a.test:443");
        insta::assert_snapshot!(serde_json::to_string(&differs).unwrap(), @r#"{"task":"build","step":"stamp","attempt":0,"verdict":"differs","in":"stdout","byte":17,"first":10,"second":null,"sources":["clock=real","random=real","network=a.test:443"]}"#);
    }

    #[test]
    fn nothing_that_is_granted_explains_what_is_found() {
        assert_eq!(sources(&Grants::default()), Vec::<String>::new());
        let found = verified(Verdict::Differs {
            difference: Difference {
                place: "/workspace/out".to_owned(),
                how: How::Words {
                    first: "a file".to_owned(),
                    second: "nothing".to_owned(),
                },
            },
            sources: Vec::new(),
        });
        insta::assert_snapshot!(found.line(), @"differs     build/stamp  /workspace/out, a file, then nothing; no grant explains it");
    }

    #[test]
    fn attack_a_name_with_escape_codes() {
        let mut named = verified(Verdict::Unverified {
            reason: "it \u{1b}[2J".to_owned(),
        });
        named.step = "\u{1b}[31m".to_owned();
        assert!(!named.line().contains('\u{1b}'), "{:?}", named.line());
    }
}
