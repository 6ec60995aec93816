//! Steps of small games whose gaps are measured eight at a time.
//!
//! The gaps of one policy over ten actions cost as much as the step: sums across a vector, one waiting for the other. The
//! same for eight policies, action by action, has no such sums and costs far less. So the loop buffers what a step
//! left behind, and measures eight of them together: at the latest when something is recorded or the run ends. What comes
//! out is, to the bit (but for the sign of a zero), what [`gaps`](crate::metrics::gaps) gives at each step.

use equipoise_core::simplex::{self, EightRows};
use equipoise_core::vector::transpose;
use equipoise_core::{Cost, Shape};

use crate::metrics::Truth;

/// Steps measured together.
const STEPS: usize = 8;
/// Actions of a context up to which it pays: longer rows keep the vectors busy by themselves.
const ACTIONS: usize = 48;
/// Entries of the shape up to which policies are buffered, as many as a core's nearest cache holds.
const ENTRIES: usize = 256;

/// A step that is not measured yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Step {
    /// Its number, from 1.
    pub(crate) step: u64,
    /// The ledger after it.
    pub(crate) cost: Cost,
}

/// Buffered steps: probabilities, log-probabilities and margins.
#[derive(Debug)]
pub(crate) struct GapBatch {
    /// As they come, step behind step.
    rows: [Vec<f64>; 3],
    /// The same as the measuring takes them, each step a lane of `[entries][8]`.
    columns: [Vec<[f64; STEPS]>; 3],
    scratch: Vec<[f64; STEPS]>,
    steps: [Step; STEPS],
    count: usize,
}

impl GapBatch {
    /// A buffer for steps over a shape, if it is small enough.
    pub(crate) fn new(shape: &Shape) -> Option<Self> {
        let columns = || vec![[0.0; STEPS]; shape.len()];
        let small = shape.len() <= ENTRIES && shape.ranges().all(|range| range.len() <= ACTIONS);
        small.then(|| Self {
            rows: [(); 3].map(|()| vec![0.0; STEPS * shape.len()]),
            columns: [(); 3].map(|()| columns()),
            scratch: columns(),
            steps: [Step::default(); STEPS],
            count: 0,
        })
    }

    /// Buffers a step: its policy and the margins of that, flat over the shape. True if the buffer is full.
    #[inline]
    pub(crate) fn push(&mut self, step: Step, (probs, log_probs): (&[f64], &[f64]), margins: &[f64]) -> bool {
        let lane = self.count % STEPS;
        for (rows, values) in self.rows.iter_mut().zip([probs, log_probs, margins]) {
            let n = values.len();
            rows[lane * n..(lane + 1) * n].copy_from_slice(values);
        }
        self.steps[lane] = step;
        self.count = lane + 1;
        self.count == STEPS
    }

    /// Both gaps of every buffered step, in order; the buffer is empty then.
    pub(crate) fn measure(&mut self, truth: &Truth<'_>) -> impl Iterator<Item = (Step, [f64; 2])> + use<> {
        let (mut gap, mut gap_tau) = ([-0.0; STEPS], [-0.0; STEPS]); // as sums of floats begin
        let (log_mu, tau) = (truth.reference.log_probs_slice(), truth.tau);
        let count = std::mem::take(&mut self.count);
        if count > 0 {
            for (rows, columns) in self.rows.iter().zip(&mut self.columns) {
                transpose(rows, columns);
            }
            let [probs, log_probs, margins] = &mut self.columns;
            let rows = EightRows { probs, log_probs, gain: margins, scratch: &mut self.scratch };
            let mut weights = truth.game.weights().iter();
            let offsets = truth.game.shape().offsets();
            simplex::best_responses_of_eight(rows, offsets, log_mu, tau, |largest, kl| {
                let weight = weights.next().expect("a weight for each context");
                for lane in 0..STEPS {
                    gap[lane] += weight * (2.0 * largest[lane]);
                    gap_tau[lane] += weight * (2.0 * tau * kl[lane]);
                }
            });
        }
        let steps = self.steps;
        (0..count).map(move |k| (steps[k], [gap[k], if tau > 0.0 { gap_tau[k] } else { gap[k] }]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::gaps;
    use equipoise_core::Policy;
    use equipoise_env::{Game, PreferenceMatrix};
    use ndarray::Array1;

    #[test]
    fn steps_together_have_the_bits_of_each() {
        for sizes in [&[1][..], &[3], &[10], &[48], &[2, 17, 8, 1]] {
            let margin = |n: usize| move |i: usize, j: usize| ((n + 3 * i + j) as f64).sin() / 2.0;
            let matrices = sizes.iter().map(|&n| PreferenceMatrix::from_margins(n, margin(n)).unwrap());
            let weights = (0..sizes.len()).map(|x| 1.0 + x as f64).collect();
            let game = Game::new(matrices).unwrap().with_weights(weights).unwrap();
            let policy = |f: f64| {
                let logits = (0..game.shape().len()).map(|i| (i as f64 * f).sin() * 5.0).collect();
                Policy::from_logits(game.shape(), logits).unwrap()
            };
            let mu = policy(0.4);
            let mut batch = GapBatch::new(game.shape()).unwrap();
            for (tau, steps) in [(0.3, 8), (0.0, 8), (1e-3, 3), (0.3, 0)] {
                let truth = Truth { game: &game, reference: &mu, tau, equilibrium: None };
                let mut expected = Vec::new();
                for step in 1..=steps {
                    let pi = policy(0.9 + step as f64);
                    let mut margins = Array1::zeros(game.shape().len());
                    game.margins(&pi, &mut margins);
                    let done = Step { step, ..Step::default() };
                    let policy = (pi.probs_slice(), pi.log_probs_slice());
                    assert_eq!(batch.push(done, policy, margins.as_slice().unwrap()), step == 8);
                    expected.push((step, gaps(&truth, &pi, &margins).map(f64::to_bits)));
                }
                let found: Vec<_> =
                    batch.measure(&truth).map(|(s, g)| (s.step, g.map(f64::to_bits))).collect();
                assert_eq!(found, expected);
            }
        }
        let fits = |sizes: &[usize]| GapBatch::new(&Shape::ragged(sizes.iter().copied()).unwrap()).is_some();
        assert!(fits(&[ACTIONS]) && fits(&[2; ENTRIES / 2]));
        assert!(!fits(&[ACTIONS + 1]) && !fits(&[1; ENTRIES + 1]));
    }
}
