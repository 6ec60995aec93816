//! What a regression learns from: win rates, or duels of drawn responses.

use equipoise_core::flat::Flat as _;
use equipoise_core::{Duel, Effort, Oracle, Policy, Rng, Sampler, Shape, StepError, sample, simplex};
use ndarray::Array1;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::loss::{Link, Loss, Row, Slopes};

/// How the distance to the mirror step is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Squares over pairs drawn where the feedback is taken: INPO, online IPO 2, ONPO.
    #[default]
    Pairs,
    /// Squares over uniform pairs: online IPO 1, EGPO, Nash-MD as their code has it.
    UniformPairs,
    /// Squares over single responses, with the normaliser: SPPO.
    Pointwise,
    /// Cross-entropy over pairs: DNO.
    CrossEntropy,
    /// The reverse KL, whose gradient is the policy gradient: Nash-MD-PG, and REINFORCE with a KL penalty.
    PolicyGradient,
}

/// How feedback is turned into losses.
#[derive(Debug)]
pub(super) struct Feedback {
    pub(super) measure: Measure,
    /// Rows of each context and regression; none: the population, from one win-rate query.
    pub(super) rows: Option<u32>,
    pub(super) eta: f64,
}

/// One answer of the oracle, from which one or more regressions are made; none where duels are asked while parameters move.
pub(super) type Asked = Option<Answer>;

/// Feedback that was given.
#[derive(Debug)]
pub(super) enum Answer {
    /// Win rates against the opponent, and the measure's weights.
    Population { gain: Array1<f64>, weights: Weights },
    /// Pairs of actions of a context with the label `g - g'` (or of cross-entropies, its logistic), flat places.
    Pairs(Vec<Row>),
    /// Single actions with `g`; flat places.
    Points(Vec<(usize, f64, f64)>),
}

/// Weights of the actions, flat over the shape.
#[derive(Debug)]
pub(super) enum Weights {
    /// The probabilities of a policy.
    Of(Policy),
    /// Of uniform actions.
    Uniform(Vec<f64>),
}

impl Weights {
    fn flat(&self) -> &[f64] {
        match self {
            Self::Of(policy) => policy.probs_slice(),
            Self::Uniform(weights) => weights,
        }
    }
}

impl Feedback {
    /// Duels of one answer or, of the policy gradient, of one evaluation.
    pub(super) fn duels(&self, shape: &Shape) -> u64 {
        let contexts = shape.ranges().filter(|r| r.len() > 1).count() as u64;
        let each = match self.measure {
            Measure::Pairs | Measure::Pointwise | Measure::PolicyGradient => 1,
            Measure::UniformPairs | Measure::CrossEntropy => 2,
        };
        self.rows.map_or(0, |rows| contexts * u64::from(rows) * each)
    }

    /// Asks for the feedback at `opponent`.
    pub(super) fn ask(
        &self,
        opponent: &Policy,
        oracle: &mut dyn Oracle,
        rng: &mut Rng,
        effort: &mut Effort,
    ) -> Asked {
        let shape = opponent.shape();
        let Some(rows) = self.rows else {
            let mut gain = Array1::zeros(shape.len());
            oracle.win_rates(opponent, &mut gain);
            let weights = match self.measure {
                Measure::UniformPairs => Weights::Uniform(
                    shape.ranges().flat_map(|r| std::iter::repeat_n(1.0 / r.len() as f64, r.len())).collect(),
                ),
                _ => Weights::Of(opponent.clone()),
            };
            return Some(Answer::Population { gain, weights });
        };
        if self.measure == Measure::PolicyGradient {
            return None;
        }
        let sampler = Sampler::new(opponent);
        let share = 1.0 / (shape.contexts() as f64 * f64::from(rows));
        let (mut pairs, mut points) = (Vec::new(), Vec::new());
        for (context, range) in shape.ranges().enumerate().filter(|(_, r)| r.len() > 1) {
            let start = range.start;
            let mut draw = || sampler.draw(range.clone(), rng);
            let drawn = |count: u64| Effort { draws: count * u64::from(rows), ..Effort::default() };
            match self.measure {
                Measure::Pairs | Measure::Pointwise => {
                    let duels: Vec<_> =
                        (0..rows).map(|_| Duel { context, left: draw(), right: draw() }).collect();
                    *effort += drawn(2);
                    for (Duel { left, right, .. }, z) in duels.iter().zip(labels(oracle, &duels)) {
                        match self.measure {
                            Measure::Pairs => pairs.push((start + left, start + right, share, z - 0.5)),
                            _ => points.push((start + left, share, z - 0.5)),
                        }
                    }
                }
                _ => {
                    let uniform = self.measure == Measure::UniformPairs;
                    let mut duels = Vec::with_capacity(2 * rows as usize);
                    for _ in 0..rows {
                        let [left, right, other] = if uniform {
                            [
                                sample::index(rng, range.len()),
                                sample::index(rng, range.len()),
                                sampler.draw(range.clone(), rng),
                            ]
                        } else {
                            [(); 3].map(|()| sampler.draw(range.clone(), rng))
                        };
                        duels.extend([left, right].map(|left| Duel { context, left, right: other }));
                    }
                    *effort += drawn(3);
                    let z = labels(oracle, &duels);
                    for (pair, z) in duels.chunks_exact(2).zip(z.chunks_exact(2)) {
                        pairs.push((start + pair[0].left, start + pair[1].left, share, z[0] - z[1]));
                    }
                }
            }
        }
        Some(match self.measure {
            Measure::Pointwise => Answer::Points(points),
            _ => {
                let row = |(left, right, weight, target)| Row { left, right, weight, target };
                Answer::Pairs(pairs.into_iter().map(row).collect())
            }
        })
    }

    /// The regression towards `anchor + eta gain`, and how many responses it looks at.
    pub(super) fn loss<'a>(&self, shape: &Shape, answer: &'a Answer, anchor: Vec<f64>) -> (Loss<'a>, u64) {
        let (eta, all) = (self.eta, shape.len() as u64);
        match answer {
            Answer::Population { gain, weights } => {
                let weights = weights.flat();
                let moved = |mut anchor: Vec<f64>| {
                    anchor.iter_mut().zip(gain.flat()).for_each(|(a, g)| *a += eta * g);
                    anchor
                };
                let loss = match self.measure {
                    Measure::Pairs | Measure::UniformPairs => {
                        Loss::Centred { weights, target: moved(anchor) }
                    }
                    Measure::Pointwise => {
                        let mut target = moved(anchor);
                        for row in shape.ranges() {
                            let norm = simplex::log_sum_exp(target[row.clone()].iter().copied());
                            target[row].iter_mut().for_each(|t| *t -= norm);
                        }
                        Loss::Points { weights: weights.into(), target }
                    }
                    Measure::PolicyGradient => Loss::Reverse { target: moved(anchor) },
                    Measure::CrossEntropy => {
                        let share = 1.0 / shape.contexts() as f64;
                        let gain = gain.flat();
                        // unordered pairs, twice: an ordered pair and its mirror have the same loss
                        let pairs = shape.ranges().flat_map(|r| {
                            let end = r.end;
                            r.flat_map(move |i| (i + 1..end).map(move |j| (i, j)))
                        });
                        let rows = pairs.map(|(left, right)| Row {
                            left,
                            right,
                            weight: 2.0 * share * weights[left] * weights[right],
                            target: equipoise_core::logistic::logistic(gain[left] - gain[right]),
                        });
                        Loss::Rows { rows: rows.collect(), anchor, link: Link::CrossEntropy { eta } }
                    }
                };
                (loss, all)
            }
            Answer::Pairs(pairs) => {
                let entropy = self.measure == Measure::CrossEntropy;
                let link = if entropy { Link::CrossEntropy { eta } } else { Link::Squared };
                let target = |label: f64| match entropy {
                    true => equipoise_core::logistic::logistic(label),
                    false => eta * label,
                };
                let rows = pairs.iter().map(|row| Row { target: target(row.target), ..*row }).collect();
                (Loss::Rows { rows, anchor, link }, 2 * pairs.len() as u64)
            }
            Answer::Points(points) => {
                // the squares of one response add up to its weight times the square of the mean
                let (mut weights, mut sums) = (vec![0.0; anchor.len()], vec![0.0; anchor.len()]);
                for (k, share, g) in points {
                    weights[*k] += share * shape.contexts() as f64;
                    sums[*k] += share * shape.contexts() as f64 * g;
                }
                let mut target = vec![0.0; anchor.len()];
                for row in shape.ranges() {
                    // the paper's constant for the gain's part of the normaliser: eta / 2, here 0 as g is z - 1/2
                    let norm = simplex::log_sum_exp(anchor[row.clone()].iter().copied());
                    for k in row.filter(|k| weights[*k] > 0.0) {
                        target[k] = anchor[k] - norm + eta * sums[k] / weights[k];
                    }
                }
                (Loss::Points { weights: weights.into(), target }, points.len() as u64)
            }
        }
    }
}

fn labels(oracle: &mut dyn Oracle, duels: &[Duel]) -> Vec<f64> {
    let mut z = vec![0.0; duels.len()];
    oracle.duels(duels, &mut z);
    z
}

/// The policy gradient from responses drawn of the live policy, each in one duel: `-S_y (eta (z - 1/2) - u)` and its mean.
pub(super) struct Reinforce<'a> {
    pub(super) oracle: &'a mut dyn Oracle,
    pub(super) rng: &'a mut Rng,
    pub(super) opponent: Sampler,
    pub(super) anchor: &'a [f64],
    pub(super) eta: f64,
    pub(super) rows: u32,
}

impl Slopes for Reinforce<'_> {
    fn slopes(&mut self, policy: &Policy, g: &mut [f64]) -> Result<(f64, Effort), StepError> {
        let (shape, l) = (policy.shape(), policy.log_probs_slice());
        let live = Sampler::new(policy);
        let share = 1.0 / (shape.contexts() as f64 * f64::from(self.rows));
        let (mut value, mut effort) = (0.0, Effort::default());
        for (context, range) in shape.ranges().enumerate().filter(|(_, r)| r.len() > 1) {
            let duels: Vec<_> = (0..self.rows)
                .map(|_| Duel {
                    context,
                    left: live.draw(range.clone(), self.rng),
                    right: self.opponent.draw(range.clone(), self.rng),
                })
                .collect();
            for (duel, z) in duels.iter().zip(labels(self.oracle, &duels)) {
                let k = range.start + duel.left;
                let loss = l[k] - self.anchor[k] - self.eta * (z - 0.5);
                g[k] += share * loss;
                value += share * loss;
            }
            let rows = u64::from(self.rows);
            effort += Effort { draws: 2 * rows, evaluations: rows, pulls: rows };
        }
        Ok((value, effort))
    }

    fn fixed(&self) -> Option<&Loss<'_>> {
        None
    }
}
