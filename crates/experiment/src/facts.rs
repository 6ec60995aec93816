//! What is known about a game before any method runs: cyclicity, Nash, Bradley-Terry.

use equipoise::bt;
use equipoise::env::{Game, PreferenceMatrix};
use equipoise::ndarray::Array2;
use equipoise::reference::choice;
use equipoise_records::schema::{ContextFacts, GameFacts};

use crate::exact::Lottery;

/// Facts about a game of one context and its maximal lottery; `unmet` are pairs that never met, by label.
#[must_use]
pub(crate) fn game_facts(game: &Game, unmet: &[(String, String)], nash: &Lottery) -> GameFacts {
    let (matrix, labels) = (game.matrix(0), game.labels(0));
    let n = matrix.n();
    let name = |i: usize| labels[i].clone();
    let index = |label: &String| labels.iter().position(|l| l == label);
    let mut mask = Array2::from_elem((n, n), false);
    for (a, b) in unmet {
        if let (Some(i), Some(j)) = (index(a), index(b)) {
            mask[[i, j]] = true;
            mask[[j, i]] = true;
        }
    }
    let triads = choice::cyclic_triads(&matrix, (!unmet.is_empty()).then_some(mask.view()));
    let scores = bradley_terry(&matrix);
    // without a fit the order is Borda's, which is that of the uniform fit wherever it exists
    let order = scores.clone().unwrap_or_else(|| choice::borda_scores(&matrix));
    let favourite = largest(&order);
    let worst = largest(
        &(0..n)
            .map(|j| if j == favourite { 0.0 } else { matrix.margin(j, favourite) + 1.0 })
            .collect::<Vec<_>>(),
    );
    let loss = (0..n).map(|j| matrix.margin(j, favourite)).fold(0.0, f64::max);
    GameFacts {
        condorcet_winner: choice::condorcet_winner(&matrix).map(name),
        smith_set: choice::smith_set(&matrix).into_iter().map(name).collect(),
        cyclic_triads: triads.cyclic as u64,
        total_triads: triads.total as u64,
        cyclic_energy: choice::cyclic_energy(&matrix, None),
        nash: nash.policy.clone(),
        nash_gap: nash.duality_gap,
        nash_support: nash.support.iter().map(|&i| name(i)).collect(),
        nash_unique: nash.unique,
        nash_unique_by: nash.unique_by,
        bt_scores: scores,
        bt_favourite: name(favourite),
        bt_worst_opponent: name(worst),
        bt_worst_win_rate: matrix.prob(worst, favourite),
        bt_gap: 2.0 * loss,
    }
}

/// Counts over the contexts of a game of several.
#[must_use]
pub(crate) fn context_facts(game: &Game) -> ContextFacts {
    let (mut winners, mut cyclic) = (0, 0);
    let (mut least, mut most) = (usize::MAX, 0);
    for x in 0..game.contexts() {
        let matrix = game.matrix(x);
        winners += usize::from(choice::condorcet_winner(&matrix).is_some());
        cyclic += usize::from(choice::cyclic_triads(&matrix, None).cyclic > 0);
        least = least.min(matrix.n());
        most = most.max(matrix.n());
    }
    ContextFacts { with_condorcet_winner: winners, with_cyclic_triad: cyclic, actions: (least, most) }
}

/// Log strengths of the uniform population fit, mean 0; `None` where no maximum-likelihood fit exists.
fn bradley_terry(matrix: &PreferenceMatrix) -> Option<Vec<f64>> {
    if matrix.n() < 2 {
        return Some(vec![0.0; matrix.n()]);
    }
    let mut wins = matrix.to_array();
    wins.diag_mut().fill(0.0);
    let fit = bt::fit(wins.view()).ok()?;
    fit.exists.then(|| fit.log_strength.to_vec())
}

fn largest(values: &[f64]) -> usize {
    (0..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}
