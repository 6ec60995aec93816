//! Lotteries: equilibria, and what has a closed form.

use equipoise_core::Policy;
use equipoise_core::Shape;
use equipoise_env::PreferenceMatrix;

use super::choice::{Choice, ConceptOptions};
use super::electorate::Electorate;
use crate::choice::{essential_set, majority_game};
use crate::error::ReferenceError;
use crate::exact::{ExactRange, RationalMargins, exact_equilibria, select_exact};
use crate::lottery::Selection;
use crate::regularised::regularised_equilibrium;
use crate::select::{equilibrium_ranges, select_lottery};

type Chosen = Result<Choice, ReferenceError>;

pub(crate) fn softmax(logits: &[f64]) -> Vec<f64> {
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logits.iter().map(|l| (l - most).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| w / sum).collect()
}

pub(super) fn maximal(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    let selection = Selection::MaximumEntropy;
    if let Some(fractions) = electorate.fractions()
        && let Some((found, exact)) = select_exact(fractions, selection, false)?
    {
        return Ok(Choice::Lottery { policy: found.policy.to_vec(), unique: Some(exact.unique) });
    }
    let found = select_lottery(electorate.matrix(), selection)?;
    Ok(Choice::Lottery { policy: found.policy.to_vec(), unique: found.unique })
}

/// Least and largest probability of every item over all maximal lotteries, `[n]`: exactly, where the margins are fractions. `None` where
/// they are not told.
///
/// # Errors
/// [`ReferenceError`] if an exact answer fails.
pub fn lottery_ranges(electorate: &Electorate) -> Result<Option<Vec<(f64, f64)>>, ReferenceError> {
    if let Some(fractions) = electorate.fractions()
        && let Some((_, exact)) = select_exact(fractions, Selection::MaximumEntropy, true)?
    {
        let ends = |all: Vec<ExactRange>| all.iter().map(|r| (r.least.value, r.largest.value)).collect();
        return Ok(exact.ranges.map(ends));
    }
    equilibrium_ranges(electorate.matrix())
}

/// The items that some lottery of the game plays: exactly, where its margins are fractions.
fn played(matrix: &PreferenceMatrix, fractions: Option<&RationalMargins>) -> Chosen {
    if let Some(exact) = fractions.and_then(|fractions| exact_equilibria(fractions, false)) {
        return Ok(Choice::set(exact.inside.support()));
    }
    Ok(match essential_set(matrix)? {
        Some(items) => Choice::set(items),
        None => Choice::open("rounding does not let it be told"),
    })
}

pub(super) fn bipartisan(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    let signs = RationalMargins::new(electorate.n(), |i, j| {
        let margin = electorate.margin(i, j);
        Some((i128::from(margin > 0.0) - i128::from(margin < 0.0), 2))
    });
    played(&majority_game(electorate.matrix()), signs.as_ref())
}

pub(super) fn essential(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    played(electorate.matrix(), electorate.fractions())
}

pub(super) fn random_dictatorship(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    let n = electorate.n();
    let ballots = electorate.ballots().unwrap_or_default();
    let total: f64 = ballots.iter().map(|b| b.weight).sum();
    let mut policy = vec![0.0; n];
    for ballot in ballots {
        let places = ballot.places(n);
        let best = places.iter().min();
        let top: Vec<usize> = (0..n).filter(|&i| Some(&places[i]) == best).collect();
        top.iter().for_each(|&i| policy[i] += ballot.weight / (total * top.len() as f64));
    }
    Ok(Choice::Lottery { policy, unique: Some(true) })
}

pub(super) fn quantal_response(electorate: &Electorate, options: &ConceptOptions) -> Chosen {
    let shape = Shape::single(electorate.n()).expect("an electorate has an item");
    let reference = options.reference.clone().unwrap_or_else(|| Policy::uniform(&shape));
    let found = regularised_equilibrium(electorate.matrix(), &reference, options.tau())?;
    Ok(Choice::Lottery { policy: found.policy.probs().to_vec(), unique: Some(true) })
}
