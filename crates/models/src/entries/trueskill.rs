//! TrueSkill: normal beliefs about skills, updated match by match.
//!
//! ```text
//! c^2 = 2 beta^2 + s_1^2 + s_2^2,  e = Phi^-1((p + 1) / 2) sqrt(2) beta / c,  t = (mu_w - mu_l) / c
//!   win    v = phi(t - e) / Phi(t - e),  w = v (v + t - e)
//!   draw   D = Phi(e - t) - Phi(-e - t),  v = (phi(-e - t) - phi(e - t)) / D,
//!          w = v^2 + ((e - t) phi(e - t) + (e + t) phi(e + t)) / D
//! mu_w += s_w^2 v / c,  mu_l -= s_l^2 v / c,  s^2 *= 1 - s^2 w / c^2
//! ```
//!
//! In a match of k, a ranking, all pairs see the beliefs before it, as in the full-pair rule of Weng and Lin (JMLR 12, 2011),
//! and an item takes the mean over its opponents: tied places stay tied. Matches are taken in the order of their times, else
//! the ratings are means over shuffled orders ([`sequential`](crate::sequential)).
//!
//! Herbrich, Minka, Graepel 2007, with the dynamics `s^2 += tau^2` before each match. Cost: O(1) a match.

use equipoise_core::registry::{BuildError, ensure};
use equipoise_data::{Battle, Battles, Outcome, Ties};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::distributions::{mills, normal_cdf, normal_pdf, normal_quantile};
use crate::error::FitError;
use crate::fitted::Fitted;
use crate::registry::{ModelEntry, PreferenceModel, Watch};
use crate::sequential::{Link, Order, Pair, Ratings, in_any_order};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<TrueSkill>(
    "trueskill",
    "normal beliefs (mu, sigma) updated match by match; ranks by mu - 3 sigma",
    "Herbrich, Minka, Graepel 2007",
)
.ties("a draw, of probability 0.1 between equals")
.fitted("one pass by time, else the mean over shuffles; sigma")
.ordered();

/// TrueSkill's constants, as usual.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrueSkill {
    /// Mean of a newcomer.
    pub mu: f64,
    /// Standard deviation of a newcomer.
    pub sigma: f64,
    /// Standard deviation of a performance.
    pub beta: f64,
    /// Standard deviation of the drift before each match.
    pub tau: f64,
    /// Probability of a draw between equals; 0 for data without draws.
    pub draw: f64,
}

impl Default for TrueSkill {
    fn default() -> Self {
        Self { mu: 25.0, sigma: 25.0 / 3.0, beta: 25.0 / 6.0, tau: 25.0 / 300.0, draw: 0.1 }
    }
}

/// What TrueSkill believes of an item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Skill {
    /// Mean.
    pub mu: f64,
    /// Standard deviation.
    pub sigma: f64,
}

impl TrueSkill {
    /// Skills after the matches, `[n]`, each given by its pairs. In a match of k every pair sees the beliefs before it, and an
    /// item takes the mean over its opponents of what they add to its precision `1 / s^2` and to `mu / s^2`.
    #[must_use]
    pub fn rate<'a>(&self, n: usize, matches: impl IntoIterator<Item = &'a [Pair]>) -> Vec<Skill> {
        let mut skills = vec![Skill { mu: self.mu, sigma: self.sigma }; n];
        let margin = self.draw_margin();
        let after = |skills: &[Skill], pair: &Pair| {
            let (one, two) = (skills[pair.first as usize], skills[pair.second as usize]);
            match pair.outcome {
                Outcome::First => self.after(one, two, false, margin),
                Outcome::Tie | Outcome::BothBad => self.after(one, two, true, margin),
                Outcome::Second => {
                    let (winner, loser) = self.after(two, one, false, margin);
                    (loser, winner)
                }
            }
        };
        let mut beliefs: Vec<(u32, f64, f64)> = Vec::new();
        for pairs in matches {
            if let [pair] = pairs {
                (skills[pair.first as usize], skills[pair.second as usize]) = after(&skills, pair);
                continue;
            }
            for pair in pairs {
                let (one, two) = after(&skills, pair);
                let natural = |item: u32, s: Skill| (item, s.sigma.powi(-2), s.mu * s.sigma.powi(-2));
                beliefs.extend([natural(pair.first, one), natural(pair.second, two)]);
            }
            beliefs.sort_by(|a, b| a.0.cmp(&b.0).then(a.2.total_cmp(&b.2)));
            for of_item in beliefs.chunk_by(|a, b| a.0 == b.0) {
                let opponents = of_item.len() as f64;
                let (precision, shift) = of_item.iter().fold((0.0, 0.0), |s, b| (s.0 + b.1, s.1 + b.2));
                let (precision, shift) = (precision / opponents, shift / opponents);
                skills[of_item[0].0 as usize] = Skill { mu: shift / precision, sigma: precision.powf(-0.5) };
            }
            beliefs.clear();
        }
        skills
    }

    /// Beliefs about winner and loser (or about both sides of a draw) after their match.
    #[must_use]
    pub fn update(&self, winner: Skill, loser: Skill, draw: bool) -> (Skill, Skill) {
        self.after(winner, loser, draw, self.draw_margin())
    }

    /// Difference of performances up to which a match is drawn.
    fn draw_margin(&self) -> f64 {
        normal_quantile(0.5 * (self.draw + 1.0)) * 2.0f64.sqrt() * self.beta
    }

    fn after(&self, winner: Skill, loser: Skill, draw: bool, margin: f64) -> (Skill, Skill) {
        let drift = |s: Skill| s.sigma * s.sigma + self.tau * self.tau;
        let (vw, vl) = (drift(winner), drift(loser));
        let c2 = 2.0 * self.beta * self.beta + vw + vl;
        let c = c2.sqrt();
        let e = margin / c;
        let t = (winner.mu - loser.mu) / c;
        let (v, w) = if draw {
            let inside = normal_cdf(e - t) - normal_cdf(-e - t);
            let v = (normal_pdf(-e - t) - normal_pdf(e - t)) / inside;
            (v, v * v + ((e - t) * normal_pdf(e - t) + (e + t) * normal_pdf(e + t)) / inside)
        } else {
            let v = mills(t - e);
            (v, v * (v + t - e))
        };
        let after = |mu: f64, variance: f64, sign: f64| Skill {
            mu: mu + sign * variance / c * v,
            sigma: (variance * (1.0 - variance / c2 * w)).sqrt(),
        };
        (after(winner.mu, vw, 1.0), after(loser.mu, vl, -1.0))
    }
}

impl PreferenceModel for TrueSkill {
    type Options = Self;
    type Data = Battles;

    fn check(model: &Self) -> Result<(), BuildError> {
        let Self { mu, sigma, beta, tau, draw } = *model;
        ensure(mu.is_finite(), "mu", mu, "must be a finite number")?;
        for (key, value) in [("sigma", sigma), ("beta", beta)] {
            ensure(value > 0.0 && value.is_finite(), key, value, "must be a finite number above 0")?;
        }
        ensure(tau >= 0.0 && tau.is_finite(), "tau", tau, "must be a finite number of at least 0")?;
        ensure((0.0..1.0).contains(&draw), "draw", draw, "must be in [0, 1)")
    }

    fn fit(data: &Battles, model: Self, watch: Watch<'_>) -> Result<Fitted, FitError> {
        // a margin that rounds to 0 is one of 0: draws then divide by a probability of 0
        if model.draw_margin() <= 0.0 && data.ties != Ties::Drop {
            let drawn = |b: &&Battle| matches!(b.outcome, Outcome::Tie | Outcome::BothBad);
            let ties: f64 = data.rows.iter().filter(drawn).map(|b| b.weight).sum();
            if ties > 0.0 {
                return Err(FitError::NoDraws { ties, draw: model.draw });
            }
        }
        let rule = |matches: Order<'_>| {
            let skills = model.rate(data.labels.len(), matches);
            (skills.iter().map(|s| s.mu).collect(), skills.iter().map(|s| s.sigma).collect())
        };
        let (order, rating, sigma) = in_any_order(data, rule, watch)?;
        let link = Link::Normal { beta: model.beta };
        Ok(Ratings { rating: rating.into(), sigma: Some(sigma.into()), order, link }.fitted(&data.labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(skill: Skill, mu: f64, sigma: f64) {
        // the published figures have six decimals
        assert!(
            (skill.mu - mu).abs() < 5.1e-7 && (skill.sigma - sigma).abs() < 5.1e-7,
            "{skill:?} {mu} {sigma}"
        );
    }

    #[test]
    fn trueskill_golden_numbers() {
        let ts = TrueSkill::default();
        let new = Skill { mu: ts.mu, sigma: ts.sigma };
        let (winner, loser) = ts.update(new, new, false);
        close(winner, 29.395_832, 7.171_476);
        close(loser, 20.604_168, 7.171_476);
        let (one, two) = ts.update(new, new, true);
        close(one, 25.0, 6.457_516);
        close(two, 25.0, 6.457_516);
        let (winner, loser) =
            ts.update(Skill { mu: 29.0, sigma: 3.0 }, Skill { mu: 24.0, sigma: 5.0 }, false);
        close(winner, 29.545_487, 2.899_124);
        close(loser, 22.485_507, 4.512_904);
    }
}
