//! Claims tested against measurements: claims as data, and the logic of their verdicts.
//!
//! A claim says: under these hypotheses, run with these parameters, this metric of this iterate obeys this form. What it
//! is tested against is a series `(step, value)` measured at the exact oracle. Five verdicts: `pass`, `fail` (with the step),
//! `inconclusive` (the window shows nothing), `hypothesis not met` (the claim says nothing about this instance), `error` (the run
//! could not be made).
//!
//! A finite run can bear out a limit, an order or a linear rate without a constant, but not break it: a series that falls slowly, or
//! swings, may still be on its way. What breaks such a claim is a series at rest above what rounding leaves.
//!
//! A bound is broken when the measured value exceeds it by more than rounding; values below the metric's rounding floor
//! are not tested. The slack is the smallest `bound / measured` seen: 1 is tight, 1000 predicts nothing; the
//! slack at the end of the run stands beside it, because a bound may start tight and end far off.

use std::cmp::Ordering;

use serde::Serialize;

use crate::decay::{Decay, decide};

/// Relative excess over a bound that rounding may cause.
const ROUNDING: f64 = 1e-9;
/// A quantity said to vanish must end below this share of its start, or still fall.
const VANISHED: f64 = 1e-8;
/// Half-width, in standard errors, of the confidence interval of a slope.
const DEVIATIONS: f64 = 1.96;
/// How far a measured exponent may lie above the claimed one: finite windows bend.
const EXPONENT_MARGIN: f64 = 0.1;

/// What a claim's expressions may use: all of it computed on the instance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// Largest number of actions of a context.
    pub actions: usize,
    /// The task's regularisation.
    pub tau: f64,
    /// The canonical step that ran; NaN for methods without one.
    pub eta: f64,
    /// `D = max_i -log pi_1(i)`.
    pub radius: f64,
    /// Steps run.
    pub steps: u64,
    /// Largest rotation frequency at the equilibrium.
    pub omega: f64,
    /// Largest singular value of the margins.
    pub operator_norm: f64,
    /// Strength of the method's own moving reference (`comal_tau`, `magnet_tau`, `alpha`); NaN without one.
    pub magnet: f64,
    /// Whether the equilibrium plays every action.
    pub full_support: bool,
    /// Whether it was proved to be the only one.
    pub unique: bool,
    /// The metric at the start.
    pub initial: f64,
}

/// A condition under which a theorem speaks, checked on the instance.
#[derive(Clone, Copy, Debug)]
pub struct Hypothesis {
    /// In words.
    pub says: &'static str,
    /// Whether it holds.
    pub holds: fn(&Facts) -> bool,
}

/// What a measured series must obey. `t` counts units (steps, queries or duels) from the first step on.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// `m_t <= bound(t)`.
    Bound(fn(&Facts, f64) -> f64),
    /// `m_{t+1} <= factor m_t + rest`, the pair given by the function.
    Contraction(fn(&Facts) -> (f64, f64)),
    /// `m` never rises, compared every so many steps.
    NeverRises(u64),
    /// `m` never falls.
    NeverFalls,
    /// `m_t` is of order `t^-exponent`, constants unknown: the measured slope decides.
    Order(fn(&Facts) -> f64),
    /// `m_t` falls linearly (geometrically) to 0, rate unknown.
    Linear,
    /// `m_t` goes to 0.
    Vanishes,
    /// `m` moves away: it ends above ten times its start.
    Leaves,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BoundVerdict {
    /// The measurement obeys the claim.
    Pass,
    /// It does not.
    Fail {
        /// Where it is worst, from 1.
        step: u64,
        /// What was measured there.
        measured: f64,
        /// What the claim allows there.
        allowed: f64,
    },
    /// The measurement decides nothing.
    Inconclusive {
        /// Why.
        reason: &'static str,
    },
    /// The theorem does not speak of this instance.
    HypothesisNotMet {
        /// The hypothesis in words.
        hypothesis: &'static str,
    },
    /// The run could not be made, or broke off.
    Error {
        /// Why.
        reason: String,
    },
}

impl BoundVerdict {
    /// The word used in tables.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail { .. } => "FAIL",
            Self::Inconclusive { .. } => "INCONCLUSIVE",
            Self::HypothesisNotMet { .. } => "HYPOTHESIS NOT MET",
            Self::Error { .. } => "ERROR",
        }
    }
}

/// A fitted slope with its 95 percent interval and window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Slope {
    /// Of `log m` against `log t` (an exponent) or against `t` (a rate per step).
    pub value: f64,
    /// Half the width of the interval: 1.96 standard errors of the least-squares slope.
    pub half_width: f64,
    /// First and last step used.
    pub window: (u64, u64),
}

/// The place that decides: the tightest (or worst) step of a bound, the last step of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Witness {
    /// The step, from 1.
    pub step: u64,
    /// What was measured there.
    pub measured: f64,
    /// What the claim allows there, for forms with a bound.
    pub allowed: Option<f64>,
}

impl Witness {
    /// `allowed / measured`; none without a bound.
    #[must_use]
    pub fn slack(&self) -> Option<f64> {
        self.allowed.map(|a| a / self.measured)
    }
}

/// A verdict with what was measured beside it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Assessment {
    /// The verdict.
    #[serde(flatten)]
    pub verdict: BoundVerdict,
    /// Smallest `bound / measured`; none where the form has no bound.
    pub slack: Option<f64>,
    /// The last step above the rounding floor, where the form has a bound.
    pub last: Option<Witness>,
    /// Where the claim is nearest to being broken, or is broken.
    pub witness: Option<Witness>,
    /// Slope of `log m` in `log t` for bounds and orders, in `t` for linear forms and contractions.
    pub slope: Option<Slope>,
    /// How the series falls, for linear forms.
    pub decay: Option<Decay>,
}

/// How bad a finding is for its claim; larger is worse.
#[derive(Clone, Copy, Debug)]
pub struct Severity {
    /// Of the verdict: 0 silent, 1 kept, 2 open, 3 could not be run, 4 broken.
    class: u8,
    /// `measured / bound` where they are nearest, 0 where nothing was compared.
    tightness: f64,
}

impl Severity {
    /// One number for the order of a list: 1e9 a class, and the tightness up to 1e8. Beside a class a tightness is kept to
    /// about 1e-7, so that rounding orders nothing.
    #[must_use]
    pub fn score(self) -> f64 {
        1e9 * f64::from(self.class) + self.tightness.min(1e8)
    }
}

impl Ord for Severity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.class.cmp(&other.class).then(self.tightness.total_cmp(&other.tightness))
    }
}

impl PartialOrd for Severity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Severity {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Severity {}

impl Assessment {
    /// A verdict without a measurement.
    #[must_use]
    pub fn unmeasured(verdict: BoundVerdict) -> Self {
        Self { verdict, slack: None, last: None, witness: None, slope: None, decay: None }
    }

    /// How bad it is for the claim: searches keep the worst, lists begin with it.
    #[must_use]
    pub fn severity(&self) -> Severity {
        let (class, compared) = match self.verdict {
            BoundVerdict::HypothesisNotMet { .. } => (0, None),
            BoundVerdict::Pass => (1, None),
            BoundVerdict::Inconclusive { .. } => (2, None),
            BoundVerdict::Error { .. } => (3, None),
            BoundVerdict::Fail { measured, allowed, .. } => (4, Some(measured / allowed)),
        };
        let tightness = self.slack.map(|s| 1.0 / s).or(compared).unwrap_or(0.0);
        Severity { class, tightness }
    }
}

/// Tests `series` (values at steps 0, 1, 2, .. in order) against `form`. `floor` is what rounding leaves of the metric, `unit`
/// what one step costs in the unit of the claim.
#[must_use]
pub fn judge(
    form: Form,
    hypotheses: &[Hypothesis],
    facts: &Facts,
    series: &[f64],
    floor: f64,
    unit: f64,
) -> Assessment {
    let nothing = Assessment::unmeasured;
    if let Some(unmet) = hypotheses.iter().find(|h| !(h.holds)(facts)) {
        return nothing(BoundVerdict::HypothesisNotMet { hypothesis: unmet.says });
    }
    if series.len() < 2 {
        return nothing(BoundVerdict::Inconclusive { reason: "no step was done" });
    }
    let geometric = matches!(
        form,
        Form::Contraction(_) | Form::Linear | Form::NeverRises(_) | Form::NeverFalls | Form::Leaves
    );
    let slope = slope(series, floor, geometric);
    let decay = matches!(form, Form::Linear | Form::Vanishes | Form::Order(_)).then(|| decide(series, floor));
    let steps = || 1..series.len();
    // the last step decides where there is no bound
    let limit = |verdict| BoundCheck {
        verdict,
        tightest: Some((series.len() - 1, series[series.len() - 1], f64::NAN)),
        slack: None,
        last: None,
    };
    let check = match form {
        Form::Bound(bound) => {
            check_bound(steps().map(|t| (t, series[t], bound(facts, t as f64 * unit))), floor)
        }
        Form::Contraction(factor) => {
            let (factor, rest) = factor(facts);
            check_bound(steps().map(|t| (t, series[t], factor * series[t - 1] + rest)), floor)
        }
        Form::NeverRises(stride) => {
            let stride = stride.max(1) as usize;
            let at = |t: usize| (t, series[t], series[t - stride]);
            let check = check_bound((stride..series.len()).step_by(stride).map(at), floor);
            BoundCheck { slack: None, last: None, ..check }
        }
        Form::NeverFalls => {
            let check = check_bound(steps().map(|t| (t, series[t - 1], series[t])), floor);
            // named the other way round: what was measured fell below what was there
            let verdict = match check.verdict {
                BoundVerdict::Fail { step, measured, allowed } => {
                    BoundVerdict::Fail { step, measured: allowed, allowed: measured }
                }
                other => other,
            };
            let tightest = check.tightest.map(|(t, measured, allowed)| (t, allowed, measured));
            BoundCheck { verdict, tightest, slack: None, last: None }
        }
        Form::Order(exponent) => limit(order(exponent(facts), series, slope, floor)),
        Form::Linear => limit(linear(series, floor)),
        Form::Vanishes => limit(vanishes(series, floor)),
        Form::Leaves => limit(leaves(series)),
    };
    let witness = |(step, measured, allowed): (usize, f64, f64)| Witness {
        step: step as u64,
        measured,
        allowed: (!allowed.is_nan()).then_some(allowed),
    };
    let (last, tightest) = (check.last.map(witness), check.tightest.map(witness));
    Assessment { verdict: check.verdict, slack: check.slack, last, witness: tightest, slope, decay }
}

/// A series tested against bounds.
struct BoundCheck {
    verdict: BoundVerdict,
    /// Step, measured, allowed where the ratio is smallest.
    tightest: Option<(usize, f64, f64)>,
    slack: Option<f64>,
    last: Option<(usize, f64, f64)>,
}

/// The worst excess over what is allowed, the smallest slack and the last one.
fn check_bound(values: impl Iterator<Item = (usize, f64, f64)>, floor: f64) -> BoundCheck {
    let mut worst: Option<(usize, f64, f64)> = None;
    let mut tightest: Option<(usize, f64, f64)> = None;
    let (mut slack, mut last) = (None, None);
    for (t, measured, allowed) in values {
        if measured.is_nan() {
            let verdict = BoundVerdict::Inconclusive { reason: "the metric is not defined here" };
            return BoundCheck { verdict, tightest: None, slack: None, last: None };
        }
        if measured <= floor {
            continue;
        }
        let ratio = allowed / measured;
        last = Some((t, measured, allowed));
        if slack.is_none_or(|s| ratio < s) {
            (slack, tightest) = (Some(ratio), Some((t, measured, allowed)));
        }
        if ratio * (1.0 + ROUNDING) < 1.0
            && allowed + floor < measured
            && worst.is_none_or(|w| ratio < w.2 / w.1)
        {
            worst = Some((t, measured, allowed));
        }
    }
    let verdict = match worst {
        Some((t, measured, allowed)) => BoundVerdict::Fail { step: t as u64, measured, allowed },
        None => BoundVerdict::Pass, // below the floor from the first step on, every bound holds
    };
    BoundCheck { verdict, tightest: worst.or(tightest), slack, last }
}

/// Whether the envelope falls at least as fast as `t^-exponent`.
fn order(exponent: f64, series: &[f64], slope: Option<Slope>, floor: f64) -> BoundVerdict {
    let still = vanishes(series, floor);
    if matches!(still, BoundVerdict::Pass | BoundVerdict::Fail { .. }) {
        return still;
    }
    match slope {
        None => BoundVerdict::Inconclusive { reason: "too few points above rounding" },
        Some(s) if s.value + s.half_width <= EXPONENT_MARGIN - exponent => BoundVerdict::Pass,
        Some(_) => BoundVerdict::Inconclusive { reason: "falls more slowly than claimed in this window" },
    }
}

/// Whether the series falls by a factor a step.
fn linear(series: &[f64], floor: f64) -> BoundVerdict {
    match decide(series, floor) {
        Decay::Linear { .. } | Decay::Reached => BoundVerdict::Pass,
        Decay::AtRest => at_rest(series, floor),
        Decay::Polynomial { .. } => {
            BoundVerdict::Inconclusive { reason: "falls as a power of the step in this window, not linearly" }
        }
        Decay::Undecided { reason } => BoundVerdict::Inconclusive { reason },
    }
}

/// Whether the series goes to 0: it has, or it rests elsewhere.
fn vanishes(series: &[f64], floor: f64) -> BoundVerdict {
    let n = series.len();
    let last = series[n - n.div_ceil(10)..].iter().fold(0.0, |m: f64, v| m.max(*v));
    if last <= floor.max(VANISHED * series[0]) {
        return BoundVerdict::Pass;
    }
    match decide(series, floor) {
        Decay::AtRest => at_rest(series, floor),
        _ => BoundVerdict::Inconclusive { reason: "not there at the end of the run, and not at rest" },
    }
}

fn at_rest(series: &[f64], floor: f64) -> BoundVerdict {
    let step = series.len() - 1;
    BoundVerdict::Fail { step: step as u64, measured: series[step], allowed: floor.max(VANISHED * series[0]) }
}

/// Whether the series moves away from 0. One that comes nearer fails; one that has done neither is open.
fn leaves(series: &[f64]) -> BoundVerdict {
    let n = series.len();
    let last = series[n - n.div_ceil(10)..].iter().fold(0.0, |m: f64, v| m.max(*v));
    let away = 10.0 * series[0];
    if last > away {
        BoundVerdict::Pass
    } else if last < series[0] {
        BoundVerdict::Fail { step: n as u64 - 1, measured: last, allowed: away }
    } else {
        BoundVerdict::Inconclusive { reason: "neither came nearer nor moved away by a factor of ten" }
    }
}

/// Least-squares slope of the upper envelope of `log m` over the last two thirds of `log t` (exponents) or of the steps
/// (rates), as far as the values are above `floor`; none with fewer than eight points.
fn slope(series: &[f64], floor: f64, geometric: bool) -> Option<Slope> {
    // a run that starts at the equilibrium leaves it first
    let begin = series.iter().position(|v| *v > floor)?;
    let above = series[begin..].iter().position(|v| v.is_nan() || *v <= floor);
    let end = above.map_or(series.len(), |steps| begin + steps);
    let (first, count) =
        (if geometric { end / 3 } else { (end as f64).powf(1.0 / 3.0) as usize }.max(1).max(begin), 64usize);
    if end < first + 8 {
        return None;
    }
    // the largest value of each of up to 64 cells: oscillations about a falling level must not bend the line
    let edge = |k: usize| {
        let share = k as f64 / count as f64;
        let (a, b) = (first as f64, end as f64);
        if geometric { a + (b - a) * share } else { a * (b / a).powf(share) }.round() as usize
    };
    let points: Vec<(f64, f64)> = (0..count)
        .filter(|&k| edge(k) < edge(k + 1))
        .map(|k| {
            let cell = edge(k)..edge(k + 1);
            let t = cell.clone().max_by(|&a, &b| series[a].total_cmp(&series[b])).expect("not empty");
            (if geometric { t as f64 } else { (t as f64).ln() }, series[t].ln())
        })
        .collect();
    if points.len() < 8 {
        return None;
    }
    let n = points.len() as f64;
    let mean = |f: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / n;
    let (mx, my) = (mean(&|p| p.0), mean(&|p| p.1));
    let (sxx, sxy) = (mean(&|p| (p.0 - mx).powi(2)), mean(&|p| (p.0 - mx) * (p.1 - my)));
    let value = sxy / sxx;
    let residual = mean(&|p| (p.1 - my - value * (p.0 - mx)).powi(2)) * n / (n - 2.0);
    Some(Slope {
        value,
        half_width: DEVIATIONS * (residual / (n * sxx)).sqrt(),
        window: (first as u64, end as u64 - 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: Facts = Facts {
        actions: 3,
        tau: 0.1,
        eta: 0.5,
        radius: 1.0,
        steps: 2000,
        omega: 0.2,
        operator_norm: 0.5,
        magnet: f64::NAN,
        full_support: true,
        unique: true,
        initial: 1.0,
    };

    fn series(f: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..=2000).map(|t| f(f64::from(t))).collect()
    }

    fn verdict(form: Form, values: &[f64]) -> BoundVerdict {
        judge(form, &[], &FACTS, values, 1e-25, 1.0).verdict
    }

    #[test]
    fn the_worst_finding_is_broken_then_open_then_tight() {
        let severity =
            |form, f: &dyn Fn(f64) -> f64| judge(form, &[], &FACTS, &series(f), 1e-25, 1.0).severity();
        let bound = Form::Bound(|_, t| 1.0 / t);
        let (broken, tight, loose) = (
            severity(bound, &|t| 2.0 / (t + 1.0)),
            severity(bound, &|t| 0.9 / (t + 1.0)),
            severity(bound, &|t| 0.3 / (t + 1.0)),
        );
        let open = severity(Form::Vanishes, &|t| 1.0 / (t + 1.0));
        assert!(broken > open && open > tight && tight > loose);
        // rounding orders nothing in a list
        let moved = severity(bound, &|t| 0.3 * (1.0 + 1e-12) / (t + 1.0));
        assert!(moved > loose && moved.score() == loose.score());
    }

    #[test]
    fn bounds_break_where_they_break() {
        let over = |t: f64| 1.0 / (t + 1.0);
        let judged = judge(Form::Bound(|_, t| 2.0 / (t + 1.0)), &[], &FACTS, &series(over), 1e-25, 1.0);
        assert_eq!(judged.verdict, BoundVerdict::Pass);
        approx::assert_relative_eq!(judged.slack.unwrap_or(0.0), 2.0, max_relative = 1e-12);
        let broken = judge(Form::Bound(|_, t| 1.0 / (t + 2.0)), &[], &FACTS, &series(over), 1e-25, 1.0);
        // the ratio (t + 1) / (t + 2) is smallest at the first step
        assert!(matches!(broken.verdict, BoundVerdict::Fail { step: 1, .. }), "{broken:?}");
        // the bound gains on the measured value from step to step
        let last = |j: &Assessment| j.last.and_then(|w| w.slack());
        assert!(last(&judged) >= judged.slack && last(&broken) > broken.slack, "{broken:?}");
        let witness = broken.witness.expect("a bound has one");
        assert_eq!((witness.step, witness.allowed), (1, Some(1.0 / 3.0)));
        // two queries a step: what is claimed for t queries is tested against half as many steps
        let queries = |_: &Facts, t: f64| 1.0 / (t / 2.0 + 1.0);
        assert_eq!(
            judge(Form::Bound(queries), &[], &FACTS, &series(over), 1e-25, 2.0).verdict,
            BoundVerdict::Pass
        );
        assert_eq!(
            judge(Form::Bound(queries), &[], &FACTS, &series(over), 1e-25, 4.0).verdict.name(),
            "FAIL"
        );
        // rounding at the bound itself is no failure
        assert_eq!(verdict(Form::Bound(|_, t| 1.0 / (t + 1.0)), &series(over)), BoundVerdict::Pass);
    }

    #[test]
    fn contractions_orders_and_limits() {
        let linear = series(|t| 0.9f64.powf(t));
        assert_eq!(verdict(Form::Contraction(|_| (0.9, 0.0)), &linear), BoundVerdict::Pass);
        assert_eq!(verdict(Form::Contraction(|_| (0.89, 0.0)), &linear).name(), "FAIL");
        assert_eq!(verdict(Form::Contraction(|_| (0.89, 1.0)), &linear), BoundVerdict::Pass);
        assert_eq!(verdict(Form::Linear, &linear), BoundVerdict::Pass);
        let root = series(|t| (t + 1.0).powf(-0.5) * (1.0 + 0.3 * t.sin()));
        assert_eq!(verdict(Form::Order(|_| 0.5), &root), BoundVerdict::Pass);
        assert_eq!(verdict(Form::Order(|_| 1.0), &root).name(), "INCONCLUSIVE");
        // what rests above rounding breaks an order, and every limit; what swings is left open
        assert_eq!(verdict(Form::Order(|_| 0.5), &series(|_| 0.1)).name(), "FAIL");
        assert_eq!(verdict(Form::Order(|_| 0.5), &series(|t| 0.1 + 0.01 * t.sin())).name(), "INCONCLUSIVE");
        let floor = series(|t| 0.9f64.powf(t) + 1e-4);
        assert_eq!(verdict(Form::Vanishes, &floor).name(), "FAIL");
        assert_eq!(verdict(Form::Vanishes, &root).name(), "INCONCLUSIVE");
        assert_eq!(verdict(Form::Linear, &floor).name(), "FAIL");
        for power in [0.5, 1.0, 2.0] {
            let power = series(|t| (t + 1.0).powf(-power));
            assert_eq!(verdict(Form::Linear, &power).name(), "INCONCLUSIVE");
        }
        assert_eq!(verdict(Form::Linear, &series(|t| 0.9999f64.powf(t))).name(), "INCONCLUSIVE");
        assert_eq!(verdict(Form::NeverRises(1), &linear), BoundVerdict::Pass);
        assert_eq!(verdict(Form::NeverRises(1), &root).name(), "FAIL");
        assert_eq!(verdict(Form::NeverFalls, &series(|t| t)), BoundVerdict::Pass);
        assert_eq!(verdict(Form::NeverFalls, &linear).name(), "FAIL");
        assert_eq!(verdict(Form::Leaves, &series(|t| 1e-6 * 1.01f64.powf(t))), BoundVerdict::Pass);
        assert_eq!(verdict(Form::Leaves, &linear).name(), "FAIL");
        assert_eq!(verdict(Form::Leaves, &series(|t| 1.0 + t / 2000.0)).name(), "INCONCLUSIVE");
    }

    #[test]
    fn a_theorem_is_silent_where_its_hypothesis_fails() {
        let never = Hypothesis { says: "never", holds: |_| false };
        let judged = judge(Form::Linear, &[never], &FACTS, &[1.0, 0.5], 0.0, 1.0);
        assert_eq!(judged.verdict, BoundVerdict::HypothesisNotMet { hypothesis: "never" });
    }

    #[test]
    fn slopes_come_with_intervals_and_windows() {
        let found = slope(&series(|t| 3.0 * (t + 1e-9).powf(-0.75)), 1e-25, false).expect("a slope");
        approx::assert_abs_diff_eq!(found.value, -0.75, epsilon = 1e-6);
        assert!(found.half_width < 1e-6 && found.window.1 == 2000, "{found:?}");
        let found = slope(&series(|t| (-0.01 * t).exp()), 1e-25, true).expect("a slope");
        approx::assert_abs_diff_eq!(found.value, -0.01, epsilon = 1e-9);
    }
}
