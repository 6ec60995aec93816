//! From traces to the curve of one method: the median over repetitions and its range, against steps or against a cost.

use std::collections::BTreeMap;

use equipoise_records::Iterate;
use equipoise_records::schema::TracePoint;

use super::Style;
use super::svg::Pixel;
use crate::model::cost::{CostUnit, EffortUnit};
use crate::model::group::{Method, RunFacts as _, Traced};
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

/// The repetitions of a method side by side: what is at each step.
struct Aligned<T> {
    /// Of each step that says something the points of all repetitions.
    rows: Vec<Vec<T>>,
    /// Number of repetitions.
    repetitions: usize,
    /// Whether one that stopped earlier than others was held at its last value.
    held: bool,
}

impl<T: Copy> Aligned<T> {
    /// Of curves by step, none of them empty.
    fn of(mut curves: Vec<Vec<(u64, T)>>) -> Self {
        for curve in &mut curves {
            if !curve.is_sorted_by(|a, b| a.0 < b.0) {
                // of two points at one step the later
                let by_step: BTreeMap<u64, T> = curve.drain(..).collect();
                curve.extend(by_step);
            }
        }
        let repetitions = curves.len();
        let steps = |curve: &Vec<(u64, T)>| curve.iter().map(|(step, _)| *step).collect::<Vec<_>>();
        let first = curves.first().map(steps).unwrap_or_default();
        let as_first = |curve: &Vec<(u64, T)>| curve.iter().map(|(step, _)| step).eq(&first);
        if curves.iter().all(as_first) {
            let row = |k: usize| curves.iter().map(|curve| curve[k].1).collect();
            return Self { rows: (0..first.len()).map(row).collect(), repetitions, held: false };
        }
        let mut all: Vec<u64> = curves.iter().flat_map(steps).collect();
        all.sort_unstable();
        all.dedup();
        let (mut rows, mut held) = (Vec::new(), false);
        for step in all {
            let mut here = Vec::new();
            for curve in &curves {
                match curve.binary_search_by_key(&step, |(step, _)| *step) {
                    Ok(k) => here.push(curve[k].1),
                    Err(k) if k == curve.len() => {
                        held = true;
                        here.extend(curve.last().map(|(_, at_end)| *at_end));
                    }
                    Err(_) => {}
                }
            }
            // A step that some running repetition did not record would compare different repetitions.
            if here.len() == repetitions {
                rows.push(here);
            }
        }
        Self { rows, repetitions, held }
    }
}

/// The curves of one metric of one iterate of a method, side by side.
pub(super) struct Measured<'a> {
    method: &'a Method<'a>,
    style: Style,
    iterate: Iterate,
    metric: &'a str,
    outside: f64,
    aligned: Aligned<&'a TracePoint>,
    /// What is drawn of each row.
    values: Vec<Spread>,
}

impl<'a> Measured<'a> {
    pub(super) fn of(
        method: &'a Method<'a>,
        style: Style,
        iterate: Iterate,
        metric: &'a str,
        outside: f64,
    ) -> Option<Self> {
        if method.one_shot() && iterate == Iterate::Average {
            return None;
        }
        let curves = method.runs.iter().map(|run| run.curve(iterate, metric));
        let by_step = |curve: &[&'a TracePoint]| curve.iter().map(|point| (point.step, *point)).collect();
        let aligned = Aligned::of(curves.filter(|curve| !curve.is_empty()).map(by_step).collect());
        let values = aligned.rows.iter().map(|row| Spread::between(row.iter().map(|p| p.value), outside));
        let values = values.collect::<Option<_>>()?;
        Some(Self { method, style, iterate, metric, outside, aligned, values })
    }

    /// The curve against an axis; `None` if nothing finite was traced, or if the method is not charged in the unit of the axis.
    pub(super) fn series(&self, against: Against) -> Option<Series> {
        if !against.has(self.method) {
            return None;
        }
        let median = |xs: &mut dyn Iterator<Item = f64>| Some(Spread::of(xs)?.median);
        let (points, repetitions, held) = match against {
            Against::Steps | Against::Cost(_) => {
                let place = |point: &TracePoint| match against {
                    Against::Cost(unit) => unit.of_point(point) as f64,
                    Against::Steps | Against::Effort(_) => point.step as f64,
                };
                let rows = self.aligned.rows.iter().zip(&self.values);
                let points =
                    rows.map(|(row, value)| Some((median(&mut row.iter().map(|p| place(p)))?, *value)));
                (points.collect::<Option<Vec<_>>>()?, self.aligned.repetitions, self.aligned.held)
            }
            Against::Effort(unit) => {
                // A step at which the effort was not measured has no place.
                let placed = |run: &'a Traced<'a>| -> Vec<(u64, (f64, f64))> {
                    let effort = run.curve(Iterate::Last, unit.metric());
                    let effort: BTreeMap<u64, f64> = effort.iter().map(|p| (p.step, p.value)).collect();
                    let place = |p: &&TracePoint| Some((p.step, (*effort.get(&p.step)?, p.value)));
                    run.curve(self.iterate, self.metric).iter().filter_map(place).collect()
                };
                let curves = self.method.runs.iter().map(placed).filter(|curve| !curve.is_empty());
                let aligned = Aligned::of(curves.collect());
                let point = |row: &Vec<(f64, f64)>| {
                    let x = median(&mut row.iter().map(|(x, _)| *x))?;
                    Some((x, Spread::between(row.iter().map(|(_, value)| *value), self.outside)?))
                };
                let points = aligned.rows.iter().map(point).collect::<Option<Vec<_>>>()?;
                (points, aligned.repetitions, aligned.held)
            }
        };
        self.drawn(points, repetitions, held)
    }

    fn drawn(&self, mut points: Vec<(f64, Spread)>, repetitions: usize, held: bool) -> Option<Series> {
        if points.iter().all(|(_, value)| !value.median.is_finite()) {
            return None;
        }
        let one_shot = self.method.one_shot();
        if one_shot {
            points.drain(..points.len() - 1);
        }
        Some(Series {
            style: self.style,
            label: self.method.label.to_owned(),
            points,
            repetitions,
            one_shot,
            diverged: self.method.runs.iter().any(|run| run.diverged()),
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
    fn repetitions_are_aligned_step_by_step() {
        let rows = |curves: &[&[(u64, char)]]| {
            let aligned = Aligned::of(curves.iter().map(|curve| curve.to_vec()).collect());
            (aligned.rows.iter().map(|row| row.iter().collect::<String>()).collect::<Vec<_>>(), aligned.held)
        };
        let whole: &[(u64, char)] = &[(0, 'a'), (1, 'b'), (5, 'c')];
        assert_eq!(rows(&[whole, whole]), (vec!["aa".into(), "bb".into(), "cc".into()], false));
        // one that stopped is held, a step that one lacks is left out, of two points at a step the later counts
        assert_eq!(
            rows(&[whole, &[(0, 'x'), (1, 'y')]]),
            (vec!["ax".into(), "by".into(), "cy".into()], true)
        );
        assert_eq!(rows(&[whole, &[(0, 'x'), (5, 'y')]]), (vec!["ax".into(), "cy".into()], false));
        assert_eq!(rows(&[&[(1, 'b'), (0, 'a'), (1, 'c')]]), (vec!["a".into(), "c".into()], false));
        assert_eq!(rows(&[]), (vec![], false));
    }

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
