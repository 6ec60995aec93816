//! The gradient of the win rate from responses of an older policy, with exact advantages.
//!
//! ```text
//! y ~ pi_old    A = q(y) - 1/2    rho_t = pi / pi_old of token t    rho = prod_t rho_t
//! ```

use crate::design::{Design, Labels, Opponent, Sampling, Target};
use crate::estimator::{Coefficients, EstimatorEntry, Group};

/// A row of this family.
const fn row(
    (row, name): (u8, &'static str),
    summary: &'static str,
    unbiased_for: &'static str,
    source: &'static str,
    rule: fn(&Group<'_>, &mut Coefficients<'_>),
) -> EstimatorEntry {
    EstimatorEntry {
        name,
        row,
        summary,
        target: Target::WinRate { against: Opponent::Policy },
        design: Design {
            group: 1,
            sampling: Sampling::Old,
            labels: Labels::WinRates,
            opponent: Opponent::Policy,
            exchangeable: true,
        },
        unbiased_for,
        source,
        verified: "enumeration on the fixture and on a random tree: bias, cosine, covariance",
        rule,
    }
}

fn advantage(g: &Group<'_>) -> f64 {
    g.label(0) - 0.5
}

/// `x` while the clipped surrogate `min(x A, clip(x) A)` still rises with it, else 0.
fn clipped(x: f64, advantage: f64, width: f64) -> f64 {
    let silent = (advantage > 0.0 && x > 1.0 + width) || (advantage < 0.0 && x < 1.0 - width);
    if silent { 0.0 } else { x }
}

/// The rows.
pub(crate) const ENTRIES: &[EstimatorEntry] = &[
    row((28, "off-policy"), "A S", "the same with pi_old for pi", "no correction", |g, out| {
        out.add_response(g.tokens(0), advantage(g));
    }),
    row((28, "sequence-ratio"), "rho A S", "win rate", "importance weights of responses", |g, out| {
        out.add_response(g.tokens(0), g.importance(0) * advantage(g));
    }),
    row((28, "token-ratio"), "A sum_t rho_t S_t", "nothing", "PPO without clipping; GRPO", |g, out| {
        g.tokens(0).iter().for_each(|t| out.add(t.edge, t.importance() * advantage(g)));
    }),
    row(
        (28, "prefix-ratio"),
        "A sum_t (rho_1 .. rho_t) S_t",
        "nothing: advantages of whole responses need whole ratios",
        "per-decision importance weights",
        |g, out| {
            let mut prefix = 1.0;
            for token in g.tokens(0) {
                prefix *= token.importance();
                out.add(token.edge, prefix * advantage(g));
            }
        },
    ),
    row((29, "ppo-clip"), "token-ratio, clipped at 0.2", "nothing", "PPO (1707.06347)", |g, out| {
        g.tokens(0)
            .iter()
            .for_each(|t| out.add(t.edge, clipped(t.importance(), advantage(g), 0.2) * advantage(g)));
    }),
    row(
        (29, "gspo"),
        "rho^(1/tokens) A S / tokens, within its clipping range",
        "nothing",
        "GSPO (2507.18071)",
        |g, out| {
            let tokens = g.tokens(0).len() as f64;
            out.add_response(g.tokens(0), g.importance(0).powf(1.0 / tokens) * advantage(g) / tokens);
        },
    ),
    row(
        (29, "cispo"),
        "A sum_t min(rho_t, 1.2) S_t",
        "nothing",
        "CISPO, MiniMax-M1 (2506.13585)",
        |g, out| {
            g.tokens(0).iter().for_each(|t| out.add(t.edge, t.importance().min(1.2) * advantage(g)));
        },
    ),
    row(
        (29, "truncated-sequence-ratio"),
        "min(rho, 2) A S",
        "win rate while no ratio exceeds 2",
        "truncated importance weights",
        |g, out| out.add_response(g.tokens(0), g.importance(0).min(2.0) * advantage(g)),
    ),
];
