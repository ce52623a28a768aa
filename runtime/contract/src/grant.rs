//! What a step is granted beyond its mounts and its environment.
//!
//! Everything is off by default. A grant is one setting of the form `name=value`, the same in the flag `--grant` and in
//! the annotation `stepwell.dev/grants`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The clocks that a step reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// Wall clock fixed; monotonic clock advances by a fixed amount per call; a sleep returns at once.
    #[default]
    Virtual,
    /// The machine's clocks.
    Real,
}

/// The source of random bytes that a step reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Random {
    /// A stream that depends on the step's static key alone.
    #[default]
    Seeded,
    /// The machine's source.
    Real,
}

/// What of the network a step may use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Network {
    /// A component that imports sockets is refused before it runs.
    #[default]
    Off,
    /// Sockets may be imported, and every use of them is refused: for components whose language runtime imports them
    /// without using them.
    None,
    /// Outgoing TCP to these `host:port` pairs. A name is looked up when the step runs.
    To(Vec<String>),
    /// Everything: outgoing and listening, TCP and UDP, name look-up.
    Any,
}

impl Network {
    /// Whether anything can be reached at all.
    pub fn is_reachable(&self) -> bool {
        matches!(self, Self::To(_) | Self::Any)
    }
}

/// A port of one sidecar of the step's own task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SidecarPort {
    /// The sidecar.
    pub sidecar: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for SidecarPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sidecar, self.port)
    }
}

impl FromStr for SidecarPort {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (sidecar, port) = text.split_once(':').ok_or(())?;
        let is_name = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let port = port.parse().ok().filter(|port| *port != 0).ok_or(())?;
        match !sidecar.is_empty() && sidecar.bytes().all(is_name) {
            true => Ok(Self {
                sidecar: sidecar.to_owned(),
                port,
            }),
            false => Err(()),
        }
    }
}

/// All grants of a step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// Clocks.
    pub clock: Clock,
    /// Random bytes.
    pub random: Random,
    /// Network.
    pub network: Network,
    /// Ports of sidecars, for a step that does not share their network.
    pub sidecars: BTreeSet<SidecarPort>,
    /// A container image to run native programs in, as a document would name it; for a component that calls `tools.run`.
    pub tools: Option<Arc<str>>,
}

/// A setting that names no grant, or gives it no usable value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// Not of the form `name=value`.
    #[error("`{0}` is not of the form `name=value`")]
    NotASetting(String),
    /// No grant has this name.
    #[error("there is no grant `{0}`; grants are clock, network, random, sidecar, tools")]
    Unknown(String),
    /// The grant exists, the value does not.
    #[error("`{value}` is no value for the grant `{name}`: expected {expected}")]
    BadValue {
        /// The grant.
        name: &'static str,
        /// The value as given.
        value: String,
        /// What could stand there.
        expected: &'static str,
    },
}

impl Grants {
    /// Applies one setting in text: `clock=real`, `random=real`, `network=any`, `network=none`, `network=HOST:PORT`,
    /// `sidecar=NAME:PORT` (these two add up when given several times), `tools=IMAGE`.
    ///
    /// # Errors
    ///
    /// Says which part of the setting is wrong.
    pub fn apply(&mut self, setting: &str) -> Result<(), GrantError> {
        let (name, value) = setting
            .split_once('=')
            .ok_or_else(|| GrantError::NotASetting(setting.to_owned()))?;
        let (name, value) = (name.trim(), value.trim());
        let bad = |name, expected| GrantError::BadValue {
            name,
            value: value.to_owned(),
            expected,
        };
        match name {
            "clock" => {
                self.clock = match value {
                    "real" => Clock::Real,
                    "virtual" => Clock::Virtual,
                    _ => return Err(bad("clock", "real or virtual")),
                }
            }
            "random" => {
                self.random = match value {
                    "real" => Random::Real,
                    "seeded" => Random::Seeded,
                    _ => return Err(bad("random", "real or seeded")),
                }
            }
            "network" => match value {
                "any" => self.network = Network::Any,
                "none" => self.network = Network::None,
                "off" => self.network = Network::Off,
                _ => {
                    let is_host = |c: char| c.is_alphanumeric() || "-_.:[]%".contains(c);
                    let pair = value.rsplit_once(':').filter(|(host, port)| {
                        !host.is_empty() && host.chars().all(is_host) && port.parse::<u16>().is_ok()
                    });
                    if pair.is_none() {
                        return Err(bad("network", "any, none, off or HOST:PORT"));
                    }
                    match &mut self.network {
                        Network::To(hosts) => hosts.push(value.to_owned()),
                        Network::Any => {}
                        network => *network = Network::To(vec![value.to_owned()]),
                    }
                }
            },
            "sidecar" if value == "off" => self.sidecars.clear(),
            "sidecar" => {
                let port = value.parse();
                let port = port.map_err(|()| bad("sidecar", "NAME:PORT or off"))?;
                self.sidecars.insert(port);
            }
            "tools" if value == "off" => self.tools = None,
            "tools" => {
                // One image, and no pattern of several.
                let is_named = |c: char| !c.is_whitespace() && !c.is_control() && !"?*".contains(c);
                if value.is_empty() || !value.chars().all(is_named) {
                    return Err(bad("tools", "IMAGE or off"));
                }
                self.tools = Some(value.into());
            }
            _ => return Err(GrantError::Unknown(name.to_owned())),
        }
        Ok(())
    }

    /// Whether it may import sockets at all.
    pub fn has_sockets(&self) -> bool {
        self.network != Network::Off || !self.sidecars.is_empty()
    }

    /// The settings that would make these grants, in a fixed order; empty where everything is off.
    pub fn settings(&self) -> Vec<String> {
        let mut settings = Vec::new();
        if self.clock == Clock::Real {
            settings.push("clock=real".to_owned());
        }
        match &self.network {
            Network::Off => {}
            Network::None => settings.push("network=none".to_owned()),
            Network::To(hosts) => {
                settings.extend(hosts.iter().map(|host| format!("network={host}")))
            }
            Network::Any => settings.push("network=any".to_owned()),
        }
        if self.random == Random::Real {
            settings.push("random=real".to_owned());
        }
        let sidecars = self.sidecars.iter();
        settings.extend(sidecars.map(|port| format!("sidecar={port}")));
        settings.extend(self.tools.iter().map(|image| format!("tools={image}")));
        settings
    }
}

impl fmt::Display for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.settings().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_round_trip() {
        let mut grants = Grants::default();
        for setting in [
            "clock=real",
            "network=localhost:80",
            "network=[::1]:443",
            "random=real",
            "sidecar=db:5432",
            "sidecar=db:5433",
            "tools=gcc:14",
        ] {
            grants.apply(setting).unwrap();
        }
        assert_eq!(
            grants.settings(),
            [
                "clock=real",
                "network=localhost:80",
                "network=[::1]:443",
                "random=real",
                "sidecar=db:5432",
                "sidecar=db:5433",
                "tools=gcc:14",
            ]
        );
    }

    #[test]
    fn nothing_is_granted_by_a_setting_that_cannot_be_meant() {
        let mut grants = Grants::default();
        for setting in [
            "clock",
            "clock=wall",
            "network=host",
            "network=:80",
            "network=host:99999",
            "network=no thing; rm -rf /:80",
            "network=\u{1b}[2J:80",
            "filesystem=/",
            "sidecar=db",
            "sidecar=:80",
            "sidecar=db:0",
            "sidecar=db:65536",
            "sidecar=db:80:81",
            "tools=",
            "tools=gcc 14",
            "sidecar=D B:80",
        ] {
            assert!(grants.apply(setting).is_err(), "{setting}");
        }
        assert_eq!(grants, Grants::default());
    }
}
