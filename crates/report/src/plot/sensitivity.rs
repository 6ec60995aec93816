//! Where a sweep ends: a metric against the parameter, a line a method.

use equipoise_records::{MetricInfo, Scale};
use plotters::prelude::*;

use super::axis::{Axis, FLOOR};
use super::curves::place;
use super::svg::{Anchor, Area, Drawing, Drawn, Pixel, TEXT, marker, text};
use super::{COLOURS, FAINT, GREY, Gallery, INK, Svg};
use crate::error::ReportError;
use crate::model::metric;
use crate::model::number::{list, plain};
use crate::model::spread::Spread;
use crate::model::sweep::Sweep;

const WIDTH: u32 = 900;
const HEIGHT: u32 = 640;
const LEFT: i32 = 116;
const TOP: i32 = 16;
const RIGHT: i32 = WIDTH as i32 - 44;
const BOTTOM: i32 = HEIGHT as i32 - 84;
/// Names listed before the rest becomes a number.
const NAMES: usize = 12;

/// One drawing a parameter, and as many methods in it as there are colours; `None` without sweeps.
pub(crate) fn sensitivity(sweeps: &[Sweep<'_>], info: &MetricInfo) -> Result<Option<Gallery>, ReportError> {
    let mut parameters: Vec<&str> = sweeps.iter().map(|s| s.parameter).collect();
    parameters.sort_unstable();
    parameters.dedup();
    let (mut row, mut legends): (Vec<Svg>, Vec<String>) = (Vec::new(), Vec::new());
    for parameter in parameters {
        let of: Vec<&Sweep<'_>> = sweeps.iter().filter(|s| s.parameter == parameter).collect();
        for part in of.chunks(COLOURS.len()) {
            let names = part.iter().enumerate().map(|(k, s)| format!("{} {}", k + 1, plain(&s.name())));
            legends.push(format!("{parameter}: {}.", list(&names.collect::<Vec<_>>(), NAMES)));
            row.push(draw(parameter, part, info)?);
        }
    }
    if row.is_empty() {
        return Ok(None);
    }
    Ok(Some(Gallery {
        title: format!("Sensitivity: final {} against the parameter of a sweep", metric::title(info)),
        rows: vec![row],
        left_out: legends,
        caption: "Last iterate at the end of the run: median, and bar from smallest to largest of the repetitions. A red cross \
                  at the upper edge: a repetition diverged. Numbers as listed above, not those of the table."
            .into(),
        kind: "curves",
        shown: Vec::new(),
    }))
}

fn draw(parameter: &str, sweeps: &[&Sweep<'_>], info: &MetricInfo) -> Result<Svg, ReportError> {
    let values: Vec<Vec<(f64, Spread)>> = sweeps.iter().map(|s| s.values(&info.name)).collect();
    let xs = || values.iter().flatten().map(|(x, _)| *x);
    let x = match xs().all(|x| x > 0.0) {
        true => Axis::logarithmic(xs(), 0.0, 6, true),
        false => Axis::linear(xs(), 6),
    };
    let ys = values.iter().flatten().flat_map(|(_, v)| [v.median, v.min, v.max]);
    let y = match info.scale {
        Scale::Log => Axis::logarithmic(ys, FLOOR, 8, true),
        Scale::Linear => Axis::linear(ys, 6),
    };
    let at = |px: f64, value: f64| -> Pixel {
        let height = if value.is_finite() { y.at(value) } else { 1.0 };
        (
            LEFT + (x.at(px) * f64::from(RIGHT - LEFT)).round() as i32,
            BOTTOM - (height * f64::from(BOTTOM - TOP)).round() as i32,
        )
    };
    let what = format!("Final {} against {parameter}", metric::title(info));
    let mut drawing = Drawing::new(&what, WIDTH, HEIGHT);
    drawing.layer("", "", |area| mesh(area, parameter, info, &x, &y))?;
    let mut ends = Vec::new();
    for (k, (sweep, values)) in sweeps.iter().zip(&values).enumerate() {
        let colour = COLOURS[k];
        drawing.layer("", &format!("{} {}", k + 1, plain(&sweep.name())), |area| {
            let finite: Vec<Vec<Pixel>> = values
                .split(|(_, v)| !v.median.is_finite())
                .map(|part| part.iter().map(|(x, v)| at(*x, v.median)).collect())
                .collect();
            for line in finite.iter().filter(|line| !line.is_empty()) {
                area.draw(&PathElement::new(line.clone(), colour.stroke_width(4)))?;
            }
            for (x, v) in values {
                if v.min < v.max {
                    area.draw(&PathElement::new(vec![at(*x, v.min), at(*x, v.max)], colour.stroke_width(2)))?;
                }
                match v.median.is_finite() {
                    true => marker(area, at(*x, v.median), k, colour)?,
                    false => {
                        area.draw(&Cross::new(at(*x, v.median), 11, RGBColor(200, 0, 0).stroke_width(5)))?;
                    }
                }
            }
            Ok(())
        })?;
        ends.extend(values.last().map(|(x, v)| (at(*x, v.median), k + 1, colour)));
    }
    let labels = place(&ends, RIGHT, TOP, BOTTOM);
    drawing.layer("class=\"keys\"", "", |area| {
        for (at, key, colour) in labels {
            text(area, &key.to_string(), at, TEXT + 2, colour, Anchor::Left)?;
        }
        Ok(())
    })?;
    Ok(drawing.finish(&format!("{what}, vertical axis {}", y.scale_name())))
}

fn mesh(area: &Area<'_>, parameter: &str, info: &MetricInfo, x: &Axis, y: &Axis) -> Drawn {
    let mut chart = ChartBuilder::on(area)
        .margin_top(TOP)
        .margin_right(WIDTH as i32 - RIGHT)
        .x_label_area_size(HEIGHT as i32 - BOTTOM)
        .y_label_area_size(LEFT)
        .build_cartesian_2d(x.clone(), y.clone())?;
    let label = ("sans-serif", TEXT).into_font().color(&INK);
    chart
        .configure_mesh()
        .bold_line_style(FAINT.stroke_width(2))
        .light_line_style(TRANSPARENT)
        .axis_style(GREY.stroke_width(2))
        .label_style(label.clone())
        .axis_desc_style(label)
        .x_desc(parameter)
        .y_desc(metric::axis_name(info))
        .draw()?;
    Ok(())
}
