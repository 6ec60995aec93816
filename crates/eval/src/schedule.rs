//! When to record.

use serde::{Deserialize, Serialize};

/// Records per factor of ten, of the `log` schedule.
const PER_DECADE: f64 = 20.0;

/// The steps at which everything is measured and written down. The start and the last step always are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Every step up to 20, then 20 steps per factor of ten.
    #[default]
    Log,
    /// Every `k`-th step, `k >= 1`.
    Every(u64),
    /// These steps.
    At(Vec<u64>),
}

impl Schedule {
    /// The first scheduled step after `step`; `u64::MAX` if there is none.
    #[must_use]
    pub fn next_after(&self, step: u64) -> u64 {
        match self {
            Self::Log => {
                let exponent = ((step.max(1)) as f64).log10() * PER_DECADE;
                // the grid point after the one at or below `step`, and always at least one step on
                let mut k = exponent.floor();
                loop {
                    k += 1.0;
                    let next = 10f64.powf(k / PER_DECADE).round() as u64;
                    if next > step {
                        return next;
                    }
                }
            }
            Self::Every(k) => (step / k + 1) * k,
            Self::At(steps) => steps.iter().copied().filter(|&s| s > step).min().unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_move_on() {
        let walk = |s: &Schedule, n: usize| {
            std::iter::successors(Some(0), |&t| Some(s.next_after(t))).take(n).collect::<Vec<_>>()
        };
        assert_eq!(walk(&Schedule::Every(5), 4), [0, 5, 10, 15]);
        assert_eq!(walk(&Schedule::At(vec![10, 2]), 4), [0, 2, 10, u64::MAX]);
        let log = walk(&Schedule::Log, 120);
        assert_eq!(log[..9], [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert!(log.windows(2).all(|w| w[0] < w[1]));
        assert!(log.contains(&100) && log.contains(&1000) && log.contains(&10_000));
        assert_eq!(log.iter().filter(|&&s| s > 1000 && s <= 10_000).count(), 20);
    }
}
