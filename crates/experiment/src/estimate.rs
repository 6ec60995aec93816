//! What comparisons leave open about the game that is estimated from them: the verdict of `equipoise inspect`, as that command
//! gives it by default, and intervals of the headline numbers over draws of the win rates.

use equipoise::core::seed;
use equipoise::data::Comparisons;
use equipoise::models::posterior::{Posterior, posterior};
use equipoise_answers::{InspectOptions, InspectVerdict, Silent, inspect};
use equipoise_records::schema::{Estimate, GameFacts};

/// Draws of the win rates for intervals.
const DRAWS: usize = 400;
/// Most items of data that are inspected: beyond, `equipoise inspect` is asked by itself.
const INSPECTED: usize = 100;

/// The estimate behind the game called `name`; `facts` are those of its win rates.
pub(crate) fn estimate(counts: &Comparisons, facts: Option<&GameFacts>, of: u64, name: &str) -> Estimate {
    let n = counts.n();
    let met = counts.pairs.iter().map(|pair| pair.met());
    let (fewest, most) = met.fold((f64::INFINITY, 0.0_f64), |(a, b), m| (a.min(m), b.max(m)));
    let mut estimate = Estimate {
        comparisons: counts.total,
        ties: counts.total_ties,
        pairs_met: counts.pairs.len(),
        pairs: n * n.saturating_sub(1) / 2,
        votes: (if counts.pairs.is_empty() { 0.0 } else { fewest }, most),
        verdict: None,
        explanation: String::new(),
        cyclic_beyond_noise: None,
        replicates: 0,
        draws: 0,
        bt_gap: None,
        bt_loses: None,
        nash: None,
        nash_played: None,
    };
    if n > INSPECTED {
        estimate.explanation =
            format!("more than {INSPECTED} items: `equipoise inspect` on the file gives the verdict");
        return estimate;
    }
    let options = InspectOptions::default();
    match inspect(counts, &options, &Silent) {
        Ok(found) => {
            estimate.verdict = Some(found.verdict.word().to_owned());
            estimate.explanation = found.verdict.to_string();
            estimate.replicates = options.replicates;
            estimate.cyclic_beyond_noise = match found.verdict {
                InspectVerdict::Unknown { .. } => None,
                verdict => Some(matches!(verdict, InspectVerdict::CyclicBeyondNoise { .. })),
            };
        }
        Err(error) => estimate.explanation = format!("no verdict: {error}"),
    }
    let pick = facts.and_then(|facts| counts.labels.iter().position(|label| *label == facts.bt_favourite));
    let Some(pick) = pick else { return estimate };
    match posterior(counts, pick, DRAWS, &mut seed::stream(of, "posterior", &[name])) {
        Ok(Posterior { draws, gap, loses, nash, .. }) => {
            estimate.draws = draws;
            estimate.bt_gap = Some(gap);
            estimate.bt_loses = Some(loses);
            estimate.nash_played = nash.as_ref().map(|items| items.iter().map(|item| item.played).collect());
            estimate.nash = nash.map(|items| items.iter().map(|item| item.probability).collect());
        }
        Err(error) => tracing::warn!(game = name, %error, "no intervals: a lottery of a draw was not found"),
    }
    estimate
}
