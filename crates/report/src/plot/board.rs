//! A board as intervals: one row an item, the strongest on top.

use plotters::prelude::*;

use super::axis::round_step;
use super::svg::{Anchor, Area, Drawing, Drawn, TEXT, text};
use super::{COLOURS, FAINT, GREY, INK};
use crate::error::ReportError;
use crate::model::number::{clipped, short};
use equipoise_records::leaderboard::Item;

/// Characters of a label that fit beside the rows.
const LABEL: usize = 28;
const CHARACTER: i32 = TEXT * 4 / 7;
const ROW: i32 = 46;
/// Width of the axis.
const AXIS: i32 = 860;
/// Width of the ranks on the right.
const RANKS: i32 = 150;
const TOP: i32 = 60;
const FOOT: i32 = 100;

/// The drawing.
pub(crate) fn board(items: &[Item]) -> Result<String, ReportError> {
    let longest = items.iter().map(|i| clipped(&i.label, LABEL).chars().count()).max().unwrap_or(0);
    let left = (longest as i32 * CHARACTER + 24).max(120);
    let ends = items.iter().flat_map(|i| {
        let bootstrap = i.bootstrap.map(|b| [b.0, b.1]).unwrap_or([i.strength; 2]);
        [i.interval.0.unwrap_or(i.strength), i.interval.1.unwrap_or(i.strength), bootstrap[0], bootstrap[1]]
    });
    let (low, high) = ends.fold((0.0f64, 0.0f64), |(l, h), x| (l.min(x), h.max(x)));
    let step = round_step((high - low).max(1e-9), 6);
    let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
    let sheet = Sheet { items, left, low, high: if high > low { high } else { low + 1.0 }, step };
    let (width, height) = (left + AXIS + RANKS, TOP + ROW * items.len() as i32 + FOOT);
    let mut drawing = Drawing::new("board", width.unsigned_abs(), height.unsigned_abs());
    drawing.layer("", "", |area| sheet.axis(area))?;
    for (k, item) in items.iter().enumerate() {
        let title = format!(
            "{}: {} ({} to {})",
            item.label,
            short(item.strength),
            item.interval.0.map_or("open".to_owned(), short),
            item.interval.1.map_or("open".to_owned(), short)
        );
        drawing.layer("", &title, |area| sheet.row(area, k, item))?;
    }
    Ok(drawing.finish("strengths with intervals, the strongest item on top"))
}

struct Sheet<'a> {
    items: &'a [Item],
    left: i32,
    low: f64,
    high: f64,
    step: f64,
}

impl Sheet<'_> {
    fn x(&self, value: f64) -> i32 {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        self.left + (share * f64::from(AXIS)).round() as i32
    }

    fn axis(&self, area: &Area<'_>) -> Drawn {
        let foot = TOP + ROW * self.items.len() as i32;
        let ticks = ((self.high - self.low) / self.step).round() as i32;
        for k in 0..=ticks {
            let value = self.low + f64::from(k) * self.step;
            // what is left of a zero by rounding
            let value = if value.abs() < 1e-9 * self.step { 0.0 } else { value };
            let x = self.x(value);
            let line = if value == 0.0 { GREY.stroke_width(2) } else { FAINT.stroke_width(2) };
            area.draw(&PathElement::new(vec![(x, TOP), (x, foot)], line))?;
            text(area, &short(value), (x, foot + 24), TEXT, INK, Anchor::Middle)?;
        }
        let middle = self.left + AXIS / 2;
        let title = "log strength in nats, 0 = mean of the items";
        text(area, title, (middle, foot + 66), TEXT, INK, Anchor::Middle)?;
        text(area, "rank", (self.left + AXIS + 30, TOP - 26), TEXT, INK, Anchor::Left)
    }

    fn row(&self, area: &Area<'_>, k: usize, item: &Item) -> Drawn {
        let y = TOP + ROW * k as i32 + ROW / 2;
        text(area, &clipped(&item.label, LABEL), (self.left - 14, y), TEXT, INK, Anchor::Right)?;
        // an open end runs to that of the axis
        let (from, to) = match (item.interval, item.rank) {
            ((None, None), None) => (self.x(item.strength), self.x(item.strength)),
            ((low, high), _) => (self.x(low.unwrap_or(self.low)), self.x(high.unwrap_or(self.high))),
        };
        area.draw(&Rectangle::new(
            [(from, y - 7), (to.max(from + 2), y + 1)],
            COLOURS[0].mix(0.45).filled(),
        ))?;
        if let Some((low, high)) = item.bootstrap {
            let (from, to) = (self.x(low), self.x(high));
            let line = COLOURS[1].stroke_width(3);
            area.draw(&PathElement::new(vec![(from, y + 10), (to, y + 10)], line))?;
            for end in [from, to] {
                area.draw(&PathElement::new(vec![(end, y + 5), (end, y + 15)], line))?;
            }
        }
        area.draw(&Circle::new((self.x(item.strength), y - 3), 8, COLOURS[0].filled()))?;
        let rank = match item.rank {
            Some((a, b)) if a == b => a.to_string(),
            Some((a, b)) => format!("{a} - {b}"),
            None => "-".to_owned(),
        };
        text(area, &rank, (self.left + AXIS + 30, y), TEXT, INK, Anchor::Left)
    }
}
