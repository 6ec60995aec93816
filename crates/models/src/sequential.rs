//! Ratings that follow matches one by one: Elo and TrueSkill. They depend on the order of the matches.
//!
//! ```text
//! Elo        R_a += K (S - E),  E = 1 / (1 + 10^((R_b - R_a) / 400)),  S = 1, 1/2, 0;  R_b likewise
//! TrueSkill  c^2 = 2 beta^2 + s_1^2 + s_2^2,  e = Phi^-1((p + 1) / 2) sqrt(2) beta / c,  t = (mu_w - mu_l) / c
//!   win        v = phi(t - e) / Phi(t - e),  w = v (v + t - e)
//!   draw       D = Phi(e - t) - Phi(-e - t),  v = (phi(-e - t) - phi(e - t)) / D,
//!              w = v^2 + ((e - t) phi(e - t) + (e + t) phi(e + t)) / D
//!   mu_w += s_w^2 v / c,  mu_l -= s_l^2 v / c,  s^2 *= 1 - s^2 w / c^2
//! ```
//!
//! Elo 1978; a step of Elo is a gradient step of length `K ln 10 / 400` on the Bradley-Terry log-likelihood. Herbrich,
//! Minka, Graepel 2007, with the dynamics `s^2 += tau^2` before each match. Cost: O(1) a match.

use equipoise_core::{Rng, sample};
use equipoise_data::{Battle, Outcome};

use crate::distributions::{mills, normal_cdf, normal_pdf, normal_quantile};

/// Elo's constants.
#[derive(Clone, Copy, Debug)]
pub struct Elo {
    /// Points that a match moves at most.
    pub k: f64,
    /// Rating of a newcomer.
    pub start: f64,
}

impl Default for Elo {
    fn default() -> Self {
        Self { k: 4.0, start: 1000.0 }
    }
}

impl Elo {
    /// Ratings after the matches, `[n]`; a row of weight w is w matches (rounded).
    #[must_use]
    pub fn rate(&self, n: usize, matches: &[Battle]) -> Vec<f64> {
        let mut ratings = vec![self.start; n];
        for m in matches {
            let (a, b) = (m.first as usize, m.second as usize);
            let score = score(m.outcome);
            for _ in 0..m.weight.round() as u64 {
                let moved = self.k * (score - 1.0 / (1.0 + 10f64.powf((ratings[b] - ratings[a]) / 400.0)));
                ratings[a] += moved;
                ratings[b] -= moved;
            }
        }
        ratings
    }

    /// Mean and standard deviation of the ratings over shuffled orders, `[n]` each.
    #[must_use]
    pub fn rate_shuffled(
        &self,
        n: usize,
        matches: &[Battle],
        shuffles: u32,
        rng: &mut Rng,
    ) -> (Vec<f64>, Vec<f64>) {
        let mut single: Vec<Battle> = matches
            .iter()
            .flat_map(|m| std::iter::repeat_n(Battle { weight: 1.0, ..*m }, m.weight.round() as usize))
            .collect();
        let (mut sum, mut squares) = (vec![0.0; n], vec![0.0; n]);
        for _ in 0..shuffles {
            for k in (1..single.len()).rev() {
                single.swap(k, sample::index(rng, k + 1));
            }
            for (i, r) in self.rate(n, &single).into_iter().enumerate() {
                sum[i] += r - self.start;
                squares[i] += (r - self.start).powi(2);
            }
        }
        let count = f64::from(shuffles.max(1));
        let deviation =
            (0..n).map(|i| (squares[i] / count - (sum[i] / count).powi(2)).max(0.0).sqrt()).collect();
        (sum.iter().map(|s| self.start + s / count).collect(), deviation)
    }
}

fn score(outcome: Outcome) -> f64 {
    match outcome {
        Outcome::First => 1.0,
        Outcome::Second => 0.0,
        Outcome::Tie | Outcome::BothBad => 0.5,
    }
}

/// TrueSkill's constants, as usual.
#[derive(Clone, Copy, Debug)]
pub struct TrueSkill {
    /// Mean of a newcomer.
    pub mu: f64,
    /// Standard deviation of a newcomer.
    pub sigma: f64,
    /// Standard deviation of a performance.
    pub beta: f64,
    /// Standard deviation of the drift before each match.
    pub tau: f64,
    /// Probability of a draw between equals.
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
    /// Skills after the matches, `[n]`; a row of weight w is w matches (rounded).
    #[must_use]
    pub fn rate(&self, n: usize, matches: &[Battle]) -> Vec<Skill> {
        let mut skills = vec![Skill { mu: self.mu, sigma: self.sigma }; n];
        for m in matches {
            let (a, b) = (m.first as usize, m.second as usize);
            for _ in 0..m.weight.round() as u64 {
                let (one, two) = (skills[a], skills[b]);
                (skills[a], skills[b]) = match m.outcome {
                    Outcome::First => self.update(one, two, false),
                    Outcome::Tie | Outcome::BothBad => self.update(one, two, true),
                    Outcome::Second => {
                        let (winner, loser) = self.update(two, one, false);
                        (loser, winner)
                    }
                };
            }
        }
        skills
    }

    /// Beliefs about winner and loser (or about both sides of a draw) after their match.
    #[must_use]
    pub fn update(&self, winner: Skill, loser: Skill, draw: bool) -> (Skill, Skill) {
        let drift = |s: Skill| s.sigma * s.sigma + self.tau * self.tau;
        let (vw, vl) = (drift(winner), drift(loser));
        let c2 = 2.0 * self.beta * self.beta + vw + vl;
        let c = c2.sqrt();
        let e = normal_quantile(0.5 * (self.draw + 1.0)) * 2.0f64.sqrt() * self.beta / c;
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

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use equipoise_core::logistic::logistic;

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

    fn game(first: u32, second: u32, outcome: Outcome) -> Battle {
        Battle { first, second, outcome, weight: 1.0, context: 0, annotator: 0, time: None, magnitude: 1.0 }
    }

    #[test]
    fn elo_is_gradient_ascent_on_bradley_terry() {
        let games: Vec<Battle> = (0..200u32)
            .map(|k| {
                game(
                    k % 4,
                    (k + 1 + k % 3) % 4,
                    [Outcome::First, Outcome::Second, Outcome::Tie][(k * k % 3) as usize],
                )
            })
            .filter(|g| g.first != g.second)
            .collect();
        let elo = Elo { k: 24.0, start: 0.0 };
        let rated = elo.rate(4, &games);
        let (scale, mut r) = (10f64.ln() / 400.0, [0.0f64; 4]);
        for g in &games {
            let (a, b) = (g.first as usize, g.second as usize);
            let slope = score(g.outcome) - logistic(r[a] - r[b]);
            r[a] += elo.k * scale * slope;
            r[b] -= elo.k * scale * slope;
        }
        for i in 0..4 {
            assert_relative_eq!(rated[i] * scale, r[i], epsilon = 1e-12);
        }
        // order matters
        let reversed: Vec<Battle> = games.iter().rev().copied().collect();
        assert!((elo.rate(4, &reversed)[0] - rated[0]).abs() > 1e-3);
    }
}
