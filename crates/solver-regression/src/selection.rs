//! Which of the policy's answers are compared: all drawn pairs, or the winner and the loser of a tournament.
//!
//! The theory draws `y, y' ~ pi_t` and asks one duel. Practice draws K answers, finds the best and the worst with a
//! tournament of duels, asks one more duel between the two and keeps the pair only if the "best" wins it. That selects
//! pairs by the labels themselves, so the regression's minimiser is no longer the mirror step; [`super::inpo`] says so
//! in its notes.

use equipoise_core::{Duel, Oracle, Rng, sample};

use crate::pair_loss::Comparison;

/// Duels of one tournament among an even number of `candidates`: `K/2` first-round matches, a knockout of the winners
/// and one of the losers, and the final between best and worst.
#[must_use]
pub fn tournament_duels(candidates: u32) -> u32 {
    3 * candidates / 2 - 1
}

/// Finds the best and the worst of `candidates` (actions of `context`, an even number of them, repeats allowed) and
/// returns the pair, labelled as won by the best, if the best wins the final.
///
/// Where the oracle answers with probabilities, matches are drawn with `rng`.
pub fn best_worst(
    oracle: &mut dyn Oracle,
    context: usize,
    candidates: &[usize],
    rng: &mut Rng,
) -> Option<Comparison> {
    let mut winners = Vec::with_capacity(candidates.len() / 2);
    let mut losers = Vec::with_capacity(candidates.len() / 2);
    for (winner, loser) in round(oracle, context, candidates, rng) {
        winners.push(winner);
        losers.push(loser);
    }
    let best = knockout(oracle, context, winners, |(winner, _)| winner, rng);
    let worst = knockout(oracle, context, losers, |(_, loser)| loser, rng);
    let (winner_is_best, ..) = duel(oracle, context, &[best, worst], rng)[0];
    winner_is_best.then_some(Comparison { left: best, right: worst, margin: 0.5 })
}

/// Plays rounds until one player is left; `keep` says who goes on. With an odd number the last one has a bye.
fn knockout(
    oracle: &mut dyn Oracle,
    context: usize,
    mut players: Vec<usize>,
    keep: fn((usize, usize)) -> usize,
    rng: &mut Rng,
) -> usize {
    while players.len() > 1 {
        let bye = players.len() % 2 == 1;
        let last = players[players.len() - 1];
        players = round(oracle, context, &players, rng).into_iter().map(keep).collect();
        if bye {
            players.push(last);
        }
    }
    players[0]
}

/// (winner, loser) of the matches 0-1, 2-3, ...
fn round(oracle: &mut dyn Oracle, context: usize, players: &[usize], rng: &mut Rng) -> Vec<(usize, usize)> {
    let outcomes = duel(oracle, context, players, rng);
    outcomes.into_iter().map(|(won, a, b)| if won { (a, b) } else { (b, a) }).collect()
}

/// (left won, left, right) of the matches 0-1, 2-3, ...
fn duel(
    oracle: &mut dyn Oracle,
    context: usize,
    players: &[usize],
    rng: &mut Rng,
) -> Vec<(bool, usize, usize)> {
    let pairs: Vec<_> = players.chunks_exact(2).map(|p| Duel { context, left: p[0], right: p[1] }).collect();
    let mut answers = vec![0.0; pairs.len()];
    oracle.duels(&pairs, &mut answers);
    // an answer that is already a draw stays what it is: uniform < 1 always, uniform < 0 never
    pairs.iter().zip(answers).map(|(d, p)| (sample::uniform(rng) < p, d.left, d.right)).collect()
}
