//! Estimators of the gradient of `KL(pi || mu)` from one response, without a comparison.
//!
//! ```text
//! r_t = log pi - log mu of token t    S_t = grad log pi of token t    h = sum_t r_t
//! k1 = r    k2 = r^2 / 2    k3 = exp(-r) - 1 + r                      (Schulman 2020, "Approximating KL divergence")
//! in the reward: k (detached) times scores       in the loss: the derivative of k by the policy times scores
//! ```
//!
//! `k2` and `k3` are fine estimates of the value of KL and wrong ones of its gradient: only `h sum_t S_t` and what has its mean
//! are right.

use crate::design::{Design, Target, Token};
use crate::estimator::{Coefficients, EstimatorEntry, Group};

/// A row of this family.
const fn row(
    row: u8,
    name: &'static str,
    summary: &'static str,
    unbiased_for: &'static str,
    source: &'static str,
    rule: fn(&Group<'_>, &mut Coefficients<'_>),
) -> EstimatorEntry {
    EstimatorEntry {
        name,
        row,
        summary,
        target: Target::SequenceKl,
        design: Design::responses(1),
        unbiased_for,
        source,
        verified: "enumeration on the fixture and on a random tree: bias, cosine, covariance",
        rule,
    }
}

/// The rows.
pub(crate) const ENTRIES: &[EstimatorEntry] = &[
    row(
        1,
        "k1-in-reward",
        "h sum_t S_t",
        "KL of responses",
        "REINFORCE; equals k2 of whole responses in the loss",
        |g, out| out.add_response(g.tokens(0), g.log_ratio(0)),
    ),
    row(
        2,
        "k1-in-reward-baseline",
        "(h - KL) sum_t S_t",
        "KL of responses",
        "REINFORCE with a constant baseline, which may add noise",
        |g, out| out.add_response(g.tokens(0), g.log_ratio(0) - g.kl()),
    ),
    row(3, "k1-reward-to-go", "sum_t S_t (r_t + .. + r_T)", "KL of responses", "reward to go", |g, out| {
        to_go(g, out, Token::log_ratio)
    }),
    row(4, "k1-in-loss", "sum_t S_t", "0", "TRL Nash-MD before #2277; OpenRLHF, k1 in the loss", |g, out| {
        out.add_response(g.tokens(0), 1.0);
    }),
    row(
        5,
        "token-k2-in-loss",
        "sum_t r_t S_t",
        "nothing: not a gradient",
        "TRL #2277 (Nash-MD); NeMo-RL #2506 with k3; k3 times the ratio",
        |g, out| per_token(g, out, Token::log_ratio),
    ),
    row(
        6,
        "token-k3-in-loss",
        "sum_t (1 - exp(-r_t)) S_t",
        "forward KL of the tokens at visited nodes",
        "GRPO (2402.03300)",
        |g, out| per_token(g, out, |t| -f64::exp_m1(-t.log_ratio())),
    ),
    row(
        7,
        "sequence-k3-in-loss",
        "(1 - exp(-h)) sum_t S_t",
        "forward KL(mu || pi) of responses",
        "k3 of whole responses",
        |g, out| out.add_response(g.tokens(0), -f64::exp_m1(-g.log_ratio(0))),
    ),
    row(
        8,
        "token-k3-in-reward",
        "(sum_t k3(r_t)) sum_t S_t",
        "the gradient of KL less the mean of token-k3-in-loss",
        "k3 as a penalty of the reward, detached",
        |g, out| out.add_response(g.tokens(0), g.tokens(0).iter().map(k3).sum()),
    ),
    row(
        9,
        "token-k2-in-reward",
        "(sum_t k2(r_t)) sum_t S_t",
        "nothing",
        "k2 as a penalty of the reward, detached",
        |g, out| out.add_response(g.tokens(0), g.tokens(0).iter().map(k2).sum()),
    ),
    row(
        10,
        "token-k3-in-reward-and-loss",
        "(sum_t k3(r_t)) sum_t S_t + sum_t (1 - exp(-r_t)) S_t",
        "KL of responses",
        "the whole derivative of an expectation of k3",
        |g, out| {
            out.add_response(g.tokens(0), g.tokens(0).iter().map(k3).sum());
            per_token(g, out, |t| -f64::exp_m1(-t.log_ratio()));
        },
    ),
    row(
        11,
        "token-k1-weighted",
        "sum_t (1 + r_t) S_t",
        "as token-k2-in-loss",
        "NeMo-RL #2506: k1 times the token's ratio",
        |g, out| per_token(g, out, |t| 1.0 + t.log_ratio()),
    ),
    row(
        11,
        "token-k2-weighted",
        "sum_t (k2(r_t) + r_t) S_t",
        "nothing",
        "NeMo-RL #2506: k2 times the token's ratio",
        |g, out| per_token(g, out, |t| k2(t) + t.log_ratio()),
    ),
    row(
        12,
        "vocabulary-kl",
        "sum_t grad KL_t, KL_t over all tokens of the visited node",
        "as token-k2-in-loss",
        "full-vocabulary KL in the loss",
        vocabulary,
    ),
    row(
        13,
        "vocabulary-kl-to-go",
        "sum_t grad KL_t + S_t (KL_(t+1) + .. + KL_T)",
        "KL of responses",
        "Rao-Blackwell form of k1-reward-to-go",
        |g, out| {
            vocabulary(g, out);
            let mut later = 0.0;
            for token in g.tokens(0).iter().rev() {
                out.add(token.edge, later);
                later += g.node_kl(token);
            }
        },
    ),
];

fn k2(token: &Token) -> f64 {
    0.5 * token.log_ratio().powi(2)
}

fn k3(token: &Token) -> f64 {
    let r = token.log_ratio();
    f64::exp_m1(-r) + r
}

fn per_token(g: &Group<'_>, out: &mut Coefficients<'_>, weight: impl Fn(&Token) -> f64) {
    g.tokens(0).iter().for_each(|token| out.add(token.edge, weight(token)));
}

fn to_go(g: &Group<'_>, out: &mut Coefficients<'_>, reward: impl Fn(&Token) -> f64) {
    let mut later = 0.0;
    for token in g.tokens(0).iter().rev() {
        later += reward(token);
        out.add(token.edge, later);
    }
}

/// `grad sum_v p_v r_v = sum_v p_v r_v S_v`, as the mean of a score is 0.
fn vocabulary(g: &Group<'_>, out: &mut Coefficients<'_>) {
    for token in g.tokens(0) {
        for other in g.alternatives(token) {
            out.add(other.edge, other.live.exp() * other.log_ratio());
        }
    }
}
