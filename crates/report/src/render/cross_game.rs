//! The section over all games of one tau: what each method solves, for how much, and which of two methods is cheaper.

use serde::Serialize;

use crate::error::ReportError;
use crate::model::cross_game::CrossGame;
use crate::model::number::{median_count, percent, plain, short};
use crate::model::profile::{Attempt, MethodCosts, PerformanceProfile, pair};
use crate::model::spread::Spread;
use crate::plot::{self, Gallery, Palette};

/// The section of one tau.
#[derive(Debug, Serialize)]
pub(crate) struct CrossGameView {
    pub(crate) heading: String,
    pub(crate) about: String,
    pub(crate) profiles: Vec<ProfileView>,
}

/// The part of a section in one unit of cost.
#[derive(Debug, Serialize)]
pub(crate) struct ProfileView {
    pub(crate) heading: String,
    pub(crate) gallery: Option<Gallery>,
    pub(crate) swatches: Vec<String>,
    /// What each method solves.
    pub(crate) solved: Grid,
    /// What each method costs on each game.
    pub(crate) costs: Grid,
    /// Which of two methods is cheaper.
    pub(crate) pairs: Grid,
}

/// A table with a method in each row.
#[derive(Debug, Serialize)]
pub(crate) struct Grid {
    pub(crate) title: String,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<GridRow>,
    pub(crate) note: String,
}

/// One method.
#[derive(Debug, Serialize)]
pub(crate) struct GridRow {
    pub(crate) key: usize,
    pub(crate) label: String,
    pub(crate) cells: Vec<String>,
}

/// The section in words and numbers.
pub(crate) fn cross_game_view(all: &CrossGame<'_>) -> CrossGameView {
    let game = if all.regularised {
        format!("regularised with tau = {}", short(all.tau))
    } else {
        "original game (tau = 0)".to_owned()
    };
    let profile = |profile: &PerformanceProfile<'_>| ProfileView {
        heading: format!("Cost in {}", profile.unit.name()),
        gallery: None,
        swatches: Vec::new(),
        solved: solved(profile, &names(&all.targets)),
        costs: costs(profile, all),
        pairs: pairs(profile),
    };
    let profiles = all.profiles.iter().map(profile).collect();
    CrossGameView { heading: format!("All games, {game}"), about: about(all), profiles }
}

impl CrossGameView {
    /// Adds the drawings.
    ///
    /// # Errors
    /// [`ReportError::Drawing`].
    pub(crate) fn draw(&mut self, all: &CrossGame<'_>, palette: &Palette) -> Result<(), ReportError> {
        for (view, profile) in self.profiles.iter_mut().zip(&all.profiles) {
            // where nothing is solved there is nothing to draw, which the tables say
            if profile.methods.iter().any(|m| m.score().0 > 0) {
                view.gallery = Some(plot::shares(profile, palette)?);
                for method in &profile.methods {
                    view.swatches.push(plot::swatch(palette.style(method.key))?);
                }
            }
        }
        Ok(())
    }
}

fn names(targets: &[f64]) -> Vec<String> {
    targets.iter().map(|t| short(*t)).collect()
}

/// What the problems are.
fn about(all: &CrossGame<'_>) -> String {
    let (problems, games) = (all.problems(), all.games.len());
    let repetitions = match problems / (games * all.targets.len()) {
        0 | 1 => String::new(),
        n => format!(" in each of {n} repetitions"),
    };
    let gap = if all.regularised { "regularised gap" } else { "duality gap" };
    let mut about = format!(
        "{problems} problems: {} on each of {games} games{repetitions}. A problem is to bring the {gap} to a target; it costs \
         what had been charged when the last iterate first was there, or the average where only that got there.",
        names(&all.targets).join(", ")
    );
    if all.coarse() {
        about.push_str(
            " Targets between those that were watched at every step count from the next recorded step, a few percent late.",
        );
    }
    about
}

fn rows(
    profile: &PerformanceProfile<'_>,
    cells: impl Fn(usize, &MethodCosts<'_>) -> Vec<String>,
) -> Vec<GridRow> {
    let row =
        |(i, m): (usize, &MethodCosts<'_>)| GridRow { key: m.key, label: plain(m.label), cells: cells(i, m) };
    profile.methods.iter().enumerate().map(row).collect()
}

fn solved(profile: &PerformanceProfile<'_>, names: &[String]) -> Grid {
    let targets = names.len();
    let factors = profile.factors();
    let cells = |i: usize, m: &MethodCosts<'_>| {
        let at_target = |t: usize| {
            let attempts = || m.attempts.iter().skip(t).step_by(targets);
            let met = attempts().filter(|a| **a != Attempt::Absent).count();
            let solved = attempts().filter(|a| matches!(a, Attempt::Solved { .. })).count();
            format!("{solved} of {met}")
        };
        let met = m.met();
        let share = |n: usize| percent(n as f64 / met.max(1) as f64);
        let within = |factor: f64| share(factors[i].iter().filter(|f| **f <= factor).count());
        (0..targets).map(at_target).chain([share(met - m.score().0), within(1.0), within(2.0)]).collect()
    };
    let unsolved = match profile.unsolved() {
        0 => "Every problem is solved by some method.".to_owned(),
        n => format!("No method solves {n} of the problems."),
    };
    let shares = ["unsolved share", "cheapest on", "within a factor of 2 on"].map(String::from);
    Grid {
        title: "What each method solves".into(),
        columns: names.iter().map(|t| format!("solved to {t}")).chain(shares).collect(),
        rows: rows(profile, cells),
        note: format!(
            "Shares are of all problems that a method met. The last two columns compare with the cheapest of the methods shown \
             here and change with them; the others do not. {unsolved}"
        ),
    }
}

fn costs(profile: &PerformanceProfile<'_>, all: &CrossGame<'_>) -> Grid {
    let targets = all.targets.len();
    let on_game = |attempts: &[Attempt]| {
        let median = |t: usize| Spread::of(attempts.iter().skip(t).step_by(targets).filter_map(|a| a.cost()));
        let cell = |t: usize| match median(t) {
            None => String::new(),
            Some(s) if s.median.is_infinite() => "-".to_owned(),
            Some(s) => median_count(s.median).replace(',', ""),
        };
        (0..targets).map(cell).collect::<Vec<_>>().join("/")
    };
    let each = all.problems() / all.games.len();
    Grid {
        title: format!("Cost to reach {}, in {}", names(&all.targets).join("/"), profile.unit.name()),
        columns: all.games.iter().map(|g| plain(g)).collect(),
        rows: rows(profile, |_, m| m.attempts.chunks(each).map(on_game).collect()),
        note: "The median where there are repetitions. -: not reached (by half of them).".into(),
    }
}

fn pairs(profile: &PerformanceProfile<'_>) -> Grid {
    let against = |m: &MethodCosts<'_>, other: &MethodCosts<'_>| {
        let (first, second) = pair(m, other);
        if m.key == other.key { String::new() } else { format!("{first}:{second}") }
    };
    Grid {
        title: "Method against method".into(),
        columns: profile.methods.iter().map(|m| m.key.to_string()).collect(),
        rows: rows(profile, |_, m| profile.methods.iter().map(|other| against(m, other)).collect()),
        note: "Problems on which the row is cheaper : on which the column is; the rest are equal, or unsolved by both. A cell \
               depends on its two methods alone."
            .into(),
    }
}
