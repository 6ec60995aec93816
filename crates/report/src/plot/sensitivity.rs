//! Where a sweep ends: a metric against the parameter, a line a method.

use equipoise_records::{MetricInfo, Scale};
use plotters::prelude::*;

use super::axis::{Axis, FLOOR};
use super::frame::Frame;
use super::{COLOURS, Gallery, Svg};
use crate::error::ReportError;
use crate::model::metric;
use crate::model::number::{list, plain};
use crate::model::spread::Spread;
use crate::model::sweep::Sweep;

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
                  at the upper edge: half of the repetitions or more diverged. Numbers as listed above, not those of the table."
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
    let frame = Frame::new(x, y);
    let what = format!("Final {} against {parameter}", metric::title(info));
    let mut drawing = frame.drawing(&what);
    frame.mesh(&mut drawing, parameter, &metric::axis_name(info))?;
    let mut ends = Vec::new();
    for (k, (sweep, values)) in sweeps.iter().zip(&values).enumerate() {
        let colour = COLOURS[k];
        drawing.layer("", &format!("{} {}", k + 1, plain(&sweep.name())), |area| {
            for (x, v) in values.iter().filter(|(_, v)| v.min < v.max) {
                let range = vec![frame.at(*x, v.min), frame.at(*x, v.max)];
                area.draw(&PathElement::new(range, colour.stroke_width(2)))?;
            }
            frame.through(area, values, k, colour)
        })?;
        ends.extend(values.last().map(|(x, v)| (frame.at(*x, v.median), k + 1, colour)));
    }
    frame.keys(&mut drawing, &ends)?;
    Ok(drawing.finish(&format!("{what}, vertical axis {}", frame.y.scale_name())))
}
