//! Eigenvector ranking: a win counts what the loser's score is.
//!
//! ```text
//! W x = lambda x,  lambda the largest, |x| = 1        W_ij = w_ij + t_ij / 2;   Pr(i) = x_i / (x_i + x_j)
//! ```
//!
//! Kendall, Wei 1955; Keener 1993. Of an island in which nobody is on a cycle of wins there is no such vector. An item from
//! which no chain of wins leads to the class of the largest eigenvalue has 0; of two such classes the vector is not unique.
//! evalica 0.4 takes the transposed matrix, in which a loss counts. By iteration with `W + c`, which has the same vectors and
//! converges also where wins go round in a circle. Cost: O(n^2) a pass.

use equipoise_core::graph::strong_components;
use ndarray::{Array1, Array2, Axis};
use serde_json::{Map, json};

use crate::descent::Fall;
use crate::error::FitError;
use crate::fitted::{Convergence, Fitted, Iteration};
use crate::input::Counts;
use crate::registry::{ModelEntry, NoOptions, PreferenceModel, Watch};
use crate::scores::{Link, Scores, by_island, plain};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<Eigen>(
    "eigen",
    "W x = lambda x for the matrix of wins (ties half); Pr(i) = x_i / (x_i + x_j)",
    "Kendall, Wei 1955; Keener 1993",
)
.fitted("power iteration; no errors");

/// Passes at most, and the move of an entry below which the last one ends.
const MOST_PASSES: u32 = 100_000;
const TOLERANCE: f64 = 1e-15;
/// Relative difference of eigenvalues up to which they are one.
const SAME: f64 = 1e-10;

struct Eigen;

impl PreferenceModel for Eigen {
    type Options = NoOptions;
    type Data = Counts;

    fn fit(data: &Counts, _: NoOptions, watch: Watch<'_>) -> Result<Fitted, FitError> {
        let data = plain(data, ENTRY.name)?;
        let (passes, converged) = (std::cell::Cell::new(0), std::cell::Cell::new(true));
        let rule = |wins: &Array2<f64>, watch: Watch<'_>| {
            let (x, done, met) = largest_vector(wins, watch)?;
            passes.set(passes.get().max(done));
            converged.set(converged.get() && met);
            Ok(x)
        };
        let values = by_island(data, rule, watch)?;
        let linked = values.clone();
        let own = Map::from_iter([("passes".to_owned(), json!(passes.get()))]);
        let (converged, iterations) = (converged.get(), passes.get());
        Ok(Fitted {
            convergence: Convergence { by: Iteration::FixedPoint("power iteration"), converged, iterations },
            ..Scores { name: "eigenvector", values, linked, link: Link::Luce, own }.fitted(&data.labels)
        })
    }
}

/// The vector of the largest eigenvalue, of length 1, with the passes made and whether the last one moved nothing.
fn largest_vector(wins: &Array2<f64>, watch: Watch<'_>) -> Result<(Array1<f64>, u32, bool), FitError> {
    let n = wins.nrows();
    let mut x = Array1::from_elem(n, (n as f64).sqrt().recip());
    if n == 1 {
        return Ok((x, 0, true));
    }
    let beaten: Vec<Vec<usize>> = (0..n).map(|i| (0..n).filter(|&j| wins[[i, j]] > 0.0).collect()).collect();
    let classes = strong_components(&beaten);
    if classes.len() == n {
        let what = "no item is on a cycle of wins, so that the matrix of wins has no eigenvector above 0";
        return Err(FitError::Undetermined { what });
    }
    if classes.len() == 1 {
        return Ok(power_iteration(wins, watch));
    }
    // the eigenvalues of the matrix are those of the classes
    let within = |items: &[usize]| wins.select(Axis(0), items).select(Axis(1), items);
    let mut values: Vec<(f64, usize)> = Vec::new();
    for (k, class) in classes.iter().enumerate().filter(|(_, class)| class.len() > 1) {
        let block = within(class);
        let (x, _, _) = power_iteration(&block, &|_| ());
        values.push((block.dot(&x).sum() / x.sum(), k));
    }
    values.sort_by(|a, b| b.0.total_cmp(&a.0));
    if values.len() > 1 && values[0].0 - values[1].0 <= SAME * values[0].0 {
        let what = "two groups of items without wins both ways between them have the same largest eigenvalue";
        return Err(FitError::Undetermined { what });
    }
    // an item has a share of the vector iff a chain of wins leads from it to the class of the largest value
    let mut reaches = vec![false; n];
    classes[values[0].1].iter().for_each(|&i| reaches[i] = true);
    loop {
        let more: Vec<usize> =
            (0..n).filter(|&i| !reaches[i] && beaten[i].iter().any(|&j| reaches[j])).collect();
        if more.is_empty() {
            break;
        }
        more.into_iter().for_each(|i| reaches[i] = true);
    }
    let items: Vec<usize> = (0..n).filter(|&i| reaches[i]).collect();
    let (part, passes, met) = power_iteration(&within(&items), watch);
    x.fill(0.0);
    items.iter().zip(&part).for_each(|(&i, share)| x[i] = *share);
    Ok((x, passes, met))
}

/// Power iteration with `W + c` from equal entries.
fn power_iteration(wins: &Array2<f64>, watch: Watch<'_>) -> (Array1<f64>, u32, bool) {
    let mut fall = Fall::to(TOLERANCE, watch);
    let n = wins.nrows();
    let mut x = Array1::from_elem(n, (n as f64).sqrt().recip());
    let shift = wins.sum() / n as f64;
    for pass in 1..=MOST_PASSES {
        let mut next = wins.dot(&x);
        next.scaled_add(shift, &x);
        next /= next.dot(&next).sqrt();
        let moved = next.iter().zip(&x).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
        x = next;
        fall.at(moved);
        if moved <= TOLERANCE {
            return (x, pass, true);
        }
    }
    (x, MOST_PASSES, false)
}
