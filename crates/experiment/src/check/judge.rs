//! Claims against records, case by case.

use std::collections::BTreeMap;

use equipoise::eval::behaviour::student;
use equipoise_records::schema::{RunRecord, TracePoint};
use equipoise_records::{Iterate, Results};

use super::{Across, Checked, Expectation, Over, Unit};

/// What tells a case from others: game, bits of tau, label, repetition; what is pooled is left out.
type Case<'a> = (Option<&'a str>, Option<u64>, Option<&'a str>, Option<u32>);

/// Fewest runs of which an interval is told.
const FEWEST_RUNS: usize = 6;

/// Holds every claim against the records.
#[must_use]
pub fn judge(claims: &[Expectation], results: &Results) -> Vec<Checked> {
    claims.iter().map(|claim| verdict(claim, results)).collect()
}

impl Over {
    /// One value of several; `None` where a run has no value.
    fn of(self, mut values: Vec<f64>) -> Option<f64> {
        if values.is_empty() || values.iter().any(|v| v.is_nan()) {
            return None;
        }
        values.sort_by(f64::total_cmp);
        let n = values.len();
        Some(match self {
            Self::Median => 0.5 * (values[(n - 1) / 2] + values[n / 2]),
            Self::Every | Self::Mean | Self::Interval => values.iter().sum::<f64>() / n as f64,
        })
    }
}

/// The 95% interval of the mean of runs; `None` for fewer than [`FEWEST_RUNS`], and where one has no value.
fn interval(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < FEWEST_RUNS || values.iter().any(|v| v.is_nan()) {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0);
    let half = student(n - 1.0) * (variance / n).sqrt();
    Some((mean - half, mean + half))
}

impl Expectation {
    /// The case that a run belongs to; `label` stands for the run's own where two labels are compared.
    fn case<'a>(&self, record: &'a RunRecord, label: &'a str) -> Case<'a> {
        let kept = |pooled| !self.across.contains(&pooled);
        (
            kept(Across::Games).then_some(record.game.as_str()),
            // -0 and 0 are one tau
            kept(Across::Taus).then_some((record.tau + 0.0).to_bits()),
            kept(Across::Labels).then_some(label),
            (self.over == Over::Every).then_some(record.repetition),
        )
    }

    /// The runs of the claim's games and taus, of those methods that `is_named` takes, with the value at an iterate.
    fn runs<'a>(
        &'a self,
        results: &'a Results,
        iterate: Iterate,
        is_named: impl Fn(&RunRecord) -> bool + 'a,
    ) -> impl Iterator<Item = (&'a RunRecord, f64)> + 'a {
        let named = move |record: &RunRecord| {
            is_named(record)
                && self.game.as_deref().is_none_or(|game| game == record.game)
                && self.tau.is_none_or(|tau| tau == record.tau)
                && self.stable.is_none_or(|stable| predicted_stable(record) == Some(stable))
        };
        results.runs.iter().filter(move |run| named(&run.record)).map(move |run| {
            let points = || run.trace.iter().flatten().rev();
            let of = |p: &&TracePoint| p.metric == self.metric && p.iterate == iterate;
            // the last record within the budget: effort is a metric of the last iterate, at the same step
            let at = |unit: Unit, budget: u64| {
                let last = points().find(|p| spent(unit, p).is_some_and(|spent| spent <= budget))?;
                let point = points().filter(of).find(|p| p.step <= last.step)?;
                Some((spent(unit, last)?, point.value))
            };
            let value = match (self.within, self.since) {
                (None, _) => points().find(of).map(|p| p.value),
                (Some((unit, budget)), None) => at(unit, budget).map(|(_, value)| value),
                (Some((unit, budget)), Some(from)) => {
                    at(unit, from).zip(at(unit, budget)).map(|(first, last)| {
                        // no record between the two budgets: no slope
                        let units = (last.0 as f64 / first.0 as f64).ln();
                        if units > 0.0 && units.is_finite() { (last.1 - first.1) / units } else { f64::NAN }
                    })
                }
            };
            (&run.record, value.unwrap_or(f64::NAN))
        })
    }

    /// The cases of runs, each with its values; NaN where a run has none.
    fn cases<'a>(
        &'a self,
        results: &'a Results,
        iterate: Iterate,
        is_named: impl Fn(&RunRecord) -> bool + 'a,
        label: Option<&'a str>,
    ) -> BTreeMap<Case<'a>, Vec<f64>> {
        let mut cases: BTreeMap<Case<'a>, Vec<f64>> = BTreeMap::new();
        for (record, value) in self.runs(results, iterate, is_named) {
            cases.entry(self.case(record, label.unwrap_or(&record.label))).or_default().push(value);
        }
        cases
    }

    /// How far on the right side of the bounds, in their units; NaN is on the wrong one.
    fn margin(&self, value: f64) -> f64 {
        let above = self.at_most.map_or(f64::INFINITY, |bound| bound - value);
        let below = self.at_least.map_or(f64::INFINITY, |bound| value - bound);
        if value.is_nan() { f64::NEG_INFINITY } else { above.min(below) }
    }

    /// What is said of a case.
    fn said(&self, case: Case<'_>, value: f64, other: Option<f64>) -> String {
        let (game, tau, label, _) = case;
        let over = match self.over {
            Over::Every => "",
            Over::Median => "median ",
            Over::Mean | Over::Interval => "mean ",
        };
        let tau = tau.map_or(String::from("all taus"), |bits| format!("tau {}", f64::from_bits(bits)));
        let mut text = format!(
            "{} on {} with {tau}: {over}{value:e}",
            label.unwrap_or("all labels"),
            game.unwrap_or("all games"),
        );
        if let Some((label, times)) = &self.below {
            let factor = if *times == 1.0 { String::new() } else { format!("{times} times ") };
            text += &match other {
                Some(other) if self.below_iterate != self.iterate => {
                    format!("; {factor}{label} at its {}: {other:e}", self.below_iterate)
                }
                Some(other) => format!("; {factor}{label}: {other:e}"),
                None => format!("; no value of {label} to compare with"),
            };
        }
        text
    }
}

fn verdict(claim: &Expectation, results: &Results) -> Checked {
    let other = claim.below.as_ref().map(|(label, _)| label.as_str());
    let named = |record: &RunRecord| {
        claim.solver.as_deref().is_none_or(|solver| solver == record.solver)
            && claim.label.as_deref().is_none_or(|label| label == record.label)
            // other runs are compared with it, not it with itself at the same iterate
            && other.is_none_or(|other| other != record.label || claim.below_iterate != claim.iterate)
    };
    let cases = claim.cases(results, claim.iterate, named, None);
    let others: BTreeMap<_, _> = other
        .map(|label| claim.cases(results, claim.below_iterate, move |record| record.label == label, Some("")))
        .unwrap_or_default();
    let runs = cases.values().map(Vec::len).sum();
    let (count, mut held) = (cases.len(), 0_u64);
    let mut worst: Option<(f64, String)> = None;
    for (case, values) in cases {
        let bounds = (claim.over == Over::Interval).then(|| interval(&values));
        let value = claim.over.of(values);
        let opposite = (case.0, case.1, case.2.map(|_| ""), case.3);
        let compared = others.get(&opposite).and_then(|values| claim.over.of(values.clone()));
        let margin = match (value, &claim.below) {
            (None, _) => f64::NEG_INFINITY,
            (Some(value), None) => match bounds {
                None => claim.margin(value),
                Some(Some((low, high))) => claim.margin(low).min(claim.margin(high)),
                // too few runs
                Some(None) => f64::NEG_INFINITY,
            },
            (Some(value), Some((_, times))) => match compared {
                // equal is not below
                Some(other) if value < times * other => claim.margin(value).min(times * other - value),
                Some(other) => claim.margin(value).min((times * other - value).min(-f64::MIN_POSITIVE)),
                None => f64::NEG_INFINITY,
            },
        };
        held += u64::from(margin >= 0.0);
        if worst.as_ref().is_none_or(|(m, _)| margin < *m) {
            let mut said = claim.said(case, value.unwrap_or(f64::NAN), compared);
            said += &match bounds {
                None => String::new(),
                Some(Some((low, high))) => format!(" in [{low:e}, {high:e}]"),
                Some(None) => format!("; an interval needs {FEWEST_RUNS} runs"),
            };
            worst = Some((margin, said));
        }
    }
    let holds = count > 0 && held >= claim.holds_in.unwrap_or(count as u64);
    let short = claim.holds_in.map(|_| format!("holds in {held} of {count} cases; "));
    let worst = worst.map(|(_, text)| short.unwrap_or_default() + &text);
    Checked { claim: claim.text.clone(), holds, runs, cases: count, worst }
}

/// What a point tells of a budget spent until its step, in whole units.
fn spent(unit: Unit, point: &TracePoint) -> Option<u64> {
    match unit {
        Unit::Steps => Some(point.step),
        Unit::Queries => Some(point.queries),
        Unit::Duels => Some(point.duels),
        Unit::Effort(metric) => {
            let counted = point.metric == metric && point.iterate == Iterate::Last && point.value.is_finite();
            counted.then_some(point.value as u64)
        }
    }
}

/// What the local spectrum says of a run before its first step; `None` where it says nothing.
fn predicted_stable(record: &RunRecord) -> Option<bool> {
    // records of 0.1 have no modulus
    record.rate.as_ref().and_then(|rate| rate.modulus.or(rate.predicted)).map(|factor| factor < 1.0)
}
