//! Axes: logarithmic with a place for zero, and linear.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use equipoise_records::Scale;

use crate::model::number::short;

/// Values at or below this are drawn as zero: no gap computed in double precision means anything there.
pub(super) const FLOOR: f64 = 1e-32;

/// Space left of (below) the smallest positive value for zero, in decades.
const ZERO_SPACE: f64 = 0.45;

/// One axis. Its coordinates are decimal logarithms on a logarithmic scale, else the values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    scale: Scale,
    /// Decimals of the labels of a linear axis.
    decimals: usize,
    /// Whether its labels are percentages.
    percent: bool,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) ticks: Vec<f64>,
    /// Whether `low` stands for zero, and all that is at or below `floor`.
    pub(super) zero: bool,
    pub(super) floor: f64,
}

impl Axis {
    /// A linear axis over all finite `values` with about `most` labels, at round numbers: at whole ones
    /// if all values are.
    pub(super) fn linear(values: impl IntoIterator<Item = f64>, most: usize) -> Self {
        let finite: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
        let counts = !finite.is_empty() && finite.iter().all(|v| v.fract() == 0.0);
        let (mut min, mut max) =
            finite.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
        if min > max {
            (min, max) = (0.0, 1.0); // no values
        }
        if max - min <= 1e-9 * max.abs().max(min.abs()) {
            // one value, but for rounding
            let around = if counts { 1.0 } else { 0.1 * max.abs() };
            (min, max) = (min - around, max + around);
        }
        let step = round_step(max - min, most).max(if counts { 1.0 } else { 0.0 });
        // a value that is a tick but for rounding opens no further step
        let (first, last) = ((min / step + 1e-9).floor(), (max / step - 1e-9).ceil());
        let ticks = (0..=(last - first) as usize).map(|k| (first + k as f64) * step).collect();
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        Self {
            scale: Scale::Linear,
            decimals,
            percent: false,
            low: first * step,
            high: last * step,
            ticks,
            zero: false,
            floor: 0.0,
        }
    }

    /// From 0 to 1, with labels from 0% to 100%.
    pub(super) fn percent() -> Self {
        Self { percent: true, ..Self::linear([0.0, 0.5, 1.0], 5) }
    }

    /// A logarithmic axis over all finite `values` with at most about `most` labels. Values at or below `floor` go to the
    /// edge; `whole` extends it to round numbers.
    pub(super) fn logarithmic(
        values: impl IntoIterator<Item = f64>,
        floor: f64,
        most: usize,
        whole: bool,
    ) -> Self {
        let (mut min, mut max, mut zero) = (f64::INFINITY, 0.0_f64, false);
        for v in values.into_iter().filter(|v| v.is_finite()) {
            if v <= floor {
                zero = true;
            } else {
                min = min.min(v);
                max = max.max(v);
            }
        }
        if min > max {
            (min, max) = (floor.max(1e-16), 1.0); // nothing but zeros
        }
        let (mut low, mut high) = (min.log10(), max.log10());
        if whole || high - low < 0.3 {
            (low, high) = rounded(low, high);
        }
        let mut ticks = ticks(low, high, most);
        if zero {
            low -= ZERO_SPACE.max((high - low) * 0.08);
            ticks.insert(0, low);
        }
        Self { scale: Scale::Log, decimals: 0, percent: false, low, high, ticks, zero, floor }
    }

    /// Where `value` lies, as a share of the axis in [0, 1].
    pub(super) fn at(&self, value: f64) -> f64 {
        let coordinate = match self.scale {
            Scale::Log if value > 0.0 => value.log10(),
            Scale::Log => self.low,
            Scale::Linear => value,
        };
        ((coordinate - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// The label of the tick at a coordinate.
    fn label(&self, coordinate: f64) -> String {
        match self.scale {
            Scale::Log if self.zero && coordinate.total_cmp(&self.low).is_eq() => match self.floor > FLOOR {
                true => format!("< {}", short(self.floor)),
                false => "0".into(),
            },
            Scale::Log => {
                let value = 10_f64.powf(coordinate);
                if (0.999..99_999.0).contains(&value) { format!("{value:.0}") } else { short(value) }
            }
            Scale::Linear if self.percent => format!("{:.0}%", 100.0 * coordinate),
            Scale::Linear if coordinate.abs() >= 1e5 || self.decimals > 6 => short(coordinate),
            // the sum turns a negative zero into zero
            Scale::Linear => format!("{:.*}", self.decimals, coordinate + 0.0),
        }
    }

    /// The name of the scale, for those who cannot see it.
    pub(super) fn scale_name(&self) -> &'static str {
        match self.scale {
            Scale::Log => "logarithmic",
            Scale::Linear => "linear",
        }
    }
}

/// A round number (1, 2 or 5 times a power of ten) by which `range` has about `most` steps.
pub(super) fn round_step(range: f64, most: usize) -> f64 {
    let raw = range.max(f64::MIN_POSITIVE) / most.max(1) as f64;
    let decade = 10f64.powf(raw.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|m| m * decade).into_iter().find(|s| *s >= raw).unwrap_or(decade)
}

/// Outwards to whole decades, within two decades to 1, 2 or 5 of one.
fn rounded(low: f64, high: f64) -> (f64, f64) {
    // Keeps a value that is a round one but for rounding from opening another step.
    const NUDGE: f64 = 1e-9;
    let steps: &[f64] = if high - low < 2.0 { &[1.0, 2.0, 5.0, 10.0] } else { &[1.0, 10.0] };
    let step = |x: f64, m: &f64| x.floor() + m.log10();
    let down =
        steps.iter().map(|m| step(low + NUDGE, m)).filter(|s| *s <= low + NUDGE).fold(low.floor(), f64::max);
    let up = steps.iter().map(|m| step(high - NUDGE, m)).find(|s| *s >= high - NUDGE).unwrap_or(high.ceil());
    if up > down { (down, up) } else { (down, down + 1.0) }
}

/// For plotters an axis is linear in its coordinates, with ticks where this module wants them.
impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, coordinate: &f64, (from, to): (i32, i32)) -> i32 {
        from + ((coordinate - self.low) / (self.high - self.low) * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, coordinate: &f64) -> String {
        self.label(*coordinate)
    }
}

/// Whole decades, every second, third ... if there are many; 1, 2, 5 within a short range.
fn ticks(low: f64, high: f64, most: usize) -> Vec<f64> {
    const SLACK: f64 = 1e-6;
    let inside = |t: &f64| (low - SLACK..=high + SLACK).contains(t);
    let (first, last) = (low.floor() as i32, high.ceil() as i32);
    if high - low < 1.6 {
        let fine = (first..=last).flat_map(|d| [1.0, 2.0, 5.0].map(|m: f64| f64::from(d) + m.log10()));
        return fine.filter(inside).collect();
    }
    let step = usize::try_from(last - first).unwrap_or(1).div_ceil(most.max(1)).max(1);
    // Multiples of the step, so that 1 (or 1e0) is always among the candidates.
    let step = i32::try_from(step).unwrap_or(1);
    (first..=last).filter(|d| d.rem_euclid(step) == 0).map(f64::from).filter(inside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_has_a_place_and_a_label() {
        let axis = Axis::logarithmic([0.0, 1.0, 20_000.0], 0.0, 6, false);
        assert!(axis.zero && axis.low < 0.0);
        assert_eq!(axis.at(0.0), 0.0);
        assert_eq!(axis.at(20_000.0), 1.0);
        assert_eq!(axis.label(axis.ticks[0]), "0");
        assert_eq!(axis.label(axis.ticks[1]), "1");
        assert_eq!(axis.label(5.0), "1e5");
    }

    #[test]
    fn a_wide_range_gets_few_whole_decades() {
        let axis = Axis::logarithmic([3e-17, 0.4], FLOOR, 8, true);
        assert_eq!((axis.low, axis.high), (-17.0, 0.0));
        assert!(axis.ticks.len() <= 9 && axis.ticks.contains(&0.0), "{:?}", axis.ticks);
        assert!(!axis.zero);
    }

    #[test]
    fn values_at_the_floor_open_the_edge() {
        assert!(Axis::logarithmic([1e-33, -1e-17, 0.5], FLOOR, 8, true).zero);
        let zeros = Axis::logarithmic([0.0], FLOOR, 8, true);
        assert!(zeros.low < zeros.high && zeros.low.is_finite());
        let one = Axis::logarithmic([0.3, f64::INFINITY], FLOOR, 8, true);
        assert_eq!((one.label(one.low), one.label(one.high)), ("0.2".into(), "0.5".into()));
        let power = Axis::logarithmic([0.1], FLOOR, 8, true);
        assert!((power.low, power.high) == (-1.0, 0.0), "{power:?}");
    }

    #[test]
    fn steps_are_round() {
        for (range, expected) in [(6.0, 1.0), (7.0, 2.0), (0.3, 0.05), (25.0, 5.0), (55.0, 10.0)] {
            assert!((round_step(range, 6) - expected).abs() < 1e-12, "{range}: {}", round_step(range, 6));
        }
    }

    #[test]
    fn linear_axes_have_round_labels() {
        let labels = |values: &[f64], most| {
            let axis = Axis::linear(values.iter().copied(), most);
            axis.ticks.iter().map(|t| axis.label(*t)).collect::<Vec<_>>()
        };
        assert_eq!(labels(&[0.13, 0.49], 5), ["0.1", "0.2", "0.3", "0.4", "0.5"]);
        assert_eq!(labels(&[0.3, 0.3], 5), ["0.26", "0.28", "0.30", "0.32", "0.34"]);
        assert_eq!(labels(&[3.0, 3.0], 5), ["2", "3", "4"], "counts have no parts");
        assert_eq!(labels(&[3.0, 60.0], 5), ["0", "20", "40", "60"]);
        assert_eq!(labels(&[-0.9, f64::NAN, 0.9], 5), ["-1.0", "-0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(
            labels(&[1.098_61, 1.098_63], 4),
            ["1.098610", "1.098615", "1.098620", "1.098625", "1.098630"]
        );
        let axis = Axis::linear([0.0, 10.0], 5);
        assert_eq!((axis.at(0.0), axis.at(5.0), axis.at(10.0), axis.at(f64::INFINITY)), (0.0, 0.5, 1.0, 1.0));
        assert!(labels(&[], 5).len() > 2 && labels(&[0.0], 5).contains(&"0".to_owned()));
    }
}
