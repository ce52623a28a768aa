//! Everything that bounds a step, as one flat table: name, unit, default, and what it stops.
//!
//! A limit has one name everywhere: in the flag `--limit memory=64Mi`, in the annotation `stepwell.dev/limits`, in an
//! [`Ending`](crate::Ending) and in the docs, which are generated from this table.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// One thing that is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Limit {
    /// Linear memory, summed over all memories of a step.
    Memory,
    /// Table elements, summed over all tables of a step.
    Tables,
    /// Core instances inside one component.
    Instances,
    /// Resources that the host holds for a step: descriptors, streams, pollables.
    Handles,
    /// What one host call may make the host allocate.
    HostCall,
    /// Wasm instructions, roughly; a deterministic budget.
    Fuel,
    /// Wasm stack depth.
    Stack,
    /// What is kept of stdout and stderr together; the rest is counted and dropped.
    Output,
    /// Bytes that a step may add to its writable mounts.
    FileBytes,
    /// Files, folders and links that a step may create.
    Files,
    /// Descriptors that a step may hold open.
    OpenFiles,
    /// One result.
    Result,
}

/// The row of one limit.
struct Row {
    limit: Limit,
    name: &'static str,
    default: u64,
    settable: bool,
    bytes: bool,
    stops: &'static str,
}

const KI: u64 = 1 << 10;
const MI: u64 = 1 << 20;
const GI: u64 = 1 << 30;

/// In the order of the enum: `Limits` is indexed by it.
const TABLE: [Row; 12] = [
    Row {
        limit: Limit::Memory,
        name: "memory",
        default: GI,
        settable: true,
        bytes: true,
        stops: "a guest that grows its memory until the machine swaps",
    },
    Row {
        limit: Limit::Tables,
        name: "tables",
        default: 200_000,
        settable: true,
        bytes: false,
        stops: "a guest that grows tables, which are host memory (16 bytes an element)",
    },
    Row {
        limit: Limit::Instances,
        name: "instances",
        default: 100,
        settable: true,
        bytes: false,
        stops: "a component that instantiates one module thousands of times",
    },
    Row {
        limit: Limit::Handles,
        name: "handles",
        default: 10_000,
        settable: true,
        bytes: false,
        stops: "a guest that opens streams and pollables and never drops them (GHSA-852m-cvvp-9p4w)",
    },
    Row {
        limit: Limit::HostCall,
        name: "host-call",
        default: 16 * MI,
        settable: true,
        bytes: true,
        stops: "one call whose arguments or answer make the host allocate without bound (GHSA-852m-cvvp-9p4w)",
    },
    Row {
        limit: Limit::Fuel,
        name: "fuel",
        default: u64::MAX,
        settable: true,
        bytes: false,
        stops: "a loop, after the same number of instructions on every machine; off unless set, because counting costs time",
    },
    Row {
        limit: Limit::Stack,
        name: "stack",
        default: MI,
        settable: false,
        bytes: true,
        stops: "deep recursion; fixed, so that a step ends at the same depth everywhere",
    },
    Row {
        limit: Limit::Output,
        name: "output",
        default: 64 * MI,
        settable: true,
        bytes: true,
        stops: "ten gigabytes of log; what exceeds it is dropped, with a mark",
    },
    Row {
        limit: Limit::FileBytes,
        name: "file-bytes",
        default: 16 * GI,
        settable: true,
        bytes: true,
        stops: "a step that fills the disk",
    },
    Row {
        limit: Limit::Files,
        name: "files",
        default: 1_000_000,
        settable: true,
        bytes: false,
        stops: "a step that uses up the file system's inodes",
    },
    Row {
        limit: Limit::OpenFiles,
        name: "open-files",
        default: 512,
        settable: true,
        bytes: false,
        stops: "a step that uses up the host's file descriptors",
    },
    Row {
        limit: Limit::Result,
        name: "result",
        default: 4 * KI,
        settable: true,
        bytes: true,
        stops: "a result too large to hand on; Tekton's default `max-result-size`",
    },
];

impl Limit {
    /// Every limit, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.limit)
    }

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The name used in flags, annotations, endings and docs.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The value used where nothing else is said. `u64::MAX` means no bound.
    pub fn default_value(self) -> u64 {
        self.row().default
    }

    /// Whether a flag or an annotation may set it.
    pub fn is_settable(self) -> bool {
        self.row().settable
    }

    /// The attack or accident that this limit stops.
    pub fn stops(self) -> &'static str {
        self.row().stops
    }

    /// Writes `value` in this limit's unit: `64Mi` for bytes, a bare number else, `unlimited` for no bound.
    pub fn show(self, value: u64) -> String {
        if value == u64::MAX {
            return "unlimited".to_owned();
        }
        if self.row().bytes {
            for (unit, size) in [("Gi", GI), ("Mi", MI), ("Ki", KI)] {
                if value >= size && value.is_multiple_of(size) {
                    return format!("{}{unit}", value / size);
                }
            }
        }
        value.to_string()
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A setting that names no limit, or gives it no usable value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// Not of the form `name=value`.
    #[error("`{0}` is not of the form `name=value`")]
    NotASetting(String),
    /// No limit has this name.
    #[error("there is no limit `{name}`; limits are {known}")]
    Unknown {
        /// The name as given.
        name: String,
        /// All names that can be set.
        known: String,
    },
    /// The value is not a number with an optional unit, or is zero.
    #[error(
        "`{value}` is no value for the limit `{limit}`: expected a positive number, with Ki, Mi, Gi, k, M or G"
    )]
    BadValue {
        /// The limit.
        limit: Limit,
        /// The value as given.
        value: String,
    },
    /// The limit is part of the sandbox and cannot be changed.
    #[error("the limit `{0}` is fixed")]
    Fixed(Limit),
}

impl FromStr for Limit {
    type Err = LimitError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::all()
            .find(|limit| limit.name() == name)
            .ok_or_else(|| LimitError::Unknown {
                name: name.to_owned(),
                known: Self::all()
                    .filter(|limit| limit.is_settable())
                    .map(Self::name)
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }
}

/// A value for every limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits([u64; TABLE.len()]);

impl Default for Limits {
    fn default() -> Self {
        Self(std::array::from_fn(|index| TABLE[index].default))
    }
}

impl Limits {
    /// The value of one limit, in its unit. `u64::MAX` means no bound.
    pub fn get(&self, limit: Limit) -> u64 {
        self.0[limit as usize]
    }

    /// Sets one limit.
    ///
    /// # Errors
    ///
    /// [`LimitError::Fixed`] for a limit that is part of the sandbox.
    pub fn set(&mut self, limit: Limit, value: u64) -> Result<(), LimitError> {
        if !limit.is_settable() {
            return Err(LimitError::Fixed(limit));
        }
        self.0[limit as usize] = value;
        Ok(())
    }

    /// Applies one setting in text, such as `memory=64Mi`.
    ///
    /// # Errors
    ///
    /// Says which part of the setting is wrong.
    pub fn apply(&mut self, setting: &str) -> Result<(), LimitError> {
        let (name, value) = setting
            .split_once('=')
            .ok_or_else(|| LimitError::NotASetting(setting.to_owned()))?;
        let limit: Limit = name.trim().parse()?;
        let bad = || LimitError::BadValue {
            limit,
            value: value.trim().to_owned(),
        };
        let number = parse_quantity(value.trim())
            .filter(|number| *number > 0)
            .ok_or_else(bad)?;
        self.set(limit, number)
    }

    /// Every limit with its value, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (Limit, u64)> + '_ {
        TABLE
            .iter()
            .map(|row| (row.limit, self.0[row.limit as usize]))
    }
}

/// Reads a whole number with an optional unit of Kubernetes' quantities: `Ki Mi Gi Ti`, `k M G T`.
/// `None` where it is not one, or does not fit 64 bits. Fractions and `m` (thousandths) have no meaning for bytes.
pub fn parse_quantity(text: &str) -> Option<u64> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "" => 1,
        "Ki" => KI,
        "Mi" => MI,
        "Gi" => GI,
        "Ti" => GI * KI,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.limit as usize, index, "{}", row.name);
        }
    }

    #[test]
    fn settings_are_read_with_units() {
        let mut limits = Limits::default();
        limits.apply("memory=64Mi").unwrap();
        limits.apply("files = 20").unwrap();
        assert_eq!(limits.get(Limit::Memory), 64 << 20);
        assert_eq!(limits.get(Limit::Files), 20);
        assert_eq!(Limit::Memory.show(limits.get(Limit::Memory)), "64Mi");
    }

    #[test]
    fn a_setting_that_cannot_be_meant_is_refused() {
        let mut limits = Limits::default();
        for setting in [
            "memory",
            "memroy=1Gi",
            "memory=",
            "memory=-1",
            "memory=0",
            "memory=99999999Ti",
            "stack=2Mi",
        ] {
            assert!(limits.apply(setting).is_err(), "{setting}");
        }
        assert_eq!(limits, Limits::default());
    }
}
