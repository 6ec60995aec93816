//! PageRank: where a surfer is who goes from an item to one that beat it, or anywhere.
//!
//! ```text
//! from i to j with probability  d (w_ji + t_ij / 2) / sum_k (w_ki + t_ik / 2) + (1 - d) / n;   Pr(i) = x_i / (x_i + x_j)
//! ```
//!
//! Brin, Page 1998. From an item that never lost the surfer goes anywhere. Every item has a score above 0. By iteration, which shrinks the
//! distance by d at least. Cost: O(n^2) a pass.

use equipoise_core::registry::{BuildError, ensure};
use ndarray::{Array1, Axis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Map;

use crate::descent::Fall;
use crate::error::FitError;
use crate::fitted::{Convergence, Fitted, Iteration};
use crate::input::Counts;
use crate::registry::{ModelEntry, PreferenceModel, Watch};
use crate::scores::{Link, Scores, plain, wins};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<PageRank>(
    "pagerank",
    "stationary distribution of moving to who beat one (damping d); Pr(i) = x_i / (x_i + x_j); d = 0.85",
    "Brin, Page 1998",
)
.fitted("power iteration; no errors");

/// Options of PageRank.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PageRankOptions {
    /// Probability of following a loss, in [0, 1).
    pub damping: f64,
}

impl Default for PageRankOptions {
    fn default() -> Self {
        Self { damping: 0.85 }
    }
}

/// Passes at most, and the move of an entry below which the last one ends.
const MOST_PASSES: u32 = 1_000_000;
const TOLERANCE: f64 = 1e-17;

struct PageRank;

impl PreferenceModel for PageRank {
    type Options = PageRankOptions;
    type Data = Counts;

    fn check(options: &PageRankOptions) -> Result<(), BuildError> {
        let d = options.damping;
        ensure((0.0..=0.9999).contains(&d), "damping", d, "must be in [0, 0.9999]")
    }

    fn fit(data: &Counts, options: PageRankOptions, watch: Watch<'_>) -> Result<Fitted, FitError> {
        let data = plain(data, ENTRY.name)?;
        let (n, d) = (data.n(), options.damping);
        let mut moves = wins(data);
        let lost = moves.sum_axis(Axis(0));
        for (mut column, lost) in moves.columns_mut().into_iter().zip(&lost) {
            match *lost > 0.0 {
                true => column /= *lost,
                false => column.fill((n as f64).recip()),
            }
        }
        let mut x = Array1::from_elem(n, (n as f64).recip());
        let (mut passes, mut converged) = (0, false);
        // rounding may go round for ever within a unit in the last place
        let still = TOLERANCE.max(4.0 * f64::EPSILON / n as f64);
        let mut fall = Fall::to(still, watch);
        while passes < MOST_PASSES && !converged {
            let mut next = moves.dot(&x) * d + (1.0 - d) / n as f64;
            next /= next.sum();
            let moved = next.iter().zip(&x).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
            x = next;
            passes += 1;
            converged = moved <= still;
            fall.at(moved);
        }
        let (values, linked) = (x.clone(), x);
        Ok(Fitted {
            convergence: Convergence {
                by: Iteration::FixedPoint("power iteration"),
                converged,
                iterations: passes,
            },
            ..Scores { name: "pagerank", values, linked, link: Link::Luce, own: Map::new() }
                .fitted(&data.labels)
        })
    }
}
