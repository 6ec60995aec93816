//! Eigenvector ranking: a win counts what the loser's score is.
//!
//! ```text
//! W x = lambda x,  lambda the largest, |x| = 1        W_ij = w_ij + t_ij / 2;   Pr(i) = x_i / (x_i + x_j)
//! ```
//!
//! Kendall, Wei 1955; Keener 1993. Of an island in which nobody is on a cycle of wins there is no such vector. An item that never
//! won has 0. evalica 0.4 takes the transposed matrix, in which a loss counts. By iteration with `W + c`, which has the same vectors and
//! converges also where wins go round in a circle. Cost: O(n^2) a pass.

use ndarray::{Array1, Array2};
use serde_json::{Map, json};

use crate::error::FitError;
use crate::fitted::{Convergence, Fitted, Iteration};
use crate::input::Counts;
use crate::registry::{ModelEntry, NoOptions, PreferenceModel};
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

struct Eigen;

impl PreferenceModel for Eigen {
    type Options = NoOptions;
    type Data = Counts;

    fn fit(data: &Counts, _: NoOptions) -> Result<Fitted, FitError> {
        let data = plain(data, ENTRY.name)?;
        let (passes, converged) = (std::cell::Cell::new(0), std::cell::Cell::new(true));
        let values = by_island(data, |wins| {
            let (x, done, met) = largest_vector(wins)?;
            passes.set(passes.get().max(done));
            converged.set(converged.get() && met);
            Ok(x)
        })?;
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
fn largest_vector(wins: &Array2<f64>) -> Result<(Array1<f64>, u32, bool), FitError> {
    let n = wins.nrows();
    let mut x = Array1::from_elem(n, (n as f64).sqrt().recip());
    if n == 1 {
        return Ok((x, 0, true));
    }
    let beaten: Vec<Vec<usize>> = (0..n).map(|i| (0..n).filter(|&j| wins[[i, j]] > 0.0).collect()).collect();
    if equipoise_core::graph::strong_components(&beaten).len() == n {
        let what = "no item is on a cycle of wins, so that the matrix of wins has no eigenvector above 0";
        return Err(FitError::Undetermined { what });
    }
    let shift = wins.sum() / n as f64;
    for pass in 1..=MOST_PASSES {
        let mut next = wins.dot(&x);
        next.scaled_add(shift, &x);
        next /= next.dot(&next).sqrt();
        let moved = next.iter().zip(&x).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
        x = next;
        if moved <= TOLERANCE {
            return Ok((x, pass, true));
        }
    }
    Ok((x, MOST_PASSES, false))
}
