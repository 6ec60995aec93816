//! Theorems held against measurements: claims as data, and the logic of their verdicts.
//!
//! A claim says: under these hypotheses, run with these parameters, this metric of this iterate obeys this form. What it
//! is held against is a series `(step, value)` measured at the exact oracle. Four verdicts: `pass`, `fail` (with the step),
//! `inconclusive` (the window shows nothing), `hypothesis not met` (the claim says nothing about this instance).
//!
//! A bound is broken when the measured value exceeds it by more than rounding; values below the metric's rounding floor
//! are not held against anything. The slack is the smallest `bound / measured` seen: 1 is tight, 1000 predicts nothing.

use serde::Serialize;

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
    /// Whether the equilibrium plays every action.
    pub full_support: bool,
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

/// What a measured series must obey. `t` counts steps from 1.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// `m_t <= bound(t)`.
    Bound(fn(&Facts, f64) -> f64),
    /// `m_{t+1} <= factor m_t + rest`, the pair given by the function.
    Contraction(fn(&Facts) -> (f64, f64)),
    /// `m` never rises, looked at every so many steps.
    NeverRises(u64),
    /// `m` never falls.
    NeverFalls,
    /// `m_t` is of order `t^-exponent`, constants unknown: the measured slope decides.
    Order(f64),
    /// `m_t` falls linearly (geometrically) to 0, rate unknown.
    Linear,
    /// `m_t` goes to 0.
    Vanishes,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
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
}

impl Verdict {
    /// The word used in tables.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail { .. } => "FAIL",
            Self::Inconclusive { .. } => "INCONCLUSIVE",
            Self::HypothesisNotMet { .. } => "HYPOTHESIS NOT MET",
        }
    }
}

/// A fitted slope with its 95 percent interval and window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Slope {
    /// Of `log m` against `log t` (an exponent) or against `t` (a rate per step).
    pub value: f64,
    /// Half the width of the interval: 1.96 standard errors of the least-squares slope.
    pub half_width: f64,
    /// First and last step used.
    pub window: (u64, u64),
}

/// A verdict with what was measured beside it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Smallest `bound / measured`; none where the form has no bound.
    pub slack: Option<f64>,
    /// Slope of `log m` in `log t` for bounds and orders, in `t` for linear forms and contractions.
    pub slope: Option<Slope>,
}

/// Holds `series` (values at steps 0, 1, 2, .. in order) against `form`. `floor` is what rounding leaves of the metric.
#[must_use]
pub fn judge(form: Form, hypotheses: &[Hypothesis], facts: &Facts, series: &[f64], floor: f64) -> Judged {
    let nothing = |verdict| Judged { verdict, slack: None, slope: None };
    if let Some(unmet) = hypotheses.iter().find(|h| !(h.holds)(facts)) {
        return nothing(Verdict::HypothesisNotMet { hypothesis: unmet.says });
    }
    if series.len() < 2 {
        return nothing(Verdict::Inconclusive { reason: "no step was done" });
    }
    let geometric =
        matches!(form, Form::Contraction(_) | Form::Linear | Form::NeverRises(_) | Form::NeverFalls);
    let slope = slope(series, floor, geometric);
    let (verdict, slack) = match form {
        Form::Bound(bound) => {
            let allowed = (1..series.len()).map(|t| (t, series[t], bound(facts, t as f64)));
            against(allowed, floor)
        }
        Form::Contraction(factor) => {
            let (factor, rest) = factor(facts);
            against((1..series.len()).map(|t| (t, series[t], factor * series[t - 1] + rest)), floor)
        }
        Form::NeverRises(stride) => {
            let stride = stride.max(1) as usize;
            let at = |t: usize| (t, series[t], series[t - stride]);
            (against((stride..series.len()).step_by(stride).map(at), floor).0, None)
        }
        Form::NeverFalls => {
            let (verdict, _) = against((1..series.len()).map(|t| (t, series[t - 1], series[t])), floor);
            // named the other way round: what was measured fell below what was there
            let verdict = match verdict {
                Verdict::Fail { step, measured, allowed } => {
                    Verdict::Fail { step, measured: allowed, allowed: measured }
                }
                other => other,
            };
            (verdict, None)
        }
        Form::Order(exponent) => (order(exponent, series, slope, floor), None),
        Form::Linear => (vanishes(series, slope, floor, true), None),
        Form::Vanishes => (vanishes(series, slope, floor, false), None),
    };
    Judged { verdict, slack, slope }
}

/// The worst excess over what is allowed, and the smallest slack.
fn against(values: impl Iterator<Item = (usize, f64, f64)>, floor: f64) -> (Verdict, Option<f64>) {
    let (mut worst, mut slack, mut seen): (Option<(usize, f64, f64)>, f64, bool) =
        (None, f64::INFINITY, false);
    for (t, measured, allowed) in values {
        if measured.is_nan() {
            return (Verdict::Inconclusive { reason: "the metric is not defined here" }, None);
        }
        if measured <= floor {
            continue;
        }
        seen = true;
        let ratio = allowed / measured;
        slack = slack.min(ratio);
        if ratio * (1.0 + ROUNDING) < 1.0
            && allowed + floor < measured
            && worst.is_none_or(|w| ratio < w.2 / w.1)
        {
            worst = Some((t, measured, allowed));
        }
    }
    let verdict = match worst {
        Some((t, measured, allowed)) => Verdict::Fail { step: t as u64, measured, allowed },
        None => Verdict::Pass, // below the floor from the first step on, every bound holds
    };
    (verdict, seen.then_some(slack))
}

/// Whether the envelope falls at least as fast as `t^-exponent`.
fn order(exponent: f64, series: &[f64], slope: Option<Slope>, floor: f64) -> Verdict {
    let last = series[series.len() - 1];
    if last <= floor.max(VANISHED * series[0]) {
        return Verdict::Pass;
    }
    match slope {
        None => Verdict::Inconclusive { reason: "too few points above rounding" },
        Some(s) if s.value + s.half_width <= EXPONENT_MARGIN - exponent => Verdict::Pass,
        Some(s) if s.value - s.half_width > EXPONENT_MARGIN - exponent => {
            let step = series.len() - 1;
            // what the claimed order makes of the value at the start of the window
            let allowed = series[s.window.0 as usize] * (step as f64 / s.window.0 as f64).powf(-exponent);
            Verdict::Fail { step: step as u64, measured: last, allowed }
        }
        Some(_) => Verdict::Inconclusive { reason: "the interval of the slope holds the claimed exponent" },
    }
}

/// Whether the series goes to 0: it has, or its envelope still falls. A standstill fails.
fn vanishes(series: &[f64], slope: Option<Slope>, floor: f64, linear: bool) -> Verdict {
    let n = series.len();
    let last = series[n - n.div_ceil(10)..].iter().fold(0.0, |m: f64, v| m.max(*v));
    if last <= floor.max(VANISHED * series[0]) {
        return Verdict::Pass;
    }
    let before = series[n / 2..n - n / 4].iter().fold(0.0, |m: f64, v| m.max(*v));
    if last > 0.999 * before {
        return Verdict::Fail {
            step: n as u64 - 1,
            measured: last,
            allowed: floor.max(VANISHED * series[0]),
        };
    }
    match slope {
        Some(s) if linear && s.value + s.half_width < 0.0 && last < 1e-2 * series[0] => Verdict::Pass,
        _ => Verdict::Inconclusive { reason: "still falling at the end of the run" },
    }
}

/// Least-squares slope of the upper envelope of `log m` over the last two thirds of `log t` (exponents) or of the steps
/// (rates), as far as the values are above `floor`; none with fewer than eight points.
fn slope(series: &[f64], floor: f64, geometric: bool) -> Option<Slope> {
    let end = series.iter().position(|v| v.is_nan() || *v <= floor).unwrap_or(series.len());
    let (first, count) =
        (if geometric { end / 3 } else { (end as f64).powf(1.0 / 3.0) as usize }.max(1), 64usize);
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
        full_support: true,
        initial: 1.0,
    };

    fn series(f: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..=2000).map(|t| f(f64::from(t))).collect()
    }

    fn verdict(form: Form, values: &[f64]) -> Verdict {
        judge(form, &[], &FACTS, values, 1e-25).verdict
    }

    #[test]
    fn bounds_break_where_they_break() {
        let over = |t: f64| 1.0 / (t + 1.0);
        let judged = judge(Form::Bound(|_, t| 2.0 / (t + 1.0)), &[], &FACTS, &series(over), 1e-25);
        assert_eq!(judged.verdict, Verdict::Pass);
        approx::assert_relative_eq!(judged.slack.unwrap_or(0.0), 2.0, max_relative = 1e-12);
        let broken = judge(Form::Bound(|_, t| 1.0 / (t + 2.0)), &[], &FACTS, &series(over), 1e-25);
        // the ratio (t + 1) / (t + 2) is smallest at the first step
        assert!(matches!(broken.verdict, Verdict::Fail { step: 1, .. }), "{broken:?}");
        // rounding at the bound itself is no failure
        assert_eq!(verdict(Form::Bound(|_, t| 1.0 / (t + 1.0)), &series(over)), Verdict::Pass);
    }

    #[test]
    fn contractions_orders_and_limits() {
        let linear = series(|t| 0.9f64.powf(t));
        assert_eq!(verdict(Form::Contraction(|_| (0.9, 0.0)), &linear), Verdict::Pass);
        assert_eq!(verdict(Form::Contraction(|_| (0.89, 0.0)), &linear).name(), "FAIL");
        assert_eq!(verdict(Form::Contraction(|_| (0.89, 1.0)), &linear), Verdict::Pass);
        assert_eq!(verdict(Form::Linear, &linear), Verdict::Pass);
        let root = series(|t| (t + 1.0).powf(-0.5) * (1.0 + 0.3 * t.sin()));
        assert_eq!(verdict(Form::Order(0.5), &root), Verdict::Pass);
        assert_eq!(verdict(Form::Order(1.0), &root).name(), "FAIL");
        let floor = series(|t| 0.9f64.powf(t) + 1e-4);
        assert_eq!(verdict(Form::Vanishes, &floor).name(), "FAIL");
        assert_eq!(verdict(Form::Vanishes, &root).name(), "INCONCLUSIVE");
        assert_eq!(verdict(Form::NeverRises(1), &linear), Verdict::Pass);
        assert_eq!(verdict(Form::NeverRises(1), &root).name(), "FAIL");
        assert_eq!(verdict(Form::NeverFalls, &series(|t| t)), Verdict::Pass);
        assert_eq!(verdict(Form::NeverFalls, &linear).name(), "FAIL");
    }

    #[test]
    fn a_theorem_is_silent_where_its_hypothesis_fails() {
        let never = Hypothesis { says: "never", holds: |_| false };
        let judged = judge(Form::Linear, &[never], &FACTS, &[1.0, 0.5], 0.0);
        assert_eq!(judged.verdict, Verdict::HypothesisNotMet { hypothesis: "never" });
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
