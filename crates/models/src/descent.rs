//! Minima of objectives that are not convex, by L-BFGS: stationary points that are no minima are left.
//!
//! L-BFGS stops wherever the gradient vanishes, also at a saddle, from which symmetric data give it no reason to go. A point is therefore
//! moved by a little in a direction of no meaning, and L-BFGS is run from there: at a minimum the objective does not fall below its
//! value, at a saddle it does.

use equipoise_core::lbfgs::{Minimum, minimise};
use equipoise_core::{sample, seed::stream};

use crate::registry::Watch;

/// Standard deviations of the moves that leave a stationary point, one tried after the other.
const MOVES: [f64; 2] = [0.3, 1e-3];
/// Stationary points that are left at most.
const MOST_LEFT: usize = 8;
/// Relative fall of the objective that is more than rounding.
const FALL: f64 = 1e-10;

/// Largest entry of the gradient at the end: `unit` for an average parameter's one comparison. A prior counts as one comparison of
/// every parameter; without one the objective is as small as the weights.
pub(crate) fn tolerance(unit: f64, weight: f64, parameters: usize, prior: bool) -> f64 {
    let each = weight / parameters as f64;
    unit * if prior { each.max(1.0) } else { each }
}

/// Tells how far the largest entry of a gradient has fallen on its way to a tolerance, in orders of magnitude; never less than before.
pub(crate) struct Fall<'a> {
    watch: Watch<'a>,
    tolerance: f64,
    first: Option<f64>,
    told: f64,
}

impl<'a> Fall<'a> {
    pub(crate) fn to(tolerance: f64, watch: Watch<'a>) -> Self {
        Self { watch, tolerance, first: None, told: 0.0 }
    }

    /// The largest entry is this, absolute.
    pub(crate) fn at(&mut self, gradient: f64) {
        let first = *self.first.get_or_insert(gradient);
        let share = (first / gradient).ln() / (first / self.tolerance).ln();
        if share > self.told {
            self.told = share.min(1.0);
            (self.watch)(self.told);
        }
    }

    /// An objective with its gradient that is told of at every evaluation.
    pub(crate) fn of(
        mut self,
        mut evaluate: impl FnMut(&[f64], &mut [f64]) -> f64,
    ) -> impl FnMut(&[f64], &mut [f64]) -> f64 {
        move |x, g| {
            let value = evaluate(x, g);
            self.at(g.iter().fold(0.0f64, |most, g| most.max(g.abs())));
            value
        }
    }
}

/// Parts into which long sums are cut; short ones are one part.
const PARTS: usize = 16;
/// Terms of the shortest part.
const SHORTEST: usize = 1 << 12;

/// Terms of a part of a sum of `all`.
pub(crate) fn part_length(all: usize) -> usize {
    all.div_ceil(PARTS).max(SHORTEST)
}

/// A sum with its rounding kept (Neumaier 1974): of a million terms a plain one is off by more than L-BFGS allows the objective.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sum {
    sum: f64,
    rest: f64,
}

impl Sum {
    pub(crate) fn add(&mut self, x: f64) {
        let sum = self.sum + x;
        self.rest += if self.sum.abs() >= x.abs() { (self.sum - sum) + x } else { (x - sum) + self.sum };
        self.sum = sum;
    }

    pub(crate) fn total(self) -> f64 {
        // of infinities the rest is no number
        if self.sum.is_finite() { self.sum + self.rest } else { self.sum }
    }
}

/// Moves `x` to a minimum; `converged` is false also where stationary points kept turning out to be none.
pub(crate) fn minimum(
    x: &mut [f64],
    tolerance: f64,
    most: u32,
    mut evaluate: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Minimum {
    let mut found = minimise(x, tolerance, most, &mut evaluate);
    let mut rng = stream(0, "leave saddles", &[]);
    for _ in 0..MOST_LEFT {
        let here = found.value;
        if !found.converged {
            return found;
        }
        for size in MOVES {
            let mut moved: Vec<f64> = x.iter().map(|x| x + size * sample::normal(&mut rng)).collect();
            let next = minimise(&mut moved, tolerance, most, &mut evaluate);
            if next.value < found.value - FALL * found.value.abs() {
                x.copy_from_slice(&moved);
                found = Minimum { steps: found.steps + next.steps, ..next };
            }
        }
        if found.value == here {
            return found;
        }
    }
    Minimum { converged: false, ..found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_told_rises_from_nothing_to_all() {
        let told = std::cell::RefCell::new(Vec::new());
        let watch = |share| told.borrow_mut().push(share);
        let mut fall = Fall::to(1e-8, &watch);
        [1.0, 1e-2, 1e-1, 1e-4, 1e-9].into_iter().for_each(|gradient| fall.at(gradient));
        let told = told.into_inner();
        assert!(told.iter().zip([0.25, 0.5, 1.0]).all(|(a, b)| (a - b).abs() < 1e-12), "{told:?}");
        // nothing is said of what begins at its end, or is no number
        let watch = |share: f64| panic!("{share}");
        [0.0, f64::NAN].into_iter().for_each(|gradient| Fall::to(1e-8, &watch).at(gradient));
    }

    #[test]
    fn a_long_sum_keeps_its_digits() {
        let (mut sum, mut plain) = (Sum::default(), 0.0);
        for k in 0..1_000_000u32 {
            let x = if k == 0 { 1e8 } else { 0.1 };
            sum.add(x);
            plain += x;
        }
        // 1e8 + 999,999 / 10, to one rounding
        let exact = 1e8 + 99_999.9;
        assert!((sum.total() - exact).abs() <= 1.5e-8, "{}", sum.total());
        assert!((plain - exact).abs() > 1e-4, "{plain}");
        let mut large = Sum::default();
        [1.0, f64::INFINITY, 1.0].into_iter().for_each(|x| large.add(x));
        assert!(large.total().is_infinite());
    }
}
