//! Estimators of the gradient of the win rate against oneself, from the labels of a group.
//!
//! ```text
//! target: grad E_{y ~ pi} P(y > y'), y' ~ pi held fixed      z_i label of response i      S_i = sum_t S_it
//! g = (1/G) sum_i a_i S_i                                    a_i the advantage
//! ```
//!
//! Labels are independent given the responses, so `E[a_i S_i] = E[(f(1) - f(0)) z_i S_i]`, where `f(z)` is the expected advantage
//! of a response with label `z`: an advantage that depends on labels alone only rescales the gradient. For GRPO the factor is
//! [`grpo_scale`]; at a win rate of 1/2 it is one number for all contexts.

use crate::design::{Design, Labels, Opponent, Target};
use crate::estimator::{Coefficients, EstimatorEntry, Group};

const SELF_PLAY: Target = Target::WinRate { against: Opponent::Policy };

/// A row of this family.
const fn row(
    (row, name): (u8, &'static str),
    summary: &'static str,
    design: Design,
    unbiased_for: &'static str,
    source: &'static str,
    rule: fn(&Group<'_>, &mut Coefficients<'_>),
) -> EstimatorEntry {
    EstimatorEntry {
        name,
        row,
        summary,
        target: SELF_PLAY,
        design: design.exchangeable(),
        unbiased_for,
        source,
        verified: "enumeration on the fixture and on a random tree: bias, cosine, covariance; closed forms of the scale",
        rule,
    }
}

/// The rows.
pub(crate) const ENTRIES: &[EstimatorEntry] = &[
    row(
        (14, "reinforce"),
        "z S",
        Design::labelled(1, Labels::Duels),
        "win rate",
        "Williams 1992",
        |g, out| advantage(g, out, |i| g.label(i)),
    ),
    row(
        (14, "reinforce-half-baseline"),
        "(z - 1/2) S",
        Design::labelled(1, Labels::Duels),
        "win rate",
        "Nash-MD-PG (2312.00886)",
        |g, out| advantage(g, out, |i| g.label(i) - 0.5),
    ),
    row(
        (15, "exact-win-rate"),
        "(q - 1/2) S, q the exact win rate",
        Design::labelled(1, Labels::WinRates),
        "win rate",
        "labels without noise",
        |g, out| advantage(g, out, |i| g.label(i) - 0.5),
    ),
    row(
        (16, "pair"),
        "(z - 1/2) (S_y - S_y') / 2, one duel between the two",
        Design::labelled(2, Labels::Mutual),
        "win rate",
        "one step of online IPO 2 (2403.08635) and of INPO (2407.00617)",
        |g, out| advantage(g, out, |i| g.duel(i, 1 - i) - 0.5),
    ),
    row(
        (17, "group-mean"),
        "a_i = z_i - mean z, G = 3",
        Design::labelled(3, Labels::Duels),
        "(1 - 1/G) win rate",
        "Dr. GRPO (2503.20783)",
        |g, out| advantage(g, out, |i| g.label(i) - mean(g)),
    ),
    row(
        (18, "rloo"),
        "a_i = z_i - mean of the others, G = 3",
        Design::labelled(3, Labels::Duels),
        "win rate",
        "RLOO (2402.14740)",
        |g, out| advantage(g, out, |i| leave_one_out(g, i)),
    ),
    row(
        (18, "half-baseline-group"),
        "a_i = z_i - 1/2, G = 3",
        Design::labelled(3, Labels::Duels),
        "win rate",
        "reinforce-half-baseline averaged",
        |g, out| advantage(g, out, |i| g.label(i) - 0.5),
    ),
    row(
        (19, "grpo"),
        "a_i = (z_i - mean z) / sd z, G = 3, sd with G - 1, 0 where all labels agree",
        Design::labelled(3, Labels::Duels),
        "c_G(1/2) win rate",
        "GRPO (2402.03300); TRL adds 1e-4 to sd",
        |g, out| advantage(g, out, |i| standardised(g, i, 0.0)),
    ),
    row(
        (20, "grpo-soft"),
        "a_i = (q_i - mean q) / (sd q + 1e-4), q exact win rates, G = 4",
        Design::labelled(4, Labels::WinRates),
        "nothing",
        "TRL GRPO on the win probabilities of a judge",
        |g, out| advantage(g, out, |i| standardised(g, i, 1e-4)),
    ),
    row(
        (21, "grpo-length"),
        "as grpo, each response divided by its tokens",
        Design::labelled(3, Labels::Duels),
        "nothing",
        "TRL GRPO, loss `grpo`",
        |g, out| advantage(g, out, |i| standardised(g, i, 0.0) / g.tokens(i).len() as f64),
    ),
    row(
        (22, "rloo-batch-tokens"),
        "sum_i a_i S_i / sum_i tokens_i, a_i as rloo",
        Design::labelled(3, Labels::Duels),
        "nothing",
        "TRL GRPO, loss `bnpo`; DAPO (2503.14476)",
        |g, out| {
            let tokens: usize = (0..g.size()).map(|i| g.tokens(i).len()).sum();
            advantage(g, out, |i| leave_one_out(g, i) * g.size() as f64 / tokens as f64);
        },
    ),
    row(
        (23, "mutual-duels-with-self"),
        "a_i = mean_j z_ij - 1/2 with z_ii = 1/2, K = 3",
        Design::labelled(3, Labels::Mutual),
        "(1 - 1/K) win rate",
        "SPPO (2405.00675)",
        |g, out| {
            advantage(g, out, |i| (0..g.size()).map(|j| g.duel(i, j) - 0.5).sum::<f64>() / g.size() as f64)
        },
    ),
    row(
        (23, "mutual-duels"),
        "a_i = mean_{j != i} z_ij - 1/2, K = 3",
        Design::labelled(3, Labels::Mutual),
        "win rate",
        "each duel serves two responses; the mean of the group is 1/2 exactly",
        |g, out| {
            let others = (g.size() - 1) as f64;
            advantage(g, out, |i| (0..g.size()).map(|j| g.duel(i, j) - 0.5).sum::<f64>() / others);
        },
    ),
    row(
        (24, "best-against-worst"),
        "(S_best - S_worst) / 2 of 4, by their win rates within the group",
        Design::responses(4),
        "nothing",
        "practice of INPO (2407.00617): the label is taken as certain",
        |g, out| {
            let score = |i: usize| (0..g.size()).map(|j| g.prob(i, j)).sum::<f64>();
            let scores: Vec<f64> = (0..g.size()).map(score).collect();
            // the first of equals, for both
            let best = (1..g.size()).fold(0, |b, i| if scores[i] > scores[b] { i } else { b });
            let worst = (1..g.size()).fold(0, |w, i| if scores[i] < scores[w] { i } else { w });
            out.add_response(g.tokens(best), 0.5);
            out.add_response(g.tokens(worst), -0.5);
        },
    ),
];

/// `(1/G) sum_i a_i S_i`.
fn advantage(g: &Group<'_>, out: &mut Coefficients<'_>, a: impl Fn(usize) -> f64) {
    for i in 0..g.size() {
        out.add_response(g.tokens(i), a(i) / g.size() as f64);
    }
}

fn mean(g: &Group<'_>) -> f64 {
    (0..g.size()).map(|i| g.label(i)).sum::<f64>() / g.size() as f64
}

fn leave_one_out(g: &Group<'_>, i: usize) -> f64 {
    let n = g.size() as f64;
    (g.label(i) - mean(g)) * n / (n - 1.0)
}

/// `(z_i - mean) / (sd + added)`, 0 where all labels are the same.
fn standardised(g: &Group<'_>, i: usize, added: f64) -> f64 {
    if (1..g.size()).all(|j| g.label(j) == g.label(0)) {
        return 0.0;
    }
    let mean = mean(g);
    let square: f64 = (0..g.size()).map(|j| (g.label(j) - mean).powi(2)).sum();
    (g.label(i) - mean) / ((square / (g.size() - 1) as f64).sqrt() + added)
}

/// `c_G(p)`: by how much dividing by the group's standard deviation (with `G - 1`) stretches the gradient of a context in which
/// every response wins with probability `p`.
///
/// ```text
/// c_G(p) = E[ advantage | z_1 = 1 ] - E[ advantage | z_1 = 0 ],    the others Bernoulli(p)
/// ```
///
/// It tends to `1 / sqrt(p (1 - p))` as the group grows, so that contexts in which one side nearly always wins weigh more against
/// a fixed opponent; against oneself `p = 1/2` and the factor is the same for all. NaN for groups of fewer than two and for `p`
/// outside `[0, 1]`.
#[must_use]
pub fn grpo_scale(group: u32, p: f64) -> f64 {
    if group < 2 || !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    let g = f64::from(group);
    // advantage of a response with label z beside k ones among all G
    let advantage = |z: f64, ones: f64| {
        if ones == 0.0 || ones == g {
            return 0.0;
        }
        let mean = ones / g;
        (z - mean) / (ones * (1.0 - mean) / (g - 1.0)).sqrt()
    };
    // Binomial(G - 1, p) by its ratio, from its mode, so that no factor under- or overflows
    let others = group - 1;
    if p == 0.0 || p == 1.0 {
        let k = f64::from(others) * p;
        return advantage(1.0, k + 1.0) - advantage(0.0, k);
    }
    let mode = ((f64::from(others) + 1.0) * p).floor().min(f64::from(others)) as u32;
    let mut weights = vec![0.0; others as usize + 1];
    weights[mode as usize] = 1.0;
    for k in mode..others {
        let (k, next) = (f64::from(k), k as usize + 1);
        weights[next] = weights[next - 1] * (f64::from(others) - k) / (k + 1.0) * p / (1.0 - p);
    }
    for k in (0..mode).rev() {
        let at = k as usize;
        weights[at] = weights[at + 1] * f64::from(k + 1) / f64::from(others - k) * (1.0 - p) / p;
    }
    let total: f64 = weights.iter().sum();
    let terms = weights.iter().enumerate();
    terms.map(|(k, w)| w * (advantage(1.0, k as f64 + 1.0) - advantage(0.0, k as f64))).sum::<f64>() / total
}
