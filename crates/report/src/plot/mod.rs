//! Drawings as SVG text, by plotters, ready to stand inside an HTML page.
//!
//! Two units of a drawing are one CSS pixel: plotters draws on whole units, so this halves its rounding.

mod axis;
mod board;
mod curves;
mod cycle;
mod frame;
mod heat;
mod learning;
mod matrix;
mod paired;
mod sensitivity;
mod series;
mod shares;
mod simplex;
mod standalone;
mod svg;

use plotters::prelude::*;
use serde::Serialize;

pub(crate) use board::board;
pub(crate) use curves::curves;
pub(crate) use cycle::cycle;
pub(crate) use heat::{Heat, heat};
pub(crate) use learning::learning;
pub(crate) use matrix::matrix;
pub(crate) use paired::paired_levels;
pub(crate) use sensitivity::sensitivity;
pub(crate) use shares::shares;
pub(crate) use simplex::simplex;
pub(crate) use standalone::standalone;

use crate::error::ReportError;
use crate::model::group::Game;
use svg::{Drawing, Drawn, marker};

/// Drawings that belong together.
#[derive(Debug, Serialize)]
pub(crate) struct Gallery {
    pub(crate) title: String,
    /// Drawings of one row stand side by side where there is space.
    pub(crate) rows: Vec<Vec<Svg>>,
    /// What is not drawn and why, one line each.
    pub(crate) left_out: Vec<String>,
    /// How to read them, and every liberty that was taken.
    pub(crate) caption: String,
    /// `curves`, `simplices` or `matrix`: decides the width.
    pub(crate) kind: &'static str,
    /// For the names of files: of each row, which methods are drawn, by their numbers.
    #[serde(skip)]
    pub(crate) shown: Vec<Vec<usize>>,
}

/// One drawing as SVG text.
pub(crate) type Svg = String;

/// The colours of Okabe and Ito (2008), which colour-blind readers can tell apart; grey for the yellow that a white
/// page swallows.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    BLACK,
    GREY,
];

const INK: RGBColor = RGBColor(40, 40, 40);
const GREY: RGBColor = RGBColor(130, 130, 130);
const FAINT: RGBColor = RGBColor(222, 222, 222);

/// How one method is drawn, everywhere in a report: its number, its drawing where methods are spread over several, its colour and marker there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) key: usize,
    pub(crate) panel: usize,
    slot: usize,
}

impl Style {
    fn colour(self) -> RGBColor {
        COLOURS[self.slot]
    }
}

/// How a report is drawn: methods spread over panels of at most as many as there are colours, and what bands show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Palette {
    per_panel: usize,
    /// A band reaches from this quantile of the repetitions to the one as far from the top; 0: smallest to largest.
    outside: f64,
}

impl Palette {
    pub(crate) fn of(games: &[Game<'_>], outside: f64) -> Self {
        let keys = games.iter().flat_map(|g| &g.settings).flat_map(|s| &s.methods).map(|m| m.key);
        let methods = keys.max().unwrap_or(1);
        Self { per_panel: methods.div_ceil(methods.div_ceil(COLOURS.len())), outside }
    }

    /// The style of the method numbered `key`, from 1.
    pub(crate) fn style(&self, key: usize) -> Style {
        let i = key.saturating_sub(1);
        Style { key, panel: i / self.per_panel, slot: i % self.per_panel }
    }
}

/// A line with the method's marker, for tables.
pub(crate) fn swatch(style: Style) -> Result<String, ReportError> {
    let mut drawing = Drawing::new("swatch", 64, 24);
    drawing.layer("", "", |area| -> Drawn {
        let line = style.colour().stroke_width(4);
        area.draw(&PathElement::new(vec![(2, 12), (62, 12)], line))?;
        marker(area, (32, 12), style.slot, style.colour())
    })?;
    Ok(drawing.finish(&format!("line of method {}", style.key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_spread_evenly_over_panels() {
        let twenty = Palette { per_panel: 20_usize.div_ceil(20_usize.div_ceil(COLOURS.len())), outside: 0.0 };
        assert_eq!((twenty.style(1).panel, twenty.style(7).panel, twenty.style(20).panel), (0, 0, 2));
        assert_eq!((twenty.style(7).slot, twenty.style(8).slot), (6, 0));
    }
}
