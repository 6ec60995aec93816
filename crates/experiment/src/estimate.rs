//! What comparisons leave open about the game that is estimated from them: the verdict of `equipoise inspect`, as that command
//! gives it by default, and intervals of the headline numbers over draws of the win rates.

use std::time::Instant;

use equipoise::core::seed;
use equipoise::data::Comparisons;
use equipoise::models::intransitivity::{InspectVerdict, REPLICATES, inspect};
use equipoise::models::posterior::{Posterior, posterior};
use equipoise_records::schema::{Estimate, GameFacts};

/// Draws of the win rates for intervals.
pub(crate) const DRAWS: usize = 400;
/// Most items of data that are inspected: beyond, `equipoise inspect` is asked by itself.
const INSPECTED: usize = 100;

/// Data sets and draws that are timed for [`seconds`].
const TIMED: (usize, usize) = (16, 8);

/// Seconds that [`estimate`] takes, about: some of its data sets and draws are timed.
pub(crate) fn seconds(counts: &Comparisons) -> f64 {
    if counts.n() > INSPECTED || counts.pairs.is_empty() {
        return 0.0;
    }
    let (sets, draws) = TIMED;
    let begun = Instant::now();
    // what cannot be inspected takes no longer when it is asked for in earnest
    let _ = inspect(counts, sets, 0, &|| ());
    let inspected = begun.elapsed().as_secs_f64() * REPLICATES as f64 / sets as f64;
    let begun = Instant::now();
    let _ = posterior(counts, 0, draws, &mut seed::stream(0, "posterior", &[]));
    inspected + begun.elapsed().as_secs_f64() * DRAWS as f64 / draws as f64
}

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
    // with the seed that the command has by default, so that both say the same
    match inspect(counts, REPLICATES, 0, &|| ()) {
        Ok(found) => {
            let verdict = InspectVerdict::of(&counts.clone().into(), &found);
            estimate.verdict = Some(verdict.word().to_owned());
            estimate.explanation = verdict.to_string();
            estimate.replicates = REPLICATES;
            estimate.cyclic_beyond_noise = match verdict {
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
