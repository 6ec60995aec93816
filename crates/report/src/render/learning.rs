//! The section on curves by labels bought or by tau: what is lost in truth, who is ahead, and where lines cross.

use serde::Serialize;

use super::cross_game::{Grid, GridRow};
use super::verdict::{NAMES, Statement, statement};
use crate::error::ReportError;
use crate::model::learning::{Against, Learning, Panel, median_at};
use crate::model::metric;
use crate::model::number::{count, list, plain, short, up_to};
use crate::plot::{self, Gallery};

/// The section of one tau.
#[derive(Debug, Serialize)]
pub(crate) struct LearningView {
    pub(crate) heading: String,
    /// Of each game: who is ahead, and who falls below whom.
    pub(crate) found: Vec<Statement>,
    pub(crate) gallery: Option<Gallery>,
    pub(crate) swatches: Vec<String>,
    /// Whether it is what the experiment is about, so that the rest is folded: curves by labels.
    pub(crate) first: bool,
    /// Medians, game by game.
    pub(crate) grids: Vec<Grid>,
}

/// The section in words and numbers.
pub(crate) fn learning_view(all: &Learning<'_>) -> LearningView {
    let tau = if all.tau > 0.0 { format!(" (tau = {})", short(all.tau)) } else { String::new() };
    let heading = match all.against {
        Against::Labels => format!("What the policy of a fitted model loses in truth, by labels bought{tau}"),
        Against::Pressure => "What the policies lose in the original game, by tau".to_owned(),
    };
    LearningView {
        heading,
        found: all.panels.iter().map(|panel| found(all, panel)).collect(),
        gallery: None,
        swatches: Vec::new(),
        first: all.against == Against::Labels,
        grids: all.panels.iter().map(|panel| grid(all, panel)).collect(),
    }
}

impl LearningView {
    /// Adds the drawings.
    ///
    /// # Errors
    /// [`ReportError::Drawing`].
    pub(crate) fn draw(&mut self, all: &Learning<'_>) -> Result<(), ReportError> {
        let (gallery, swatches) = plot::learning(all)?;
        self.gallery = Some(gallery);
        self.swatches = swatches;
        Ok(())
    }
}

/// A place on the horizontal axis.
fn place(against: Against, x: f64) -> String {
    match against {
        Against::Labels => count(x as u64),
        Against::Pressure => short(1.0 / x),
    }
}

/// The models by their names, without what would be taken for a list.
fn named(all: &Learning<'_>, lines: &[usize]) -> String {
    let names: Vec<String> = lines.iter().map(|&line| plain(&all.lines[line])).collect();
    match names.len() {
        n if n == all.lines.len() && n > 1 => "all the same".into(),
        _ => list(&names, NAMES),
    }
}

fn found(all: &Learning<'_>, panel: &Panel<'_>) -> Statement {
    let numbers = Learning::places(panel);
    let at = |x: f64| place(all.against, x);
    let (tau, labels) = match all.against {
        Against::Labels => ("", " labels"),
        Against::Pressure => ("tau = ", ""),
    };
    // numbers of labels in a row with the same models ahead are told together
    let mut ahead: Vec<(Vec<f64>, Vec<usize>)> = Vec::new();
    for &number in &numbers {
        let lowest = all.lowest(panel, number);
        match ahead.last_mut() {
            Some((of, known)) if *known == lowest => of.push(number),
            _ => ahead.push((vec![number], lowest)),
        }
    }
    let ahead: Vec<String> = ahead
        .iter()
        .map(|(of, lines)| {
            let ends = match &of[..] {
                [only] => format!("at {tau}{}", at(*only)),
                [first, .., last] => format!("from {tau}{} to {}", at(*first), at(*last)),
                [] => String::new(),
            };
            format!("{ends} {}", named(all, lines))
        })
        .collect();
    let crossings: Vec<String> = all
        .crossings(panel)
        .iter()
        .map(|c| {
            format!(
                "{} falls below {} between {tau}{} and {}{labels}",
                plain(&all.lines[c.line]),
                list(&c.below.iter().map(|&line| plain(&all.lines[line])).collect::<Vec<_>>(), NAMES),
                at(c.between.0),
                at(c.between.1)
            )
        })
        .collect();
    let crossings = match &crossings[..] {
        [] => "No line falls below another one for good.".to_owned(),
        some => format!("Crossings: {}.", some.join("; ")),
    };
    statement(plain(panel.game), format!("Smallest median: {}. {crossings}", ahead.join("; ")))
}

fn grid(all: &Learning<'_>, panel: &Panel<'_>) -> Grid {
    let numbers = Learning::places(panel);
    let row = |(k, label): (usize, &String)| GridRow {
        key: k + 1,
        label: plain(label),
        cells: numbers
            .iter()
            .map(|&n| match median_at(&panel.curves[k], n) {
                None => String::new(),
                Some(gap) if gap <= all.floor => format!("below {}", short(all.floor)),
                Some(gap) => short(gap),
            })
            .collect(),
    };
    let game = plain(panel.game);
    Grid {
        title: format!(
            "{game}: median {} by {}",
            metric::title(all.metric),
            if all.against == Against::Labels { "labels bought" } else { "tau" }
        ),
        columns: numbers.iter().map(|n| place(all.against, *n)).collect(),
        rows: all.lines.iter().enumerate().map(row).collect(),
        note: format!(
            "Of {}. Medians within a twentieth of each other, or both at most {}, count as equal above. Blank: not run.",
            up_to(all.repetitions, "repetition"),
            short(all.floor)
        ),
    }
}
