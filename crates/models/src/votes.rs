//! Are the votes sound? Annotators who vote unlike the rest, spans of time in which an item won more than at other times, and how
//! few votes hold an order up.
//!
//! **Annotators.** Let annotator a's votes follow `logit P = b_a (r_i - r_j)`: 1 is everybody's slope, 0 is chance, below 0 is the
//! reverse. With `d = r_i - r_j` and `p = sigma(d)` of the fit to all votes, the score test of `b_a = 1` is
//!
//! ```text
//! U_a = sum over a's votes  d (y - p),   V_a = sum d^2 p (1 - p) - g' C g,   g = sum d p (1 - p) (e_i - e_j),   z = U_a / sqrt(V_a)
//! ```
//!
//! C: covariance of the strengths; its term is what the fit took from a's own votes. `1 + U_a / V_a` is one step towards b_a. p-values are
//! two-sided, and adjusted over the annotators tested (Holm 1979). Votes of fewer than [`FEWEST`] are not tested. A tie counts half and
//! scatters less than the model has it: the test is then conservative.
//!
//! **Spans of time.** The null: within a pair the outcomes come in any order. Off its mean over all time the score of item i's votes is
//! summed in the order of time; the largest sum of a span, over its standard deviation, is the statistic of i, and its maximum over items that
//! of the data. Dealing the outcomes of each pair anew to its times gives the law of both, whatever the counts. Votes of one time are one.
//!
//! **Influence.** Without one vote of slope s at the pair (i, j), `r_a - r_b` moves by `-(C_ai - C_aj - C_bi + C_bj) s` to first order.
//! Votes are dropped in that order, the most harmful first, up to a share of all; the fewest that turn the order are found by fits
//! without them (arXiv:2011.14999; on leaderboards of models arXiv:2508.11847). That none were found is no proof: other sets were not tried.

use equipoise_core::logistic::logistic;
use equipoise_core::sample::index;
use equipoise_core::seed::stream;
use equipoise_data::{Battles, Comparisons, PairCount};
use rayon::prelude::*;

use crate::distributions::normal_cdf;
use crate::entries::BRADLEY_TERRY;
use crate::error::FitError;
use crate::graph::{win_blocks, win_reach};
use crate::pair_fit::{PairFit, strengths};

/// Votes below which an annotator is not tested.
pub const FEWEST: f64 = 20.0;
/// Level of tests, over all annotators and all items.
pub const LEVEL: f64 = 0.05;
/// Nats within which two strengths are level: what fits leave open.
const LEVEL_GAP: f64 = 1e-9;
/// Seconds of a minute.
const MINUTE: f64 = 60.0;

/// An annotator against the rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Annotator {
    /// Index into the annotators of the data.
    pub annotator: usize,
    /// Weight of the votes.
    pub votes: f64,
    /// Share of decided votes for the stronger item of the fit.
    pub with_the_stronger: f64,
    /// `1 + U / V`: 1 as everybody, 0 chance, below 0 the reverse; `None` where not tested.
    pub slope: Option<f64>,
    /// Its standard error.
    pub error: Option<f64>,
    /// Two-sided, adjusted over annotators.
    pub p_value: Option<f64>,
    /// Most rows within a minute, where rows have times.
    pub most_in_a_minute: Option<usize>,
}

/// Tests every annotator; those who stand out come first, then by votes.
#[must_use]
pub fn annotators(data: &Battles, fit: &PairFit) -> Vec<Annotator> {
    let mut by: Vec<Vec<usize>> = vec![Vec::new(); data.annotators.len()];
    for (k, row) in data.rows.iter().enumerate() {
        if !data.annotators[row.annotator as usize].is_empty() && row.weight > 0.0 {
            by[row.annotator as usize].push(k);
        }
    }
    let named = |(a, rows): (usize, &Vec<usize>)| (!rows.is_empty()).then(|| one(data, fit, a, rows));
    let mut found: Vec<Annotator> = by.iter().enumerate().filter_map(named).collect();
    let mut tested: Vec<usize> = (0..found.len()).filter(|&k| found[k].p_value.is_some()).collect();
    let p = |found: &[Annotator], k: usize| found[k].p_value.unwrap_or(1.0);
    tested.sort_by(|&a, &b| p(&found, a).total_cmp(&p(&found, b)));
    let mut least = 0.0f64;
    for (k, &at) in tested.iter().enumerate() {
        least = least.max((p(&found, at) * (tested.len() - k) as f64).min(1.0));
        found[at].p_value = Some(least);
    }
    let out = |a: &Annotator| a.p_value.is_some_and(|p| p <= LEVEL);
    found.sort_by(|a, b| {
        out(b).cmp(&out(a)).then(b.votes.total_cmp(&a.votes)).then(a.annotator.cmp(&b.annotator))
    });
    found
}

fn one(data: &Battles, fit: &PairFit, annotator: usize, rows: &[usize]) -> Annotator {
    let (mut votes, mut decided, mut stronger) = (0.0, 0.0, 0.0);
    let (mut score, mut variance) = (0.0, 0.0);
    let mut slope: Vec<(usize, f64)> = Vec::new();
    for &k in rows {
        let b = &data.rows[k];
        let (i, j) = (b.first as usize, b.second as usize);
        let Some(y) = data.ties.score(b.outcome) else { continue };
        let d = fit.log_strength[i] - fit.log_strength[j];
        let p = logistic(d);
        votes += b.weight;
        if y != 0.5 && d != 0.0 {
            decided += b.weight;
            stronger += if (y == 1.0) == (d > 0.0) { b.weight } else { 0.0 };
        }
        let information = b.weight * d * p * (1.0 - p);
        score += b.weight * d * (y - p);
        variance += d * information;
        slope.extend([(i, information), (j, -information)]);
    }
    slope.sort_unstable_by_key(|s| s.0);
    let touched: Vec<(usize, f64)> =
        slope.chunk_by(|a, b| a.0 == b.0).map(|of| (of[0].0, of.iter().map(|s| s.1).sum())).collect();
    let taken: f64 = touched
        .iter()
        .map(|&(i, a)| a * touched.iter().map(|&(j, b)| b * fit.covariance[[i, j]]).sum::<f64>())
        .sum();
    let left = variance - taken;
    // what the fit took is all but rounding where there is one annotator alone
    let tested = votes >= FEWEST && left > 1e-6 * variance && left.is_finite();
    let z = score / left.sqrt();
    let mut times: Vec<f64> = rows.iter().filter_map(|&k| data.rows[k].time).collect();
    times.sort_by(f64::total_cmp);
    let mut start = 0;
    let most = (0..times.len()).map(|end| {
        while times[end] - times[start] >= MINUTE {
            start += 1;
        }
        end + 1 - start
    });
    Annotator {
        annotator,
        votes,
        with_the_stronger: if decided > 0.0 { stronger / decided } else { f64::NAN },
        slope: tested.then(|| 1.0 + score / left),
        error: tested.then(|| left.sqrt().recip()),
        p_value: tested.then(|| (2.0 * normal_cdf(-z.abs())).min(1.0)),
        most_in_a_minute: most.max(),
    }
}

/// A span of time in which an item did better, or worse, than against the same opponents at other times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// The item.
    pub item: usize,
    /// Seconds since 1970-01-01 UTC: the first vote, and the last.
    pub from: f64,
    /// The last.
    pub to: f64,
    /// Its votes in the span.
    pub votes: usize,
    /// What it scored in them, ties half.
    pub score: f64,
    /// What it scored against the same opponents over all time, for as many votes.
    pub expected: f64,
    /// Largest sum over its standard deviation.
    pub statistic: f64,
    /// Share of deals in which some item has as much: adjusted over items.
    pub p_value: f64,
}

/// The strongest span of every item, the least p-value first; or why nothing is tested.
///
/// # Errors
/// The reason, in words.
pub fn spans(data: &Battles, deals: usize, seed: u64) -> Result<Vec<Span>, &'static str> {
    if !data.rankings.is_empty() {
        return Err("the pairs of a ranking cannot be dealt apart");
    }
    if data.rows.iter().any(|b| b.weight != 1.0) {
        return Err("rows of other weights than 1 are not one vote at one time");
    }
    let n = data.labels.len();
    let mut votes = Vec::with_capacity(data.rows.len());
    for b in &data.rows {
        let Some(score) = data.ties.score(b.outcome) else { continue };
        let Some(time) = b.time else { return Err("some votes have no time") };
        let turned = b.first > b.second;
        let (i, j, score) =
            if turned { (b.second, b.first, 1.0 - score) } else { (b.first, b.second, score) };
        votes.push(Vote { i: i as usize, j: j as usize, score, time });
    }
    votes.sort_by(|a, b| {
        a.time.total_cmp(&b.time).then((a.i, a.j).cmp(&(b.i, b.j))).then(a.score.total_cmp(&b.score))
    });
    if votes.first().is_none_or(|v| Some(v.time) == votes.last().map(|l| l.time)) {
        return Err("all votes have one time");
    }
    let mut by_pair: Vec<usize> = (0..votes.len()).collect();
    by_pair.sort_by_key(|&k| (votes[k].i, votes[k].j, k));
    let pairs: Vec<&[usize]> =
        by_pair.chunk_by(|&a, &b| (votes[a].i, votes[a].j) == (votes[b].i, votes[b].j)).collect();
    let mut mean = vec![0.0; votes.len()];
    let mut variance = vec![0.0; n];
    for pair in &pairs {
        let count = pair.len() as f64;
        let m = pair.iter().map(|&k| votes[k].score).sum::<f64>() / count;
        let spread: f64 = pair.iter().map(|&k| (votes[k].score - m).powi(2)).sum();
        pair.iter().for_each(|&k| mean[k] = m);
        variance[votes[pair[0]].i] += spread;
        variance[votes[pair[0]].j] += spread;
    }
    if variance.iter().all(|v| *v == 0.0) {
        return Err("every pair has one outcome alone");
    }
    let seen: Vec<f64> = votes.iter().map(|v| v.score).collect();
    let strongest = Walk { votes: &votes, mean: &mean, variance: &variance };
    let found = strongest.of(&seen, true);
    let mut drawn: Vec<f64> = (0..deals)
        .into_par_iter()
        .map(|k| {
            let mut rng = stream(seed, "spans", &[&k.to_string()]);
            let mut scores = seen.clone();
            for pair in &pairs {
                for at in (1..pair.len()).rev() {
                    scores.swap(pair[at], pair[index(&mut rng, at + 1)]);
                }
            }
            strongest.of(&scores, false).into_iter().map(|s| s.statistic).fold(0.0, f64::max)
        })
        .collect();
    drawn.sort_by(f64::total_cmp);
    let p = |t: f64| {
        (1 + drawn.len() - drawn.partition_point(|d| *d < t * (1.0 - 1e-12))) as f64 / (1 + deals) as f64
    };
    let mut found: Vec<Span> =
        found.into_iter().filter(|s| s.votes > 0).map(|s| Span { p_value: p(s.statistic), ..s }).collect();
    found.sort_by(|a, b| b.statistic.total_cmp(&a.statistic).then(a.item.cmp(&b.item)));
    Ok(found)
}

struct Vote {
    i: usize,
    j: usize,
    /// Of i.
    score: f64,
    time: f64,
}

struct Walk<'a> {
    votes: &'a [Vote],
    mean: &'a [f64],
    variance: &'a [f64],
}

/// An item's sum so far, and where it was lowest and highest.
#[derive(Clone, Copy)]
struct Path {
    sum: f64,
    votes: usize,
    scored: f64,
    low: Mark,
    high: Mark,
    best: (f64, Mark, Mark),
}

/// A place on a path: sum, votes, score, and the time of the next vote of it (or the last).
#[derive(Clone, Copy, Default)]
struct Mark {
    sum: f64,
    votes: usize,
    scored: f64,
    time: f64,
}

impl Walk<'_> {
    /// Of each item the span of the largest sum, either way.
    fn of(&self, scores: &[f64], with_times: bool) -> Vec<Span> {
        let n = self.variance.len();
        let origin = Mark::default();
        let start =
            Path { sum: 0.0, votes: 0, scored: 0.0, low: origin, high: origin, best: (0.0, origin, origin) };
        let mut paths = vec![start; n];
        let mut at = 0;
        let mut touched: Vec<usize> = Vec::new();
        while at < self.votes.len() {
            let time = self.votes[at].time;
            let end = at + self.votes[at..].iter().take_while(|v| v.time == time).count();
            for k in at..end {
                let v = &self.votes[k];
                let off = scores[k] - self.mean[k];
                for (item, off, score) in [(v.i, off, scores[k]), (v.j, -off, 1.0 - scores[k])] {
                    let path = &mut paths[item];
                    path.sum += off;
                    path.votes += 1;
                    path.scored += score;
                    touched.push(item);
                }
            }
            touched.sort_unstable();
            touched.dedup();
            for item in touched.drain(..) {
                let path = &mut paths[item];
                let here = Mark { sum: path.sum, votes: path.votes, scored: path.scored, time };
                for from in [path.low, path.high] {
                    if (here.sum - from.sum).abs() > path.best.0 {
                        path.best = ((here.sum - from.sum).abs(), from, here);
                    }
                }
                if here.sum < path.low.sum {
                    path.low = here;
                }
                if here.sum > path.high.sum {
                    path.high = here;
                }
            }
            at = end;
        }
        let span = |item: usize| {
            let (sum, from, to) = paths[item].best;
            let size = self.variance[item].sqrt();
            let votes = to.votes - from.votes;
            let score = to.scored - from.scored;
            Span {
                item,
                from: if with_times { self.first_after(item, from.votes) } else { from.time },
                to: to.time,
                votes,
                score,
                expected: score - (to.sum - from.sum),
                statistic: if size > 0.0 { sum / size } else { 0.0 },
                p_value: 1.0,
            }
        };
        (0..n).map(span).collect()
    }

    /// Time of the item's vote after so many.
    fn first_after(&self, item: usize, votes: usize) -> f64 {
        self.votes.iter().filter(|v| v.i == item || v.j == item).nth(votes).map_or(f64::NAN, |v| v.time)
    }
}

/// What votes say of two items, `above` and `below`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    /// So many nats apart: chains of wins lead both ways.
    Apart(f64),
    /// Wins lead from `above` down to `below` alone: above it, by nobody knows how much.
    Above,
    /// Likewise the other way.
    Below,
    /// Nothing compares the two.
    None(&'static str),
}

impl Order {
    /// The order by votes: of two items of one block, which wins both ways hold together, the maximum of the likelihood, which votes
    /// between blocks do not move; of others what chains of wins say. `from`: strengths that are close.
    fn of(
        votes: &Comparisons,
        (above, below): (usize, usize),
        from: &ndarray::Array1<f64>,
    ) -> Result<Self, FitError> {
        let blocks = win_blocks(votes);
        let block = blocks.iter().find(|b| b.contains(&above)).expect("every item is in a block");
        if block.contains(&below) {
            let place = |item: usize| block.iter().position(|&i| i == item).expect("it is in the block");
            let start = block.iter().map(|&i| from[i]).collect();
            let strength = strengths(&votes.among(block), &BRADLEY_TERRY, &start)?;
            return Ok(Self::Apart(strength[place(above)] - strength[place(below)]));
        }
        let reach = win_reach(votes, &blocks);
        Ok(match (reach[above][below], reach[below][above]) {
            (true, _) => Self::Above,
            (_, true) => Self::Below,
            _ if votes
                .components()
                .iter()
                .any(|island| island.contains(&above) && island.contains(&below)) =>
            {
                Self::None("no chain of wins leads from the one to the other: the votes left say no order")
            }
            _ => Self::None("the votes left do not compare the two, directly or through others"),
        })
    }

    fn is_turned(self) -> bool {
        matches!(self, Self::Below) || matches!(self, Self::Apart(gap) if gap < -LEVEL_GAP)
    }

    fn gap(self) -> Option<f64> {
        match self {
            Self::Apart(gap) => Some(gap),
            _ => None,
        }
    }

    fn no_gap(self) -> Option<&'static str> {
        match self {
            Self::Apart(_) => None,
            Self::Above => {
                Some("wins lead from the upper down to the lower and not back: nothing bounds the gap")
            }
            Self::Below => {
                Some("wins lead from the lower up to the upper and not back: nothing bounds the gap")
            }
            Self::None(reason) => Some(reason),
        }
    }
}

/// How few votes hold `above` over `below`.
#[derive(Clone, Debug, PartialEq)]
pub struct Influence {
    /// The item above.
    pub above: usize,
    /// The item below.
    pub below: usize,
    /// `r_above - r_below` with all votes.
    pub gap: f64,
    /// Votes that may be dropped.
    pub budget: f64,
    /// Why nothing was dropped, if nothing was.
    pub untried: Option<&'static str>,
    /// The fewest of the most harmful ones without which the order turns; `None`: not within the budget.
    pub dropped: Option<f64>,
    /// Where it does not turn: the fewest without which the votes left say no order of the two at all; `None`: not within the budget.
    pub undone: Option<f64>,
    /// The gap without those, or without as many as may be dropped; `None`: nothing bounds it then.
    pub gap_after: Option<f64>,
    /// Why there is no gap then, if there is none.
    pub no_gap: Option<&'static str>,
    /// Which are dropped: winner, loser (of a tie in the order of their numbers), whether tied, and how many; most first.
    pub votes: Vec<(usize, usize, bool, f64)>,
}

/// Votes of one pair and outcome.
struct Group {
    pair: usize,
    /// 0: the pair's first won; 1: its second; 2: tie.
    outcome: usize,
    count: f64,
    /// What dropping one adds to the gap.
    moves: f64,
}

/// Drops up to a `share` of all votes to turn the order of two items.
///
/// # Errors
/// [`FitError`] where a fit without some votes fails.
pub fn influence(
    data: &Comparisons,
    fit: &PairFit,
    (above, below): (usize, usize),
    share: f64,
) -> Result<Influence, FitError> {
    let c = &fit.covariance;
    let whole = Order::of(data, (above, below), &fit.log_strength)?;
    let gap = match fit.exists {
        true => fit.log_strength[above] - fit.log_strength[below],
        false => whole.gap().unwrap_or(fit.log_strength[above] - fit.log_strength[below]),
    };
    let all: f64 = data.pairs.iter().map(PairCount::met).sum();
    let nothing = |budget: f64, reason| Influence {
        above,
        below,
        gap,
        budget,
        untried: Some(reason),
        dropped: None,
        undone: None,
        gap_after: whole.gap().map(|_| gap),
        no_gap: whole.no_gap(),
        votes: Vec::new(),
    };
    if let Order::None(_) = whole {
        return Ok(nothing(
            (share * all).floor(),
            "no chain of wins leads from the one to the other: there is no order to turn",
        ));
    }
    if gap <= LEVEL_GAP {
        return Ok(nothing((share * all).floor(), "the two are level: there is no order to turn"));
    }
    let mut groups: Vec<Group> = Vec::new();
    for (k, pair) in data.pairs.iter().enumerate() {
        let p = logistic(fit.log_strength[pair.i] - fit.log_strength[pair.j]);
        let lever = c[[above, pair.i]] - c[[above, pair.j]] - c[[below, pair.i]] + c[[below, pair.j]];
        let (wins, losses, ties) = pair.outcomes();
        for (outcome, count, slope) in [(0, wins, 1.0 - p), (1, losses, -p), (2, ties, 0.5 - p)] {
            let moves = -lever * slope;
            if count > 0.0 && moves < 0.0 {
                groups.push(Group { pair: k, outcome, count, moves });
            }
        }
    }
    groups.sort_by(|a, b| a.moves.total_cmp(&b.moves).then((a.pair, a.outcome).cmp(&(b.pair, b.outcome))));
    let most: f64 = groups.iter().map(|g| g.count).sum();
    let budget = (share * all).floor().min(most);
    if budget < 1.0 {
        let reason = match share * all < 1.0 {
            true => "the share is less than one vote: nothing was dropped",
            false => "no whole vote holds this order up",
        };
        return Ok(nothing(0.0, reason));
    }
    let without = |drop: f64| -> Result<(Order, Vec<(usize, f64)>), FitError> {
        let (mut left, mut taken) = (drop, Vec::new());
        let mut pairs = data.pairs.clone();
        for (at, g) in groups.iter().enumerate() {
            let now = g.count.min(left);
            if now <= 0.0 {
                break;
            }
            left -= now;
            taken.push((at, now));
            take(&mut pairs[g.pair], g.outcome, now);
        }
        pairs.retain(|p| p.met() > 0.0);
        Ok((Order::of(&data.with_pairs(pairs), (above, below), &fit.log_strength)?, taken))
    };
    let (mut after, mut taken) = without(budget)?;
    let (turns, undone) = (after.is_turned(), matches!(after, Order::None(_)));
    if turns || undone {
        let is_so = |order: Order| if turns { order.is_turned() } else { matches!(order, Order::None(_)) };
        let (mut few, mut enough) = (0.0, budget);
        while enough - few > 1.0 {
            let middle = (0.5 * few + 0.5 * enough).floor();
            if middle <= few || middle >= enough {
                // neighbouring numbers: votes beyond 2^53 are not told one by one
                break;
            }
            let (order, of) = without(middle)?;
            if is_so(order) {
                (enough, after, taken) = (middle, order, of);
            } else {
                few = middle;
            }
        }
    }
    let so_many: f64 = taken.iter().map(|t| t.1).sum();
    let mut votes: Vec<(usize, usize, bool, f64)> = taken
        .iter()
        .map(|&(at, count)| {
            let (pair, outcome) = (&data.pairs[groups[at].pair], groups[at].outcome);
            let (one, two) = if outcome == 1 { (pair.j, pair.i) } else { (pair.i, pair.j) };
            (one, two, outcome == 2, count)
        })
        .collect();
    votes.sort_by(|a, b| b.3.total_cmp(&a.3).then((a.0, a.1).cmp(&(b.0, b.1))));
    Ok(Influence {
        above,
        below,
        gap,
        budget,
        untried: None,
        dropped: turns.then_some(so_many),
        undone: undone.then_some(so_many),
        gap_after: after.gap(),
        no_gap: after.no_gap(),
        votes,
    })
}

/// Takes votes away from a pair, from either way of listing it.
fn take(pair: &mut PairCount, outcome: usize, mut count: f64) {
    let (f, b) = (&mut pair.forward, &mut pair.backward);
    let from: Vec<&mut f64> = match outcome {
        0 => vec![&mut f.first, &mut b.second],
        1 => vec![&mut f.second, &mut b.first],
        _ => vec![&mut f.tie, &mut b.tie, &mut f.both_bad, &mut b.both_bad],
    };
    for from in from {
        let now = from.min(count);
        *from -= now;
        count -= now;
    }
}
