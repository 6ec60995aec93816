//! Who beats whom among the best: items on a circle, arrows from winner to loser.

use std::f64::consts::TAU;

use plotters::prelude::*;

use super::svg::{Anchor, Area, Drawing, Drawn, Pixel, TEXT, text};
use super::{COLOURS, GREY, INK};
use crate::error::ReportError;
use crate::model::number::clipped;

const LABEL: usize = 20;
const CHARACTER: i32 = TEXT * 4 / 7;
const RADIUS: f64 = 270.0;
/// Radius of an item.
const DOT: f64 = 16.0;
/// Length of an arrow's head.
const HEAD: f64 = 26.0;

/// The drawing: `names` in the order of the circle, `win_rate(a, b)` of a over b where they met, and the steps of the
/// cycle to be seen first, each beating the next, by their places in `names`.
pub(crate) fn cycle(
    names: &[&str],
    win_rate: &dyn Fn(usize, usize) -> Option<f64>,
    shown: &[usize],
) -> Result<String, ReportError> {
    let longest = names.iter().map(|l| clipped(l, LABEL).chars().count()).max().unwrap_or(0);
    let side = (longest as i32 * CHARACTER + 60).max(140);
    let (width, height) = (2 * (RADIUS as i32 + side), 2 * (RADIUS as i32 + 90));
    let sheet = Sheet { names, centre: (width / 2, height / 2) };
    let on_cycle =
        |a: usize, b: usize| (0..shown.len()).any(|k| (shown[k], shown[(k + 1) % shown.len()]) == (a, b));
    let mut drawing = Drawing::new("cycle", width.unsigned_abs(), height.unsigned_abs());
    // the cycle is drawn last, on top
    for first in [false, true] {
        for a in 0..names.len() {
            for b in 0..names.len() {
                let Some(p) = win_rate(a, b).filter(|p| a != b && *p > 0.5 && on_cycle(a, b) == first) else {
                    continue;
                };
                let title = format!("{} beats {}: {:.1}%", names[a], names[b], 100.0 * p);
                drawing.layer("", &title, |area| sheet.arrow(area, a, b, p, first))?;
            }
        }
    }
    drawing.layer("class=\"keys\"", "", |area| {
        for (k, pair) in shown.iter().enumerate() {
            let next = shown[(k + 1) % shown.len()];
            if let Some(p) = win_rate(*pair, next) {
                sheet.number(area, *pair, next, p)?;
            }
        }
        Ok(())
    })?;
    drawing.layer("", "", |area| sheet.items(area))?;
    Ok(drawing.finish("who beats whom: arrows from winner to loser"))
}

struct Sheet<'a> {
    names: &'a [&'a str],
    centre: Pixel,
}

impl Sheet<'_> {
    fn angle(&self, k: usize) -> f64 {
        TAU * (k as f64 / self.names.len() as f64 - 0.25)
    }

    fn place(&self, k: usize) -> (f64, f64) {
        let (s, c) = self.angle(k).sin_cos();
        (f64::from(self.centre.0) + RADIUS * c, f64::from(self.centre.1) + RADIUS * s)
    }

    fn arrow(&self, area: &Area<'_>, a: usize, b: usize, p: f64, first: bool) -> Drawn {
        let ((x0, y0), (x1, y1)) = (self.place(a), self.place(b));
        let length = (x1 - x0).hypot(y1 - y0);
        let (ux, uy) = ((x1 - x0) / length, (y1 - y0) / length);
        let at = |t: f64, off: f64| {
            ((x0 + ux * t - uy * off).round() as i32, (y0 + uy * t + ux * off).round() as i32)
        };
        let (colour, width) = match first {
            true => (COLOURS[1], 4.0 + 12.0 * (p - 0.5)),
            false => (GREY, 2.0 + 8.0 * (p - 0.5)),
        };
        let (from, to) = (DOT + 4.0, length - DOT - 4.0);
        let line = colour.mix(if first { 1.0 } else { 0.55 });
        area.draw(&PathElement::new(
            vec![at(from, 0.0), at(to - 0.8 * HEAD, 0.0)],
            line.stroke_width(width.round() as u32),
        ))?;
        let half = 0.36 * HEAD + 0.5 * width;
        area.draw(&Polygon::new(
            vec![at(to, 0.0), at(to - HEAD, half), at(to - HEAD, -half)],
            line.filled(),
        ))?;
        Ok(())
    }

    /// The win rate, a third of the way, so that the numbers of crossing arrows stay apart.
    fn number(&self, area: &Area<'_>, a: usize, b: usize, p: f64) -> Drawn {
        let ((x0, y0), (x1, y1)) = (self.place(a), self.place(b));
        let at = ((x0 + 0.38 * (x1 - x0)).round() as i32, (y0 + 0.38 * (y1 - y0)).round() as i32);
        text(area, &format!("{:.0}%", 100.0 * p), at, TEXT, INK, Anchor::Middle)
    }

    fn items(&self, area: &Area<'_>) -> Drawn {
        for (k, name) in self.names.iter().enumerate() {
            let (x, y) = self.place(k);
            let centre = (x.round() as i32, y.round() as i32);
            area.draw(&Circle::new(centre, DOT as i32, COLOURS[0].filled()))?;
            let (s, c) = self.angle(k).sin_cos();
            let out = DOT + 14.0;
            let (dx, dy, anchor) = match c {
                c if c > 0.3 => (out, s * out, Anchor::Left),
                c if c < -0.3 => (-out, s * out, Anchor::Right),
                _ => (0.0, s.signum() * (out + 12.0), Anchor::Middle),
            };
            let at = (centre.0 + dx.round() as i32, centre.1 + dy.round() as i32);
            text(area, &clipped(name, LABEL), at, TEXT, INK, anchor)?;
        }
        Ok(())
    }
}
