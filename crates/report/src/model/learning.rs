//! What a policy ends with in the true game, against what was chosen: by labels bought, of learned oracles that differ in how many they buy;
//! by tau, of methods that were run with several.

use equipoise_records::{DUALITY_GAP, Iterate, MetricInfo, Run, StopKind};
use serde_json::{Map, Value};

use super::group::{Game, Method, RunFacts as _, Setting};
use super::spread::Spread;

/// Fewest numbers of labels, or values of tau, that make a curve.
const FEWEST: usize = 3;
/// So many decades below the largest gap the drawings end, and gaps count as equal.
const DECADES: i32 = 3;
/// Most games that have a panel each, by tau.
const MOST_GAMES: usize = 12;
/// From so many repetitions on a band is that of the middle half, unless the reader chose: the extremes of many are chance.
const MANY: usize = 8;

/// What the horizontal axis is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Against {
    /// Labels that were bought.
    Labels,
    /// `1 / tau`: the less is paid for the distance from the reference, the further to the right.
    Pressure,
}

/// All curves of one tau, or over all taus.
pub(crate) struct Learning<'a> {
    pub(crate) against: Against,
    /// Of curves by labels.
    pub(crate) tau: f64,
    /// The gap of the last iterate, which is what is shown.
    pub(crate) metric: &'a MetricInfo,
    /// What is told apart, the same in every game: a method, or a model, its labels and how its pairs are chosen.
    pub(crate) lines: Vec<String>,
    /// A game each.
    pub(crate) panels: Vec<Panel<'a>>,
    /// Gaps at or below it are drawn at the edge, and are equal.
    pub(crate) floor: f64,
    /// Fewest and most repetitions behind a point.
    pub(crate) repetitions: (usize, usize),
    /// Bands reach from this quantile of the repetitions to the one as far from the top.
    pub(crate) outside: f64,
}

/// The curves on one game.
pub(crate) struct Panel<'a> {
    pub(crate) game: &'a str,
    /// Of each line, the gap by labels bought or by `1 / tau`, rising; empty where it was not run.
    pub(crate) curves: Vec<Vec<(f64, Spread)>>,
}

/// A line that is not ahead of another one on the left, and is on the right.
#[derive(Debug, PartialEq)]
pub(crate) struct Crossing {
    pub(crate) line: usize,
    /// The last place at which it is behind or equal, and the first from which on it is ahead.
    pub(crate) between: (f64, f64),
    /// Those it falls below.
    pub(crate) below: Vec<usize>,
}

/// The curves, tau by tau; none where fewer than three numbers of labels were bought of anything.
pub(crate) fn learning<'a>(games: &'a [Game<'a>], bands: Option<f64>) -> Vec<Learning<'a>> {
    let mut taus: Vec<f64> = games.iter().flat_map(|g| g.settings.iter().map(|s| s.tau)).collect();
    taus.sort_by(f64::total_cmp);
    taus.dedup();
    let by_labels: Vec<Learning<'_>> = taus.iter().filter_map(|tau| at(games, *tau, bands)).collect();
    match by_labels.is_empty() {
        true => by_tau(games, bands).into_iter().collect(),
        false => by_labels,
    }
}

/// The gap of the original game by `1 / tau`; none for fewer than [`FEWEST`] values of tau, or more than [`MOST_GAMES`] games.
fn by_tau<'a>(games: &'a [Game<'a>], bands: Option<f64>) -> Option<Learning<'a>> {
    let metric = |s: &Setting<'a>| s.metrics.iter().copied().find(|m| m.name == DUALITY_GAP);
    let settings = |game: &'a Game<'a>| game.settings.iter().filter(|s| s.tau > 0.0);
    let of_metric = games.iter().flat_map(settings).find_map(metric)?;
    let enough = games.iter().any(|game| settings(game).count() >= FEWEST) && games.len() <= MOST_GAMES;
    let mut lines: Vec<(usize, &str)> =
        games.iter().flat_map(settings).flat_map(|s| &s.methods).map(|m| (m.key, m.label)).collect();
    lines.sort_unstable();
    lines.dedup();
    let methods = || games.iter().flat_map(settings).flat_map(|s| &s.methods);
    let repetitions = repetitions(methods());
    let outside = outside(repetitions.1, bands);
    let panel = |game: &'a Game<'a>| {
        let curve = |(key, _): &(usize, &str)| {
            let of = |s: &'a Setting<'a>| s.methods.iter().find(|m| m.key == *key).map(|m| (s.tau, m));
            let points = settings(game).filter_map(of);
            rising(points.filter_map(|(tau, m)| Some((1.0 / tau, last_gap(m, &of_metric.name, outside)?))))
        };
        Panel { game: game.record.name.as_str(), curves: lines.iter().map(curve).collect() }
    };
    let panels: Vec<Panel<'_>> = games.iter().map(panel).collect();
    let floor = floor(&panels);
    let lines = lines.iter().map(|(_, label)| (*label).to_owned()).collect();
    enough.then_some(Learning {
        against: Against::Pressure,
        tau: 0.0,
        metric: of_metric,
        lines,
        panels,
        floor,
        repetitions,
        outside,
    })
}

fn repetitions<'a>(methods: impl Iterator<Item = &'a Method<'a>>) -> (usize, usize) {
    let widest = |(fewest, most): (usize, usize), runs: usize| (fewest.min(runs), most.max(runs));
    methods.map(|m| m.runs.len()).fold((usize::MAX, 1), widest)
}

/// From which quantile a band reaches, unless the reader chose.
fn outside(repetitions: usize, bands: Option<f64>) -> f64 {
    bands.unwrap_or(if repetitions < MANY { 0.0 } else { 0.25 })
}

fn rising(points: impl Iterator<Item = (f64, Spread)>) -> Vec<(f64, Spread)> {
    let mut curve: Vec<(f64, Spread)> = points.collect();
    curve.sort_by(|a, b| a.0.total_cmp(&b.0));
    curve
}

/// The final gap of the last iterate over the repetitions: infinite where one diverged.
fn last_gap(method: &Method<'_>, metric: &str, outside: f64) -> Option<Spread> {
    let gap = |run: &Run| match run.record.stop_reason {
        StopKind::Diverged => Some(f64::INFINITY),
        _ => run.final_value(Iterate::Last, metric),
    };
    Spread::between(method.runs.iter().filter_map(|run| gap(run)), outside)
}

/// Some decades below the largest median.
fn floor(panels: &[Panel<'_>]) -> f64 {
    let medians = panels.iter().flat_map(|p| p.curves.iter().flatten()).map(|(_, v)| v.median);
    let top = medians.filter(|v| v.is_finite()).fold(0.0, f64::max);
    if top > 0.0 { 10f64.powi(top.log10().ceil() as i32 - DECADES) } else { 0.0 }
}

fn at<'a>(games: &'a [Game<'a>], tau: f64, bands: Option<f64>) -> Option<Learning<'a>> {
    let of_tau = |game: &'a Game<'a>| {
        let setting = game.settings.iter().find(|s| s.tau.total_cmp(&tau).is_eq())?;
        Some((game.record.name.as_str(), setting))
    };
    let settings: Vec<(&str, &Setting<'_>)> = games.iter().filter_map(of_tau).collect();
    // a line: all that a method and its oracle are but the number of pairs, and what it is called
    let mut lines: Vec<(Value, Name)> = Vec::new();
    let mut found: Vec<Vec<Vec<&Method<'_>>>> = vec![Vec::new(); settings.len()];
    for (panel, (_, setting)) in found.iter_mut().zip(&settings) {
        for method in &setting.methods {
            let Some((rest, name)) = line(method) else { continue };
            let at = lines.iter().position(|(of, _)| *of == rest).unwrap_or_else(|| {
                lines.push((rest, name));
                lines.len() - 1
            });
            panel.resize(panel.len().max(at + 1), Vec::new());
            panel[at].push(method);
        }
    }
    let of = |panel: &[Vec<&Method<'_>>], at: usize| panel.get(at).map_or(0, Vec::len);
    let kept: Vec<usize> = (0..lines.len()).filter(|&at| found.iter().any(|p| of(p, at) >= FEWEST)).collect();
    if kept.is_empty() {
        return None;
    }
    let (metric_of, methods) = (settings[0].1, || found.iter().flatten().flatten().copied());
    let metric = metric_of.metrics.iter().copied().find(|m| m.name == metric_of.metric())?;
    let repetitions = repetitions(methods());
    let outside = outside(repetitions.1, bands);
    let point = |method: &&Method<'_>| {
        let bought = Spread::of(method.runs.iter().map(|run| run.record.duels as f64))?.median;
        Some((bought, last_gap(method, &metric.name, outside)?))
    };
    let panels: Vec<Panel<'_>> = settings
        .iter()
        .zip(&found)
        .map(|((game, _), methods)| {
            let curve = |&at: &usize| rising(methods.get(at).into_iter().flatten().filter_map(point));
            Panel { game, curves: kept.iter().map(curve).collect() }
        })
        .collect();
    let floor = floor(&panels);
    let names = names(&kept.iter().map(|&at| &lines[at].1).collect::<Vec<_>>());
    let against = Against::Labels;
    Some(Learning { against, tau, metric, lines: names, panels, floor, repetitions, outside })
}

/// What a line is called by: its method, its model with all options, how pairs are chosen, and what its label says behind that.
struct Name {
    solver: String,
    model: String,
    options: Map<String, Value>,
    pairs: String,
    rest: String,
}

/// What a method and its learned oracle are without the number of pairs, and how it is called; `None` for any other oracle.
fn line(method: &Method<'_>) -> Option<(Value, Name)> {
    let record = &method.first().record;
    let mut oracle = record.spec.get("oracle")?.clone();
    let learned = oracle.get_mut("learned")?;
    let (model, options) = learned.get("model")?.as_object()?.iter().next()?;
    let (model, options) = (model.clone(), options.as_object().cloned().unwrap_or_default());
    let pairs = learned.get_mut("pairs")?.as_object_mut()?;
    let (number, design) = (pairs.remove("per_context")?, pairs.get("design")?.as_str()?.to_owned());
    // a label is `solver [model of 30 uniform pairs, channels]`
    let (before, after) = method.label.split_once(&format!(" of {number} {design} pairs"))?;
    let solver = before.rsplit_once(" [").map_or("", |(solver, _)| solver).to_owned();
    let key = serde_json::json!([solver, oracle]);
    Some((key, Name { solver, model, options, pairs: design, rest: after.trim_end_matches(']').to_owned() }))
}

/// Names without what all of them have in common: of a model the options in which its lines differ, defaults or not.
fn names(lines: &[&Name]) -> Vec<String> {
    let one = |part: &dyn Fn(&Name) -> &str| lines.iter().all(|line| part(line) == part(lines[0]));
    let (one_solver, one_design, one_rest) = (one(&|l| &l.solver), one(&|l| &l.pairs), one(&|l| &l.rest));
    let name = |line: &&Name| {
        let differs = |key: &str, value: &Value| {
            let same_model = lines.iter().filter(|other| other.model == line.model);
            same_model.map(|other| other.options.get(key)).any(|other| other != Some(value))
        };
        let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let own = line.options.iter().filter(|(key, value)| differs(key, value));
        let own: Vec<String> = own.map(|(key, value)| format!("{key}={}", word(value))).collect();
        let mut name = line.model.clone();
        if !own.is_empty() {
            name.push_str(&format!("({})", own.join(", ")));
        }
        if !one_design {
            name.push_str(&format!(", {} pairs", line.pairs));
        }
        if !one_rest {
            name.push_str(&line.rest);
        }
        if one_solver { name } else { format!("{} [{name}]", line.solver) }
    };
    lines.iter().map(name).collect()
}

impl Learning<'_> {
    /// Which of two gaps is smaller: `-1` the first, `1` the second, `0` where they are within a twentieth of each other or both at the
    /// floor.
    fn order(&self, a: f64, b: f64) -> i32 {
        let (low, high) = (a.min(b), a.max(b));
        // an infinite one is the larger
        if high <= self.floor || low >= 0.95 * high {
            0
        } else if a < b {
            -1
        } else {
            1
        }
    }

    /// The lines of the smallest median at a place.
    pub(crate) fn lowest(&self, panel: &Panel<'_>, place: f64) -> Vec<usize> {
        let here = |curve: &[(f64, Spread)]| median_at(curve, place);
        let all: Vec<(usize, f64)> =
            panel.curves.iter().enumerate().filter_map(|(k, curve)| Some((k, here(curve)?))).collect();
        let least = all.iter().map(|(_, v)| *v).fold(f64::INFINITY, f64::min);
        all.iter().filter(|(_, v)| self.order(*v, least) == 0).map(|(k, _)| *k).collect()
    }

    /// Which lines fall below which others, once, and stay there.
    pub(crate) fn crossings(&self, panel: &Panel<'_>) -> Vec<Crossing> {
        let mut found: Vec<Crossing> = Vec::new();
        for (line, curve) in panel.curves.iter().enumerate() {
            for (other, against) in panel.curves.iter().enumerate() {
                let both = |(x, v): &(f64, Spread)| Some((*x, self.order(v.median, median_at(against, *x)?)));
                let orders: Vec<(f64, i32)> = curve.iter().filter_map(both).collect();
                // ahead from here on, and not before
                let not_ahead = orders.iter().rposition(|(_, order)| *order >= 0);
                let Some(behind) = not_ahead else { continue };
                let (Some(ahead), true) = (orders.get(behind + 1), orders[..behind].iter().all(|o| o.1 >= 0))
                else {
                    continue;
                };
                let between = (orders[behind].0, ahead.0);
                match found.iter_mut().find(|c| c.line == line && c.between == between) {
                    Some(crossing) => crossing.below.push(other),
                    None => found.push(Crossing { line, between, below: vec![other] }),
                }
            }
        }
        found
    }

    /// All places of a game, rising.
    pub(crate) fn places(panel: &Panel<'_>) -> Vec<f64> {
        let mut all: Vec<f64> = panel.curves.iter().flatten().map(|(x, _)| *x).collect();
        all.sort_by(f64::total_cmp);
        all.dedup();
        all
    }
}

/// The median of a curve at a place.
pub(crate) fn median_at(curve: &[(f64, Spread)], place: f64) -> Option<f64> {
    curve.iter().find(|(x, _)| x.total_cmp(&place).is_eq()).map(|(_, v)| v.median)
}
