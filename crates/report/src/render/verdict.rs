//! What the numbers say, in plain words. Every sentence is generated from records; none is written in advance.

use super::group::RunFacts as _;
use super::group::{AT_EQUILIBRIUM, GAP, Game, Method, Setting, Spread};
use super::number::{count, factor, list, median_count, percent, plain, plural, short};
use equipoise_records::Run;
use equipoise_records::schema::{ContextFacts, GameFacts, GameRecord};
use equipoise_records::{Behaviour, Iterate, StopKind};

/// Probabilities below this are left out of sentences, which say so by not adding up to 100%.
const WORTH_NAMING: f64 = 5e-4;
/// Names listed before the rest becomes a number.
const NAMES: usize = 6;
/// The average counts as converging where the last iterate does not if it ends this much lower.
const AVERAGE_AHEAD: f64 = 0.1;

/// One statement: a lead of a few words and the evidence.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(crate) struct Statement {
    pub(crate) lead: String,
    pub(crate) text: String,
}

fn statement(lead: impl Into<String>, text: impl Into<String>) -> Statement {
    Statement { lead: lead.into(), text: text.into() }
}

/// The verdict on a game's preferences, before any method runs.
pub(crate) fn on_game(game: &GameRecord) -> Vec<Statement> {
    let mut out = Vec::new();
    if let Some(facts) = &game.facts {
        out.push(preferences(facts));
        out.push(nash(game, facts));
        out.push(bradley_terry(facts));
    }
    if let Some(facts) = &game.context_facts {
        out.push(contexts(game, facts));
    }
    for equilibrium in game.equilibria.iter().filter(|e| e.tau > 0.0) {
        let own = equilibrium
            .duality_gap_tau
            .map_or(String::new(), |gap| format!(" (its own gap: {})", short(gap)));
        let of = if game.contexts > 1 { "In the first context, the" } else { "The" };
        out.push(statement(
            format!("Regularised with tau = {}", short(equilibrium.tau)),
            format!(
                "{of} equilibrium plays {}{own}. In the original game it has gap {}: the price of staying near the \
                 reference.",
                policy(&game.labels, &equilibrium.policy),
                short(equilibrium.duality_gap),
            ),
        ));
    }
    if !game.unmet_pairs.is_empty() {
        let pairs: Vec<String> =
            game.unmet_pairs.iter().map(|(a, b)| format!("{} - {}", plain(a), plain(b))).collect();
        out.push(statement(
            "Not measured",
            format!(
                "{} never met and count as one half: {}.",
                plural(pairs.len(), "pair"),
                list(&pairs, NAMES)
            ),
        ));
    }
    out
}

/// The game in a few words, for lists of games.
pub(crate) fn headline(game: &GameRecord) -> String {
    if let Some(facts) = &game.facts {
        let shape = match (&facts.condorcet_winner, facts.cyclic_triads) {
            (Some(winner), 0) => format!("no cycle, {} beats all", plain(winner)),
            (Some(winner), _) => format!("cycles, but {} beats all", plain(winner)),
            (None, 0) => "no cycle, nobody beats all (ties)".into(),
            (None, _) => "cyclic, nobody beats all".into(),
        };
        let bt = if facts.bt_gap > AT_EQUILIBRIUM {
            format!("Bradley-Terry's pick is {} from Nash", short(facts.bt_gap))
        } else {
            "Bradley-Terry's pick is Nash".into()
        };
        return format!("{shape}; {bt}");
    }
    match &game.context_facts {
        Some(facts) => format!(
            "{} of {} have a cycle",
            count(facts.with_cyclic_triad as u64),
            plural(game.contexts, "context")
        ),
        None => "no facts recorded".into(),
    }
}

fn preferences(facts: &GameFacts) -> Statement {
    let triads = if facts.total_triads == 0 {
        "there is no triad of decided pairs".to_owned()
    } else {
        format!("{} of {} decided triads cyclic", count(facts.cyclic_triads), count(facts.total_triads))
    };
    let energy = format!("cyclic energy {} (no rating explains that share)", percent(facts.cyclic_energy));
    let names: Vec<String> = facts.smith_set.iter().map(|l| plain(l)).collect();
    let smith = format!("Smith set: {}", list(&names, NAMES));
    match (&facts.condorcet_winner, facts.cyclic_triads) {
        (Some(winner), 0) => statement(
            "No cycle",
            format!(
                "{} beats every other action (Condorcet winner); {triads}, {energy}. {smith}.",
                plain(winner)
            ),
        ),
        (Some(winner), _) => statement(
            "Cyclic below the top",
            format!(
                "{} beats every other action (Condorcet winner), yet {triads}, {energy}. {smith}.",
                plain(winner)
            ),
        ),
        (None, 0) => statement(
            "No winner, no cycle",
            format!("No action beats all others, because of ties; {triads}, {energy}. {smith}."),
        ),
        (None, _) => statement(
            "Cyclic preferences",
            format!("No action beats all others (no Condorcet winner): {triads}, {energy}. {smith}."),
        ),
    }
}

fn nash(game: &GameRecord, facts: &GameFacts) -> Statement {
    let unique = match facts.nash_unique {
        Some(true) => "the only equilibrium",
        Some(false) => "one equilibrium of several",
        None => "whether it is the only equilibrium was not decided",
    };
    let unbeaten =
        if facts.nash_gap <= AT_EQUILIBRIUM { " No action beats it more than half the time." } else { "" };
    statement(
        "Nash plays",
        format!(
            "{}; {unique}, duality gap {}.{unbeaten}",
            policy(&game.labels, &facts.nash),
            short(facts.nash_gap)
        ),
    )
}

fn bradley_terry(facts: &GameFacts) -> Statement {
    let favourite = plain(&facts.bt_favourite);
    let fit = if facts.bt_scores.is_some() {
        String::new()
    } else {
        " The fit has no finite solution; its limit was taken.".to_owned()
    };
    let text = if facts.bt_gap > AT_EQUILIBRIUM {
        format!(
            "always {favourite}. {} beats that {} of the time: duality gap {}, where Nash has 0.{fit}",
            plain(&facts.bt_worst_opponent),
            percent(facts.bt_worst_win_rate),
            short(facts.bt_gap)
        )
    } else {
        format!("always {favourite}, which nobody beats: here Bradley-Terry and Nash agree.{fit}")
    };
    statement("Bradley-Terry picks", text)
}

fn contexts(game: &GameRecord, facts: &ContextFacts) -> Statement {
    let (low, high) = facts.actions;
    let actions = if low == high { plural(low, "action") } else { format!("{low} to {high} actions") };
    let share = |n: usize| percent(n as f64 / game.contexts.max(1) as f64);
    statement(
        if facts.with_cyclic_triad > 0 { "Cyclic in part" } else { "No cycle" },
        format!(
            "{} of {actions} each: {} have a Condorcet winner ({}), {} have a cyclic triad ({}).",
            plural(game.contexts, "context"),
            count(facts.with_condorcet_winner as u64),
            share(facts.with_condorcet_winner),
            count(facts.with_cyclic_triad as u64),
            share(facts.with_cyclic_triad),
        ),
    )
}

/// `a 62.1%, b 37.9%`, most probable first.
fn policy(labels: &[String], probabilities: &[f64]) -> String {
    let mut order: Vec<usize> =
        (0..probabilities.len()).filter(|&i| probabilities[i] >= WORTH_NAMING).collect();
    order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
    let items: Vec<String> =
        order.iter().map(|&i| format!("{} {}", plain(&labels[i]), percent(probabilities[i]))).collect();
    list(&items, NAMES)
}

/// How a run ended, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    Reaches,
    OneShotReaches,
    Approaches,
    OnlyAverage,
    TooShort,
    Settles,
    Stalls,
    Cycles,
    OneShotAway,
    Diverges,
    Unmeasured,
}

const ENDINGS: [Ending; 11] = [
    Ending::Reaches,
    Ending::OneShotReaches,
    Ending::Approaches,
    Ending::OnlyAverage,
    Ending::TooShort,
    Ending::Settles,
    Ending::Stalls,
    Ending::Cycles,
    Ending::OneShotAway,
    Ending::Diverges,
    Ending::Unmeasured,
];

impl Ending {
    /// From the record and the trace of one run.
    pub(crate) fn of(run: &Run) -> Self {
        let metric = run.own_metric();
        if run.diverged() {
            return Self::Diverges;
        }
        let Some(last) = run.final_value(Iterate::Last, metric) else { return Self::Unmeasured };
        if run.one_shot() {
            return if last <= AT_EQUILIBRIUM { Self::OneShotReaches } else { Self::OneShotAway };
        }
        if last <= AT_EQUILIBRIUM {
            return Self::Reaches;
        }
        let last_iterate = match run.record.behaviour {
            Behaviour::Converging => Self::Approaches,
            Behaviour::Undecided => Self::TooShort,
            Behaviour::Cycling => Self::Cycles,
            Behaviour::Converged | Behaviour::Finished => Self::Settles,
            Behaviour::Stalled | Behaviour::Noisy => Self::Stalls,
            Behaviour::Diverged => Self::Diverges,
        };
        if last_iterate == Self::Approaches || run.record.stop_reason == StopKind::TargetReached {
            return Self::Approaches;
        }
        let average = run.final_value(Iterate::Average, metric).unwrap_or(f64::INFINITY);
        if average <= AVERAGE_AHEAD * last && average_falls(run, metric, average) {
            return Self::OnlyAverage;
        }
        last_iterate
    }

    /// Of a method: its most common ending, the worse one where two are as common; and how many runs ended so.
    pub(crate) fn of_method(method: &Method<'_>) -> (Self, usize) {
        let mut best = (Self::Unmeasured, 0);
        for ending in ENDINGS {
            let n = method.runs.iter().filter(|run| Self::of(run) == ending).count();
            if n > 0 && n >= best.1 {
                best = (ending, n);
            }
        }
        best
    }

    fn lead(self, goal: &str) -> String {
        match self {
            Self::Reaches => format!("Converges to {goal}"),
            Self::OneShotReaches => format!("At {goal} in one shot"),
            Self::Approaches => format!("Approaching {goal} when stopped"),
            Self::OnlyAverage => "Only its average converges".into(),
            Self::TooShort => format!("Stopped too early to tell, away from {goal}"),
            Self::Settles => format!("Settles away from {goal}"),
            Self::Stalls => format!("Stalls away from {goal}"),
            Self::Cycles => "Cycles".into(),
            Self::OneShotAway => format!("One shot, away from {goal}"),
            Self::Diverges => "Diverges".into(),
            Self::Unmeasured => format!("Distance to {goal} not measured"),
        }
    }
}

/// Whether the average was still clearly falling in the second half of the steps (known only with a trace).
fn average_falls(run: &Run, metric: &str, at_end: f64) -> bool {
    let half = run.record.steps / 2;
    run.curve(Iterate::Average, metric)
        .filter(|p| p.step <= half)
        .last()
        .is_none_or(|p| at_end < 0.9 * p.value)
}

/// Where the methods of a setting end, best first, and the cheapest way there.
pub(crate) fn on_methods(setting: &Setting<'_>) -> Vec<Statement> {
    let mut out = Vec::new();
    for regularised in [true, false] {
        let goal = if regularised { "the regularised equilibrium" } else { "Nash" };
        for ending in ENDINGS {
            let entries: Vec<String> = setting
                .methods
                .iter()
                .filter(|m| (m.first().own_metric() != GAP) == regularised)
                .filter_map(|m| {
                    let (own, n) = Ending::of_method(m);
                    (own == ending).then(|| entry(m, ending, n))
                })
                .collect();
            if !entries.is_empty() {
                out.push(statement(ending.lead(goal), format!("{}.", entries.join("; "))));
            }
        }
    }
    out.extend(first_there(setting));
    out
}

/// One method and its evidence.
fn entry(method: &Method<'_>, ending: Ending, ended_so: usize) -> String {
    let metric = method.first().own_metric();
    let spread = |iterate| method.final_spread(iterate, metric);
    let word = if metric == GAP { "gap" } else { "regularised gap" };
    let gap = |iterate| spread(iterate).map_or("not measured".to_owned(), |s| short(s.median));
    let range = |of: Option<Spread>| match of {
        Some(s) if short(s.min) == short(s.max) => format!("{word} {}", short(s.max)),
        Some(s) => format!("{word} between {} and {}", short(s.min), short(s.max)),
        None => format!("{word} {}", gap(Iterate::Last)),
    };
    let late = late_gaps(method, metric);
    let steps = Spread::of(method.runs.iter().map(|r| r.record.steps as f64)).map_or(0.0, |s| s.median);
    let evidence = match ending {
        Ending::Reaches | Ending::Settles | Ending::OneShotReaches | Ending::OneShotAway | Ending::Stalls => {
            format!("{word} {}", gap(Iterate::Last))
        }
        Ending::TooShort => format!("{word} {} after {}", gap(Iterate::Last), steps_text(steps)),
        Ending::Approaches => {
            let rate = Spread::of(method.runs.iter().filter_map(|r| r.record.rate.as_ref()?.fitted))
                .map_or(String::new(), |s| format!(", factor {} a step", factor(s.median)));
            let target = if method.runs.iter().any(|r| r.record.stop_reason == StopKind::TargetReached) {
                ", its target"
            } else {
                ""
            };
            format!("{word} {}{target} after {}{rate}", gap(Iterate::Last), steps_text(steps))
        }
        Ending::OnlyAverage => {
            format!("average at {word} {}; last iterate stays at {}", gap(Iterate::Average), range(late))
        }
        Ending::Cycles => match spread(Iterate::Average) {
            Some(_) => {
                format!("last iterate stays at {}; average at {word} {}", range(late), gap(Iterate::Average))
            }
            None => format!("last iterate stays at {}", range(late)),
        },
        Ending::Unmeasured => method.first().record.behaviour.to_string(),
        Ending::Diverges => method
            .runs
            .iter()
            .find(|r| r.diverged())
            .map_or(String::new(), |r| plain(&r.record.stop_detail).trim_end_matches('.').to_owned()),
    };
    let runs = match method.runs.len() {
        1 => String::new(),
        n if n == ended_so => format!(", all {n} repetitions"),
        n => format!(", {ended_so} of {n} repetitions"),
    };
    format!("{} ({evidence}{runs})", plain(method.label))
}

fn steps_text(steps: f64) -> String {
    format!("{} step{}", median_count(steps), if steps == 1.0 { "" } else { "s" })
}

/// Range of the last iterate's gap over the second half of the steps, all repetitions together.
fn late_gaps(method: &Method<'_>, metric: &str) -> Option<Spread> {
    Spread::of(method.runs.iter().flat_map(|run| {
        let half = run.record.steps / 2;
        run.curve(Iterate::Last, metric).filter(move |p| p.step > half).map(|p| p.value)
    }))
}

/// Who gets to the hardest target that anybody got to, with the fewest queries and with the fewest duels.
fn first_there(setting: &Setting<'_>) -> Option<Statement> {
    let metric = setting.metric();
    let comparable: Vec<&Method<'_>> =
        setting.methods.iter().filter(|m| m.first().own_metric() == metric).collect();
    let cost = |m: &Method<'_>, target: f64, duels: bool| {
        let paid = m.runs.iter().map(|run| {
            let reached = run.reached(Iterate::Last, target)?;
            if duels { reached.duels } else { reached.queries }
        });
        let paid: Option<Vec<f64>> = paid.map(|c| c.map(|c| c as f64)).collect();
        Spread::of(paid?).map(|s| s.median).filter(|c| *c > 0.0)
    };
    let target = setting
        .targets()
        .into_iter()
        .rfind(|&t| comparable.iter().any(|m| cost(m, t, false).or_else(|| cost(m, t, true)).is_some()))?;
    let best = |duels: bool, unit: &str| {
        comparable
            .iter()
            .filter_map(|m| Some((cost(m, target, duels)?, plain(m.label))))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(c, label)| format!("{label} with {} {unit}", median_count(c)))
    };
    let winners: Vec<String> = [best(false, "queries"), best(true, "duels")].into_iter().flatten().collect();
    let what = if metric == GAP { "gap" } else { "regularised gap" };
    Some(statement(format!("First to {what} {}", short(target)), format!("{}.", winners.join("; "))))
}

/// How many methods ended at their equilibrium, for lists of games.
pub(crate) fn tally(game: &Game<'_>) -> String {
    let mut parts = Vec::new();
    for setting in &game.settings {
        let endings: Vec<Ending> = setting.methods.iter().map(|m| Ending::of_method(m).0).collect();
        let there = endings.iter().filter(|e| matches!(e, Ending::Reaches | Ending::OneShotReaches)).count();
        parts.push(format!("{there} of {} (tau = {})", endings.len(), short(setting.tau)));
    }
    if parts.is_empty() { "no finished run".into() } else { parts.join(", ") }
}
