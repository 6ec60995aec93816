//! Two leaderboards: who moved beyond noise.

use std::fmt;

use equipoise::core::seed::stream;
use equipoise::data::{Comparisons, Observations, PairCount};
use equipoise::models::standings::{Change, Overlap, Scale, changes as moves, ends, origin};
use equipoise::models::{PairFit, Reweight};
use equipoise::ndarray::Array2;
use serde::Serialize;

use super::{StandingsOptions, check, fitted};
use crate::error::AnswerError;
use crate::table::{table, width};

/// How two leaderboards differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ChangesAnswer {
    /// Simultaneous confidence.
    pub level: f64,
    /// Points that odds of 10 are worth.
    pub points: f64,
    /// Whether the new board was said to hold all comparisons of the old one.
    pub nested: bool,
    /// How the variance of a change comes about: `difference` of the variances of nested leaderboards, or their `sum`, which is too
    /// wide where comparisons are shared.
    pub variances: &'static str,
    /// Why it is the sum although the leaderboards are nested, if it is.
    pub no_difference: Option<&'static str>,
    /// Items of both leaderboards, by falling size of the change in errors.
    pub rows: Vec<ChangeRow>,
    /// Items of the new board alone.
    pub entered: Vec<String>,
    /// Items of the old board alone.
    pub left: Vec<String>,
}

/// One item of both leaderboards.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ChangeRow {
    /// The item.
    pub label: String,
    /// Points on the old board, around the mean of the items that both have (where some items are not bounded: of the largest block
    /// that both leaderboards hold together).
    pub old: f64,
    /// Points on the new one, likewise.
    pub new: f64,
    /// New less old.
    pub change: f64,
    /// Standard error of the change; `None` where nothing bounds the change on one side or both.
    pub error: Option<f64>,
    /// Why there is no error, if there is none.
    pub open: Option<&'static str>,
    /// Rank among the items of both, from 1, on the old board.
    pub old_rank: usize,
    /// On the new one.
    pub new_rank: usize,
    /// Whether it moved beyond noise, simultaneously over all items, in a direction that the data of both leaderboards bound.
    pub moved: bool,
}

/// The counts of a pair by the names of its items.
fn count(data: &Comparisons, pair: &PairCount) -> (String, String, [f64; 3]) {
    let (wins, losses, ties) = pair.outcomes();
    let (a, b) = (data.labels[pair.i].clone(), data.labels[pair.j].clone());
    if a <= b { (a, b, [wins, losses, ties]) } else { (b, a, [losses, wins, ties]) }
}

/// Whether the new comparisons can hold all of the old ones: no outcome of any pair is fewer.
fn holds(new: &Comparisons, old: &Comparisons) -> bool {
    let counts = |data: &Comparisons| {
        let of_pair = |p: &PairCount| {
            let (a, b, counts) = count(data, p);
            ((a, b), counts)
        };
        data.pairs.iter().map(of_pair).collect::<std::collections::BTreeMap<_, _>>()
    };
    let (old, new) = (counts(old), counts(new));
    old.iter().all(|(pair, before)| {
        new.get(pair).is_some_and(|now| before.iter().zip(now).all(|(b, n)| n + 1e-9 >= *b))
    })
}

/// Why the variance of a change is not the difference of the variances of nested leaderboards, if it is not: that form is of an
/// efficient estimate, which is one of maximum likelihood where comparisons are independent.
fn no_difference(data: [&Observations; 2], fits: [&PairFit; 2]) -> Option<&'static str> {
    if data.iter().any(|d| d.clusters().is_some()) {
        return Some("observations of several comparisons");
    }
    if fits.iter().any(|f| !f.exists) {
        return Some("no finite maximum of the likelihood");
    }
    let tied = |d: &&Observations| d.comparisons.pairs.iter().any(|p| p.outcomes().2 > 0.0);
    data.iter().any(tied).then_some("ties that count half")
}

/// Who moved between two leaderboards beyond noise. `nested`: whether `new` holds all comparisons of `old`; nothing but the user
/// knows, as equal counts can be of other comparisons. Else variances are added, which is right of leaderboards that share none, and too wide of
/// those that do.
///
/// # Errors
/// As [`standings`](super::standings()); [`AnswerError::Input`] with fewer than two items in both, and where some outcome of a pair
/// is less frequent in `new` though it is said to hold `old`.
pub fn changes(
    old: &Observations,
    new: &Observations,
    nested: bool,
    options: &StandingsOptions,
) -> Result<ChangesAnswer, AnswerError> {
    check(options)?;
    let (old_fit, new_fit) = (fitted(old, options.reweight)?, fitted(new, options.reweight)?);
    let no_difference = match options.reweight {
        Reweight::Comparisons => no_difference([old, new], [&old_fit, &new_fit]),
        Reweight::Pairs => Some("comparisons that weigh differently"),
    };
    let no_difference = no_difference.filter(|_| nested);
    let (old, new) = (&old.comparisons, &new.comparisons);
    let place = |data: &Comparisons, label: &String| data.labels.iter().position(|l| l == label);
    let mut shared: Vec<(usize, usize)> =
        old.labels.iter().enumerate().filter_map(|(i, l)| Some((i, place(new, l)?))).collect();
    // in the order of their names: the draws are then those of the content
    shared.sort_by(|a, b| old.labels[a.0].cmp(&old.labels[b.0]));
    if shared.len() < 2 {
        return Err(AnswerError::input(
            "the leaderboards share fewer than two items, so that nothing can be compared",
        ));
    }
    let only = |data: &Comparisons, other: &Comparisons| {
        data.labels.iter().filter(|l| place(other, l).is_none()).cloned().collect::<Vec<_>>()
    };
    if nested && !holds(new, old) {
        return Err(AnswerError::input(
            "does not hold the comparisons of the old board: an outcome of a pair is less frequent in it; leave --nested out",
        ));
    }
    let difference = nested && no_difference.is_none();
    let overlap = if difference { Overlap::Nested } else { Overlap::Apart };
    let among = |c: &Array2<f64>, items: &[usize]| {
        Array2::from_shape_fn((items.len(), items.len()), |(a, b)| c[[items[a], items[b]]])
    };
    let (at_old, at_new): (Vec<usize>, Vec<usize>) = shared.iter().copied().unzip();
    // the variance of a difference of nested estimates is that of their information
    let errors = |f: &PairFit| if difference { f.covariance.clone() } else { f.spread.clone() };
    let strengths =
        |f: &PairFit, items: &[usize]| items.iter().map(|&i| f.log_strength[i]).collect::<Vec<_>>();
    let (r_old, r_new) = (strengths(&old_fit, &at_old), strengths(&new_fit, &at_new));
    let (c_old, c_new) = (among(&errors(&old_fit), &at_old), among(&errors(&new_fit), &at_new));
    let in_old = |i: usize, j: usize| old_fit.bounded(at_old[i], at_old[j]);
    let in_new = |i: usize, j: usize| new_fit.bounded(at_new[i], at_new[j]);
    let zero = origin(shared.len(), |i, j| in_old(i, j) && in_new(i, j));
    let degrees = [old_fit.noise_degrees, new_fit.noise_degrees].into_iter().flatten().reduce(f64::min);
    let mut rng = stream(options.seed, "changes", &[]);
    let found =
        moves((&r_old, &c_old), (&r_new, &c_new), (overlap, &zero), (options.level, degrees), &mut rng);
    let scale = Scale { points: options.points, base: options.base };
    let (old_points, new_points) = (scale.ratings(&r_old, &zero), scale.ratings(&r_new, &zero));
    let rank = |r: &[f64], k: usize| 1 + r.iter().filter(|&&x| x > r[k] + 1e-9).count();
    let row = |c: &Change| {
        let (before, after) = (ends(c.item, &zero, in_old), ends(c.item, &zero, in_new));
        let (from_below, from_above) = (after.0 && before.1, after.1 && before.0);
        let open = match (before == (true, true), after == (true, true)) {
            (true, true) => None,
            (false, true) => Some("nothing bounds its strength on the old board"),
            (true, false) => Some("nothing bounds its strength on the new board"),
            (false, false) => Some("nothing bounds its strength on either board"),
        };
        ChangeRow {
            label: old.labels[at_old[c.item]].clone(),
            old: old_points[c.item],
            new: new_points[c.item],
            change: scale.per_nat() * c.change,
            error: open.is_none().then_some(scale.per_nat() * c.error),
            open,
            old_rank: rank(&r_old, c.item),
            new_rank: rank(&r_new, c.item),
            moved: c.moved && if c.change > 0.0 { from_below } else { from_above },
        }
    };
    let mut rows: Vec<ChangeRow> = found.iter().map(row).collect();
    let size = |r: &ChangeRow| r.error.filter(|e| *e > 0.0).map_or(0.0, |e| r.change.abs() / e);
    rows.sort_by(|a, b| size(b).total_cmp(&size(a)).then_with(|| a.label.cmp(&b.label)));
    Ok(ChangesAnswer {
        level: options.level,
        points: options.points,
        nested,
        variances: if difference { "difference" } else { "sum" },
        no_difference,
        rows,
        entered: only(new, old),
        left: only(old, new),
    })
}

impl fmt::Display for ChangesAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moved: Vec<&str> = self.rows.iter().filter(|r| r.moved).map(|r| r.label.as_str()).collect();
        match moved.len() {
            0 => f.write_str("Nobody moved beyond noise")?,
            k => write!(f, "{k} of {} items moved beyond noise: {}", self.rows.len(), moved.join(", "))?,
        }
        let held = match (self.nested, self.no_difference) {
            (false, _) => "variances are added: too wide where the leaderboards share comparisons".to_owned(),
            (true, None) => "the new board is said to hold the comparisons of the old one".to_owned(),
            (true, Some(reason)) => {
                format!("variances are added, which is too wide of nested leaderboards: {reason}")
            }
        };
        writeln!(f, " (together at {} percent; {held}).\n", 100.0 * self.level)?;
        let rows = self.rows.iter().map(|r| {
            vec![
                r.label.clone(),
                format!("{:.1}", r.old),
                format!("{:.1}", r.new),
                format!("{:+.1}", r.change),
                r.error.map_or("open".to_owned(), |error| format!("{error:.1}")),
                format!("{} to {}", r.old_rank, r.new_rank),
                if r.moved { "yes" } else { "" }.to_owned(),
            ]
        });
        f.write_str(&table(width(f), &["item", "old", "new", "change", "error", "rank", "moved"], rows))?;
        let mut reasons: Vec<&str> = self.rows.iter().filter_map(|r| r.open).collect();
        reasons.sort_unstable();
        reasons.dedup();
        for reason in reasons {
            let of = self.rows.iter().filter(|r| r.open == Some(reason)).map(|r| r.label.as_str());
            write!(f, "\nopen: {} ({reason})", of.collect::<Vec<_>>().join(", "))?;
        }
        for (what, items) in [("new", &self.entered), ("gone", &self.left)] {
            if !items.is_empty() {
                write!(f, "\n{what}: {}", items.join(", "))?;
            }
        }
        Ok(())
    }
}
