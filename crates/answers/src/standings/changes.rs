//! Two leaderboards: who moved beyond noise.

use std::fmt;

use equipoise::core::seed::stream;
use equipoise::data::{Comparisons, Observations, PairCount};
use equipoise::models::standings::{Overlap, Scale, changes as moves};
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
    /// Whether the new board holds all comparisons of the old one.
    pub nested: bool,
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
    /// Points on the old board, around the mean of the items that both have.
    pub old: f64,
    /// Points on the new one, likewise.
    pub new: f64,
    /// New less old.
    pub change: f64,
    /// Standard error of the change.
    pub error: f64,
    /// Rank among the items of both, from 1, on the old board.
    pub old_rank: usize,
    /// On the new one.
    pub new_rank: usize,
    /// Whether it moved beyond noise, simultaneously over all items.
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

/// Who moved between two leaderboards beyond noise. Where every outcome of every pair is at least as frequent in `new`, it is taken to
/// hold the comparisons of `old`; else the two are taken to share none.
///
/// # Errors
/// As [`standings`](super::standings()); [`AnswerError::Input`] with fewer than two items in both.
pub fn changes(
    old: &Observations,
    new: &Observations,
    options: &StandingsOptions,
) -> Result<ChangesAnswer, AnswerError> {
    check(options)?;
    let (old_fit, new_fit) = (fitted(old)?, fitted(new)?);
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
    let nested = holds(new, old);
    let overlap = if nested { Overlap::Nested } else { Overlap::Apart };
    let of = |r: &[f64], items: &[usize]| -> Vec<f64> {
        let mean = items.iter().map(|&i| r[i]).sum::<f64>() / items.len() as f64;
        items.iter().map(|&i| r[i] - mean).collect()
    };
    let among = |c: &Array2<f64>, items: &[usize]| {
        Array2::from_shape_fn((items.len(), items.len()), |(a, b)| c[[items[a], items[b]]])
    };
    let (at_old, at_new): (Vec<usize>, Vec<usize>) = shared.iter().copied().unzip();
    // the variance of a difference of nested estimates is that of their information
    let errors =
        |f: &equipoise::models::PairFit| if nested { f.covariance.clone() } else { f.spread.clone() };
    let (r_old, r_new) =
        (of(&old_fit.log_strength.to_vec(), &at_old), of(&new_fit.log_strength.to_vec(), &at_new));
    let (c_old, c_new) = (among(&errors(&old_fit), &at_old), among(&errors(&new_fit), &at_new));
    let mut rng = stream(options.seed, "changes", &[]);
    let found = moves((&r_old, &c_old), (&r_new, &c_new), overlap, options.level, &mut rng);
    let unit = Scale { points: options.points, base: options.base, anchor: None }.per_nat();
    let rank = |r: &[f64], k: usize| 1 + r.iter().filter(|&&x| x > r[k] + 1e-9).count();
    let mut rows: Vec<ChangeRow> = found
        .iter()
        .map(|c| ChangeRow {
            label: old.labels[at_old[c.item]].clone(),
            old: options.base + unit * r_old[c.item],
            new: options.base + unit * r_new[c.item],
            change: unit * c.change,
            error: unit * c.error,
            old_rank: rank(&r_old, c.item),
            new_rank: rank(&r_new, c.item),
            moved: c.moved,
        })
        .collect();
    let size = |r: &ChangeRow| if r.error > 0.0 { r.change.abs() / r.error } else { 0.0 };
    rows.sort_by(|a, b| size(b).total_cmp(&size(a)).then_with(|| a.label.cmp(&b.label)));
    Ok(ChangesAnswer {
        level: options.level,
        points: options.points,
        nested,
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
        let held = match self.nested {
            true => "the new board holds the comparisons of the old one",
            false => "the leaderboards are taken to share no comparison",
        };
        writeln!(f, " (together at {} percent; {held}).\n", 100.0 * self.level)?;
        let rows = self.rows.iter().map(|r| {
            vec![
                r.label.clone(),
                format!("{:.1}", r.old),
                format!("{:.1}", r.new),
                format!("{:+.1}", r.change),
                format!("{:.1}", r.error),
                format!("{} to {}", r.old_rank, r.new_rank),
                if r.moved { "yes" } else { "" }.to_owned(),
            ]
        });
        f.write_str(&table(width(f), &["item", "old", "new", "change", "error", "rank", "moved"], rows))?;
        for (what, items) in [("new", &self.entered), ("gone", &self.left)] {
            if !items.is_empty() {
                write!(f, "\n{what}: {}", items.join(", "))?;
            }
        }
        Ok(())
    }
}
