//! How a series that falls to 0 falls: linearly (by a factor a step), or as a power of the step.
//!
//! Judged on the upper envelope `E_t = max_{s >= t} m_s`, so that oscillations under a falling level do not matter, up to the
//! step `b` where it is within a factor of ten of what rounding leaves, or at nine tenths of the run (the envelope of the last
//! swing is not over). `log E` has the slope `-r` where `E` falls as `exp(-r t)`, everywhere the same, and `-p / t` where it
//! falls as `t^-p`; so two ratios of slopes decide:
//!
//! | second half over first half | `exp(-r t)` | `t^-p` |
//! |---|---|---|
//! | of `[b/4, b]`: slopes of `log E` against `t` | 1 | 0.51 |
//! | of `[b/16, b]`, halved at `b/4`: slopes of `log E` against `log t` | 4 | 1 |
//!
//! The longer window is there because two factors that take turns look like a power for a while.
//!
//! `(1 + t / t_0)^-p` is straight while `t` is below `t_0`: it has a first ratio of 0.8 only from `t_0 = b` on, and then falls by at most
//! `1.6^p` in the window. So a fall by a factor of ten is asked for before anything is called linear: no power up to the fourth
//! passes for it.

use serde::Serialize;

/// How a series falls.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Decay {
    /// By a factor `exp(-rate)` a step.
    Linear {
        /// Nats a step.
        rate: f64,
    },
    /// As `t^-exponent`.
    Polynomial {
        /// Nats a nat of t.
        exponent: f64,
    },
    /// To what rounding leaves, in so few steps that no power up to the fourth explains it.
    Reached,
    /// Not at all: it has been the same number, above what rounding leaves, for half of the run.
    AtRest,
    /// Not to be told from this run.
    Undecided {
        /// Why.
        reason: &'static str,
    },
}

/// Relative change that counts as none.
const SAME: f64 = 1e-9;
/// The window of a rate spans this factor of steps, that of a power its square.
const SPAN: usize = 4;
/// Windows end where the envelope is within this factor of what rounding leaves.
const CLEAR: f64 = 10.0;
/// Fewer steps than this show no shape.
const FEWEST: usize = 16;
/// Points of the envelope that are fitted.
const POINTS: usize = 64;
/// Shares of variance below which a line is none: of a rate (an envelope falls in stairs), of a power.
const STRAIGHT_RATE: f64 = 0.97;
const STRAIGHT_POWER: f64 = 0.993;
/// Ratios of slopes in `log t` that count as equal, a third more or less; in t, a quarter more or less; and those in t of a power.
const EQUAL_POWERS: (f64, f64) = (0.75, 1.33);
const EQUAL_RATES: (f64, f64) = (0.8, 1.25);
const POWER_RATES: (f64, f64) = (0.38, 0.66);
/// The fall within the window, in nats, that a rate or a power needs to show.
const SHOWN: f64 = 0.1;
/// The factor of the fall within the window that a rate needs.
const LINEAR_FALL: f64 = 10.0;
/// The power that a series which reached the floor of rounding must have beaten.
const FASTEST_POWER: f64 = 4.0;

/// Decides how `series` (one value a step, from step 0 on) falls; `floor` is what rounding leaves of its values.
#[must_use]
pub fn decide(series: &[f64], floor: f64) -> Decay {
    let undecided = |reason| Decay::Undecided { reason };
    let n = series.len();
    if n < 2 {
        return undecided("no step was done");
    }
    if series.iter().any(|v| v.is_nan()) {
        return undecided("the metric is not defined here");
    }
    let mut envelope = series.to_vec();
    for t in (0..n - 1).rev() {
        envelope[t] = envelope[t].max(envelope[t + 1]);
    }
    let end = envelope.partition_point(|v| *v > floor);
    let reached = end <= n - n.div_ceil(10);
    let clear = envelope.partition_point(|v| *v > CLEAR * floor).saturating_sub(1);
    let shape = shape(&envelope, clear.min(n - 1 - n / 10));
    match shape {
        Decay::Undecided { .. } if reached => {
            let power = (envelope[0] / floor).ln() / (end as f64).ln();
            if end < 2 || power >= FASTEST_POWER { Decay::Reached } else { shape }
        }
        Decay::Undecided { .. } if n >= FEWEST => {
            let half = &series[n / 2..];
            let (low, high) =
                half.iter().fold((f64::INFINITY, 0.0), |(l, h): (f64, f64), v| (l.min(*v), h.max(*v)));
            if low > floor && high.is_finite() && high <= low * (1.0 + SAME) { Decay::AtRest } else { shape }
        }
        _ => shape,
    }
}

/// The shape of an envelope on the window that ends at step `last`.
fn shape(envelope: &[f64], last: usize) -> Decay {
    let undecided = |reason| Decay::Undecided { reason };
    let first = last / SPAN;
    if last < FEWEST {
        return undecided("too few steps to tell how it falls");
    }
    let fall = (envelope[first] / envelope[last]).ln();
    if fall.is_nan() || fall < SHOWN {
        return undecided("falls too little in this window to tell how");
    }
    let (a, b) = (first as f64, last as f64);
    let even = |t: f64, from: f64, to: f64| from + (to - from) * t;
    let log = |t: f64, from: f64, to: f64| from * (to / from).powf(t);
    let fit = |place: &dyn Fn(f64, f64, f64) -> f64, from: f64, to: f64, axis: &dyn Fn(f64) -> f64| {
        let at = |k: usize| place(k as f64 / (POINTS - 1) as f64, from, to).round() as usize;
        line((0..POINTS).map(at).map(|t| (axis(t as f64), envelope[t].ln())))
    };
    let (steps, logs) = (&|t: f64| t, &|t: f64| t.ln());
    let (middle, early) = (0.5 * (a + b), (a / SPAN as f64).max(1.0));
    let rates = [fit(&even, a, middle, steps), fit(&even, middle, b, steps)];
    let powers = [fit(&log, early, a, logs), fit(&log, a, b, logs)];
    let ratio = |[early, late]: [Line; 2]| late.slope / early.slope;
    let within = |value: f64, (low, high): (f64, f64)| value >= low && value <= high;
    let (rate, power) = (fit(&even, a, b, steps), fit(&log, early, b, logs));
    if within(ratio(rates), EQUAL_RATES) && rate.explained >= STRAIGHT_RATE {
        if fall >= LINEAR_FALL.ln() {
            return Decay::Linear { rate: -rate.slope };
        }
        return undecided("falls by less than a factor of ten in this window, too little to call it linear");
    }
    if within(ratio(powers), EQUAL_POWERS)
        && within(ratio(rates), POWER_RATES)
        && power.explained >= STRAIGHT_POWER
    {
        return Decay::Polynomial { exponent: -power.slope };
    }
    undecided("falls neither along a line nor along a power of the step in this window")
}

/// A least-squares line.
#[derive(Clone, Copy)]
struct Line {
    slope: f64,
    /// Share of the variance that it explains.
    explained: f64,
}

fn line(points: impl Iterator<Item = (f64, f64)>) -> Line {
    let points: Vec<(f64, f64)> = points.collect();
    let mean = |f: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / points.len() as f64;
    let (mx, my) = (mean(&|p| p.0), mean(&|p| p.1));
    let sxy = mean(&|p| (p.0 - mx) * (p.1 - my));
    let (sxx, syy) = (mean(&|p| (p.0 - mx).powi(2)), mean(&|p| (p.1 - my).powi(2)));
    Line { slope: sxy / sxx, explained: sxy * sxy / (sxx * syy) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOR: f64 = 1e-13;

    /// A cheap deterministic number in [-1, 1] that stands for rounding.
    fn noise(t: usize) -> f64 {
        let h = (t as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((h ^ (h >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// With and without rounding: relative, and absolute below the floor.
    fn noisy(steps: usize, f: impl Fn(f64) -> f64) -> [Vec<f64>; 3] {
        let at = |g: &dyn Fn(usize, f64) -> f64| (0..=steps).map(|t| g(t, f(t as f64))).collect();
        [at(&|_, v| v), at(&|t, v| v * (1.0 + 1e-12 * noise(t))), at(&|t, v| (v + 3e-14 * noise(t)).max(0.0))]
    }

    #[test]
    fn powers_are_never_linear_and_are_named_with_their_exponent() {
        for steps in [60, 200, 2000, 50_000] {
            for c in [1e-4, 0.1, 1.0, 40.0] {
                for power in [0.25, 0.5, 1.0, 1.5, 2.0] {
                    for series in noisy(steps, |t| c * (t + 1.0).powf(-power)) {
                        let found = decide(&series, FLOOR);
                        assert!(
                            matches!(found, Decay::Polynomial { exponent } if (exponent / power - 1.0).abs() < 0.1),
                            "{c} t^-{power}, {steps} steps: {found:?}"
                        );
                    }
                    // swinging below a level that falls as a power, and with a logarithm or a late start
                    for f in [
                        &|t: f64| c * (t + 1.0).powf(-power) * t.cos().abs(),
                        &|t: f64| c * (t + 3.0).ln() * (t + 1.0).powf(-power),
                        &|t: f64| c * (t + 30.0).powf(-power),
                        &|t: f64| c * (t + 3000.0).powf(-power),
                    ] as [&dyn Fn(f64) -> f64; 4]
                    {
                        let series: Vec<f64> = (0..=steps).map(|t| f(t as f64)).collect();
                        let found = decide(&series, FLOOR);
                        assert!(
                            !matches!(found, Decay::Linear { .. } | Decay::Reached),
                            "{c} {power} {steps}: {found:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn factors_are_linear_where_the_run_shows_them_and_never_a_power() {
        let mut decided = 0;
        for steps in [60, 200, 2000, 50_000] {
            for c in [1e-4, 0.1, 1.0, 40.0] {
                for factor in [0.02, 0.5, 0.9, 0.99, 0.999, 0.9999] {
                    for series in noisy(steps, |t| c * f64::powf(factor, t)) {
                        let found = decide(&series, FLOOR);
                        let fall = -0.6 * steps as f64 * f64::ln(factor);
                        match found {
                            Decay::Linear { rate } => {
                                decided += 1;
                                assert!((rate / -f64::ln(factor) - 1.0).abs() < 0.05, "{factor}: {rate}");
                            }
                            Decay::Reached => assert!(factor < 0.6, "{c} {factor}^t, {steps} steps"),
                            other => assert!(
                                fall < LINEAR_FALL.ln() && matches!(other, Decay::Undecided { .. }),
                                "{c} {factor}^t, {steps} steps: {other:?}"
                            ),
                        }
                    }
                    // spirals, and a faster mode that dies first
                    for f in [&|t: f64| c * f64::powf(factor, t) * (0.7 * t).cos().abs(), &|t: f64| {
                        c * (f64::powf(factor, t) + 30.0 * f64::powf(factor, 9.0 * t))
                    }] as [&dyn Fn(f64) -> f64; 2]
                    {
                        let series: Vec<f64> = (0..=steps).map(|t| f(t as f64)).collect();
                        let found = decide(&series, FLOOR);
                        assert!(
                            !matches!(found, Decay::Polynomial { .. } | Decay::AtRest),
                            "{c} {factor} {steps}: {found:?}"
                        );
                    }
                }
            }
        }
        assert!(decided > 100, "{decided}");
    }

    #[test]
    fn a_floor_is_neither() {
        for steps in [60, 200, 2000, 50_000] {
            for level in [1e-10, 1e-4, 0.1] {
                for factor in [0.5, 0.9, 0.99, 0.999] {
                    let series: Vec<f64> = (0..=steps).map(|t| f64::powf(factor, t as f64) + level).collect();
                    let found = decide(&series, FLOOR);
                    let share = f64::powf(factor, 0.5 * steps as f64) / level;
                    match found {
                        // long arrived
                        Decay::AtRest => assert!(share < 2e-9, "{factor}^t + {level}, {steps} steps"),
                        // on its way: the floor does not show yet
                        Decay::Linear { .. } => {
                            let end = f64::powf(factor, 0.9 * steps as f64) / level;
                            assert!(end > 1.0, "{factor}^t + {level}, {steps} steps");
                        }
                        other => assert!(
                            matches!(other, Decay::Undecided { .. }),
                            "{factor} {level} {steps}: {other:?}"
                        ),
                    }
                }
            }
        }
        // what swings for ever is not at rest, and falls in no way that this run could tell
        let cycle: Vec<f64> = (0..4000).map(|t| 0.1 + 0.01 * f64::from(t).sin()).collect();
        assert!(matches!(decide(&cycle, FLOOR), Decay::Undecided { .. }));
        let rising: Vec<f64> = (0..4000).map(|t| 0.1 + 1e-6 * f64::from(t)).collect();
        assert!(matches!(decide(&rising, FLOOR), Decay::Undecided { .. }));
    }

    #[test]
    fn degenerate_series_are_answered() {
        for (series, expect) in [
            (vec![], "no step"),
            (vec![0.5], "no step"),
            (vec![0.5, f64::NAN], "not defined"),
            (vec![0.5, 0.4, 0.3], "too few"),
            (vec![f64::INFINITY; 100], "too little"),
        ] {
            let found = decide(&series, FLOOR);
            assert!(
                matches!(found, Decay::Undecided { reason } if reason.contains(expect)),
                "{series:?}: {found:?}"
            );
        }
        assert_eq!(decide(&[0.0; 50], FLOOR), Decay::Reached);
        assert_eq!(decide(&[0.3; 50], FLOOR), Decay::AtRest);
        let at_once: Vec<f64> = (0..50).map(|t| if t == 0 { 0.3 } else { 0.0 }).collect();
        assert_eq!(decide(&at_once, FLOOR), Decay::Reached);
    }
}
