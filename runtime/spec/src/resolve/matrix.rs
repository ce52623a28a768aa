//! The rows of a matrix, in Tekton's order.
//!
//! Every combination of the arrays is a row, and the first array's values change fastest. An item of `include` goes into
//! the rows that it does not contradict; one that has no value in common with any row is a row of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Stops a matrix of matrices; Tekton's `default-max-matrix-combinations-count`.
pub(crate) const MAX_ROWS: usize = 256;

/// What a row gives to its params; Tekton puts them in the order of their names.
pub(crate) type Row = BTreeMap<Arc<str>, String>;

/// An array and the param that its values are for.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub(crate) name: Arc<str>,
    pub(crate) values: Vec<String>,
}

/// Why there are no rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRows {
    /// An array has no values.
    Empty,
    /// There would be this many.
    TooMany(usize),
}

/// The rows.
pub(crate) fn rows(axes: &[Axis], include: &[Row]) -> Result<Vec<Row>, NoRows> {
    if axes.is_empty() {
        return match include.len() {
            0 => Err(NoRows::Empty),
            count if count > MAX_ROWS => Err(NoRows::TooMany(count)),
            _ => Ok(include.to_vec()),
        };
    }
    if axes.iter().any(|axis| axis.values.is_empty()) {
        return Err(NoRows::Empty);
    }
    let count = axes.iter().fold(1_usize, |count, axis| {
        count.saturating_mul(axis.values.len())
    });
    if count > MAX_ROWS {
        return Err(NoRows::TooMany(count));
    }
    let mut rows = vec![Row::new()];
    for axis in axes {
        rows = axis
            .values
            .iter()
            .flat_map(|value| {
                rows.iter().map(|row| {
                    let mut row = row.clone();
                    row.insert(Arc::clone(&axis.name), value.clone());
                    row
                })
            })
            .collect();
    }
    for row in &mut rows {
        for item in include {
            let fits = item
                .iter()
                .all(|(name, value)| row.get(name).is_none_or(|own| own == value));
            if fits {
                row.extend(
                    item.iter()
                        .map(|(name, value)| (Arc::clone(name), value.clone())),
                );
            }
        }
    }
    for item in include {
        let shared = |row: &Row| {
            item.iter()
                .any(|(name, value)| row.get(name) == Some(value))
        };
        if !item.is_empty() && !rows.iter().any(shared) {
            rows.push(item.clone());
        }
    }
    match rows.len() {
        count if count > MAX_ROWS => Err(NoRows::TooMany(count)),
        _ => Ok(rows),
    }
}

#[cfg(test)]
mod tests;
