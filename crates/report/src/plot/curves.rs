//! Gap against steps, queries and duels, all axes logarithmic.

use equipoise_records::Iterate;
use plotters::prelude::*;

use super::axis::{Axis, FLOOR};
use super::series::{Cost, Series, visible};
use super::svg::{Anchor, Area, Drawing, Drawn, Pixel, TEXT, marker, text};
use super::{FAINT, Figure, GREY, Gallery, INK, Palette};
use crate::error::ReportError;
use crate::render::group::{GAP, GAP_TAU, Game, Setting};
use crate::render::number::{list, plain, plural, short};

const WIDTH: u32 = 900;
const HEIGHT: u32 = 640;

/// One row of drawings: a metric of an iterate.
struct Subject {
    metric: &'static str,
    iterate: Iterate,
}

impl Subject {
    fn title(&self) -> String {
        let metric = if self.metric == GAP_TAU { "Regularised gap" } else { "Duality gap" };
        format!("{metric} of the {} iterate", self.iterate)
    }
}

/// All rows of a setting that have something to show.
pub(crate) fn curves(
    game: &Game<'_>,
    setting: &Setting<'_>,
    palette: &Palette,
) -> Result<Vec<Gallery>, ReportError> {
    let metrics: &[&'static str] = if setting.tau > 0.0 { &[GAP_TAU, GAP] } else { &[GAP] };
    let mut galleries = Vec::new();
    for &metric in metrics {
        // What the pull to the reference costs: no method at the regularised equilibrium is lower in this metric.
        let equilibrium = game.record.equilibria.iter().find(|e| e.tau.total_cmp(&setting.tau).is_eq());
        let level = equilibrium
            .filter(|_| metric == GAP && setting.tau > 0.0 && game.record.contexts == 1)
            .map(|e| e.duality_gap);
        for iterate in [Iterate::Last, Iterate::Average] {
            galleries.extend(gallery(setting, palette, &Subject { metric, iterate }, level)?);
        }
    }
    Ok(galleries)
}

fn gallery(
    setting: &Setting<'_>,
    palette: &Palette,
    subject: &Subject,
    level: Option<f64>,
) -> Result<Option<Gallery>, ReportError> {
    let on = |cost: Cost| -> Vec<Series> {
        let series = setting
            .methods
            .iter()
            .map(|m| Series::of(m, palette.style(m.key), subject.iterate, subject.metric, cost));
        series.flatten().collect()
    };
    let by_cost: Vec<(Cost, Vec<Series>)> = Cost::ALL.into_iter().map(|c| (c, on(c))).collect();
    let all = || by_cost.iter().flat_map(|(_, series)| series);
    if all().next().is_none() {
        return Ok(None);
    }
    // One vertical axis for the whole row, so that its drawings can be compared.
    let values = all().flat_map(|s| s.points.iter().flat_map(|(_, v)| [v.median, v.min, v.max]));
    let y = Axis::covering(values.chain(level), FLOOR, 8, true);
    let mut panels: Vec<usize> = all().map(|s| s.style.panel).collect();
    panels.sort_unstable();
    panels.dedup();

    let mut figures = Vec::new();
    for &panel in &panels {
        for (cost, series) in by_cost.iter().filter(|(_, series)| !series.is_empty()) {
            let x = Axis::covering(series.iter().flat_map(|s| s.points.iter().map(|p| p.0)), 0.0, 6, false);
            let shown: Vec<&Series> = series.iter().filter(|s| s.style.panel == panel).collect();
            let absent: Vec<String> = setting
                .methods
                .iter()
                .filter(|m| {
                    palette.style(m.key).panel == panel && !series.iter().any(|s| s.style.key == m.key)
                })
                .map(|m| format!("{} {}", m.key, plain(m.label)))
                .collect();
            let caption = if absent.is_empty() {
                String::new()
            } else {
                format!("Not paid in {}: {}.", cost.name(), list(&absent, 8))
            };
            let svg = if shown.is_empty() {
                String::new()
            } else {
                draw(subject, *cost, &Frame::new(x, y.clone()), &shown, level)?
            };
            figures.push(Figure { svg, caption });
        }
    }
    let columns = by_cost.iter().filter(|(_, series)| !series.is_empty()).count();
    let caption = caption(&by_cost, &y, level, panels.len(), setting.tau);
    Ok(Some(Gallery { title: subject.title(), columns, caption, kind: "curves", figures }))
}

/// What was done to the data on the way to the drawing.
fn caption(by_cost: &[(Cost, Vec<Series>)], y: &Axis, level: Option<f64>, panels: usize, tau: f64) -> String {
    let all = || by_cost.iter().flat_map(|(_, series)| series);
    let mut notes = vec!["Numbers and colours as in the table.".to_owned()];
    if panels > 1 {
        notes.push("Methods are spread over several drawings with the same axes.".into());
    }
    let repetitions = all().map(|s| s.repetitions).max().unwrap_or(1);
    if repetitions > 1 {
        notes.push(format!(
            "Line: median of {}; band: smallest to largest.",
            plural(repetitions, "repetition")
        ));
    }
    if all().any(|s| s.held) {
        notes.push("A repetition that stopped before the others is held at its last value.".into());
    }
    if all().any(|s| s.one_shot) {
        notes.push("Dashed: a method that answers once, from where its cost was paid.".into());
    }
    if all().any(|s| s.diverged) {
        notes.push("A red cross: diverged.".into());
    }
    if y.zero {
        notes.push(format!("Values of 0 or below {} are drawn at the lower edge.", short(FLOOR)));
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

/// The plotting area inside a drawing.
struct Frame {
    x: Axis,
    y: Axis,
    left: i32,
    right: i32,
    top: i32,
    bottom: i32,
}

impl Frame {
    fn new(x: Axis, y: Axis) -> Self {
        Self { x, y, left: 116, right: WIDTH as i32 - 44, top: 16, bottom: HEIGHT as i32 - 84 }
    }

    fn x(&self, value: f64) -> i32 {
        self.left + (self.x.at(value) * f64::from(self.right - self.left)).round() as i32
    }

    fn y(&self, value: f64) -> i32 {
        self.bottom - (self.y.at(value) * f64::from(self.bottom - self.top)).round() as i32
    }
}

fn draw(
    subject: &Subject,
    cost: Cost,
    frame: &Frame,
    series: &[&Series],
    level: Option<f64>,
) -> Result<String, ReportError> {
    let what = format!("{} against {}", subject.title(), cost.name());
    let mut drawing = Drawing::new(&what, WIDTH, HEIGHT);
    drawing.layer("", "", |area| mesh(area, frame, subject, cost))?;
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
    let labels = place(&ends, frame.right, frame.top, frame.bottom);
    drawing.layer("class=\"keys\"", "", |area| {
        for (at, key, colour) in labels {
            text(area, &key.to_string(), at, TEXT + 2, colour, Anchor::Left)?;
        }
        Ok(())
    })?;
    Ok(drawing.finish(&format!("{what}, logarithmic axes")))
}

/// Grid, ticks and names, by plotters' own chart.
fn mesh(area: &Area<'_>, frame: &Frame, subject: &Subject, cost: Cost) -> Drawn {
    let mut chart = ChartBuilder::on(area)
        .margin_top(frame.top)
        .margin_right(WIDTH as i32 - frame.right)
        .x_label_area_size(HEIGHT as i32 - frame.bottom)
        .y_label_area_size(frame.left)
        .build_cartesian_2d(frame.x.clone(), frame.y.clone())?;
    let label = ("sans-serif", TEXT).into_font().color(&INK);
    let unit = if subject.metric == GAP { "win rate" } else { "win rate, with the KL terms" };
    chart
        .configure_mesh()
        .bold_line_style(FAINT.stroke_width(2))
        .light_line_style(TRANSPARENT)
        .axis_style(GREY.stroke_width(2))
        .label_style(label.clone())
        .axis_desc_style(label)
        .x_desc(cost.name())
        .y_desc(format!("gap [{unit}]"))
        .draw()?;
    Ok(())
}

/// The line in pieces: it is broken where the median is not finite.
fn pieces(series: &Series, frame: &Frame) -> Vec<Vec<Pixel>> {
    series
        .points
        .split(|(_, v)| !v.median.is_finite())
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let pixels: Vec<Pixel> = piece.iter().map(|(x, v)| (frame.x(*x), frame.y(v.median))).collect();
            visible(&pixels)
        })
        .collect()
}

/// Outline of the range over repetitions; empty for a single one.
fn band(series: &Series, frame: &Frame) -> Vec<Pixel> {
    if series.repetitions < 2 || series.one_shot {
        return Vec::new();
    }
    let top = |v: f64| if v.is_finite() { frame.y(v) } else { frame.top };
    let upper: Vec<Pixel> = series.points.iter().map(|(x, v)| (frame.x(*x), top(v.max))).collect();
    let lower: Vec<Pixel> = series.points.iter().map(|(x, v)| (frame.x(*x), top(v.min))).collect();
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
        area.draw(&Cross::new(end, 13, RGBColor(200, 0, 0).stroke_width(5)))?;
    } else {
        marker(area, end, series.style.slot, colour)?;
    }
    Ok(())
}

/// Points nearest to a few evenly spaced places, shifted from slot to slot so that markers do not cover each other.
pub(super) fn marks(line: &[Pixel], slot: usize) -> Vec<Pixel> {
    const EVERY: i32 = 190;
    let (Some(first), Some(last)) = (line.first(), line.last()) else { return Vec::new() };
    let shift = EVERY * (2 * slot as i32 + 1) / 14;
    let mut out: Vec<Pixel> = Vec::new();
    let mut x = first.0 + shift;
    while x < last.0 - EVERY / 4 {
        let nearest = line.iter().min_by_key(|p| (p.0 - x).abs()).expect("the line has a first point");
        if (nearest.0 - x).abs() < EVERY / 3 && out.last() != Some(nearest) {
            out.push(*nearest);
        }
        x += EVERY;
    }
    out
}

/// Puts each number beside the end of its line, moved up or down until it covers no other.
pub(super) fn place(
    ends: &[(Pixel, usize, RGBColor)],
    right: i32,
    top: i32,
    bottom: i32,
) -> Vec<(Pixel, usize, RGBColor)> {
    const LINE: i32 = 26;
    let mut placed: Vec<(Pixel, usize, RGBColor)> = Vec::new();
    let mut order: Vec<&(Pixel, usize, RGBColor)> = ends.iter().collect();
    order.sort_by_key(|(at, key, _)| (at.1, *key));
    for &&((x, y), key, colour) in &order {
        let x = (x + 14).min(right + 10);
        let free =
            |y: i32| placed.iter().all(|((px, py), _, _)| (px - x).abs() > 34 || (py - y).abs() >= LINE);
        let inside = |y: i32| (top + 8..=bottom - 6).contains(&y);
        let shift = (0..40)
            .flat_map(|i| [i * LINE / 2, -i * LINE / 2])
            .find(|shift| inside(y + shift) && free(y + shift))
            .unwrap_or(0);
        placed.push(((x, y + shift), key, colour));
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_do_not_cover_each_other() {
        let frame = Frame::new(
            Axis::covering([1.0, 1000.0], 0.0, 6, false),
            Axis::covering([1e-8, 1.0], FLOOR, 8, true),
        );
        let ends: Vec<_> = (1..=7).map(|key| ((frame.right, frame.bottom), key, INK)).collect();
        let placed = place(&ends, frame.right, frame.top, frame.bottom);
        for (i, a) in placed.iter().enumerate() {
            assert!(a.0.1 <= frame.bottom);
            for b in &placed[i + 1..] {
                assert!((a.0.1 - b.0.1).abs() >= 26);
            }
        }
    }
}
