//! Measures two things by turns: A B, B A, A B, … so that neither always follows the other.

use std::time::Duration;

use anyhow::Result;

/// The middle of many samples, and where most of them lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) p10: f64,
    pub(super) p90: f64,
}

/// What the pairs of one row showed; times in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compared {
    pub(super) ours: Spread,
    pub(super) theirs: Spread,
    /// Of each pair, ours divided by theirs.
    pub(super) ratio: Spread,
}

/// Measures so many pairs, after two that only warm the caches.
///
/// # Errors
///
/// When one of the two cannot be measured.
pub(super) fn measure(
    pairs: u32,
    mut ours: impl FnMut() -> Result<Duration>,
    mut theirs: impl FnMut() -> Result<Duration>,
) -> Result<Compared> {
    const WARM_UP: u32 = 2;
    let (mut our_times, mut their_times, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..WARM_UP + pairs {
        let (our, their) = if pair % 2 == 0 {
            let our = ours()?;
            (our, theirs()?)
        } else {
            let their = theirs()?;
            (ours()?, their)
        };
        if pair >= WARM_UP {
            let (our, their) = (our.as_secs_f64() * 1e9, their.as_secs_f64() * 1e9);
            our_times.push(our);
            their_times.push(their);
            ratios.push(our / their);
        }
    }
    Ok(Compared {
        ours: Spread::of(our_times),
        theirs: Spread::of(their_times),
        ratio: Spread::of(ratios),
    })
}

impl Spread {
    /// The median and the 10th and 90th percentile of at least one sample.
    pub(super) fn of(mut samples: Vec<f64>) -> Spread {
        samples.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let place = part * (samples.len() - 1) as f64;
            let (low, high) = (
                samples[place.floor() as usize],
                samples[place.ceil() as usize],
            );
            low + (high - low) * place.fract()
        };
        Spread {
            median: at(0.5),
            p10: at(0.1),
            p90: at(0.9),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn percentiles_lie_between_samples() {
        let spread = Spread::of(vec![4.0, 1.0, 2.0, 3.0]);
        assert_eq!(spread.median, 2.5);
        assert!((spread.p10 - 1.3).abs() < 1e-9 && (spread.p90 - 3.7).abs() < 1e-9);
    }

    #[test]
    fn the_order_alternates_and_warm_up_does_not_count() {
        let order = RefCell::new(String::new());
        let compared = measure(
            2,
            || {
                order.borrow_mut().push('a');
                Ok(Duration::from_nanos(10))
            },
            || {
                order.borrow_mut().push('b');
                Ok(Duration::from_nanos(20))
            },
        )
        .unwrap();
        assert_eq!(*order.borrow(), "abbaabba");
        assert!((compared.ratio.median - 0.5).abs() < 1e-9);
    }
}
