//! What the numbers say, in plain words. Every sentence is generated from records; none is written in advance.

use equipoise_records::schema::{Arithmetic, ContextFacts, GameFacts, GameRecord};
use equipoise_records::{Behaviour, CONVERGED, DUALITY_GAP, Iterate};

use crate::model::cost::CostUnit;
use crate::model::group::{Game, Method, RunFacts as _, Setting};
use crate::model::number::{action, count, factor, list, median_count, percent, plain, plural, short};
use crate::model::outcome::{OutcomeClass, at_equilibrium};
use crate::model::paired::Paired;
use crate::model::spread::Spread;

/// Probabilities below this are left out of sentences, which say so by not adding up to 100%.
const WORTH_NAMING: f64 = 5e-4;
/// Names listed before the rest becomes a number.
pub(super) const NAMES: usize = 6;

/// One statement: a lead of a few words and the evidence.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(crate) struct Statement {
    pub(crate) lead: String,
    pub(crate) text: String,
}

pub(super) fn statement(lead: impl Into<String>, text: impl Into<String>) -> Statement {
    Statement { lead: lead.into(), text: text.into() }
}

/// The verdict on a game's preferences, before any method runs.
pub(crate) fn on_game(game: &GameRecord) -> Vec<Statement> {
    let mut out = Vec::new();
    if let Some(facts) = &game.facts {
        out.push(preferences(facts));
        out.push(nash(game, facts));
        out.push(bradley_terry(game, facts));
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
                "{of} equilibrium plays {}{own}. In the original game it has gap {}: the price of staying close to \
                 the reference.",
                policy(&game.labels, &equilibrium.policy),
                short(equilibrium.duality_gap),
            ),
        ));
    }
    if !game.unmet_pairs.is_empty() {
        let pairs: Vec<String> =
            game.unmet_pairs.iter().map(|(a, b)| format!("{} - {}", action(a), action(b))).collect();
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

/// What the majorities of a game look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// An action beats all others, and there is no cycle.
    Transitive,
    /// An action beats all others, and there are cycles below it.
    CyclicBelow,
    /// No action beats all others, for there are ties, and there is no cycle.
    Tied,
    /// No action beats all others, and there are cycles.
    Cyclic,
}

pub(super) fn shape(facts: &GameFacts) -> Shape {
    match (&facts.condorcet_winner, facts.cyclic_triads) {
        (Some(_), 0) => Shape::Transitive,
        (Some(_), _) => Shape::CyclicBelow,
        (None, 0) => Shape::Tied,
        (None, _) => Shape::Cyclic,
    }
}

/// The game in a few words, for lists of games.
pub(crate) fn headline(game: &GameRecord) -> String {
    if let Some(facts) = &game.facts {
        let winner = facts.condorcet_winner.as_deref().map_or(String::new(), action);
        let shape = match shape(facts) {
            Shape::Transitive => format!("no cycle, {winner} beats all"),
            Shape::CyclicBelow => format!("cycles, but {winner} beats all"),
            Shape::Tied => "no cycle, no action beats all (ties)".into(),
            Shape::Cyclic => "cyclic, no action beats all".into(),
        };
        let bt = if tied_on_top(game, facts).len() > 1 {
            "Bradley-Terry's ratings are tied".into()
        } else if facts.bt_gap > CONVERGED {
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
    let names: Vec<String> = facts.smith_set.iter().map(|l| action(l)).collect();
    let smith = format!("Smith set: {}", list(&names, NAMES));
    match (&facts.condorcet_winner, facts.cyclic_triads) {
        (Some(winner), 0) => statement(
            "No cycle",
            format!(
                "{} beats every other action (Condorcet winner); {triads}, {energy}. {smith}.",
                action(winner)
            ),
        ),
        (Some(winner), _) => statement(
            "Cyclic below the top",
            format!(
                "{} beats every other action (Condorcet winner), yet {triads}, {energy}. {smith}.",
                action(winner)
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
    let rounded = facts.nash_unique_by == Some(Arithmetic::FloatingPoint);
    let unique = match facts.nash_unique {
        Some(true) if rounded => "the only equilibrium, as floating point tells",
        Some(false) if rounded => "one equilibrium of several, as floating point tells",
        Some(true) => "the only equilibrium",
        Some(false) => "one equilibrium of several",
        None => "whether it is the only equilibrium was not decided",
    };
    let unbeaten =
        if facts.nash_gap <= CONVERGED { " No action beats it more than half the time." } else { "" };
    statement(
        "Nash plays",
        format!(
            "{}; {unique}, duality gap {}.{unbeaten}",
            policy(&game.labels, &facts.nash),
            short(facts.nash_gap)
        ),
    )
}

fn bradley_terry(game: &GameRecord, facts: &GameFacts) -> Statement {
    let favourite = action(&facts.bt_favourite);
    let fit = if facts.bt_scores.is_some() {
        String::new()
    } else {
        " The fit has no finite solution; its limit was taken.".to_owned()
    };
    let tied = tied_on_top(game, facts);
    let text = if tied.len() > 1 {
        // the first of equals is no pick
        format!("nothing: {} have the same rating, the highest.{fit}", list(&tied, NAMES))
    } else if facts.bt_gap > CONVERGED {
        format!(
            "always {favourite}. {} beats that {} of the time: duality gap {}, where Nash has 0.{fit}",
            action(&facts.bt_worst_opponent),
            percent(facts.bt_worst_win_rate),
            short(facts.bt_gap)
        )
    } else {
        format!("always {favourite}, which no action beats: here Bradley-Terry and Nash agree.{fit}")
    };
    statement("Bradley-Terry picks", text)
}

/// The actions with the highest rating.
pub(super) fn tied_on_top(game: &GameRecord, facts: &GameFacts) -> Vec<String> {
    // beyond the tolerance of the fit two ratings differ
    const TOLERANCE: f64 = 1e-9;
    let scores = facts.bt_scores.as_deref().unwrap_or_default();
    let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let tied = scores.iter().zip(&game.labels).filter(|(score, _)| top - **score <= TOLERANCE);
    tied.map(|(_, label)| action(label)).collect()
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
        order.iter().map(|&i| format!("{} {}", action(&labels[i]), percent(probabilities[i]))).collect();
    list(&items, NAMES)
}

/// The lead of a class, where `goal` names the equilibrium aimed at.
pub(super) fn lead(class: OutcomeClass, goal: &str) -> String {
    match class {
        OutcomeClass::Converged => format!("Converges to {goal}"),
        OutcomeClass::OneShotConverged => format!("At {goal} in one shot"),
        OutcomeClass::StartsThere => format!("Starts at {goal}, and stays"),
        OutcomeClass::TargetReached => "Stopped at its target".into(),
        OutcomeClass::Approaching => format!("Approaching {goal} when stopped"),
        OutcomeClass::Undecided => "Undecided: too slow to judge".into(),
        OutcomeClass::Finished => format!("Finished away from {goal}"),
        OutcomeClass::CyclingAverageFalls => "Cycles, while its average comes closer".into(),
        OutcomeClass::Stalled => format!("At rest away from {goal}"),
        OutcomeClass::Noisy => format!("Stays away from {goal} within the noise of its feedback"),
        OutcomeClass::Cycling => "Cycles".into(),
        OutcomeClass::OneShotAway => format!("One shot, away from {goal}"),
        OutcomeClass::Diverged => "Diverges".into(),
        OutcomeClass::Unmeasured => format!("Distance to {goal} not measured"),
    }
}

/// Where the methods of a setting end, best first, and the cheapest way there. A method whose repetitions end in different
/// ways stands under each of them, with their number.
pub(crate) fn on_methods(setting: &Setting<'_>) -> Vec<Statement> {
    let mut out = Vec::new();
    for regularised in [true, false] {
        let goal = if regularised { "the regularised equilibrium" } else { "Nash" };
        for class in OutcomeClass::ALL {
            let entries: Vec<String> = setting
                .methods
                .iter()
                .filter(|m| (m.first().own_metric() != DUALITY_GAP) == regularised)
                .filter_map(|m| {
                    let runs: Vec<_> =
                        m.runs.iter().filter(|run| OutcomeClass::of(run) == class).cloned().collect();
                    let all = m.runs.len();
                    (!runs.is_empty())
                        .then(|| entry(&Method { key: m.key, label: m.label, runs }, class, all))
                })
                .collect();
            if !entries.is_empty() {
                out.push(statement(lead(class, goal), format!("{}.", entries.join("; "))));
            }
        }
    }
    out.extend(first_there(setting));
    out
}

/// How far apart methods are that met the same noise.
pub(crate) fn on_pairs(paired: &Paired<'_>) -> Statement {
    let Paired { shared, best, repetitions, others } = paired;
    let entries: Vec<String> = others
        .iter()
        .map(|r| {
            let interval = match r.interval {
                Some((low, high)) => {
                    let open = if low <= 1.0 && 1.0 <= high { ", not told apart" } else { "" };
                    format!("95% interval {} to {}{open}", short(low), short(high))
                }
                None => format!("{} are too few for an interval", plural(r.all.len(), "pair")),
            };
            format!("{} {} times as high ({interval})", plain(r.label), short(r.median))
        })
        .collect();
    let (lead, how) = if *shared {
        (
            "Noise is shared",
            "every method meets the same draws of the oracle, so methods are compared in pairs",
        )
    } else {
        (
            "Noise is independent",
            "every method meets draws of its own; methods are compared in pairs all the same",
        )
    };
    statement(
        lead,
        format!(
            "In each of {} {how}. Level at the end, median over pairs, against {}: {}.",
            plural(*repetitions, "repetition"),
            plain(best),
            entries.join("; ")
        ),
    )
}

/// The repetitions of one method that ended in `class`, of `all`, with their evidence.
fn entry(method: &Method<'_>, class: OutcomeClass, all: usize) -> String {
    let metric = method.first().own_metric();
    let spread = |iterate| method.final_spread(iterate, metric);
    let word = if metric == DUALITY_GAP { "gap" } else { "regularised gap" };
    let gap = |iterate| spread(iterate).map_or("not measured".to_owned(), |s| short(s.median));
    let range = |of: Option<Spread>| match of {
        Some(s) if short(s.min) == short(s.max) => format!("{word} {}", short(s.max)),
        Some(s) => format!("{word} between {} and {}", short(s.min), short(s.max)),
        None => format!("{word} {}", gap(Iterate::Last)),
    };
    let late = second_half_range(method, metric);
    let steps = Spread::of(method.runs.iter().map(|r| r.record.steps as f64)).map_or(0.0, |s| s.median);
    let evidence = match class {
        OutcomeClass::Converged
        | OutcomeClass::Finished
        | OutcomeClass::OneShotConverged
        | OutcomeClass::OneShotAway
        | OutcomeClass::StartsThere
        | OutcomeClass::Stalled => format!("{word} {}", gap(Iterate::Last)),
        OutcomeClass::Undecided => {
            let needed = method.runs.iter().filter_map(|r| r.record.judgement.as_ref()?.decided_after).max();
            let needed = needed
                .map_or(String::new(), |n| format!(", theory needs {} to decide", steps_text(n as f64)));
            format!("{word} {} after {}{needed}", gap(Iterate::Last), steps_text(steps))
        }
        OutcomeClass::TargetReached => {
            format!("{word} {} after {}", gap(Iterate::Last), steps_text(steps))
        }
        OutcomeClass::Approaching => {
            let rate = Spread::of(method.runs.iter().filter_map(|r| r.record.rate.as_ref()?.fitted))
                .map_or(String::new(), |s| format!(", factor {} a step", factor(s.median)));
            format!("{word} {} after {}{rate}", gap(Iterate::Last), steps_text(steps))
        }
        OutcomeClass::CyclingAverageFalls => {
            format!(
                "last iterate stays at {}; average at {word} {} so far",
                range(late),
                gap(Iterate::Average)
            )
        }
        OutcomeClass::Noisy => {
            noise(method, word).unwrap_or_else(|| format!("last iterate stays at {}", range(late)))
        }
        OutcomeClass::Cycling => match spread(Iterate::Average) {
            Some(_) => {
                format!("last iterate stays at {}; average at {word} {}", range(late), gap(Iterate::Average))
            }
            None => format!("last iterate stays at {}", range(late)),
        },
        OutcomeClass::Unmeasured => method.first().record.behaviour.to_string(),
        OutcomeClass::Diverged => method
            .runs
            .iter()
            .find(|r| r.diverged())
            .map_or(String::new(), |r| plain(&r.record.stop_detail).trim_end_matches('.').to_owned()),
    };
    let contexts = contexts_of(method).map_or(String::new(), |shares| format!("; {shares}"));
    let runs = match (method.runs.len(), all) {
        (_, 1) => String::new(),
        (n, all) if n == all => format!(", all {n} repetitions"),
        (n, all) => format!(", {n} of {all} repetitions"),
    };
    format!("{} ({evidence}{contexts}{runs})", plain(method.label))
}

/// The noise floor over repetitions that are independent of each other: the mean of their means, with its 95% interval.
fn noise(method: &Method<'_>, word: &str) -> Option<String> {
    let floors: Option<Vec<_>> =
        method.runs.iter().map(|r| r.record.judgement.as_ref()?.floor.as_ref()).collect();
    let floors = floors.filter(|f| !f.is_empty())?;
    let n = floors.len() as f64;
    let mean = floors.iter().map(|f| f.mean).sum::<f64>() / n;
    let half = floors.iter().map(|f| (0.5 * (f.high - f.low)).powi(2)).sum::<f64>().sqrt() / n;
    // a gap is not negative
    let low = (mean - half).max(0.0);
    Some(format!(
        "noise floor: mean {word} {} over the last half of the steps, 95% interval {} to {}",
        short(mean),
        short(low),
        short(mean + half)
    ))
}

/// `contexts: 12 converged, 3 cycling`, over the repetitions together: a mean hides none that does not approach.
fn contexts_of(method: &Method<'_>) -> Option<String> {
    let judged = method.runs.iter().filter_map(|r| r.record.judgement.as_ref());
    let counts: Vec<(Behaviour, u64)> =
        judged.flat_map(|j| j.contexts.iter().map(|(b, n)| (*b, *n))).collect();
    let total: u64 = counts.iter().map(|(_, n)| n).sum();
    let parts: Vec<String> = Behaviour::ALL
        .iter()
        .filter_map(|&behaviour| {
            let n: u64 = counts.iter().filter(|(b, _)| *b == behaviour).map(|(_, n)| n).sum();
            let share = n as f64 / total as f64;
            (n > 0)
                .then(|| format!("{} ({}) {}", count(n), percent(share), behaviour.name().replace('-', " ")))
        })
        .collect();
    (total > 0).then(|| format!("contexts, each judged by itself: {}", parts.join(", ")))
}

fn steps_text(steps: f64) -> String {
    format!("{} step{}", median_count(steps), if steps == 1.0 { "" } else { "s" })
}

/// Range of the last iterate's gap over the second half of the steps, all repetitions together.
fn second_half_range(method: &Method<'_>, metric: &str) -> Option<Spread> {
    Spread::of(method.runs.iter().flat_map(|run| {
        let half = run.record.steps / 2;
        run.curve(Iterate::Last, metric).iter().filter(move |p| p.step > half).map(|p| p.value)
    }))
}

/// Which method gets to the hardest target that any got to, at the least cost in each unit.
fn first_there(setting: &Setting<'_>) -> Option<Statement> {
    let metric = setting.metric();
    let comparable: Vec<&Method<'_>> =
        setting.methods.iter().filter(|m| m.first().own_metric() == metric).collect();
    let cost = |m: &Method<'_>, target: f64, unit: CostUnit| {
        let costs = m.runs.iter().map(|run| unit.of_reached(run.reached(Iterate::Last, target)?));
        let costs: Option<Vec<f64>> = costs.map(|c| c.map(|c| c as f64)).collect();
        Spread::of(costs?).map(|s| s.median).filter(|c| *c > 0.0)
    };
    let reached = |t: f64| {
        let in_unit = |unit| comparable.iter().any(|m| cost(m, t, unit).is_some());
        CostUnit::ALL.into_iter().any(in_unit)
    };
    let target = setting.targets().into_iter().rfind(|&t| reached(t))?;
    let cheapest = |unit: CostUnit| {
        comparable
            .iter()
            .filter_map(|m| Some((cost(m, target, unit)?, plain(m.label))))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(c, label)| format!("{label} with {} {}", median_count(c), unit.short_name()))
    };
    let winners: Vec<String> = CostUnit::ALL.into_iter().filter_map(cheapest).collect();
    let what = if metric == DUALITY_GAP { "gap" } else { "regularised gap" };
    // records of 0.1 know the first touch only
    let kept = setting.runs().flat_map(|run| &run.record.reached).all(|r| r.kept.is_some());
    let how = if kept { "stay at" } else { "touch" };
    let lead = format!("First to {how} {what} {}", short(target));
    Some(statement(lead, format!("{}.", winners.join("; "))))
}

/// How many methods ended at their equilibrium, for lists of games.
pub(crate) fn tally(game: &Game<'_>) -> String {
    let count = |setting: &Setting<'_>| {
        (setting.methods.iter().filter(|m| at_equilibrium(m)).count(), setting.methods.len())
    };
    let counted: Vec<((usize, usize), f64)> = game.settings.iter().map(|s| (count(s), s.tau)).collect();
    // three or more values of tau in a row with the same count are told together
    let part = |alike: &[((usize, usize), f64)]| {
        let told = |taus: String| format!("{} of {} (tau = {taus})", alike[0].0.0, alike[0].0.1);
        match alike {
            [first, _, .., last] if alike.len() > 2 => {
                vec![told(format!("{} to {}", short(first.1), short(last.1)))]
            }
            few => few.iter().map(|(_, tau)| told(short(*tau))).collect(),
        }
    };
    let parts: Vec<String> = counted.chunk_by(|a, b| a.0 == b.0).flat_map(part).collect();
    if parts.is_empty() { "no finished run".into() } else { parts.join(", ") }
}
