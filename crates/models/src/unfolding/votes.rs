//! The votes that ideal points are fitted to, the variables of the fit, and its objective with its gradient.

use std::ops::Range;

use equipoise_core::logistic::PairLikelihood;
use equipoise_data::Battles;
use rayon::prelude::*;

use crate::descent::{Sum, part_length};
use crate::ideal_points::{by_logits, mixture};

/// What a user said of a pair: `i` won `won` times, `j` `lost` times, a tie is half of both; i below j.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) user: usize,
    pub(crate) i: usize,
    pub(crate) j: usize,
    pub(crate) won: f64,
    pub(crate) lost: f64,
}

/// All votes, by user and pair.
pub(crate) struct Votes {
    pub(crate) items: usize,
    /// The annotators that voted, indices into those of the file.
    pub(crate) users: Vec<usize>,
    /// In the order of users and pairs.
    pub(crate) cells: Vec<Cell>,
    pub(crate) total: f64,
}

impl Votes {
    pub(crate) fn of(data: &Battles) -> Self {
        let mut cells = Vec::with_capacity(data.rows.len());
        for row in &data.rows {
            let Some(won) = data.ties.score(row.outcome) else { continue };
            let (a, b) = (row.first as usize, row.second as usize);
            let (won, lost) = (row.weight * won, row.weight * (1.0 - won));
            if a != b && row.weight > 0.0 {
                let (i, j, won, lost) = if a < b { (a, b, won, lost) } else { (b, a, lost, won) };
                cells.push(Cell { user: row.annotator as usize, i, j, won, lost });
            }
        }
        cells.sort_by(|a: &Cell, b| {
            (a.user, a.i, a.j)
                .cmp(&(b.user, b.i, b.j))
                .then(a.won.total_cmp(&b.won))
                .then(a.lost.total_cmp(&b.lost))
        });
        cells.dedup_by(|next, kept| {
            let same = (next.user, next.i, next.j) == (kept.user, kept.i, kept.j);
            if same {
                kept.won += next.won;
                kept.lost += next.lost;
            }
            same
        });
        let mut users: Vec<usize> = cells.iter().map(|c| c.user).collect();
        users.dedup();
        for cell in &mut cells {
            cell.user = users.binary_search(&cell.user).expect("it voted");
        }
        let total = cells.iter().map(|c| c.won + c.lost).sum();
        Self { items: data.labels.len(), users, cells, total }
    }

    /// The cells cut between users, into parts of `length` cells and what the last user of each has more.
    pub(crate) fn parts(&self, length: usize) -> Vec<Range<usize>> {
        let (mut parts, mut from, mut to) = (Vec::new(), 0, 0);
        for of_user in self.cells.chunk_by(|a, b| a.user == b.user) {
            to += of_user.len();
            if to - from >= length {
                parts.push(from..to);
                from = to;
            }
        }
        if from < to {
            parts.push(from..to);
        }
        parts
    }

    /// Votes that say something of each variable.
    pub(crate) fn seen(&self, shape: Shape) -> Vec<f64> {
        let (mut of_items, mut of_users) = (vec![0.0; shape.items], vec![0.0; shape.users]);
        for c in &self.cells {
            of_items[c.i] += c.won + c.lost;
            of_items[c.j] += c.won + c.lost;
            of_users[c.user] += c.won + c.lost;
        }
        let of_points =
            if shape.mixed { vec![self.total / shape.points as f64; shape.points] } else { of_users.clone() };
        let each =
            |of: Vec<f64>, times: usize| of.into_iter().flat_map(move |x| std::iter::repeat_n(x, times));
        let (d, weights) = (shape.dimension, shape.weights());
        each(of_items, d).chain(each(of_points, d)).chain(each(of_users, weights)).collect()
    }
}

/// How many of everything there are.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) items: usize,
    pub(crate) users: usize,
    pub(crate) points: usize,
    pub(crate) dimension: usize,
    /// Users are mixtures of the points; else a point is a user's.
    pub(crate) mixed: bool,
}

impl Shape {
    /// Logits of a user.
    pub(crate) fn weights(self) -> usize {
        if self.mixed { self.points } else { 0 }
    }

    /// Variables that users share: the first ones.
    pub(crate) fn shared(self) -> usize {
        (self.items + if self.mixed { self.points } else { 0 }) * self.dimension
    }

    /// Variables of a user alone: the others, user by user.
    pub(crate) fn own(self) -> usize {
        if self.mixed { self.points } else { self.dimension }
    }

    /// Items, points and logits of all variables.
    pub(crate) fn split(self, theta: &[f64]) -> [&[f64]; 3] {
        let (items, rest) = theta.split_at(self.items * self.dimension);
        let (points, logits) = rest.split_at(self.points * self.dimension);
        [items, points, logits]
    }
}

/// Minus the log posterior and its gradient: sums over parts of the votes, whose cut depends on their number alone.
pub(crate) fn objective(votes: &Votes, shape: Shape, precision: f64, theta: &[f64], g: &mut [f64]) -> f64 {
    let of_cells = |cells: &[Cell]| {
        let mut g = vec![0.0; theta.len()];
        (add_votes(cells, shape, theta, &mut g), g)
    };
    let parts = votes.cells.par_chunks(part_length(votes.cells.len())).map(of_cells);
    let parts: Vec<(f64, Vec<f64>)> = parts.collect();
    let mut value = Sum::default();
    g.iter_mut().zip(theta).for_each(|(g, x)| *g = precision * x);
    for (part, part_g) in parts {
        value.add(part);
        g.iter_mut().zip(part_g).for_each(|(g, part)| *g += part);
    }
    value.add(0.5 * precision * theta.iter().map(|x| x * x).sum::<f64>());
    value.total()
}

/// Minus the log-likelihood of some votes; its gradient is added.
fn add_votes(cells: &[Cell], shape: Shape, theta: &[f64], g: &mut [f64]) -> f64 {
    let d = shape.dimension;
    let [items, points, logits] = shape.split(theta);
    let (item_g, rest) = g.split_at_mut(items.len());
    let (point_g, logit_g) = rest.split_at_mut(points.len());
    let mut value = Sum::default();
    for of_user in cells.chunk_by(|a, b| a.user == b.user) {
        let user = of_user[0].user;
        let k = shape.weights();
        let weights = mixture(&logits[user * k..(user + 1) * k], 1.0);
        let point: Vec<f64> = match shape.mixed {
            true => {
                (0..d).map(|l| weights.iter().enumerate().map(|(k, w)| w * points[k * d + l]).sum()).collect()
            }
            false => points[user * d..(user + 1) * d].to_vec(),
        };
        let mut slope_of_point = vec![0.0; d];
        for c in of_user {
            let (x, y) = (&items[c.i * d..(c.i + 1) * d], &items[c.j * d..(c.j + 1) * d]);
            let score: f64 = (0..d).map(|l| (x[l] - y[l]) * (2.0 * point[l] - x[l] - y[l])).sum();
            let likelihood = PairLikelihood::at(score, c.won, c.lost);
            value.add(-likelihood.value());
            let slope = -2.0 * likelihood.slope();
            for l in 0..d {
                item_g[c.i * d + l] += slope * (point[l] - x[l]);
                item_g[c.j * d + l] -= slope * (point[l] - y[l]);
                slope_of_point[l] += slope * (x[l] - y[l]);
            }
        }
        if !shape.mixed {
            point_g[user * d..(user + 1) * d].iter_mut().zip(&slope_of_point).for_each(|(g, s)| *g += s);
            continue;
        }
        let mut by_weight = vec![0.0; k];
        for (k, w) in weights.iter().enumerate() {
            for l in 0..d {
                point_g[k * d + l] += w * slope_of_point[l];
                by_weight[k] += points[k * d + l] * slope_of_point[l];
            }
        }
        let by_logit = by_logits(&weights, &by_weight, 1.0);
        logit_g[user * k..(user + 1) * k].iter_mut().zip(by_logit).for_each(|(g, s)| *g += s);
    }
    value.total()
}
