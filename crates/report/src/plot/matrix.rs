//! The preference matrix as a heat map, strongest action (by Bradley-Terry) first, with the answers beside it.

use plotters::prelude::*;

use super::svg::{Anchor, Area, Drawing, Drawn, TEXT, text};
use super::{COLOURS, FAINT, GREY, Gallery, INK};
use crate::error::ReportError;
use crate::model::number::{clipped, short};
use equipoise_records::schema::GameRecord;

/// Characters of a label that fit beside the rows.
const LABEL: usize = 20;
/// Width of a character: letters of common fonts are hardly more than half as wide as high.
const CHARACTER: i32 = TEXT * 4 / 7;
/// Width of a column of bars, with its gap.
const BARS: i32 = 170;
/// Equilibria drawn beside the matrix: more would be a second matrix.
const EQUILIBRIA: usize = 3;
/// From this cell size on, cells carry their number.
const CELL_WITH_NUMBER: i32 = 44;

/// The drawing, for games whose matrix is recorded.
pub(crate) fn matrix(game: &GameRecord) -> Result<Option<Gallery>, ReportError> {
    let Some(matrix) = &game.matrix else { return Ok(None) };
    let sheet = Sheet::new(game);
    let (width, height) = sheet.size();
    let mut drawing = Drawing::new("preference matrix", width, height);
    drawing.layer("", "", |area| sheet.cells(area, matrix))?;
    drawing.layer("", "", |area| sheet.bars(area))?;
    let order = if sheet.ranked { "ordered by Bradley-Terry strength" } else { "in the order of the game" };
    let mut caption = format!(
        "Row beats column, in percent of the duels; {order}. Blue: the row wins; orange: it loses. Bars: what the \
         reference, Nash, the equilibrium for each tau and Bradley-Terry play."
    );
    if sheet.hidden > 0 {
        caption.push_str(&format!(" {} more equilibria are not drawn.", sheet.hidden));
    }
    let svg = drawing.finish("heat map of the preference matrix, with policies as bars");
    Ok(Some(Gallery {
        title: "Preference matrix and answers".into(),
        rows: vec![vec![svg]],
        left_out: Vec::new(),
        caption,
        kind: "matrix",
        shown: Vec::new(),
    }))
}

/// The layout.
struct Sheet<'a> {
    game: &'a GameRecord,
    /// Actions from top to bottom.
    order: Vec<usize>,
    ranked: bool,
    /// Heading, policy, colour.
    answers: Vec<(String, Vec<f64>, RGBColor)>,
    hidden: usize,
    cell: i32,
    left: i32,
    top: i32,
}

impl<'a> Sheet<'a> {
    fn new(game: &'a GameRecord) -> Self {
        let n = game.n;
        let mut order: Vec<usize> = (0..n).collect();
        let mut answers = vec![("reference".to_owned(), game.reference.clone(), GREY)];
        let mut ranked = false;
        if let Some(facts) = &game.facts {
            if let Some(scores) = &facts.bt_scores {
                order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
                ranked = true;
            }
            answers.push(("Nash".into(), facts.nash.clone(), COLOURS[0]));
        }
        let regularised: Vec<_> = game.equilibria.iter().filter(|e| e.tau > 0.0).collect();
        let hidden = regularised.len().saturating_sub(EQUILIBRIA);
        for e in regularised.into_iter().take(EQUILIBRIA) {
            answers.push((format!("tau = {}", short(e.tau)), e.policy.clone(), COLOURS[2]));
        }
        if let Some(facts) = &game.facts {
            let pick = game.labels.iter().map(|l| if *l == facts.bt_favourite { 1.0 } else { 0.0 }).collect();
            answers.push(("BT's pick".into(), pick, COLOURS[1]));
        }
        let longest = game.labels.iter().map(|l| clipped(l, LABEL).chars().count()).max().unwrap_or(0);
        let cell = (840 / i32::try_from(n.max(1)).unwrap_or(60)).clamp(26, 72);
        let labels = (longest as i32).max(3) * CHARACTER + 20;
        Self { game, order, ranked, answers, hidden, cell, left: labels, top: labels.max(50) }
    }

    fn right(&self) -> i32 {
        self.left + self.cell * self.order.len() as i32
    }

    fn size(&self) -> (u32, u32) {
        let width = self.right() + BARS * self.answers.len() as i32 + 30;
        let height = self.top + self.cell * self.order.len() as i32 + 12;
        (width.unsigned_abs(), height.unsigned_abs())
    }

    fn cells(&self, area: &Area<'_>, matrix: &[Vec<f64>]) -> Drawn {
        let size = TEXT.min(self.cell);
        for (i, &row) in self.order.iter().enumerate() {
            let y = self.top + self.cell * i as i32;
            let x = self.left + self.cell * i as i32;
            let middle = self.cell / 2;
            let label = clipped(&self.game.labels[row], LABEL);
            text(area, &label, (self.left - 10, y + middle), size, INK, Anchor::Right)?;
            text(area, &label, (x + middle, self.top - 10), size, INK, Anchor::Upwards)?;
            for (j, &column) in self.order.iter().enumerate() {
                let x = self.left + self.cell * j as i32;
                let p = matrix[row][column];
                let (fill, ink) = shade(p);
                area.draw(&Rectangle::new([(x, y), (x + self.cell - 1, y + self.cell - 1)], fill.filled()))?;
                if self.cell >= CELL_WITH_NUMBER && row != column {
                    let number = format!("{:.0}", 100.0 * p);
                    text(area, &number, (x + middle, y + middle), TEXT, ink, Anchor::Middle)?;
                }
            }
        }
        Ok(())
    }

    fn bars(&self, area: &Area<'_>) -> Drawn {
        for (k, (heading, policy, colour)) in self.answers.iter().enumerate() {
            let x = self.right() + 30 + BARS * k as i32;
            let full = f64::from(BARS - 80);
            text(area, heading, (x, self.top - 20), TEXT, INK, Anchor::Left)?;
            let foot = self.top + self.cell * self.order.len() as i32;
            area.draw(&PathElement::new(vec![(x, self.top), (x, foot)], FAINT.stroke_width(2)))?;
            for (i, &action) in self.order.iter().enumerate() {
                let (y, p) = (self.top + self.cell * i as i32, policy[action]);
                let end = x + (p * full).round() as i32;
                let pad = (self.cell / 5).max(2);
                if end > x {
                    let bar = [(x, y + pad), (end, y + self.cell - pad)];
                    area.draw(&Rectangle::new(bar, colour.filled()))?;
                }
                if p >= 0.005 {
                    let number = format!("{p:.2}");
                    let size = TEXT.min(self.cell);
                    text(area, &number, (end + 8, y + self.cell / 2), size, INK, Anchor::Left)?;
                }
            }
        }
        Ok(())
    }
}

/// White at one half, blue towards certain wins, orange-red towards certain losses; and the ink that reads on it.
pub(super) fn shade(p: f64) -> (RGBColor, RGBColor) {
    let strength = (2.0 * p - 1.0).clamp(-1.0, 1.0);
    let full = if strength >= 0.0 { COLOURS[0] } else { COLOURS[1] };
    let mix = |channel: u8| (255.0 + strength.abs() * (f64::from(channel) - 255.0)).round() as u8;
    let ink = if strength.abs() > 0.65 { WHITE } else { INK };
    (RGBColor(mix(full.0), mix(full.1), mix(full.2)), ink)
}
