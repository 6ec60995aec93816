//! What a policy ends with in the true game, against labels bought or against `1 / tau`: a panel a game, a line a model or a method.

use plotters::prelude::*;

use super::axis::{Axis, FLOOR};
use super::frame::{Frame, median_and_band};
use super::svg::{Anchor, Pixel, TEXT, text};
use super::{COLOURS, Gallery, INK, Style, Svg, swatch};
use crate::error::ReportError;
use crate::model::learning::{Against, Learning, Panel};
use crate::model::metric;
use crate::model::number::{capitalised, plain, short};
use crate::model::spread::Spread;

/// Panels side by side: more could not be read.
const IN_A_ROW: usize = 3;
/// Most numbers of labels that are all named on the axis.
const TICKS: usize = 8;

impl Against {
    /// The name of the horizontal axis, with its unit.
    fn axis(self) -> &'static str {
        match self {
            Self::Labels => "labels bought [answers to pairs]",
            Self::Pressure => "1 / tau [nats / win rate]",
        }
    }

    fn short(self) -> &'static str {
        match self {
            Self::Labels => "labels bought",
            Self::Pressure => "1 / tau",
        }
    }
}

/// Panels for as many lines as there are colours, then for the next ones, and the swatch of each line.
pub(crate) fn learning(all: &Learning<'_>) -> Result<(Gallery, Vec<String>), ReportError> {
    let points = || all.panels.iter().flat_map(|p| p.curves.iter().flatten());
    let mut x = Axis::logarithmic(points().map(|(x, _)| *x), 0.0, 6, false);
    let mut bought: Vec<f64> = points().map(|(x, _)| x.log10()).collect();
    bought.sort_by(f64::total_cmp);
    bought.dedup();
    // what was bought is what is read off; of many numbers round ones
    if all.against == Against::Labels
        && bought.len() <= TICKS
        && bought.windows(2).all(|two| two[1] - two[0] > 0.1 * (x.high - x.low))
    {
        x.ticks = bought;
    }
    let gaps = points().flat_map(|(_, v)| [v.median, v.min, v.max]);
    let y = Axis::logarithmic(gaps, all.floor.max(FLOOR), 8, true);
    let lines: Vec<usize> = (0..all.lines.len()).collect();
    let (mut rows, mut shown, mut swatches) = (Vec::new(), Vec::new(), Vec::new());
    for part in lines.chunks(COLOURS.len()) {
        for panels in all.panels.chunks(IN_A_ROW) {
            let row = panels.iter().map(|panel| draw(all, panel, part, &x, &y));
            rows.push(row.collect::<Result<Vec<Svg>, _>>()?);
            shown.push(part.iter().map(|k| k + 1).collect());
        }
        for &k in part {
            swatches.push(swatch(style(k))?);
        }
    }
    let gallery = Gallery {
        title: match all.against {
            Against::Labels => {
                format!("{} in truth against labels bought", capitalised(metric::title(all.metric)))
            }
            Against::Pressure => "Duality gap in the original game against 1 / tau".to_owned(),
        },
        rows,
        left_out: Vec::new(),
        caption: caption(all, &y),
        kind: "curves",
        shown,
    };
    Ok((gallery, swatches))
}

fn style(line: usize) -> Style {
    Style { key: line + 1, panel: line / COLOURS.len(), slot: line % COLOURS.len() }
}

fn caption(all: &Learning<'_>, y: &Axis) -> String {
    let mut notes = vec![
        "Both axes are logarithmic, and the same in all panels. The gap is that of the last iterate in the true game, without the KL \
         terms of a tau."
            .to_owned(),
    ];
    notes.extend(median_and_band(all.repetitions, all.outside));
    if y.zero {
        notes.push(format!("Gaps of 0 or below {} are drawn at the lower edge.", short(y.floor)));
    }
    if all.panels.iter().flat_map(|p| p.curves.iter().flatten()).any(|(_, v)| !v.median.is_finite()) {
        notes.push("A red cross at the upper edge: half of the repetitions or more diverged.".to_owned());
    }
    notes.join(" ")
}

fn draw(
    all: &Learning<'_>,
    panel: &Panel<'_>,
    lines: &[usize],
    x: &Axis,
    y: &Axis,
) -> Result<Svg, ReportError> {
    let frame = Frame::with_heading(x.clone(), y.clone());
    let game = plain(panel.game);
    let what = format!("{game}: {} against {}", metric::title(all.metric), all.against.short());
    let mut drawing = frame.drawing(&what);
    frame.mesh(&mut drawing, all.against.axis(), &metric::axis_name(all.metric))?;
    let heading = (frame.left, frame.top / 2);
    drawing.layer("", "", |area| text(area, &game, heading, TEXT + 4, INK, Anchor::Left))?;
    let curve = |line: usize| -> &[(f64, Spread)] { &panel.curves[line] };
    for &line in lines.iter().filter(|&&line| curve(line).iter().any(|(_, v)| v.min < v.max)) {
        let upper = curve(line).iter().map(|(x, v)| frame.at(*x, v.max));
        let lower = curve(line).iter().rev().map(|(x, v)| frame.at(*x, v.min));
        let outline: Vec<Pixel> = upper.chain(lower).collect();
        drawing.layer("", &plain(&all.lines[line]), |area| {
            area.draw(&Polygon::new(outline, style(line).colour().mix(0.13).filled()))?;
            Ok(())
        })?;
    }
    let mut ends = Vec::new();
    for &line in lines.iter().filter(|&&line| !curve(line).is_empty()) {
        let (style, points) = (style(line), curve(line));
        ends.extend(points.last().map(|(x, v)| (frame.at(*x, v.median), style.key, style.colour())));
        drawing.layer("", &format!("{} {}", style.key, plain(&all.lines[line])), |area| {
            frame.through(area, points, style.slot, style.colour())
        })?;
    }
    frame.keys(&mut drawing, &ends)?;
    Ok(drawing.finish(&format!("{what}, both axes logarithmic")))
}
