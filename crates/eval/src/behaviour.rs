//! What the last iterate did: told from the gap and from how far it moved.

use equipoise_records::Behaviour;

/// Below this gap a run counts as converged (win-rate units; far above rounding, far below any question).
pub const CONVERGED: f64 = 1e-10;

/// A last octave counts as progress if its largest gap is below this share of the octave before.
const PROGRESS: f64 = 0.9;

/// An iterate that travels at least this far (L1) in the last octave without progress goes round in circles.
const TRAVEL: f64 = 0.1;

/// Octaves without which nothing is held against a method: 64 steps.
const ENOUGH: usize = 7;

/// Octave-wise record of the gap: `[2^k, 2^(k+1))` steps each.
#[derive(Clone, Debug)]
pub struct Octaves {
    /// Largest gap and distance travelled in each octave.
    octaves: Vec<(f64, f64)>,
    last_gap: f64,
}

impl Octaves {
    /// Empty, with the gap of the start.
    #[must_use]
    pub fn new(gap: f64) -> Self {
        // space for every octave that a u64 counts: the loop that adds to it allocates nothing
        Self { octaves: Vec::with_capacity(64), last_gap: gap }
    }

    /// Adds step `step >= 1`: its gap, and the L1 distance from the iterate before.
    pub fn add(&mut self, step: u64, gap: f64, moved: f64) {
        let octave = step.ilog2() as usize;
        if self.octaves.len() <= octave {
            self.octaves.resize(octave + 1, (0.0, 0.0));
        }
        let (largest, travelled) = &mut self.octaves[octave];
        *largest = largest.max(gap);
        *travelled += moved;
        self.last_gap = gap;
    }

    /// The verdict for a run that ended without breaking down.
    ///
    /// The last octave is usually incomplete, so it is joined with the one before it.
    #[must_use]
    pub fn verdict(&self, sampled: bool) -> Behaviour {
        if self.last_gap <= CONVERGED {
            return Behaviour::Converged;
        }
        let n = self.octaves.len();
        if n < 3 {
            return Behaviour::Undecided;
        }
        let recent = self.octaves[n - 1].0.max(self.octaves[n - 2].0);
        let travelled = self.octaves[n - 1].1 + self.octaves[n - 2].1;
        // compare with everything up to two octaves back, so that slow turns do not look like progress
        let before = self.octaves[n.saturating_sub(4)..n - 2].iter().fold(0.0, |m: f64, o| m.max(o.0));
        if recent < PROGRESS * before {
            Behaviour::Converging
        } else if n < ENOUGH {
            Behaviour::Undecided
        } else if sampled {
            Behaviour::Noisy
        } else if travelled >= TRAVEL {
            Behaviour::Cycling
        } else {
            Behaviour::Stalled
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(steps: u64, gap: impl Fn(f64) -> f64, moved: f64) -> Behaviour {
        let mut octaves = Octaves::new(gap(0.0));
        (1..=steps).for_each(|t| octaves.add(t, gap(t as f64), moved));
        octaves.verdict(false)
    }

    #[test]
    fn verdicts() {
        assert_eq!(run(1000, |t| (-t).exp(), 0.0), Behaviour::Converged);
        assert_eq!(run(1000, |t| 1.0 / (1.0 + t), 0.0), Behaviour::Converging);
        assert_eq!(run(1000, |t| 0.3 + 0.1 * t.sin(), 0.01), Behaviour::Cycling);
        assert_eq!(run(1000, |_| 0.05, 1e-12), Behaviour::Stalled);
        assert_eq!(run(1000, |t| 0.3 - 0.2 / (1.0 + t), 0.01), Behaviour::Cycling);
        assert_eq!(run(2, |t| 1.0 / (1.0 + t), 0.1), Behaviour::Undecided);
        assert_eq!(run(63, |_| 0.3, 0.1), Behaviour::Undecided);
        assert_eq!(run(64, |_| 0.3, 0.1), Behaviour::Cycling);
    }
}
