//! The majority of `n` answers.
//!
//! ```text
//! Pr(first) = Pr(W > L),   (W, L, ties) multinomial of n answers
//!           = sum over m > n/2 of C(n, m) p^m (1 - p)^(n - m)        without ties, n odd
//! ```
//!
//! Votes of judges, as in GenRM (arXiv:2410.12832): the majority relation stays, while margins grow with `n`, and with them Borda
//! scores and the equilibrium change. Equal numbers are a tie, or a fair draw; if all answers are ties, so is the majority.

use equipoise_core::Duel;
use equipoise_core::registry::{BuildError, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Before, Channel, ChannelEntry, ChannelOptions, Stage};
use crate::label::Law;

pub(super) const ENTRY: ChannelEntry = ChannelEntry::of::<Votes>(
    "votes",
    Stage::Answers,
    "the majority of a number of answers is recorded as one",
    "GenRM, arXiv:2410.12832",
);

/// Most answers of a majority.
const MOST: u32 = 1000;

/// A majority.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Votes {
    /// Number of answers, in [1, 1000]; each is charged.
    pub votes: u32,
    /// What equal numbers for both sides are: `tie`, or `at-random`.
    pub even: Even,
}

/// What equal numbers of votes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Even {
    /// A tie.
    #[default]
    Tie,
    /// Either side, with probability one half.
    AtRandom,
}

impl Default for Votes {
    fn default() -> Self {
        Self { votes: 3, even: Even::Tie }
    }
}

impl ChannelOptions for Votes {
    fn build(self, _seed: u64) -> Result<Box<dyn Channel>, BuildError> {
        ensure((1..=MOST).contains(&self.votes), "votes", self.votes, "must be in [1, 1000]")?;
        Ok(Box::new(self))
    }
}

/// `C(n, k) p^k q^(n - k)` for all `k`, by the logarithms of their ratios; `p + q = 1`.
fn binomial(n: usize, p: f64, q: f64) -> Vec<f64> {
    if p == 0.0 || q == 0.0 {
        let only = if p == 0.0 { 0 } else { n };
        return (0..=n).map(|k| if k == only { 1.0 } else { 0.0 }).collect();
    }
    let (lp, lq) = (p.ln(), q.ln());
    let mut log_choose = 0.0;
    let mut out = Vec::with_capacity(n + 1);
    for k in 0..=n {
        out.push((log_choose + k as f64 * lp + (n - k) as f64 * lq).exp());
        log_choose += ((n - k) as f64).ln() - ((k + 1) as f64).ln();
    }
    out
}

impl Channel for Votes {
    fn law(&self, pair: Duel, before: &Before<'_>) -> Law {
        let (law, n) = (before.law(pair), self.votes as usize);
        let decisive = law.decisive();
        if decisive == 0.0 {
            return law;
        }
        let (p, q) = (law.first / decisive, law.second / decisive);
        let (mut first, mut second, mut even) = (0.0, 0.0, 0.0);
        let decided =
            if law.ties() == 0.0 { binomial(n, 1.0, 0.0) } else { binomial(n, decisive, law.ties()) };
        for (m, weight) in decided.into_iter().enumerate().filter(|(m, w)| *m > 0 && *w > 0.0) {
            for (wins, b) in binomial(m, p, q).into_iter().enumerate() {
                match (2 * wins).cmp(&m) {
                    std::cmp::Ordering::Greater => first += weight * b,
                    std::cmp::Ordering::Less => second += weight * b,
                    std::cmp::Ordering::Equal => even += weight * b,
                }
            }
        }
        // no answer decides: a tie of the more frequent kind in proportion
        let none = if law.ties() == 0.0 { 0.0 } else { law.ties().powi(n as i32) };
        let bad = if none == 0.0 { 0.0 } else { none * law.both_bad / law.ties() };
        let half = if self.even == Even::AtRandom { 0.5 * even } else { 0.0 };
        let sum = first + second + even + none;
        Law {
            first: (first + half) / sum,
            second: (second + half) / sum,
            tie: (even - 2.0 * half + (none - bad)) / sum,
            both_bad: bad / sum,
        }
    }

    fn price(&self, _actions: usize) -> u64 {
        u64::from(self.votes)
    }
}
