//! Logarithmic axes that have a place for zero.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use crate::render::number::short;

/// Values at or below this are drawn as zero: no gap computed in double precision means anything there.
pub(super) const FLOOR: f64 = 1e-32;

/// Room left of (below) the smallest positive value for zero, in decades.
const ZERO_ROOM: f64 = 0.45;

/// One axis, in decimal logarithms.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) ticks: Vec<f64>,
    /// Whether `low` stands for zero.
    pub(super) zero: bool,
}

impl Axis {
    /// Covers all finite `values` with at most about `most` labels. Values at or below `floor` go to the edge.
    pub(super) fn covering(
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
            low -= ZERO_ROOM.max((high - low) * 0.08);
            ticks.insert(0, low);
        }
        Self { low, high, ticks, zero }
    }

    /// Where `value` lies, as a share of the axis.
    pub(super) fn at(&self, value: f64) -> f64 {
        let log = if value > 0.0 { value.log10().max(self.low) } else { self.low };
        ((log - self.low) / (self.high - self.low)).min(1.0)
    }

    /// The label of the tick at `log`.
    fn label(&self, log: f64) -> String {
        if self.zero && log.total_cmp(&self.low).is_eq() {
            return "0".into();
        }
        let value = 10_f64.powf(log);
        if (0.999..99_999.0).contains(&value) { format!("{value:.0}") } else { short(value) }
    }
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

/// For plotters an axis is linear in the logarithm, with ticks where this module wants them.
impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, log: &f64, (from, to): (i32, i32)) -> i32 {
        from + ((log - self.low) / (self.high - self.low) * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, log: &f64) -> String {
        self.label(*log)
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
        let axis = Axis::covering([0.0, 1.0, 20_000.0], 0.0, 6, false);
        assert!(axis.zero && axis.low < 0.0);
        assert_eq!(axis.at(0.0), 0.0);
        assert_eq!(axis.at(20_000.0), 1.0);
        assert_eq!(axis.label(axis.ticks[0]), "0");
        assert_eq!(axis.label(axis.ticks[1]), "1");
        assert_eq!(axis.label(5.0), "1e5");
    }

    #[test]
    fn a_wide_range_gets_few_whole_decades() {
        let axis = Axis::covering([3e-17, 0.4], FLOOR, 8, true);
        assert_eq!((axis.low, axis.high), (-17.0, 0.0));
        assert!(axis.ticks.len() <= 9 && axis.ticks.contains(&0.0), "{:?}", axis.ticks);
        assert!(!axis.zero);
    }

    #[test]
    fn values_at_the_floor_open_the_edge() {
        assert!(Axis::covering([1e-33, -1e-17, 0.5], FLOOR, 8, true).zero);
        let zeros = Axis::covering([0.0], FLOOR, 8, true);
        assert!(zeros.low < zeros.high && zeros.low.is_finite());
        let one = Axis::covering([0.3, f64::INFINITY], FLOOR, 8, true);
        assert_eq!((one.label(one.low), one.label(one.high)), ("0.2".into(), "0.5".into()));
        let power = Axis::covering([0.1], FLOOR, 8, true);
        assert!((power.low, power.high) == (-1.0, 0.0), "{power:?}");
    }
}
