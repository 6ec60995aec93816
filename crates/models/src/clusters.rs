//! Comparisons that are not independent of each other: how their noise is drawn, and how sure a majority is.
//!
//! All comparisons of a context or an annotator, or the pairs of a ranking, are one observation
//! ([`Unit`](equipoise_data::Unit)), of which nothing is assumed but that observations are independent. Under a null that
//! gives every pair its probabilities `p`, observation k with counts `w_k` of `n_k` comparisons has residual
//! `w_k - n_k p`. Null data keep every observation's residual, and draw its sign (the wild bootstrap: Wu 1986; by clusters
//! and with the null imposed: Cameron, Gelbach, Miller 2008):
//!
//! ```text
//! w* = n p + sum_k e_k (w_k - n_k p),     e_k = -1 or 1 with probability 1/2 each
//! ```
//!
//! which has the mean of the null, the covariance of the observations over all pairs, and the design of the data. For one
//! majority, p = 1/2, it is an exact test wherever the lead of an observation is as likely as its opposite: the sign test
//! where every observation is one comparison. Few observations give few signs, so that no p-value is below `2^-observations`.

use equipoise_core::Rng;
use equipoise_core::sample::uniform;
use equipoise_data::{Cell, Comparisons, Count, Observation, Observations, Outcome, PairCount};

use crate::distributions::{normal_cdf, sign_test};
use crate::resample::binomial;

/// Largest product of observations and lead for which signs are counted out.
const COUNTED: f64 = 3e7;
/// Steps of a lead that is no whole number.
const STEPS: f64 = 1000.0;

/// Observations by what they hold of each pair.
pub(crate) struct Clusters {
    /// Of each observation, one after another: the pair, and wins, losses and ties of its first item.
    parts: Vec<(usize, [f64; 3])>,
    /// Where the parts of each observation end, and how many equal ones it stands for.
    ends: Vec<(usize, u64)>,
    /// Of each pair: `(lead, times)` of every observation that decided something of it.
    leads: Vec<Vec<(f64, u64)>>,
}

impl Clusters {
    /// `None` if every comparison is an observation by itself, or the noise of observations is not known.
    pub(crate) fn of(data: &Observations) -> Option<Self> {
        let clusters = data.clusters()?;
        if data.no_noise().is_some() {
            return None;
        }
        let (mut parts, mut ends) = (Vec::new(), Vec::new());
        let mut leads = vec![Vec::new(); data.comparisons.pairs.len()];
        for Observation { cells, times } in clusters {
            let start = parts.len();
            let mut cells: Vec<&Cell> = cells.iter().collect();
            cells.sort_by_key(|c| c.pair);
            for of_pair in cells.chunk_by(|a, b| a.pair == b.pair) {
                let mut counts = [0.0; 3];
                for c in of_pair {
                    let at = match (c.outcome, c.forward) {
                        (Outcome::First, true) | (Outcome::Second, false) => 0,
                        (Outcome::Second, true) | (Outcome::First, false) => 1,
                        (Outcome::Tie | Outcome::BothBad, _) => 2,
                    };
                    counts[at] += c.weight;
                }
                parts.push((of_pair[0].pair as usize, counts));
            }
            // whole, as the noise is known
            let times = times.round() as u64;
            for &(pair, [wins, losses, _]) in &parts[start..] {
                if wins + losses > 0.0 {
                    leads[pair].push((wins - losses, times));
                }
            }
            ends.push((parts.len(), times));
        }
        Some(Self { parts, ends, leads })
    }

    /// Sums of the signs of the equal observations, for each.
    fn signs(&self, rng: &mut Rng) -> Vec<f64> {
        let draw = |&(_, times): &(usize, u64)| match times {
            1 if uniform(rng) < 0.5 => -1.0,
            1 => 1.0,
            _ => 2.0 * binomial(times, 0.5, rng) as f64 - times as f64,
        };
        self.ends.iter().map(draw).collect()
    }

    /// Every observation with how often it is there, and a sum of as many random signs.
    pub(crate) fn signed(&self, rng: &mut Rng) -> impl Iterator<Item = (&[(usize, [f64; 3])], f64, f64)> {
        let signs = self.signs(rng);
        let start = |k: usize| if k == 0 { 0 } else { self.ends[k - 1].0 };
        let each = self.ends.iter().zip(signs).enumerate();
        each.map(move |(k, (&(end, times), sign))| (&self.parts[start(k)..end], times as f64, sign))
    }

    /// Null data of these comparisons; `probs`, of each pair, that its first item wins, its second, that they tie, that both are bad.
    pub(crate) fn draw(&self, data: &Comparisons, probs: &[[f64; 4]], rng: &mut Rng) -> Comparisons {
        let p: Vec<[f64; 3]> = probs.iter().map(|&[win, loss, tie, bad]| [win, loss, tie + bad]).collect();
        let mut counts: Vec<[f64; 3]> =
            data.pairs.iter().zip(&p).map(|(pair, p)| p.map(|p| p * pair.met())).collect();
        for (parts, _, sign) in self.signed(rng) {
            for (pair, seen) in parts {
                let met: f64 = seen.iter().sum();
                for k in 0..3 {
                    counts[*pair][k] += sign * (seen[k] - met * p[*pair][k]);
                }
            }
        }
        let pairs = data.pairs.iter().zip(counts).map(|(pair, drawn)| {
            // a residual may carry further than a pair has comparisons
            let drawn = drawn.map(|c| c.max(0.0));
            let [first, second, tie] = drawn.map(|c| c * pair.met() / drawn.iter().sum::<f64>());
            PairCount {
                forward: Count { first, second, tie, both_bad: 0.0 },
                backward: Count::default(),
                ..*pair
            }
        });
        data.with_pairs(pairs.collect())
    }

    /// The square of the error of a pair's lead if it is even: `sum_k lead_k^2`; its wins and losses where they are one
    /// observation each.
    pub(crate) fn variance(&self, pair: usize) -> f64 {
        self.leads[pair].iter().map(|(lead, times)| lead * lead * *times as f64).sum()
    }

    /// The standard error of a pair's lead if it is even; that of independent comparisons where no observation led.
    pub(crate) fn error(&self, data: &Comparisons, pair: usize) -> f64 {
        let (wins, losses, _) = data.pairs[pair].outcomes();
        let variance = self.variance(pair);
        if variance > 0.0 { variance.sqrt() } else { (wins + losses).sqrt() }
    }

    /// The least lead of an observation that led.
    pub(crate) fn step(&self, pair: usize) -> f64 {
        let led = self.leads[pair].iter().map(|l| l.0.abs()).filter(|l| *l > 0.0);
        led.fold(f64::INFINITY, f64::min)
    }

    /// One-sided, of a lead as large as a pair's (to either side) if the sign of every observation is chance: counted out,
    /// else by the normal law. 1 without a lead.
    pub(crate) fn p_value(&self, pair: usize) -> f64 {
        let leads = &self.leads[pair];
        let sum =
            |of: fn(f64) -> f64| leads.iter().map(|(lead, times)| of(*lead) * *times as f64).sum::<f64>();
        let (lead, all, count) = (sum(|lead| lead), sum(f64::abs), sum(|lead| lead.abs().min(1.0).ceil()));
        if lead == 0.0 {
            return 1.0;
        }
        if leads.iter().all(|(lead, _)| [0.0, 1.0].contains(&lead.abs())) {
            return sign_test(0.5 * (all + lead.abs()), 0.5 * (all - lead.abs()));
        }
        let whole = leads.iter().all(|(lead, _)| lead.fract() == 0.0);
        let unit = if whole { 1.0 } else { all / count / STEPS };
        if count * all / unit > COUNTED {
            return normal_cdf(-(lead.abs() - self.step(pair)) / self.variance(pair).sqrt());
        }
        tail(leads, unit)
    }

    /// By how much less is known of leads than from as many independent comparisons: the squared errors of all pairs over
    /// their decisive comparisons.
    pub(crate) fn design_effect(&self, data: &Comparisons) -> f64 {
        let decided: f64 = data.pairs.iter().map(|p| p.outcomes().0 + p.outcomes().1).sum();
        let variance: f64 = (0..data.pairs.len()).map(|pair| self.variance(pair)).sum();
        if decided > 0.0 { variance / decided } else { 1.0 }
    }
}

/// `Pr(sum_k e_k |d_k| >= |sum_k d_k|)` for independent signs `e_k`, +1 or -1 with probability 1/2, `d_k` the difference of wins
/// in observation k: from the law of the sum of the `|d_k|` with sign +1, in steps of `unit`.
fn tail(leads: &[(f64, u64)], unit: f64) -> f64 {
    let steps: Vec<(i64, u64)> =
        leads.iter().map(|(lead, times)| ((lead / unit).round() as i64, *times)).collect();
    let sum = |of: fn(i64) -> i64| steps.iter().map(|(step, times)| of(*step) * *times as i64).sum::<i64>();
    let (lead, all) = (sum(|step| step).unsigned_abs() as usize, sum(i64::abs) as usize);
    let mut law = vec![0.0; all + 1];
    law[0] = 1.0;
    let mut reached = 0;
    for (step, times) in steps {
        let step = step.unsigned_abs() as usize;
        for _ in 0..if step == 0 { 0 } else { times } {
            for at in (0..=reached).rev() {
                law[at] *= 0.5;
                law[at + step] += law[at];
            }
            reached += step;
        }
    }
    // plus less minus is the lead, plus and minus are all: the lead and all are both even, or both odd
    law[(all + lead) / 2..].iter().sum::<f64>().min(1.0)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use equipoise_core::seed::stream;
    use equipoise_data::{Selection, Unit, parse_observations};

    use super::*;

    fn read(text: &str, unit: Unit) -> Observations {
        let text = format!("item_a,item_b,outcome,weight,context\n{text}");
        parse_observations(Path::new("d.csv"), text.as_bytes(), &Selection::default(), unit).unwrap()
    }

    #[test]
    fn a_majority_of_rows_has_the_sign_test() {
        // rows without a context stand for themselves
        let data = read("x,y,a,60,\ny,x,a,40,\nx,y,tie,7,\n", Unit::Context);
        let found = Clusters::of(&data).unwrap();
        assert!((found.p_value(0) - sign_test(60.0, 40.0)).abs() < 1e-12);
        assert_eq!((found.variance(0), found.step(0)), (100.0, 1.0));
        assert_eq!(found.design_effect(&data.comparisons), 1.0);
    }

    #[test]
    fn a_majority_of_contexts_has_as_many_votes_as_contexts() {
        // 3 : 0 contexts of ten equal votes: 1/8; their leads may differ
        let three = |w: [u32; 3]| format!("x,y,a,{},p\nx,y,a,{},q\ny,x,b,{},r\n", w[0], w[1], w[2]);
        let of = |text: &str| Clusters::of(&read(text, Unit::Context)).unwrap();
        assert_eq!(of(&three([10, 10, 10])).p_value(0), 0.125);
        assert_eq!(of(&three([10, 7, 3])).p_value(0), 0.125);
        assert_eq!(of(&three([10, 10, 10])).variance(0), 300.0);
        // 10 + 7 - 3: of the eight sums of +-10 +-7 +-3 two are as large
        assert_eq!(of("x,y,a,10,p\nx,y,a,7,q\nx,y,b,3,r\n").p_value(0), 0.25);
        // in fractions as well
        assert_eq!(of("x,y,a,1.5,p\nx,y,a,0.7,q\nx,y,b,0.3,r\n").p_value(0), 0.25);
        // many contexts: the normal law is the sign test's
        let many: String =
            (0..6000).map(|k| format!("x,y,{},2,c{k}\n", if k < 3100 { "a" } else { "b" })).collect();
        let (p, sign) = (of(&many).p_value(0), sign_test(3100.0, 2900.0));
        assert!((p / sign - 1.0).abs() < 0.01, "{p} {sign}");
    }

    #[test]
    fn null_data_have_the_mean_of_the_null_and_the_covariance_of_the_observations() {
        // in every context the two pairs go the same way
        let text: String = (0..200)
            .flat_map(|k| {
                let won = if k % 10 < 7 { "a" } else { "b" };
                [("x", "y"), ("y", "z")].map(|(a, b)| format!("{a},{b},{won},2,c{k}\n"))
            })
            .collect();
        let data = read(&text, Unit::Context);
        let found = Clusters::of(&data).unwrap();
        assert!((found.design_effect(&data.comparisons) - 2.0).abs() < 1e-12);
        let mut rng = stream(1, "clusters", &[]);
        let draws: Vec<[f64; 2]> = (0..4000)
            .map(|_| {
                let drawn = found.draw(&data.comparisons, &[[0.7, 0.3, 0.0, 0.0]; 2], &mut rng);
                assert!((drawn.total - 800.0).abs() < 1e-9);
                [0, 1].map(|k| drawn.pairs[k].outcomes().0)
            })
            .collect();
        let mean = |of: &dyn Fn(&[f64; 2]) -> f64| draws.iter().map(of).sum::<f64>() / 4000.0;
        // 200 contexts of two votes: 280 wins, variance 4 * 200 * .21 = 168 and as much covariance
        for k in 0..2 {
            assert!((mean(&|d| d[k]) - 280.0).abs() < 5.0 * (168f64 / 4000.0).sqrt());
        }
        for (a, b) in [(0, 0), (0, 1)] {
            let found = mean(&|d| (d[a] - 280.0) * (d[b] - 280.0));
            assert!((found / 168.0 - 1.0).abs() < 5.0 * (2f64 / 4000.0).sqrt(), "{found}");
        }
    }
}
