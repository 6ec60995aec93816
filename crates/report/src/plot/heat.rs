//! A table of numbers as a heat map, with a place for what is unknown.

use plotters::prelude::*;

use super::matrix::shade;
use super::svg::{Anchor, Area, Drawing, Drawn, TEXT, text};
use super::{FAINT, GREY, INK};
use crate::error::ReportError;
use crate::model::number::clipped;

/// Characters of a label that fit.
const LABEL: usize = 22;
const CHARACTER: i32 = TEXT * 4 / 7;
/// From this cell size on, cells carry their number.
const CELL_WITH_NUMBER: i32 = 44;

/// What is drawn.
pub(crate) struct Heat<'a> {
    /// Names of the rows.
    pub(crate) rows: Vec<&'a str>,
    /// Names of the columns.
    pub(crate) columns: Vec<&'a str>,
    /// Shade of a cell, from 0 (orange) over 1/2 (white) to 1 (blue), and its number; `None` where nothing is known.
    pub(crate) cell: &'a dyn Fn(usize, usize) -> Option<(f64, String)>,
    /// Cells without a meaning: an item against itself.
    pub(crate) blank: &'a dyn Fn(usize, usize) -> bool,
    /// For those who cannot see it.
    pub(crate) label: &'a str,
}

/// The drawing.
pub(crate) fn heat(heat: &Heat<'_>) -> Result<String, ReportError> {
    let longest = |names: &[&str]| {
        let most = names.iter().map(|l| clipped(l, LABEL).chars().count()).max().unwrap_or(0);
        most as i32 * CHARACTER + 24
    };
    let size = (1500 / heat.columns.len().max(1) as i32).clamp(26, 64);
    let sheet = Sheet { heat, size, left: longest(&heat.rows), top: longest(&heat.columns).max(72) };
    let (width, height) =
        (sheet.left + size * heat.columns.len() as i32 + 12, sheet.top + size * heat.rows.len() as i32 + 12);
    let mut drawing = Drawing::new(heat.label, width.unsigned_abs(), height.unsigned_abs());
    drawing.layer("", "", |area| sheet.draw(area))?;
    Ok(drawing.finish(heat.label))
}

struct Sheet<'a> {
    heat: &'a Heat<'a>,
    size: i32,
    left: i32,
    top: i32,
}

impl Sheet<'_> {
    fn draw(&self, area: &Area<'_>) -> Drawn {
        let (size, font) = (self.size, TEXT.min(self.size));
        for (j, column) in self.heat.columns.iter().enumerate() {
            let x = self.left + size * j as i32 + size / 2;
            text(area, &clipped(column, LABEL), (x, self.top - 10), font, INK, Anchor::Upwards)?;
        }
        for (i, row) in self.heat.rows.iter().enumerate() {
            let y = self.top + size * i as i32;
            text(area, &clipped(row, LABEL), (self.left - 10, y + size / 2), font, INK, Anchor::Right)?;
            for j in 0..self.heat.columns.len() {
                if !(self.heat.blank)(i, j) {
                    self.cell(area, (self.left + size * j as i32, y), (self.heat.cell)(i, j))?;
                }
            }
        }
        Ok(())
    }

    fn cell(&self, area: &Area<'_>, (x, y): (i32, i32), cell: Option<(f64, String)>) -> Drawn {
        let (size, middle) = (self.size, (x + self.size / 2, y + self.size / 2));
        let corners = [(x, y), (x + size - 1, y + size - 1)];
        let Some((level, number)) = cell else {
            // unknown is not one half: a frame with a stroke through it, and never a colour of the scale
            area.draw(&Rectangle::new(
                [(x + 2, y + 2), (x + size - 4, y + size - 4)],
                FAINT.stroke_width(2),
            ))?;
            let ends = vec![(x + size / 3, y + 2 * size / 3), (x + 2 * size / 3, y + size / 3)];
            area.draw(&PathElement::new(ends, GREY.stroke_width(2)))?;
            return Ok(());
        };
        let (fill, ink) = shade(level);
        area.draw(&Rectangle::new(corners, fill.filled()))?;
        if size >= CELL_WITH_NUMBER {
            text(area, &number, middle, TEXT - 2, ink, Anchor::Middle)?;
        }
        Ok(())
    }
}
