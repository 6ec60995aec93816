//! Where the curves of a drawing lie: its axes with their grid, lines through points, and the numbers beside the ends of lines.

use plotters::prelude::*;

use super::axis::Axis;
use super::svg::{Anchor, Area, Drawing, Drawn, Pixel, TEXT, marker, text};
use super::{FAINT, GREY, INK};
use crate::error::ReportError;
use crate::model::number::{short, up_to};
use crate::model::spread::Spread;

const WIDTH: i32 = 900;
/// Height of the axes with what stands below them.
const HEIGHT: i32 = 640;
/// Of that, what stands below.
const FOOT: i32 = 84;

/// The plotting area inside a drawing.
pub(super) struct Frame {
    x: Axis,
    pub(super) y: Axis,
    pub(super) left: i32,
    pub(super) right: i32,
    pub(super) top: i32,
    pub(super) bottom: i32,
}

/// The end of a line, the line's number, and its colour.
pub(super) type End = (Pixel, usize, RGBColor);

impl Frame {
    pub(super) fn new(x: Axis, y: Axis) -> Self {
        Self { x, y, left: 116, right: WIDTH - 44, top: 16, bottom: HEIGHT - FOOT }
    }

    /// With space for a line of text above the axes.
    pub(super) fn with_heading(x: Axis, y: Axis) -> Self {
        const HEADING: i32 = 40;
        let frame = Self::new(x, y);
        Self { top: frame.top + HEADING, bottom: frame.bottom + HEADING, ..frame }
    }

    /// An empty drawing with this frame in it.
    pub(super) fn drawing(&self, what: &str) -> Drawing {
        Drawing::new(what, WIDTH as u32, (self.bottom + FOOT) as u32)
    }

    pub(super) fn x(&self, value: f64) -> i32 {
        self.left + (self.x.at(value) * f64::from(self.right - self.left)).round() as i32
    }

    /// What is no number is as high as can be.
    pub(super) fn y(&self, value: f64) -> i32 {
        let height = if value.is_finite() { self.y.at(value) } else { 1.0 };
        self.bottom - (height * f64::from(self.bottom - self.top)).round() as i32
    }

    pub(super) fn at(&self, x: f64, y: f64) -> Pixel {
        (self.x(x), self.y(y))
    }

    /// Grid, ticks and the names of the axes, by plotters' own chart.
    pub(super) fn mesh(&self, drawing: &mut Drawing, x_name: &str, y_name: &str) -> Result<(), ReportError> {
        drawing.layer("", "", |area| {
            let mut chart = ChartBuilder::on(area)
                .margin_top(self.top)
                .margin_right(WIDTH - self.right)
                .x_label_area_size(FOOT)
                .y_label_area_size(self.left)
                .build_cartesian_2d(self.x.clone(), self.y.clone())?;
            let label = ("sans-serif", TEXT).into_font().color(&INK);
            chart
                .configure_mesh()
                .bold_line_style(FAINT.stroke_width(2))
                .light_line_style(TRANSPARENT)
                .axis_style(GREY.stroke_width(2))
                .label_style(label.clone())
                .axis_desc_style(label)
                .x_desc(x_name)
                .y_desc(y_name)
                .draw()?;
            Ok(())
        })
    }

    /// Draws the medians of one line: broken, with a red cross, where they are not finite.
    pub(super) fn through(
        &self,
        area: &Area<'_>,
        points: &[(f64, Spread)],
        slot: usize,
        colour: RGBColor,
    ) -> Drawn {
        let at = |(x, v): &(f64, Spread)| self.at(*x, v.median);
        for part in points.split(|(_, v)| !v.median.is_finite()).filter(|part| !part.is_empty()) {
            let line: Vec<Pixel> = part.iter().map(at).collect();
            area.draw(&PathElement::new(line, colour.stroke_width(4)))?;
        }
        points.iter().try_for_each(|point| match point.1.median.is_finite() {
            true => marker(area, at(point), slot, colour),
            false => cross(area, at(point)),
        })
    }

    /// Writes the number of each line beside its end.
    pub(super) fn keys(&self, drawing: &mut Drawing, ends: &[End]) -> Result<(), ReportError> {
        let placed = self.place(ends);
        drawing.layer("class=\"keys\"", "", |area| {
            placed.iter().try_for_each(|(at, key, colour)| {
                text(area, &key.to_string(), *at, TEXT + 2, *colour, Anchor::Left)
            })
        })
    }

    /// Puts each number beside the end of its line, moved up or down until it covers no other.
    fn place(&self, ends: &[End]) -> Vec<End> {
        const LINE: i32 = 26;
        let mut placed: Vec<End> = Vec::new();
        let mut order: Vec<&End> = ends.iter().collect();
        order.sort_by_key(|(at, key, _)| (at.1, *key));
        for &&((x, y), key, colour) in &order {
            let x = (x + 14).min(self.right + 10);
            let free =
                |y: i32| placed.iter().all(|((px, py), _, _)| (px - x).abs() > 34 || (py - y).abs() >= LINE);
            let inside = |y: i32| (self.top + 8..=self.bottom - 6).contains(&y);
            let shift = (0..40)
                .flat_map(|i| [i * LINE / 2, -i * LINE / 2])
                .find(|shift| inside(y + shift) && free(y + shift))
                .unwrap_or(0);
            placed.push(((x, y + shift), key, colour));
        }
        placed
    }
}

/// Here a run diverged.
pub(super) fn cross(area: &Area<'_>, at: Pixel) -> Drawn {
    area.draw(&Cross::new(at, 12, RGBColor(200, 0, 0).stroke_width(5)))?;
    Ok(())
}

/// What a line and its band are, of the fewest to the most repetitions; `None` for one. `outside` is the quantile from which a band
/// reaches.
pub(super) fn median_and_band(repetitions: (usize, usize), outside: f64) -> Option<String> {
    let band = match outside {
        0.0 => "smallest to largest".to_owned(),
        _ => format!("{} to {} quantile", short(outside), short(1.0 - outside)),
    };
    (repetitions.1 > 1)
        .then(|| format!("Line: median of {}; band: {band}.", up_to(repetitions, "repetition")))
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

#[cfg(test)]
mod tests {
    use super::super::axis::FLOOR;
    use super::*;

    #[test]
    fn numbers_do_not_cover_each_other() {
        let frame = Frame::new(
            Axis::logarithmic([1.0, 1000.0], 0.0, 6, false),
            Axis::logarithmic([1e-8, 1.0], FLOOR, 8, true),
        );
        let ends: Vec<End> = (1..=7).map(|key| ((frame.right, frame.bottom), key, INK)).collect();
        let placed = frame.place(&ends);
        for (i, a) in placed.iter().enumerate() {
            assert!(a.0.1 <= frame.bottom);
            for b in &placed[i + 1..] {
                assert!((a.0.1 - b.0.1).abs() >= 26);
            }
        }
    }
}
