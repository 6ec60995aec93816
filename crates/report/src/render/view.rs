//! Everything a template shows, already in words: built once, shown by every renderer.

use std::collections::HashMap;

use rayon::prelude::*;
use serde::Serialize;

use equipoise_records::schema::{GameRecord, RunRecord};
use equipoise_records::{MetricInfo, Results};

use super::answer::{Answer, answer};
use super::cross_game::{CrossGameView, cross_game_view};
use super::endpoint::{Endpoints, endpoints};
use super::estimate;
use super::learning::{LearningView, learning_view};
use super::population::{population, shown};
use super::steps::{StepTable, step_tables};
use super::table::{Table, metrics_table, table};
use super::verdict::{Statement, headline, on_game, on_methods, on_pairs, tally};
use crate::Look;
use crate::error::ReportError;
use crate::model::cross_game::CrossGame;
use crate::model::group::{Game, Setting};
use crate::model::learning::Learning;
use crate::model::metric;
use crate::model::number::{capitalised, count, list, plain, plural, short};
use crate::model::paired::paired;
use crate::model::sweep::{Sweep, sweeps};
use crate::plot::{self, Gallery};

/// More games than this have a page each: a single one could not be opened on a phone.
pub(crate) const ON_ONE_PAGE: usize = 24;
/// Runs in a list of them: nobody reads more, and the page would be mostly that.
const LISTED: usize = 2_000;

/// A whole report.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    pub(crate) title: String,
    pub(crate) description: Option<String>,
    /// What is missing, in sentences; empty if nothing is.
    pub(crate) warnings: Vec<String>,
    pub(crate) counts: String,
    /// Of more games than have a section: what they are, and how the methods end; empty otherwise.
    pub(crate) population: Vec<Statement>,
    /// What is known of the noise of all games together.
    pub(crate) estimates: Vec<Statement>,
    /// What policies of fitted models lose, by labels bought, tau by tau.
    pub(crate) learning: Vec<LearningView>,
    /// Which methods converge, all games in one table.
    pub(crate) answer: Option<Answer>,
    /// Those with a section: told apart from the rest, for it may stand on pages of their own.
    #[serde(skip)]
    pub(crate) games: Vec<GameView>,
    /// Comparisons over all games, tau by tau; none for a single game.
    pub(crate) cross_games: Vec<CrossGameView>,
    /// Step sizes by rule against the best of a sweep.
    pub(crate) steps: Vec<StepTable>,
    /// The metrics that are no gaps: name, and what it measures.
    pub(crate) metrics: Vec<Statement>,
    pub(crate) provenance: Provenance,
}

/// A game's section.
#[derive(Debug, Serialize)]
pub(crate) struct GameView {
    /// Anchor: from 1.
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) source: String,
    pub(crate) size: String,
    pub(crate) headline: String,
    pub(crate) tally: String,
    pub(crate) verdict: Vec<Statement>,
    pub(crate) settings: Vec<SettingView>,
    /// The matrix and its answers, as a drawing.
    pub(crate) matrix: Option<Gallery>,
}

/// A game's subsection for one tau.
#[derive(Debug, Serialize)]
pub(crate) struct SettingView {
    pub(crate) tau: String,
    pub(crate) heading: String,
    pub(crate) verdict: Vec<Statement>,
    pub(crate) table: Table,
    pub(crate) swatches: Vec<String>,
    /// Where sweeps end, against their parameter.
    pub(crate) sensitivity: Option<Gallery>,
    /// Methods that met the same noise, in pairs.
    pub(crate) pairs: Option<Gallery>,
    /// The gaps, and paths over the simplex.
    pub(crate) galleries: Vec<Gallery>,
    /// Final values of the metrics that are no gaps.
    pub(crate) metrics_table: Option<Table>,
    /// Their curves.
    pub(crate) metrics_galleries: Vec<Gallery>,
    pub(crate) endpoints: Option<Endpoints>,
    /// Notes of the solvers.
    pub(crate) notes: Vec<Statement>,
}

/// Where the numbers come from.
#[derive(Debug, Serialize)]
pub(crate) struct Provenance {
    pub(crate) versions: String,
    pub(crate) format: u32,
    pub(crate) seeds: String,
    pub(crate) seconds: String,
    /// Those of the games that have a section.
    pub(crate) runs: Vec<RunLine>,
    /// How many of them are not, in words; empty if all are.
    pub(crate) not_listed: String,
    pub(crate) all_runs: String,
    pub(crate) left_over: String,
}

/// One run in the list of runs.
#[derive(Debug, Serialize)]
pub(crate) struct RunLine {
    pub(crate) id: String,
    pub(crate) game: String,
    pub(crate) tau: String,
    pub(crate) label: String,
    pub(crate) repetition: u32,
    pub(crate) steps: String,
    pub(crate) queries: String,
    pub(crate) duels: String,
    pub(crate) seconds: String,
    pub(crate) ended: String,
}

/// Builds the view in words and numbers; [`draw`] adds the drawings.
pub(crate) fn words(
    results: &Results,
    games: &[Game<'_>],
    all: &[CrossGame<'_>],
    learned: &[Learning<'_>],
) -> View {
    let chosen = shown(games);
    let sections = chosen.par_iter().map(|&i| {
        let game = &games[i];
        GameView {
            number: i + 1,
            name: plain(&game.record.name),
            source: plain(&game.record.source),
            size: size(game.record),
            headline: estimate::headline(game.record).unwrap_or_else(|| headline(game.record)),
            tally: tally(game),
            verdict: [estimate::on_game(game.record), on_game(game.record)].concat(),
            settings: game.settings.iter().map(|setting| setting_view(game, setting)).collect(),
            matrix: None,
        }
    });
    let total = results.runs.len() + results.unfinished.len();
    View {
        games: sections.collect(),
        steps: step_tables(results, all),
        cross_games: all.iter().map(cross_game_view).collect(),
        metrics: described(&results.metrics),
        title: plain(&results.games.experiment),
        description: results.games.description.as_deref().map(plain),
        warnings: warnings(results, total),
        population: population(games),
        estimates: estimate::over_games(&games.iter().map(|game| game.record).collect::<Vec<_>>()),
        learning: learned.iter().map(learning_view).collect(),
        answer: answer(games),
        counts: format!("{}, {}", plural(games.len(), "game"), plural(results.runs.len(), "finished run")),
        provenance: provenance(results, &chosen.iter().map(|&i| &games[i]).collect::<Vec<_>>()),
    }
}

/// Adds the drawings to a view of the same games.
///
/// # Errors
/// [`ReportError::Drawing`]; of several the first.
pub(crate) fn draw(
    view: &mut View,
    games: &[Game<'_>],
    all: &[CrossGame<'_>],
    learned: &[Learning<'_>],
    look: Look,
) -> Result<(), ReportError> {
    let palette = plot::Palette::of(games, look.bands.unwrap_or(0.0));
    // a setting with its metrics is enough work for a thread
    let settings: Vec<(&mut SettingView, &Game<'_>, &Setting<'_>)> = view
        .games
        .iter_mut()
        .flat_map(|section| {
            let game = &games[section.number - 1];
            section.settings.iter_mut().zip(&game.settings).map(move |(view, setting)| (view, game, setting))
        })
        .collect();
    let drawn = settings.into_par_iter().map(|(view, game, setting)| view.draw(game, setting, &palette));
    drawn.collect::<Vec<_>>().into_iter().collect::<Result<(), _>>()?;
    for section in &mut view.games {
        section.matrix = plot::matrix(games[section.number - 1].record)?;
    }
    view.learning.iter_mut().zip(learned).try_for_each(|(view, all)| view.draw(all))?;
    view.cross_games.iter_mut().zip(all).try_for_each(|(view, all)| view.draw(all, &palette))
}

impl SettingView {
    fn draw(
        &mut self,
        game: &Game<'_>,
        setting: &Setting<'_>,
        palette: &plot::Palette,
    ) -> Result<(), ReportError> {
        self.pairs = paired(setting).map(|p| plot::paired_levels(&p, palette)).transpose()?;
        if let Some(info) = setting.metrics.iter().find(|m| m.name == setting.metric()) {
            self.sensitivity = plot::sensitivity(&sweeps(setting), info)?;
        }
        for &info in &setting.metrics {
            let curves = plot::curves(game, setting, info, palette)?;
            match metric::is_gap(info) {
                true => self.galleries.extend(curves),
                false => self.metrics_galleries.extend(curves),
            }
        }
        self.galleries.extend(plot::simplex(game, setting, palette)?);
        for method in &setting.methods {
            self.swatches.push(plot::swatch(palette.style(method.key))?);
        }
        Ok(())
    }
}

fn setting_view(game: &Game<'_>, setting: &Setting<'_>) -> SettingView {
    let sweeps = sweeps(setting);
    let compared = paired(setting);
    // equal notes are told once, on all the methods that they are about
    let mut told: Vec<(String, Vec<String>)> = Vec::new();
    for method in &setting.methods {
        let label = plain(method.label);
        for note in method.runs.iter().flat_map(|run| &run.record.notes) {
            let text = plain(note);
            match told.iter_mut().find(|(known, _)| *known == text) {
                Some((_, on)) if on.last() == Some(&label) => {}
                Some((_, on)) => on.push(label.clone()),
                None => told.push((text, vec![label.clone()])),
            }
        }
    }
    let notes = told.into_iter().map(|(text, on)| Statement { lead: on.join(", "), text }).collect();
    let (mut table, mut metrics_table) = (table(setting), metrics_table(setting));
    for table in std::iter::once(&mut table).chain(&mut metrics_table) {
        table.fold(&sweeps, setting.metric());
    }
    let tau = short(setting.tau);
    let heading = if setting.tau > 0.0 {
        format!("Methods on the game regularised with tau = {tau}")
    } else {
        "Methods on the original game (tau = 0)".into()
    };
    SettingView {
        tau,
        heading,
        verdict: sweeps
            .iter()
            .filter_map(|s| on_sweep(s, setting))
            .chain(on_methods(setting))
            .chain(compared.as_ref().map(on_pairs))
            .collect(),
        sensitivity: None,
        pairs: None,
        table,
        swatches: Vec::new(),
        galleries: Vec::new(),
        metrics_table,
        metrics_galleries: Vec::new(),
        endpoints: endpoints(game, setting),
        notes,
    }
}

/// Where a sweep is best.
fn on_sweep(sweep: &Sweep<'_>, setting: &Setting<'_>) -> Option<Statement> {
    let values = sweep.values(setting.metric());
    let (best, value, _) = sweep.best(setting.metric())?;
    let (first, last) = (values.first()?.0, values.last()?.0);
    let mut text = format!(
        "lowest {} {} at {}; {} values from {} to {}",
        if setting.tau > 0.0 { "regularised gap" } else { "gap" },
        short(value.median),
        short(best),
        values.len(),
        short(first),
        short(last),
    );
    let diverged = values.iter().filter(|(_, v)| !v.median.is_finite()).count();
    if diverged > 0 {
        text.push_str(&format!(", of which {diverged} diverge"));
    }
    if best == first || best == last {
        text.push_str("; the best one is at an end of the sweep, beyond which nothing is known");
    }
    Some(Statement {
        lead: format!("Best {} of {}", sweep.parameter, plain(&sweep.name())),
        text: text + ".",
    })
}

/// What the metrics that are no gaps measure, as far as it was recorded.
fn described(metrics: &[MetricInfo]) -> Vec<Statement> {
    let described = |m: &&MetricInfo| !metric::is_gap(m) && !m.definition.is_empty();
    metrics
        .iter()
        .filter(described)
        .map(|m| Statement {
            lead: plain(&m.name),
            text: format!("{}. {}.", plain(&m.definition), capitalised(metric::better(m))),
        })
        .collect()
}

fn size(game: &GameRecord) -> String {
    match &game.context_facts {
        Some(facts) if facts.actions.0 != facts.actions.1 => {
            format!(
                "{}, {} to {} actions",
                plural(game.contexts, "context"),
                facts.actions.0,
                facts.actions.1
            )
        }
        _ if game.contexts > 1 => {
            format!("{} of {}", plural(game.contexts, "context"), plural(game.n, "action"))
        }
        _ => plural(game.n, "action"),
    }
}

fn warnings(results: &Results, total: usize) -> Vec<String> {
    let mut out = Vec::new();
    if !results.unfinished.is_empty() {
        let items: Vec<String> =
            results.unfinished.iter().map(|u| format!("{} ({})", plain(&u.id), plain(&u.why))).collect();
        out.push(format!(
            "Not complete: {} of {} missing. {}. What follows is about the {} finished. Start the experiment again \
             to finish it; finished runs are kept.",
            results.unfinished.len(),
            plural(total, "run"),
            list(&items, 5),
            count(results.runs.len() as u64),
        ));
    }
    let bare = results.runs.iter().filter(|r| r.trace.is_none()).count();
    if bare > 0 {
        out.push(format!(
            "{} kept here without trace: their rows are in the tables, their curves are not drawn.",
            plural(bare, "run")
        ));
    }
    out
}

fn provenance(results: &Results, shown: &[&Game<'_>]) -> Provenance {
    let mut versions: Vec<String> = Vec::new();
    let mut seeds: Vec<String> = Vec::new();
    for run in &results.runs {
        let seed = run.record.spec.get("seed").map(ToString::to_string);
        for (list, item) in [(&mut versions, Some(run.record.version.clone())), (&mut seeds, seed)] {
            list.extend(item.filter(|i| !list.contains(i)));
        }
    }
    let place: HashMap<&str, usize> =
        results.runs.iter().enumerate().map(|(k, run)| (run.record.id.as_str(), k)).collect();
    // games on pages of their own have each a list
    let lists = if results.games.games.len() > ON_ONE_PAGE { 1 } else { shown.len().max(1) };
    let (mut listed, mut left_out): (Vec<&RunRecord>, _) = (Vec::new(), 0);
    for game in shown {
        let runs = game.settings.iter().flat_map(|s| &s.methods).flat_map(|m| &m.runs);
        let mut runs: Vec<&RunRecord> = runs.map(|run| &run.record).collect();
        runs.sort_by_key(|r| place.get(r.id.as_str()));
        left_out += runs.len().saturating_sub(LISTED / lists);
        runs.truncate(LISTED / lists);
        listed.extend(runs);
    }
    listed.sort_by_key(|r| place.get(r.id.as_str()));
    let runs = listed.into_iter().map(|r| RunLine {
        id: r.id.clone(),
        game: plain(&r.game),
        tau: short(r.tau),
        label: plain(&r.label),
        repetition: r.repetition,
        steps: count(r.steps),
        queries: count(r.queries),
        duels: count(r.duels),
        seconds: short(r.seconds),
        ended: plain(&r.stop_detail),
    });
    let seconds: f64 = results.runs.iter().map(|r| r.record.seconds).sum();
    Provenance {
        versions: list(&versions, 5),
        format: results.games.format,
        seeds: if seeds.is_empty() { "not recorded".into() } else { list(&seeds, 5) },
        seconds: short(seconds),
        runs: runs.collect(),
        not_listed: match left_out {
            0 => String::new(),
            n => format!(
                "{} more are in summary.json: of each game the first {} are listed",
                capitalised(&plural(n, "run")),
                count((LISTED / lists) as u64)
            ),
        },
        all_runs: count(results.runs.len() as u64),
        left_over: if results.left_over.is_empty() {
            String::new()
        } else {
            format!("{} of an earlier plan under runs/ not read", plural(results.left_over.len(), "folder"))
        },
    }
}
