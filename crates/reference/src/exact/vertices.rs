//! All vertices of the set of equilibria, in fractions.
//!
//! The cone `{ w >= 0 : K w <= 0 }` is built up one inequality at a time from the rays `e_i` (double description, Motzkin et al.
//! 1953): rays that violate it are replaced by their combinations with adjacent ones that do not. Two rays are adjacent if no
//! third is tight wherever both are.

use num_bigint::BigInt;
use num_traits::{Signed, Zero};

use super::{RationalMargins, RationalPolicy};

/// Most rays that are kept on the way.
const MOST_RAYS: usize = 4000;

struct Ray {
    weights: Vec<BigInt>,
    /// Which of the inequalities so far hold with equality: first `w_i >= 0`, then `(K w)_i <= 0`.
    tight: Vec<bool>,
}

/// All vertices of the set of equilibria, in the order of their probabilities of the first item, then the second, and so on. `None` where there are
/// more than a few thousand on the way.
#[must_use]
pub fn equilibrium_vertices(game: &RationalMargins) -> Option<Vec<RationalPolicy>> {
    let n = game.n();
    let unit = |i: usize| Ray {
        weights: (0..n).map(|j| BigInt::from(u8::from(i == j))).collect(),
        tight: (0..n).map(|j| i != j).collect(),
    };
    let mut rays: Vec<Ray> = (0..n).map(unit).collect();
    for i in 0..n {
        let row = game.whole_row(i).1;
        let gain = |ray: &Ray| row.iter().zip(&ray.weights).map(|(k, w)| k * w).sum::<BigInt>();
        let gains: Vec<BigInt> = rays.iter().map(gain).collect();
        let mut made = Vec::new();
        for (a, above) in gains.iter().enumerate().filter(|(_, g)| g.is_positive()) {
            for (b, below) in gains.iter().enumerate().filter(|(_, g)| g.is_negative()) {
                if !adjacent(&rays, a, b) {
                    continue;
                }
                let mix = rays[a].weights.iter().zip(&rays[b].weights).map(|(x, y)| above * y - below * x);
                let weights = RationalPolicy::new(mix.collect()).weights;
                let mut tight: Vec<bool> =
                    rays[a].tight.iter().zip(&rays[b].tight).map(|(x, y)| *x && *y).collect();
                tight.push(true);
                made.push(Ray { weights, tight });
            }
        }
        let mut kept = Vec::with_capacity(rays.len() + made.len());
        for (mut ray, gain) in rays.into_iter().zip(gains) {
            if !gain.is_positive() {
                ray.tight.push(gain.is_zero());
                kept.push(ray);
            }
        }
        kept.append(&mut made);
        if kept.len() > MOST_RAYS {
            return None;
        }
        rays = kept;
    }
    let mut found: Vec<RationalPolicy> =
        rays.into_iter().map(|ray| RationalPolicy::new(ray.weights)).collect();
    found.sort_by(|a, b| {
        let by = |i: usize| (&a.weights[i] * &b.total).cmp(&(&b.weights[i] * &a.total));
        (0..n).map(by).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
    Some(found)
}

fn adjacent(rays: &[Ray], a: usize, b: usize) -> bool {
    let both: Vec<usize> =
        (0..rays[a].tight.len()).filter(|&k| rays[a].tight[k] && rays[b].tight[k]).collect();
    !rays.iter().enumerate().any(|(c, ray)| c != a && c != b && both.iter().all(|&k| ray.tight[k]))
}
