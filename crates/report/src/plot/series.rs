//! From traces to the curve of one method: the median over repetitions and its range, against steps or against a cost.

use std::collections::BTreeMap;

use equipoise_records::schema::TracePoint;
use equipoise_records::{Iterate, Run};

use super::Style;
use super::svg::Pixel;
use crate::model::cost::{CostUnit, EffortUnit};
use crate::model::group::{Method, RunFacts as _};
use crate::model::spread::Spread;

/// A horizontal axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Against {
    Steps,
    Cost(CostUnit),
    Effort(EffortUnit),
}

impl Against {
    /// Its name, which is its unit.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Cost(unit) => unit.name(),
            Self::Effort(unit) => unit.name(),
        }
    }

    /// The points of a curve with their places on this axis, by step. A step at which the effort was not measured has none.
    fn places<'a>(
        self,
        run: &Run,
        curve: impl Iterator<Item = &'a TracePoint>,
    ) -> BTreeMap<u64, (f64, &'a TracePoint)> {
        let effort: BTreeMap<u64, f64> = match self {
            Self::Effort(unit) => {
                run.curve(Iterate::Last, unit.metric()).map(|p| (p.step, p.value)).collect()
            }
            Self::Steps | Self::Cost(_) => BTreeMap::new(),
        };
        let place = |point: &TracePoint| match self {
            Self::Steps => Some(point.step as f64),
            Self::Cost(unit) => Some(unit.of_point(point) as f64),
            Self::Effort(_) => effort.get(&point.step).copied(),
        };
        curve.filter_map(|point| Some((point.step, (place(point)?, point)))).collect()
    }

    fn has(self, method: &Method<'_>) -> bool {
        match self {
            Self::Steps => method.runs.iter().any(|run| run.record.steps > 0),
            Self::Cost(unit) => unit.charges(method),
            Self::Effort(unit) => unit.measured(method),
        }
    }
}

/// One method's curve.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) style: Style,
    pub(super) label: String,
    /// By rising cost.
    pub(super) points: Vec<(f64, Spread)>,
    /// Number of repetitions behind each point.
    pub(super) repetitions: usize,
    /// Answered at once: only the last point says something.
    pub(super) one_shot: bool,
    pub(super) diverged: bool,
    /// Whether a repetition that stopped earlier than others was held at its last value.
    pub(super) held: bool,
}

impl Series {
    /// The curve of `metric` of `iterate`; `None` if nothing finite was traced, if the method is not charged in the unit of
    /// the axis, or if the iterate says nothing (the average of a method that answers at once).
    pub(super) fn of(
        method: &Method<'_>,
        style: Style,
        iterate: Iterate,
        metric: &str,
        against: Against,
        outside: f64,
    ) -> Option<Self> {
        let one_shot = method.one_shot();
        if !against.has(method) || (one_shot && iterate == Iterate::Average) {
            return None;
        }
        let curves: Vec<BTreeMap<u64, (f64, &TracePoint)>> = method
            .runs
            .iter()
            .map(|run| against.places(run, run.curve(iterate, metric)))
            .filter(|curve: &BTreeMap<_, _>| !curve.is_empty())
            .collect();
        let mut steps: Vec<u64> = curves.iter().flat_map(|c| c.keys().copied()).collect();
        steps.sort_unstable();
        steps.dedup();
        let mut held = false;
        let mut points = Vec::new();
        for step in steps {
            let mut here = Vec::new();
            for curve in &curves {
                let (last, at_end) = curve.last_key_value()?;
                if let Some(point) = curve.get(&step) {
                    here.push(*point);
                } else if step > *last {
                    held = true;
                    here.push(*at_end);
                }
            }
            // A step that some running repetition did not record would compare different repetitions.
            if here.len() == curves.len() {
                let x = Spread::of(here.iter().map(|(x, _)| *x))?.median;
                points.push((x, Spread::between(here.iter().map(|(_, p)| p.value), outside)?));
            }
        }
        if points.iter().all(|(_, value)| !value.median.is_finite()) {
            return None;
        }
        if one_shot {
            points.drain(..points.len() - 1);
        }
        Some(Self {
            style,
            label: method.label.to_owned(),
            points,
            repetitions: curves.len(),
            one_shot,
            diverged: method.runs.iter().any(|run: &&Run| run.diverged()),
            held,
        })
    }
}

/// Thins a curve to what its drawing can show: of each column of units the first, the lowest, the highest and the
/// last point. The drawn line covers the same units.
pub(super) fn visible(points: &[Pixel]) -> Vec<Pixel> {
    let mut out: Vec<Pixel> = Vec::new();
    let mut rest = points;
    while let Some(first) = rest.first() {
        let n = rest.iter().take_while(|p| p.0 == first.0).count();
        let (column, after) = rest.split_at(n);
        rest = after;
        let lowest = (0..n).min_by_key(|&i| column[i].1).expect("a column has a point");
        let highest = (0..n).max_by_key(|&i| column[i].1).expect("a column has a point");
        let mut kept = [0, lowest, highest, n - 1];
        kept.sort_unstable();
        for i in kept {
            if out.last() != Some(&column[i]) {
                out.push(column[i]);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_every_extreme() {
        let wave: Vec<Pixel> = (0..10_000).map(|i| (i / 500, (i * 37) % 301)).collect();
        let thin = visible(&wave);
        assert!(thin.len() <= 80, "{}", thin.len());
        for x in 0..20 {
            let column = |points: &[Pixel]| {
                let ys: Vec<i32> = points.iter().filter(|p| p.0 == x).map(|p| p.1).collect();
                (ys.iter().min().copied(), ys.iter().max().copied(), ys.first().copied(), ys.last().copied())
            };
            assert_eq!(column(&wave), column(&thin));
        }
        assert_eq!(visible(&[(1, 5), (1, 5), (2, 5)]), vec![(1, 5), (2, 5)]);
    }
}
