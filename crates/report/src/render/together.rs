//! All games together: how many problems each method solves, for how much, and which of two methods is cheaper.
//!
//! A problem is a target gap on one game in one repetition; its gap is that of the game the setting asks about (for
//! `tau > 0` the regularised one, whatever a method aims at). A problem costs what had been paid when the last iterate
//! first was at or below the target, or the average where only that got there. A method that never got there has not
//! solved the problem, which counts against it everywhere: nothing is averaged over solved problems only.
//!
//! Shares and pairs are functions of one method and of two: another method changes no share and no pair. The factor to
//! the best method (Dolan, More 2002) is a function of all of them, which its caption says.

use super::group::RunFacts as _;
use equipoise_records::{Iterate, StopKind};
use std::collections::BTreeMap;

use serde::Serialize;

use super::group::{GAP, GAP_TAU, Game};
use super::number::{median_count, percent, plain, short};
use crate::plot::{self, Gallery, Palette};
use crate::{error::ReportError, render::group::Spread};
use equipoise_records::Run;

/// What is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coin {
    Queries,
    Duels,
}

impl Coin {
    const ALL: [Self; 2] = [Self::Queries, Self::Duels];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Queries => "win-rate queries",
            Self::Duels => "duels",
        }
    }

    fn of(self, queries: u64, duels: u64) -> f64 {
        // a start that is already there costs nothing, which a logarithmic axis and a ratio cannot say
        (match self {
            Self::Queries => queries,
            Self::Duels => duels,
        })
        .max(1) as f64
    }
}

/// One method at one problem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Attempt {
    /// No finished run, or one that was told to stop at an easier target.
    Absent,
    Unsolved,
    /// For so much.
    Solved(f64),
}

impl Attempt {
    /// Infinite where unsolved; `None` where absent.
    fn cost(self) -> Option<f64> {
        match self {
            Self::Absent => None,
            Self::Unsolved => Some(f64::INFINITY),
            Self::Solved(cost) => Some(cost),
        }
    }
}

/// One method at all problems of a setting, in one coin.
#[derive(Clone, Debug)]
pub(crate) struct Entrant<'a> {
    pub(crate) key: usize,
    pub(crate) label: &'a str,
    pub(crate) attempts: Vec<Attempt>,
}

impl Entrant<'_> {
    /// Problems met.
    pub(crate) fn met(&self) -> usize {
        self.attempts.iter().filter(|a| **a != Attempt::Absent).count()
    }

    /// Costs of the solved problems, rising.
    pub(crate) fn paid(&self) -> Vec<f64> {
        let mut paid: Vec<f64> =
            self.attempts.iter().filter_map(|a| a.cost()).filter(|c| c.is_finite()).collect();
        paid.sort_by(f64::total_cmp);
        paid
    }

    /// Problems solved, and the geometric mean of their costs.
    pub(crate) fn score(&self) -> (usize, f64) {
        let paid = self.paid();
        let mean = paid.iter().map(|c| c.ln()).sum::<f64>() / paid.len().max(1) as f64;
        (paid.len(), mean.exp())
    }
}

/// How often the first is cheaper than the second, and the reverse, among the problems that both met.
pub(crate) fn pair(a: &Entrant<'_>, b: &Entrant<'_>) -> (usize, usize) {
    let (mut first, mut second) = (0, 0);
    for (a, b) in a.attempts.iter().zip(&b.attempts) {
        if let (Some(a), Some(b)) = (a.cost(), b.cost()) {
            first += usize::from(a < b);
            second += usize::from(b < a);
        }
    }
    (first, second)
}

/// All problems of one tau, in one coin.
pub(crate) struct Field<'a> {
    pub(crate) coin: Coin,
    /// Those that pay this coin, by key.
    pub(crate) entrants: Vec<Entrant<'a>>,
}

impl Field<'_> {
    /// For each entrant, the factors by which its solved problems cost more than they cost the cheapest, rising.
    pub(crate) fn factors(&self) -> Vec<Vec<f64>> {
        let problems = self.entrants.first().map_or(0, |e| e.attempts.len());
        let best: Vec<f64> = (0..problems)
            .map(|p| self.entrants.iter().filter_map(|e| e.attempts[p].cost()).fold(f64::INFINITY, f64::min))
            .collect();
        let factors = |e: &Entrant<'_>| {
            let mut factors: Vec<f64> = e
                .attempts
                .iter()
                .zip(&best)
                .filter_map(|(a, best)| Some(a.cost()? / best))
                .filter(|f| f.is_finite())
                .collect();
            factors.sort_by(f64::total_cmp);
            factors
        };
        self.entrants.iter().map(factors).collect()
    }

    /// Problems that somebody met and nobody solved.
    fn unsolved(&self) -> usize {
        let problems = self.entrants.first().map_or(0, |e| e.attempts.len());
        (0..problems)
            .filter(|&p| {
                let met = || self.entrants.iter().filter_map(|e| e.attempts[p].cost());
                met().count() > 0 && met().all(f64::is_infinite)
            })
            .count()
    }
}

/// All problems of one tau.
pub(crate) struct Together<'a> {
    pub(crate) tau: f64,
    metric: &'static str,
    /// Largest first, with how each was watched.
    pub(crate) targets: Vec<f64>,
    pub(crate) fields: Vec<Field<'a>>,
    /// Whether some crossing is known to the next recorded step only.
    coarse: bool,
}

/// The settings of all games, tau by tau; none for a single game.
pub(crate) fn together<'a>(games: &[Game<'a>]) -> Vec<Together<'a>> {
    let mut taus: Vec<f64> = games.iter().flat_map(|g| g.settings.iter().map(|s| s.tau)).collect();
    taus.sort_by(f64::total_cmp);
    taus.dedup();
    taus.into_iter().filter_map(|tau| at(games, tau)).collect()
}

fn at<'a>(games: &[Game<'a>], tau: f64) -> Option<Together<'a>> {
    let settings = || games.iter().flat_map(|g| g.settings.iter()).filter(|s| s.tau.total_cmp(&tau).is_eq());
    if settings().count() < 2 {
        return None;
    }
    let metric = if tau > 0.0 { GAP_TAU } else { GAP };
    let mut targets: Vec<f64> = settings().flat_map(|s| s.targets()).collect();
    targets.sort_by(|a, b| b.total_cmp(a));
    targets.dedup();
    between(&mut targets);
    let repetitions = settings().flat_map(|s| &s.methods).map(|m| m.runs.len()).max().unwrap_or(1);
    let mut methods: BTreeMap<usize, &'a str> = BTreeMap::new();
    for method in settings().flat_map(|s| &s.methods) {
        methods.insert(method.key, method.label);
    }
    let mut coarse = false;
    let mut fields = Vec::new();
    for coin in Coin::ALL {
        let mut entrants = Vec::new();
        for (&key, &label) in &methods {
            let mut attempts = Vec::new();
            let mut pays = false;
            for setting in settings() {
                let method = setting.methods.iter().find(|m| m.key == key);
                for repetition in 0..repetitions {
                    let run = method.and_then(|m| m.runs.get(repetition));
                    for &target in &targets {
                        attempts.push(match run {
                            None => Attempt::Absent,
                            Some(run) => {
                                pays |= match coin {
                                    Coin::Queries => run.record.queries > 0,
                                    Coin::Duels => run.record.duels > 0,
                                };
                                attempt(run, metric, target, coin, &mut coarse)
                            }
                        });
                    }
                }
            }
            if pays {
                entrants.push(Entrant { key, label, attempts });
            }
        }
        if entrants.len() > 1 {
            fields.push(Field { coin, entrants });
        }
    }
    (!fields.is_empty() && !targets.is_empty()).then_some(Together { tau, metric, targets, fields, coarse })
}

/// Puts whole decades between targets that lie further apart than two.
fn between(targets: &mut Vec<f64>) {
    let mut filled: Vec<f64> = Vec::new();
    for &target in targets.iter() {
        if let Some(&above) = filled.last() {
            let (from, to) = (above.log10().round() as i32, target.log10().round() as i32);
            filled.extend((to + 1..from).rev().filter(|d| (from - d) % 2 == 0).map(|d| 10_f64.powi(d)));
        }
        filled.push(target);
    }
    *targets = filled;
}

fn attempt(run: &Run, metric: &str, target: f64, coin: Coin, coarse: &mut bool) -> Attempt {
    for iterate in [Iterate::Last, Iterate::Average] {
        let watched =
            run.record.reached.iter().find(|r| {
                r.metric == metric && r.iterate == iterate && (r.target / target - 1.0).abs() < 1e-9
            });
        match watched {
            Some(r) => {
                if let (Some(queries), Some(duels)) = (r.queries, r.duels) {
                    return Attempt::Solved(coin.of(queries, duels));
                }
            }
            None => {
                let recorded = run
                    .curve(iterate, metric)
                    .find(|p| p.value <= target)
                    .map(|p| (p.step, coin.of(p.queries, p.duels)));
                // a harder target that was watched may have been met before the next recorded step
                let watched = run
                    .record
                    .reached
                    .iter()
                    .filter(|r| r.metric == metric && r.iterate == iterate && r.target < target)
                    .filter_map(|r| Some((r.step?, coin.of(r.queries?, r.duels?))));
                if let Some((_, cost)) = recorded.into_iter().chain(watched).min_by_key(|(step, _)| *step) {
                    *coarse = true;
                    return Attempt::Solved(cost);
                }
            }
        }
    }
    if run.record.stop_reason == StopKind::TargetReached { Attempt::Absent } else { Attempt::Unsolved }
}

/// The section of one tau, in words.
#[derive(Debug, Serialize)]
pub(crate) struct TogetherView {
    pub(crate) heading: String,
    pub(crate) about: String,
    pub(crate) coins: Vec<CoinView>,
}

/// One coin of a section.
#[derive(Debug, Serialize)]
pub(crate) struct CoinView {
    pub(crate) heading: String,
    pub(crate) gallery: Option<Gallery>,
    pub(crate) swatches: Vec<String>,
    /// What each method solves.
    pub(crate) solved: Grid,
    /// What each method pays on each game.
    pub(crate) costs: Grid,
    /// Who is cheaper than whom.
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

/// The section, with drawings if asked for.
///
/// # Errors
/// [`ReportError::Drawing`].
pub(crate) fn together_view(
    games: &[Game<'_>],
    together: &Together<'_>,
    palette: &Palette,
    drawings: bool,
) -> Result<TogetherView, ReportError> {
    let names: Vec<&str> = games
        .iter()
        .filter(|g| g.settings.iter().any(|s| s.tau.total_cmp(&together.tau).is_eq()))
        .map(|g| g.record.name.as_str())
        .collect();
    let targets: Vec<String> = together.targets.iter().map(|t| short(*t)).collect();
    let heading = if together.tau > 0.0 {
        format!("All games together, regularised with tau = {}", short(together.tau))
    } else {
        "All games together, original game (tau = 0)".to_owned()
    };
    let mut coins = Vec::new();
    for field in &together.fields {
        let mut swatches = Vec::new();
        if drawings {
            for entrant in &field.entrants {
                swatches.push(plot::swatch(palette.style(entrant.key))?);
            }
        }
        coins.push(CoinView {
            heading: format!("Paid in {}", field.coin.name()),
            gallery: if drawings { Some(plot::shares(field, field.unsolved(), palette)?) } else { None },
            swatches,
            solved: solved(field, &together.targets),
            costs: costs(field, &together.targets, &names),
            pairs: pairs(field),
        });
    }
    let problems = together.fields[0].entrants[0].attempts.len();
    let mut about = format!(
        "{problems} problems: {} on each of {} games{}. A problem is to bring the {} to a target; it costs what had been \
         paid when the last iterate first was there, or the average where only that got there.",
        targets.join(", "),
        names.len(),
        match problems / (names.len() * targets.len()) {
            0 | 1 => String::new(),
            repetitions => format!(" in each of {repetitions} repetitions"),
        },
        if together.metric == GAP_TAU { "regularised gap" } else { "duality gap" },
    );
    if together.coarse {
        about.push_str(
            " Targets between those that were watched at every step count from the next recorded step, a few percent late.",
        );
    }
    Ok(TogetherView { heading, about, coins })
}

fn rows(field: &Field<'_>, cells: impl Fn(usize, &Entrant<'_>) -> Vec<String>) -> Vec<GridRow> {
    let row =
        |(i, e): (usize, &Entrant<'_>)| GridRow { key: e.key, label: plain(e.label), cells: cells(i, e) };
    field.entrants.iter().enumerate().map(row).collect()
}

fn solved(field: &Field<'_>, targets: &[f64]) -> Grid {
    let factors = field.factors();
    let mut columns: Vec<String> = targets.iter().map(|t| format!("solved to {}", short(*t))).collect();
    columns.extend(["unsolved share".into(), "cheapest on".into(), "within a factor of 2 on".into()]);
    let cells = |i: usize, e: &Entrant<'_>| {
        let mut cells: Vec<String> = (0..targets.len())
            .map(|t| {
                let of: Vec<Attempt> = e.attempts.iter().copied().skip(t).step_by(targets.len()).collect();
                let met = of.iter().filter(|a| **a != Attempt::Absent).count();
                let solved = of.iter().filter(|a| matches!(a, Attempt::Solved(_))).count();
                format!("{solved} of {met}")
            })
            .collect();
        let met = e.met();
        let share = |n: usize| percent(n as f64 / met.max(1) as f64);
        cells.push(share(met - e.score().0));
        cells.push(share(factors[i].iter().filter(|f| **f <= 1.0).count()));
        cells.push(share(factors[i].iter().filter(|f| **f <= 2.0).count()));
        cells
    };
    Grid {
        title: "What each method solves".into(),
        columns,
        rows: rows(field, cells),
        note: format!(
            "Shares are of all problems a method met. The last two columns compare with the cheapest of the methods shown \
             here; they change with the company, the others do not. {}",
            match field.unsolved() {
                0 => "Every problem is solved by somebody.".to_owned(),
                n => format!("Nobody solves {n} of the problems."),
            }
        ),
    }
}

fn costs(field: &Field<'_>, targets: &[f64], games: &[&str]) -> Grid {
    let cells = |_: usize, e: &Entrant<'_>| {
        let each = e.attempts.len() / games.len();
        e.attempts
            .chunks(each)
            .map(|game| {
                let cell = |t: usize| {
                    let of: Vec<f64> =
                        game.iter().skip(t).step_by(targets.len()).filter_map(|a| a.cost()).collect();
                    match Spread::of(of) {
                        None => String::new(),
                        Some(s) if s.median.is_infinite() => "-".to_owned(),
                        Some(s) => median_count(s.median).replace(',', ""),
                    }
                };
                (0..targets.len()).map(cell).collect::<Vec<_>>().join("/")
            })
            .collect()
    };
    let names: Vec<String> = targets.iter().map(|t| short(*t)).collect();
    Grid {
        title: format!("Paid to reach {}, in {}", names.join("/"), field.coin.name()),
        columns: games.iter().map(|g| plain(g)).collect(),
        rows: rows(field, cells),
        note: "The median where there are repetitions. -: not reached (by half of them).".into(),
    }
}

fn pairs(field: &Field<'_>) -> Grid {
    let cells = |i: usize, e: &Entrant<'_>| {
        field
            .entrants
            .iter()
            .enumerate()
            .map(|(j, other)| {
                let (first, second) = pair(e, other);
                if i == j { String::new() } else { format!("{first}:{second}") }
            })
            .collect()
    };
    Grid {
        title: "Method against method".into(),
        columns: field.entrants.iter().map(|e| e.key.to_string()).collect(),
        rows: rows(field, cells),
        note: "Problems on which the row is cheaper : on which the column is; the rest are equal, or unsolved by both. A cell \
               depends on its two methods alone."
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entrant(key: usize, attempts: &[Attempt]) -> Entrant<'static> {
        Entrant { key, label: "method", attempts: attempts.to_vec() }
    }

    #[test]
    fn shares_and_factors_by_hand() {
        use Attempt::{Absent, Solved, Unsolved};
        let a = entrant(1, &[Solved(10.0), Solved(40.0), Unsolved, Unsolved]);
        let b = entrant(2, &[Solved(20.0), Solved(10.0), Solved(30.0), Unsolved]);
        let c = entrant(3, &[Absent, Solved(10.0), Unsolved, Absent]);
        assert_eq!((a.met(), c.met()), (4, 2));
        assert_eq!(a.score().0, 2);
        approx(a.score().1, 20.0);
        assert_eq!((pair(&a, &b), pair(&b, &a), pair(&b, &c)), ((1, 2), (2, 1), (1, 0)));
        let field = Field { coin: Coin::Queries, entrants: vec![a, b, c] };
        assert_eq!(field.factors(), [vec![1.0, 4.0], vec![1.0, 1.0, 2.0], vec![1.0]]);
        assert_eq!(field.unsolved(), 1);
    }

    fn approx(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12 * b, "{a} {b}");
    }

    #[test]
    fn decades_fill_wide_steps() {
        let mut targets = vec![1e-2, 1e-4, 1e-8];
        between(&mut targets);
        assert_eq!(targets.iter().map(|t| short(*t)).collect::<Vec<_>>(), ["0.01", "1e-4", "1e-6", "1e-8"]);
    }
}
