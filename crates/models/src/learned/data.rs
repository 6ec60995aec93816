//! Labels of a context, in the form that a model is fitted to.

use equipoise_core::Shape;
use equipoise_data::{Battle, Battles, Checks, Grouped, Grouping, Ranking, Rankings, Ties};
use equipoise_env::{Label, Labels, Outcome, Ranked};

use crate::error::FitError;
use crate::input::{Contexts, Counts, ModelData, ModelInput};

/// Labels of one context as data of the form `input`, over all its actions, `names`. Rankings are split into the pairs that
/// they order where comparisons are needed; where rankings are, a comparison is a ranking of two.
///
/// # Errors
/// [`FitError::Input`] if the form needs all contexts at once.
pub fn model_data(
    input: ModelInput,
    model: &'static str,
    labels: &Labels,
    context: usize,
    names: &[String],
) -> Result<ModelData, FitError> {
    let of = |x: u32| x as usize == context;
    let pairs = labels.pairs.iter().filter(|l| of(l.context));
    let rankings = labels.rankings.iter().filter(|r| of(r.context));
    Ok(match input {
        ModelInput::Counts => ModelData::Counts(Counts::from(battles(pairs, rankings, names, 0).counts())),
        ModelInput::Battles => ModelData::Battles(battles(pairs, rankings, names, 0)),
        ModelInput::Rankings => ModelData::Rankings(ranked(pairs, rankings, names)),
        ModelInput::Contexts => {
            return Err(FitError::Input { model, needs: input, got: ModelInput::Counts });
        }
    })
}

/// Labels of all contexts for a model of contexts. A game has no features of its own: each context but the first has an
/// indicator, so that its strengths are free.
///
/// # Errors
/// [`FitError::Ragged`] if contexts have unequally many actions, which then are not the same items.
pub(crate) fn contextual_data(
    model: &'static str,
    labels: &Labels,
    shape: &Shape,
    names: &[String],
) -> Result<ModelData, FitError> {
    let contexts = shape.contexts();
    if (1..contexts).any(|x| shape.actions(x) != shape.actions(0)) {
        return Err(FitError::Ragged { model });
    }
    let all = battles(labels.pairs.iter(), labels.rankings.iter(), names, contexts);
    let grouped = Grouped::of_battles(&all, Grouping::Context);
    let features = Contexts::indicators(&all.contexts);
    Ok(ModelData::Contexts(Contexts { grouped, features }))
}

/// `contexts`: how many are told apart; 0 if none are.
fn battles<'a>(
    pairs: impl Iterator<Item = &'a Label>,
    rankings: impl Iterator<Item = &'a Ranked>,
    names: &[String],
    contexts: usize,
) -> Battles {
    let context = |x: u32| if contexts == 0 { 0 } else { x };
    let row = |first: u32, second: u32, outcome: Outcome, x: u32| Battle {
        first,
        second,
        outcome,
        weight: 1.0,
        context: context(x),
        annotator: 0,
        time: None,
        magnitude: 1.0,
    };
    let mut with_magnitudes = false;
    let mut rows: Vec<Battle> = pairs
        .map(|l| {
            with_magnitudes |= l.magnitude.is_some();
            let magnitude = l.magnitude.unwrap_or(1.0);
            Battle { weight: l.weight, magnitude, ..row(l.first, l.second, l.outcome, l.context) }
        })
        .collect();
    let mut split = Vec::new();
    for ranking in rankings {
        let begin = rows.len();
        for (k, &better) in ranking.order.iter().enumerate() {
            let worse = ranking.order[k + 1..].iter();
            rows.extend(worse.map(|&w| row(better, w, Outcome::First, ranking.context)));
        }
        if ranking.order.len() > 2 {
            split.push(begin..rows.len());
        }
    }
    let columns = if with_magnitudes { vec!["magnitude"] } else { Vec::new() };
    Battles {
        labels: names.to_vec(),
        contexts: (0..contexts.max(1)).map(|x| x.to_string()).collect(),
        annotators: vec![String::new()],
        checks: Checks {
            rows: rows.len() as u64,
            rankings: split.len() as u64,
            columns,
            ..Checks::default()
        },
        rows,
        rankings: split,
        ties: Ties::Half,
    }
}

fn ranked<'a>(
    pairs: impl Iterator<Item = &'a Label>,
    rankings: impl Iterator<Item = &'a Ranked>,
    names: &[String],
) -> Rankings {
    let ranking =
        |groups: Vec<Vec<u32>>, weight: f64| Ranking { groups, weight, context: 0, annotator: 0, time: None };
    let of_pair = |l: &Label| {
        let groups = match l.outcome {
            Outcome::First => vec![vec![l.first], vec![l.second]],
            Outcome::Second => vec![vec![l.second], vec![l.first]],
            Outcome::Tie | Outcome::BothBad => vec![vec![l.first, l.second]],
        };
        ranking(groups, l.weight)
    };
    let of_ranking = |r: &Ranked| ranking(r.order.iter().map(|&a| vec![a]).collect(), 1.0);
    let rankings: Vec<Ranking> = pairs.map(of_pair).chain(rankings.map(of_ranking)).collect();
    Rankings {
        labels: names.to_vec(),
        contexts: vec![String::new()],
        annotators: vec![String::new()],
        checks: Checks { rows: rankings.len() as u64, ..Checks::default() },
        rankings,
    }
}
