//! Models of one comparison: the probabilities of its outcomes, from two strengths and at most two parameters more.
//!
//! ```text
//! d = r_i - r_j + h             r: log strengths, h: bonus of the item listed first, 0 unless asked for
//! x                             working parameter of ties: log nu, log theta, log (T - 1)
//! ```
//!
//! A model is its log-probabilities as a function of `(r_first, r_second, h, x)`, written once on [`Jet`]s, which carry slopes
//! and curvatures along, and what the fit has to know of it: which outcomes it has, whether it has an origin, the range of
//! its tie parameter. Each is a constant in the file of its registry row (`entries/`).

use equipoise_data::Count;

use crate::jet::Jet;

/// Log-probabilities of first, second, tie, both bad; `None` for an outcome that the model does not have.
pub type LogProbs = [Option<Jet>; 4];

/// Which outcomes of a comparison a model has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcomes {
    /// Two wins; a tie counts half to each.
    Wins,
    /// Two wins and a tie; "both bad" is a tie.
    WinsAndTie,
    /// Two wins, a tie, and "both bad".
    WinsTieAndBothBad,
}

/// The parameter that says how likely ties are.
#[derive(Clone, Copy, Debug)]
pub struct TieParameter {
    /// Its usual letter.
    pub name: &'static str,
    /// Its value at the working parameter x, as a jet: the slope scales its standard error.
    pub value: fn(Jet) -> Jet,
    /// Lower end of the working parameter, where ties are impossible; not itself allowed in a fit with ties.
    pub least: f64,
    /// The working parameter at which a share of about a third is tied.
    pub start: f64,
}

/// A model of comparisons of two.
#[derive(Clone, Copy, Debug)]
pub struct PairModel {
    /// Its name in the registry.
    pub name: &'static str,
    /// The outcomes it has.
    pub outcomes: Outcomes,
    /// Whether adding a constant to all strengths changes nothing. Only then has it a bonus for the item listed first.
    pub shift_invariant: bool,
    /// Whether `Pr(i) = sigma(d)` with ties as half wins, so that closed forms serve in place of jets.
    pub logistic: bool,
    /// Its tie parameter, if ties are outcomes of their own.
    pub tie: Option<TieParameter>,
    /// Log-probabilities at `(r_first, r_second, h, x)`. Concave in all of them for shift-invariant models.
    pub log_probs: fn([Jet; 4]) -> LogProbs,
}

impl PartialEq for PairModel {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl PairModel {
    /// Whether ties are outcomes of their own.
    #[must_use]
    pub fn has_ties(&self) -> bool {
        self.outcomes != Outcomes::Wins
    }

    /// Weights of first, second, tie, both bad as the model sees them: ties are shared out where it has none, and "both bad"
    /// is a tie where it knows no other.
    #[must_use]
    pub fn weights(&self, c: &Count) -> [f64; 4] {
        match self.outcomes {
            Outcomes::Wins => [c.first + 0.5 * c.ties(), c.second + 0.5 * c.ties(), 0.0, 0.0],
            Outcomes::WinsAndTie => [c.first, c.second, c.ties(), 0.0],
            Outcomes::WinsTieAndBothBad => [c.first, c.second, c.tie, c.both_bad],
        }
    }

    /// Probabilities of first, second, tie, both bad at `(r_first, r_second, h, x)`.
    #[must_use]
    pub fn probs(&self, first: f64, second: f64, home: f64, tie: f64) -> [f64; 4] {
        let logs = (self.log_probs)([first, second, home, tie].map(Jet::constant));
        logs.map(|l| l.map_or(0.0, |jet| jet.value.exp()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jet::N;
    use crate::{BRADLEY_TERRY, DAVIDSON, GROUNDED_RAO_KUPPER, RAO_KUPPER, THURSTONE};

    const MODELS: [&PairModel; 5] =
        [&BRADLEY_TERRY, &THURSTONE, &DAVIDSON, &RAO_KUPPER, &GROUNDED_RAO_KUPPER];

    const POINTS: [[f64; 4]; 4] =
        [[0.3, -0.4, 0.2, 0.5], [1.7, 1.6, -0.1, 0.4], [-3.0, 2.0, 0.4, 1.2], [0.0, 0.0, 0.0, 0.7]];

    fn at(model: &PairModel, point: [f64; 4]) -> LogProbs {
        let mut k = 0;
        (model.log_probs)(point.map(|v| {
            k += 1;
            Jet::variable(k - 1, v)
        }))
    }

    #[test]
    fn probabilities_sum_to_one_and_swap_with_the_items() {
        for model in MODELS {
            for [a, b, h, x] in POINTS {
                let p = model.probs(a, b, h, x);
                assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-14, "{model:?} {p:?}");
                let swapped = model.probs(b, a, -h, x);
                let pairs = [(p[0], swapped[1]), (p[1], swapped[0]), (p[2], swapped[2]), (p[3], swapped[3])];
                // the grounded model has no bonus, so that h must not matter there
                let fair = h == 0.0 || model.shift_invariant;
                assert!(!fair || pairs.iter().all(|(u, v)| (u - v).abs() < 1e-15), "{model:?}");
            }
        }
        // rao-kupper at equal strengths ties with tanh(log theta / 2)
        let tie = RAO_KUPPER.probs(0.0, 0.0, 0.0, 0.5)[2];
        assert!((tie - 0.25f64.tanh()).abs() < 1e-15);
        // the grounded model without the ground is rao-kupper: push both strengths up
        let (x, t) = (0.3f64, (0.3f64.exp() + 1.0).ln());
        let (grounded, plain) =
            (GROUNDED_RAO_KUPPER.probs(40.0, 39.0, 0.0, x), RAO_KUPPER.probs(1.0, 0.0, 0.0, t));
        assert!(grounded.iter().zip(plain).all(|(g, p)| (g - p).abs() < 1e-13));
    }

    #[test]
    fn derivatives_are_those_of_finite_differences() {
        for model in MODELS {
            for point in POINTS {
                for (outcome, jet) in at(model, point).into_iter().enumerate() {
                    let Some(jet) = jet else { continue };
                    for k in 0..N {
                        let step = 1e-5;
                        let moved = |s: f64| {
                            let mut moved = point;
                            moved[k] += s;
                            at(model, moved)[outcome].unwrap()
                        };
                        let (up, down) = (moved(step), moved(-step));
                        let slope = (up.value - down.value) / (2.0 * step);
                        // central differences of step 1e-5: 1e-10 of third derivatives, 1e-11 of rounding
                        assert!((slope - jet.gradient[k]).abs() < 1e-8, "{model:?} {outcome} {k}");
                        for l in 0..N {
                            let curvature = (up.gradient[l] - down.gradient[l]) / (2.0 * step);
                            assert!(
                                (curvature - jet.hessian[k][l]).abs() < 1e-6,
                                "{model:?} {outcome} {k} {l}"
                            );
                        }
                    }
                }
            }
        }
    }
}
