//! Methods in pairs: of each its level over that of the best one in the same repetition, with the interval of the median.

use plotters::prelude::*;

use super::axis::Axis;
use super::svg::{Anchor, Area, Drawing, Drawn, TEXT, marker, text};
use super::{FAINT, GREY, Gallery, INK, Palette, Svg};
use crate::error::ReportError;
use crate::model::number::{clipped, plain, short};
use crate::model::paired::{Paired, Ratio};

/// Characters of a label that fit beside the rows.
const LABEL: usize = 36;
const CHARACTER: i32 = TEXT * 4 / 7;
const ROW: i32 = 46;
/// Width of the axis.
const AXIS: i32 = 860;
const TOP: i32 = 24;
const FOOT: i32 = 100;
const RIGHT: i32 = 60;
/// Ratios below this are drawn at it.
const LEAST: f64 = 1e-12;

/// One row a method, on a logarithmic axis.
pub(crate) fn paired_levels(paired: &Paired<'_>, palette: &Palette) -> Result<Gallery, ReportError> {
    let best = plain(paired.best);
    let met = if paired.shared { "the same draws of the oracle" } else { "draws of its own" };
    Ok(Gallery {
        title: "Level at the end, in pairs".into(),
        rows: vec![vec![draw(paired, &best, palette)?]],
        left_out: Vec::new(),
        caption: format!(
            "Level of a method over that of {best} in the same repetition, in which each method met {met}: every repetition a grey \
             dot, the median, and the 95 % interval of the median (sign test; none below six pairs). An interval that holds 1, the \
             vertical line, does not tell the two apart; right of it the method ends higher."
        ),
        kind: "curves",
        shown: Vec::new(),
    })
}

struct Sheet<'a> {
    x: Axis,
    left: i32,
    rows: &'a [Ratio<'a>],
}

fn draw(paired: &Paired<'_>, best: &str, palette: &Palette) -> Result<Svg, ReportError> {
    let rows = &paired.others;
    let label = |r: &Ratio<'_>| clipped(&format!("{} {}", r.key, plain(r.label)), LABEL);
    let longest = rows.iter().map(|r| label(r).chars().count()).max().unwrap_or(0);
    let left = (longest as i32 * CHARACTER + 24).max(120);
    // the line at 1 is always there
    let values = rows.iter().flat_map(|r| r.all.iter().copied()).chain([0.5, 2.0]);
    let sheet = Sheet { x: Axis::logarithmic(values, LEAST, 6, true), left, rows };
    let (width, height) = (left + AXIS + RIGHT, TOP + ROW * rows.len() as i32 + FOOT);
    let mut drawing = Drawing::new("paired levels", width.unsigned_abs(), height.unsigned_abs());
    drawing.layer("", "", |area| sheet.axis(area, best))?;
    for (k, row) in rows.iter().enumerate() {
        let interval = row.interval.map_or("no interval".to_owned(), |(low, high)| {
            format!("95 % interval {} to {}", short(low), short(high))
        });
        let title = format!("{}: {} times as high, {interval}", label(row), short(row.median));
        let style = palette.style(row.key);
        drawing.layer("", &title, |area| {
            let y = sheet.y(k);
            text(area, &label(row), (left - 14, y), TEXT, INK, Anchor::Right)?;
            for ratio in &row.all {
                area.draw(&Circle::new((sheet.at(*ratio), y), 4, GREY.mix(0.5).filled()))?;
            }
            if let Some((low, high)) = row.interval {
                let (from, to) = (sheet.at(low), sheet.at(high));
                let line = style.colour().stroke_width(4);
                area.draw(&PathElement::new(vec![(from, y), (to, y)], line))?;
                for end in [from, to] {
                    area.draw(&PathElement::new(vec![(end, y - 8), (end, y + 8)], line))?;
                }
            }
            marker(area, (sheet.at(row.median), y), style.slot, style.colour())
        })?;
    }
    Ok(drawing.finish(&format!("level at the end over that of {best}, logarithmic axis")))
}

impl Sheet<'_> {
    fn at(&self, ratio: f64) -> i32 {
        self.left + (self.x.at(ratio) * f64::from(AXIS)).round() as i32
    }

    fn y(&self, k: usize) -> i32 {
        TOP + ROW * k as i32 + ROW / 2
    }

    fn axis(&self, area: &Area<'_>, best: &str) -> Drawn {
        let foot = TOP + ROW * self.rows.len() as i32;
        let x = self.x.clone();
        let mut chart = ChartBuilder::on(area)
            .margin_top(TOP)
            .margin_left(self.left)
            .margin_right(RIGHT)
            .x_label_area_size(FOOT)
            .build_cartesian_2d(x, 0.0..1.0)?;
        let label = ("sans-serif", TEXT).into_font().color(&INK);
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .bold_line_style(FAINT.stroke_width(2))
            .light_line_style(TRANSPARENT)
            .axis_style(GREY.stroke_width(2))
            .label_style(label.clone())
            .axis_desc_style(label)
            .x_desc(format!("level over that of {best} (ratio)"))
            .draw()?;
        let one = self.at(1.0);
        area.draw(&PathElement::new(vec![(one, TOP), (one, foot)], GREY.stroke_width(4)))?;
        Ok(())
    }
}
