//! A metric against steps, queries, duels and the effort of learning in a class.

use equipoise_records::{DUALITY_GAP, Iterate, MetricInfo, Scale};
use plotters::prelude::*;

use super::axis::{Axis, FLOOR};
use super::frame::{Frame, cross, marks, median_and_band};
use super::series::{Against, Measured, Series, visible};
use super::svg::{Area, Drawn, Pixel, marker};
use super::{GREY, Gallery, Palette, Svg};
use crate::error::ReportError;
use crate::model::cost::{CostUnit, EffortUnit};
use crate::model::group::{Game, Method, Setting};
use crate::model::metric;
use crate::model::number::{capitalised, count, list, plain, short};

/// Names listed before the rest becomes a number.
const NAMES: usize = 8;

/// What a gallery shows: a metric of an iterate.
#[derive(Clone, Copy)]
struct Subject<'a> {
    metric: &'a MetricInfo,
    iterate: Iterate,
}

impl Subject<'_> {
    fn title(&self) -> String {
        let name = metric::title(self.metric);
        // a name of the registry is written as it is typed
        let name = if metric::is_gap(self.metric) { capitalised(name) } else { name.to_owned() };
        format!("{name} of the {} iterate", self.iterate)
    }
}

/// The galleries of `metric` on a setting: of the last iterate and of the average, as far as there is something to show.
pub(crate) fn curves<'a>(
    game: &Game<'_>,
    setting: &'a Setting<'a>,
    metric: &'a MetricInfo,
    palette: &Palette,
) -> Result<Vec<Gallery>, ReportError> {
    // What the pull to the reference costs: no method at the regularised equilibrium is lower in this metric.
    let equilibrium = game.record.equilibria.iter().find(|e| e.tau.total_cmp(&setting.tau).is_eq());
    let level = equilibrium
        .filter(|_| metric.name == DUALITY_GAP && setting.tau > 0.0 && game.record.contexts == 1)
        .map(|e| e.duality_gap);
    let mut galleries = Vec::new();
    for iterate in [Iterate::Last, Iterate::Average] {
        galleries.extend(gallery(setting, palette, Subject { metric, iterate }, level)?);
    }
    Ok(galleries)
}

/// The horizontal axes, row by row. A unit of cost has an axis if some iterating method is charged in it: a method that
/// answers once is a point, not a curve. What learning in a class costs has a row of its own, where it was measured. The two units stand side by side only where some method is charged in both.
fn axes(methods: &[Method<'_>]) -> Vec<Vec<Against>> {
    let charged = |one_shots: bool| -> Vec<CostUnit> {
        let curves =
            |unit: &CostUnit| methods.iter().any(|m| unit.charges(m) && (one_shots || !m.one_shot()));
        CostUnit::ALL.into_iter().filter(curves).collect()
    };
    let mut units = charged(false);
    if units.is_empty() {
        units = charged(true);
    }
    let mut rows = match units[..] {
        [a, b] if !methods.iter().any(|m| a.charges(m) && b.charges(m)) => {
            vec![vec![Against::Steps, Against::Cost(a)], vec![Against::Cost(b)]]
        }
        _ => vec![std::iter::once(Against::Steps).chain(units.into_iter().map(Against::Cost)).collect()],
    };
    let measured = |unit: &EffortUnit| methods.iter().any(|m| unit.measured(m) && !m.one_shot());
    let effort: Vec<Against> = EffortUnit::ALL.into_iter().filter(measured).map(Against::Effort).collect();
    if !effort.is_empty() {
        rows.push(effort);
    }
    rows
}

fn gallery<'a>(
    setting: &'a Setting<'a>,
    palette: &Palette,
    subject: Subject<'a>,
    level: Option<f64>,
) -> Result<Option<Gallery>, ReportError> {
    let of = |m: &'a Method<'a>| {
        Measured::of(m, palette.style(m.key), subject.iterate, &subject.metric.name, palette.outside)
    };
    let measured: Vec<Measured<'_>> = setting.methods.iter().filter_map(of).collect();
    let on = |against| measured.iter().filter_map(|m| m.series(against)).collect::<Vec<Series>>();
    let by_steps = on(Against::Steps);
    if by_steps.is_empty() {
        return Ok(None);
    }
    let axes = axes(&setting.methods);
    // One vertical axis for the whole gallery, so that its drawings can be compared.
    let values = by_steps.iter().flat_map(|s| s.points.iter().flat_map(|(_, v)| [v.median, v.min, v.max]));
    let y = match subject.metric.scale {
        Scale::Log => Axis::logarithmic(values.chain(level), lowest_drawn(&by_steps), 8, true),
        Scale::Linear => Axis::linear(values.chain(level), 6),
    };
    let mut panels: Vec<usize> = by_steps.iter().map(|s| s.style.panel).collect();
    panels.sort_unstable();
    panels.dedup();

    let (mut rows, mut shown_in) = (Vec::new(), Vec::new());
    for axes in &axes {
        let by_axis: Vec<(Against, Vec<Series>)> = axes.iter().map(|&a| (a, on(a))).collect();
        for panel in &panels {
            let mut row: Vec<Svg> = Vec::new();
            for (against, series) in &by_axis {
                let shown: Vec<&Series> = series.iter().filter(|s| s.style.panel == *panel).collect();
                if shown.is_empty() {
                    continue;
                }
                let costs = series.iter().flat_map(|s| s.points.iter().map(|p| p.0));
                let x = Axis::logarithmic(costs, 0.0, 6, false);
                row.push(draw(subject, *against, &Frame::new(x, y.clone()), &shown, level)?);
            }
            if !row.is_empty() {
                let of_panel = by_steps.iter().filter(|s| s.style.panel == *panel);
                shown_in.push(of_panel.map(|s| s.style.key).collect());
                rows.push(row);
            }
        }
    }
    Ok(Some(Gallery {
        title: subject.title(),
        rows,
        left_out: left_out(setting, &by_steps, &axes.concat()),
        caption: caption(subject.metric, &by_steps, &y, level, panels.len(), setting.tau, palette.outside),
        kind: "curves",
        shown: shown_in,
    }))
}

/// Where the vertical axis ends below: one curve that falls to the rounding of its numbers must not squeeze all others. The axis
/// shows at least eight decades, and twice as many as the curve in the middle of all falls through; what is lower is drawn at
/// its edge.
fn lowest_drawn(series: &[Series]) -> f64 {
    let finite = |s: &Series| -> Vec<f64> {
        s.points.iter().map(|(_, v)| v.median).filter(|v| v.is_finite() && *v > FLOOR).collect()
    };
    let all: Vec<Vec<f64>> =
        series.iter().filter(|s| !s.one_shot).map(finite).filter(|v| !v.is_empty()).collect();
    let mut lows: Vec<f64> = all.iter().map(|v| v.iter().copied().fold(f64::INFINITY, f64::min)).collect();
    let top = all.iter().flatten().copied().fold(0.0, f64::max);
    if lows.len() < 3 {
        return FLOOR;
    }
    lows.sort_by(f64::total_cmp);
    let decades = (2.0 * (top / lows[(lows.len() - 1) / 2]).log10()).max(8.0);
    let edge = 10f64.powf((top.log10() - decades).floor());
    if lows[0] < edge { edge.max(FLOOR) } else { FLOOR }
}

/// One line for each axis in a unit in which some of the methods are not charged.
fn left_out(setting: &Setting<'_>, drawn: &[Series], axes: &[Against]) -> Vec<String> {
    let line = |against: &Against| {
        let Against::Cost(unit) = against else { return None };
        let drawn = |m: &&Method<'_>| drawn.iter().any(|s| s.style.key == m.key);
        let absent: Vec<String> = setting
            .methods
            .iter()
            .filter(drawn)
            .filter(|m| !unit.charges(m))
            .map(|m| {
                let paid = |unit: CostUnit| unit.charges(m).then(|| unit.of_run(&m.first().record));
                let other = CostUnit::ALL.into_iter().find_map(|u| Some((paid(u)?, u)));
                let other = other.map_or(String::new(), |(n, u)| format!(" ({} {})", count(n), u.name()));
                format!("{} {}{other}", m.key, plain(m.label))
            })
            .collect();
        (!absent.is_empty()).then(|| format!("Not charged in {}: {}.", unit.name(), list(&absent, NAMES)))
    };
    axes.iter().filter_map(line).collect()
}

/// What was done to the data on the way to the drawing.
fn caption(
    metric: &MetricInfo,
    series: &[Series],
    y: &Axis,
    level: Option<f64>,
    panels: usize,
    tau: f64,
    outside: f64,
) -> String {
    let all = || series.iter();
    let mut notes = Vec::new();
    if !metric::is_gap(metric) && !metric.definition.is_empty() {
        notes.push(format!("{}: {}; {}.", metric.name, metric.definition, metric::better(metric)));
    }
    notes.push("Numbers and colours as in the table.".to_owned());
    if panels > 1 {
        notes.push("Methods are spread over several drawings with the same axes.".into());
    }
    let repetitions = all().map(|s| s.repetitions);
    let repetitions = (repetitions.clone().min().unwrap_or(1), repetitions.max().unwrap_or(1));
    notes.extend(median_and_band(repetitions, outside));
    if all().any(|s| s.held) {
        notes.push("A repetition that stopped before the others is held at its last value.".into());
    }
    if all().any(|s| s.one_shot) {
        notes.push("Dashed: a method that answers once, from where its cost was charged.".into());
    }
    if all().any(|s| s.diverged) {
        notes.push("A red cross: diverged.".into());
    }
    if y.zero {
        let why = if y.floor > FLOOR { ", so that they do not squeeze the others" } else { "" };
        notes.push(format!("Values of 0 or below {} are drawn at the lower edge{why}.", short(y.floor)));
    }
    if all().any(|s| s.points.iter().any(|(x, _)| *x <= 0.0)) {
        notes.push("The start, at cost 0, is drawn at the left edge.".into());
    }
    if let Some(level) = level {
        notes.push(format!(
            "Long dashes: the equilibrium for tau = {} itself has gap {}.",
            short(tau),
            short(level)
        ));
    }
    notes.join(" ")
}

fn draw(
    subject: Subject<'_>,
    against: Against,
    frame: &Frame,
    series: &[&Series],
    level: Option<f64>,
) -> Result<String, ReportError> {
    let what = format!("{} against {}", subject.title(), against.name());
    let mut drawing = frame.drawing(&what);
    frame.mesh(&mut drawing, against.name(), &metric::axis_name(subject.metric))?;
    if let Some(level) = level {
        let y = frame.y(level);
        drawing.layer("stroke-dasharray=\"28 10\"", "gap of the regularised equilibrium", |area| {
            area.draw(&PathElement::new(vec![(frame.left, y), (frame.right, y)], GREY.stroke_width(3)))?;
            Ok(())
        })?;
    }
    for s in series {
        let band = band(s, frame);
        if !band.is_empty() {
            drawing.layer("", &plain(&s.label), |area| {
                area.draw(&Polygon::new(band, s.style.colour().mix(0.16).filled()))?;
                Ok(())
            })?;
        }
    }
    let mut ends = Vec::new();
    for s in series {
        let pieces = pieces(s, frame);
        let Some(&end) = pieces.last().and_then(|p| p.last()) else { continue };
        ends.push((end, s.style.key, s.style.colour()));
        let dash = if s.one_shot { "stroke-dasharray=\"12 10\"" } else { "" };
        drawing.layer(dash, &format!("{} {}", s.style.key, plain(&s.label)), |area| {
            line(area, s, frame, &pieces)
        })?;
    }
    frame.keys(&mut drawing, &ends)?;
    Ok(drawing
        .finish(&format!("{what}, vertical axis {}, horizontal axis logarithmic", frame.y.scale_name())))
}

/// The line in pieces: it is broken where the median is not finite.
fn pieces(series: &Series, frame: &Frame) -> Vec<Vec<Pixel>> {
    series
        .points
        .split(|(_, v)| !v.median.is_finite())
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let pixels: Vec<Pixel> = piece.iter().map(|(x, v)| frame.at(*x, v.median)).collect();
            visible(&pixels)
        })
        .collect()
}

/// Outline of the range over repetitions; empty for a single one.
fn band(series: &Series, frame: &Frame) -> Vec<Pixel> {
    if series.repetitions < 2 || series.one_shot {
        return Vec::new();
    }
    let upper: Vec<Pixel> = series.points.iter().map(|(x, v)| frame.at(*x, v.max)).collect();
    let lower: Vec<Pixel> = series.points.iter().map(|(x, v)| frame.at(*x, v.min)).collect();
    let mut outline = visible(&upper);
    outline.extend(visible(&lower).into_iter().rev());
    outline
}

fn line(area: &Area<'_>, series: &Series, frame: &Frame, pieces: &[Vec<Pixel>]) -> Drawn {
    let colour = series.style.colour();
    let Some(&end) = pieces.last().and_then(|p| p.last()) else { return Ok(()) };
    if series.one_shot {
        area.draw(&PathElement::new(vec![end, (frame.right, end.1)], colour.stroke_width(4)))?;
    }
    for piece in pieces {
        area.draw(&PathElement::new(piece.clone(), colour.stroke_width(4)))?;
    }
    for at in marks(&pieces.concat(), series.style.slot) {
        marker(area, at, series.style.slot, colour)?;
    }
    if series.diverged {
        cross(area, end)?;
    } else {
        marker(area, end, series.style.slot, colour)?;
    }
    Ok(())
}
