//! Ratings that follow matches one by one: what Elo and TrueSkill share. They depend on the order of the matches.
//!
//! The order is that of the times. Where matches have none, or the same, their order means nothing, and that of the file is an
//! accident: ratings are then means over shuffled orders, taken in pairs of an order and its reverse. A row of weight w is w
//! matches. A ranking is one match of k: every pair of it sees the ratings before it, so that tied places stay tied.

use std::hash::{Hash, Hasher};

use equipoise_core::logistic::logistic;
use equipoise_core::{Rng, sample, seed::stream};
use equipoise_data::{Battles, Outcome};
use ndarray::Array1;
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};

use crate::canonical::Canonical;
use crate::distributions::normal_cdf;
use crate::error::FitError;
use crate::fitted::{Column, Fitted, ModelResult};
use crate::registry::Watch;

/// Most matches that are rated one by one: a row of weight w is w of them.
const MOST_MATCHES: f64 = 1e8;
/// Orders in which matches are seen, where they have no order of their own.
pub const SHUFFLES: usize = 20;
/// Matches seen over all orders, of files of many; at least [`LEAST_SHUFFLES`] orders.
const MOST_SEEN: usize = 4_000_000;
/// Orders at least.
const LEAST_SHUFFLES: usize = 4;

/// Two items of a match, and which of them was ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// One.
    pub first: u32,
    /// The other.
    pub second: u32,
    /// Who was ahead.
    pub outcome: Outcome,
}

impl Hash for Pair {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from(self.first) << 32 | u64::from(self.second));
        state.write_u8(self.outcome as u8);
    }
}

/// The matches of some data: which they are, and what is known of their order.
#[derive(Clone, Debug)]
pub struct Matches {
    /// The pairs of all matches: one, or all of a ranking.
    pairs: Vec<Pair>,
    /// Where the pairs of each match begin and end; without ties if those are dropped. In the order of time, if there is one.
    matches: Vec<(u32, u32)>,
    /// Where matches of equal time end; one span where they have none.
    spans: Vec<usize>,
    /// Whether every match has a time, and not all the same.
    pub timed: bool,
}

/// Mean and standard deviation of ratings over orders.
#[derive(Clone, Debug)]
pub struct OverOrders {
    /// Over the orders that the times allow, `[n]`.
    pub mean: Vec<f64>,
    /// Over shuffled orders, whatever the times, `[n]`.
    pub spread: Vec<f64>,
}

impl Matches {
    /// Of rows and rankings, by time where every one has one.
    ///
    /// # Errors
    /// [`FitError::PartsOfMatches`], [`FitError::TooManyMatches`]; [`FitError::Nothing`] without a match.
    pub fn of(data: &Battles) -> Result<Self, FitError> {
        if let Some(row) = data.rows.iter().find(|b| b.weight.fract() != 0.0) {
            return Err(FitError::PartsOfMatches { weight: row.weight });
        }
        let total: f64 = data.rows.iter().map(|b| b.weight).sum();
        if total > MOST_MATCHES {
            return Err(FitError::TooManyMatches { matches: total, most: MOST_MATCHES });
        }
        let mut pairs = Vec::with_capacity(data.rows.len());
        let mut matches: Vec<((u32, u32), Option<f64>)> = Vec::with_capacity(data.rows.len());
        let (mut at, mut rankings) = (0, data.rankings.iter().peekable());
        while at < data.rows.len() {
            let end = rankings.next_if(|r| r.start == at).map_or(at + 1, |r| r.end);
            let rows = &data.rows[at..end];
            let start = pairs.len() as u32;
            let kept = rows.iter().filter(|b| data.ties.count(b.outcome));
            pairs.extend(kept.map(|b| Pair { first: b.first, second: b.second, outcome: b.outcome }));
            if pairs.len() as u32 > start {
                let one = ((start, pairs.len() as u32), rows[0].time);
                matches.extend(std::iter::repeat_n(one, rows[0].weight as usize));
            }
            at = end;
        }
        if matches.is_empty() {
            return Err(FitError::Nothing);
        }
        let timed = matches.iter().all(|m| m.1.is_some());
        let mut spans = vec![matches.len()];
        if timed {
            let time = |m: &((u32, u32), Option<f64>)| m.1.unwrap_or_default();
            matches.sort_by(|a, b| time(a).total_cmp(&time(b)));
            let mut end = 0;
            let each = matches.chunk_by(|a, b| time(a) == time(b)).map(|span| {
                end += span.len();
                end
            });
            spans = each.collect();
        }
        let timed = timed && (spans.len() > 1 || matches.len() == 1);
        Ok(Self { pairs, matches: matches.into_iter().map(|m| m.0).collect(), spans, timed })
    }

    /// Whether the times leave one order.
    #[must_use]
    pub fn in_order(&self) -> bool {
        self.spans.len() == self.matches.len()
    }

    /// With the items under other numbers, `place[i]` for i, and the matches that times leave without an order in one that
    /// does not depend on the file.
    #[must_use]
    pub fn reordered(mut self, place: &[usize]) -> Self {
        for pair in &mut self.pairs {
            let (a, b) = (place[pair.first as usize] as u32, place[pair.second as usize] as u32);
            let outcome = match pair.outcome {
                Outcome::First if a > b => Outcome::Second,
                Outcome::Second if a > b => Outcome::First,
                other => other,
            };
            *pair = Pair { first: a.min(b), second: a.max(b), outcome };
        }
        for &(from, to) in &self.matches {
            self.pairs[from as usize..to as usize].sort_unstable();
        }
        let pairs = &self.pairs;
        let of = |m: &(u32, u32)| &pairs[m.0 as usize..m.1 as usize];
        // equal matches are one in memory: what is seen in a random order should stay in the processor's caches
        let mut sorted = Vec::with_capacity(self.matches.len());
        let mut start = 0;
        for &end in &self.spans {
            let mut distinct: Vec<((u32, u32), usize)> = Vec::new();
            let mut places: FxHashMap<&[Pair], usize> = FxHashMap::default();
            for this in &self.matches[start..end] {
                let next = distinct.len();
                let place = *places.entry(of(this)).or_insert(next);
                if place == next {
                    distinct.push((*this, 0));
                }
                distinct[place].1 += 1;
            }
            distinct.sort_unstable_by(|(a, _), (b, _)| of(a).cmp(of(b)));
            sorted.extend(distinct.into_iter().flat_map(|(one, times)| std::iter::repeat_n(one, times)));
            start = end;
        }
        self.matches = sorted;
        self
    }

    /// Orders in which the matches are seen, where they have none of their own.
    #[must_use]
    pub fn shuffles(&self) -> usize {
        SHUFFLES.min(MOST_SEEN / self.matches.len().max(1)).max(LEAST_SHUFFLES) / 2 * 2
    }

    /// Ratings by `rule`, which is given the matches in turn, over the orders that the times allow and over all.
    #[must_use]
    pub fn rate(&self, rng: &mut Rng, rule: impl Fn(Order<'_>) -> Vec<f64> + Sync) -> OverOrders {
        self.rate_watched(rng, rule, &|_| ())
    }

    /// [`Matches::rate`]; `watch` hears of the share that is done.
    #[must_use]
    pub fn rate_watched(
        &self,
        rng: &mut Rng,
        rule: impl Fn(Order<'_>) -> Vec<f64> + Sync,
        watch: Watch<'_>,
    ) -> OverOrders {
        let all = self.shuffles() as f64;
        let total = match (self.spans.len() == 1, self.in_order()) {
            (true, _) => all,
            (false, true) => all + 1.0,
            (false, false) => 2.0 * all,
        };
        let shuffled =
            self.over_orders(&[self.matches.len()], rng, &rule, &|done| watch(done as f64 / total));
        if self.spans.len() == 1 {
            return shuffled;
        }
        let mean = match self.in_order() {
            true => rule(Order { pairs: &self.pairs, matches: self.matches.iter() }),
            false => {
                self.over_orders(&self.spans, rng, &rule, &|done| watch((all + done as f64) / total)).mean
            }
        };
        OverOrders { mean, spread: shuffled.spread }
    }

    /// Mean and standard deviation of the ratings over random orders within the spans, each followed by its reverse.
    fn over_orders(
        &self,
        spans: &[usize],
        rng: &mut Rng,
        rule: &(impl Fn(Order<'_>) -> Vec<f64> + Sync),
        done: &dyn Fn(usize),
    ) -> OverOrders {
        let mut orders = Vec::new();
        for _ in 0..self.shuffles() / 2 {
            let mut order = self.matches.clone();
            let mut start = 0;
            for &end in spans {
                for k in (start + 1..end).rev() {
                    order.swap(k, start + sample::index(rng, k - start + 1));
                }
                start = end;
            }
            let mut reverse = order.clone();
            start = 0;
            for &end in spans {
                reverse[start..end].reverse();
                start = end;
            }
            orders.extend([order, reverse]);
        }
        let in_turn = |order: &Vec<(u32, u32)>| rule(Order { pairs: &self.pairs, matches: order.iter() });
        let mut rated: Vec<Vec<f64>> = Vec::with_capacity(orders.len());
        for some in orders.chunks(rayon::current_num_threads()) {
            rated.par_extend(some.par_iter().map(in_turn));
            done(rated.len());
        }
        let (n, count) = (rated[0].len(), rated.len() as f64);
        let mean: Vec<f64> = (0..n).map(|i| rated.iter().map(|r| r[i]).sum::<f64>() / count).collect();
        let off = |i: usize| rated.iter().map(|r| (r[i] - mean[i]).powi(2)).sum::<f64>() / count;
        OverOrders { spread: (0..n).map(|i| off(i).sqrt()).collect(), mean }
    }
}

/// Matches one after another: the pairs of each.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    pairs: &'a [Pair],
    matches: std::slice::Iter<'a, (u32, u32)>,
}

impl<'a> Iterator for Order<'a> {
    type Item = &'a [Pair];

    #[inline]
    fn next(&mut self) -> Option<&'a [Pair]> {
        let &(from, to) = self.matches.next()?;
        Some(&self.pairs[from as usize..to as usize])
    }
}

/// Ratings for a registry row by `rule`, two numbers an item: what their order is, and the means over the orders that the times
/// allow. Items that are interchangeable without times share theirs.
pub(crate) fn in_any_order(
    data: &Battles,
    rule: impl Fn(Order<'_>) -> (Vec<f64>, Vec<f64>) + Sync,
    watch: Watch<'_>,
) -> Result<(&'static str, Vec<f64>, Vec<f64>), FitError> {
    let n = data.labels.len();
    let canonical = Canonical::of(&data.counts().into());
    let matches = Matches::of(data)?.reordered(&canonical.place);
    let rule = |order: Order<'_>| {
        let (one, two) = rule(order);
        [one, two].concat()
    };
    let both = matches.rate_watched(&mut stream(0, "shuffles", &[]), rule, watch);
    if let Some(at) = both.mean.iter().position(|x| !x.is_finite()) {
        let item =
            canonical.place.iter().position(|&place| place == at % n).expect("places are a permutation");
        return Err(FitError::NotFinite { item: data.labels[item].clone() });
    }
    let all = |at: usize| -> Vec<f64> {
        let values = &both.mean[at..at + n];
        match matches.in_order() {
            true => canonical.place.iter().map(|&place| values[place]).collect(),
            false => canonical.shared(values),
        }
    };
    Ok((if matches.timed { "time" } else { "shuffles" }, all(0), all(n)))
}

/// How a difference of ratings becomes a probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Link {
    /// `sigma(nats d)`.
    Logistic {
        /// Nats a unit of the rating.
        nats: f64,
    },
    /// `Phi(d / sqrt(2 beta^2 + s_i^2 + s_j^2))`, s: the standard deviations of the ratings.
    Normal {
        /// Standard deviation of a performance.
        beta: f64,
    },
}

/// Ratings after the last match.
#[derive(Clone, Debug)]
pub struct Ratings {
    /// The ratings in their own unit, `[n]`.
    pub rating: Array1<f64>,
    /// Their standard deviations in that unit, `[n]`, where the model has them.
    pub sigma: Option<Array1<f64>>,
    /// The order of the matches: `time`, or `shuffles` where no times put them in order.
    pub order: &'static str,
    /// How they become probabilities.
    pub link: Link,
}

impl Ratings {
    /// What a registry row gives of them: strengths in nats where the link is logistic, else in the unit of the rating.
    pub(crate) fn fitted(self, labels: &[String]) -> Fitted {
        let mean = self.rating.mean().expect("there are items");
        let scale = if let Link::Logistic { nats } = self.link { nats } else { 1.0 };
        Fitted {
            log_strength: Some(self.rating.mapv(|r| scale * (r - mean))),
            standard_error: self.sigma.clone(),
            free_parameters: Some(labels.len().saturating_sub(1)),
            ..Fitted::new(labels.to_vec(), self)
        }
    }
}

impl ModelResult for Ratings {
    fn prob(&self, i: usize, j: usize) -> f64 {
        let d = self.rating[i] - self.rating[j];
        match self.link {
            Link::Logistic { nats } => logistic(nats * d),
            Link::Normal { beta } => {
                let variance = |i: usize| self.sigma.as_ref().map_or(0.0, |s| s[i] * s[i]);
                normal_cdf(d / (2.0 * beta * beta + variance(i) + variance(j)).sqrt())
            }
        }
    }

    /// All start at one rating.
    fn says(&self, _: usize, _: usize, _: bool) -> bool {
        true
    }

    fn own(&self) -> Map<String, Value> {
        Map::from_iter([
            ("rating".to_owned(), json!(self.rating.to_vec())),
            ("order".to_owned(), json!(self.order)),
        ])
    }

    fn columns(&self) -> Vec<Column> {
        vec![Column { name: "rating".to_owned(), values: self.rating.clone(), errors: self.sigma.clone() }]
    }

    fn notes(&self) -> Vec<String> {
        let order = match self.order {
            "time" => "in the order of time".to_owned(),
            _ => {
                format!(
                    "mean over {SHUFFLES} shuffled orders, of more than 200,000 matches fewer, as no times put the matches in order"
                )
            }
        };
        vec![format!("{order}: another order gives other ratings (see equipoise rank)")]
    }
}
