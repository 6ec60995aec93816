//! What the pages of a leaderboard say, as text and drawings.

use serde::Serialize;

use crate::error::ReportError;
use crate::model::number::{count, median_count, percent, plain, plural, short, signed};
use crate::plot::{Heat, board, cycle, heat};
use equipoise_records::leaderboard::{Context, Item, Leaderboard, Points};

/// Most items that are drawn, and most rows of a table of contexts.
const DRAWN: usize = 40;
const CONTEXTS_LISTED: usize = 200;
/// Most contexts that are drawn.
const CONTEXTS_DRAWN: usize = 24;
/// Most items on the circle.
const ON_CIRCLE: usize = 10;
/// Rows of the table of residuals.
const RESIDUALS: usize = 12;
/// Residual with the full colour.
const FULL_RESIDUAL: f64 = 0.2;

#[derive(Serialize)]
pub(super) struct View {
    title: String,
    source: String,
    remarks: Vec<String>,
    verdict: Vec<Statement>,
    tops: Vec<Statement>,
    rows: Vec<Row>,
    /// Whether points were asked for, with intervals of their own.
    scaled: bool,
    sequential: bool,
    bootstrap: bool,
    figures: Figures,
    residuals: Vec<Residual>,
    contexts: Vec<ContextRow>,
    contexts_note: String,
    notes: Vec<String>,
    provenance: String,
}

#[derive(Serialize)]
struct Statement {
    lead: String,
    text: String,
}

#[derive(Serialize)]
struct Row {
    place: usize,
    label: String,
    comparisons: String,
    strength: String,
    points: String,
    interval: String,
    rank: String,
    elo: String,
    trueskill: String,
    borda: String,
    copeland: String,
    nash: String,
    support: String,
    worst: String,
    opponent: String,
    beaten: bool,
}

/// A drawing and how to read it. Empty drawings are left out of the page.
#[derive(Default, Serialize)]
struct Figure {
    svg: String,
    caption: String,
}

#[derive(Default, Serialize)]
struct Figures {
    board: Figure,
    win_rates: Figure,
    cycle: Figure,
    residuals: Figure,
    contexts: Figure,
}

#[derive(Serialize)]
struct Residual {
    winner: String,
    loser: String,
    seen: String,
    expected: String,
    comparisons: String,
    errors: String,
}

#[derive(Serialize)]
struct ContextRow {
    name: String,
    comparisons: String,
    favourite: String,
    condorcet: String,
    beaten: String,
}

/// Makes the view; drawings only if `drawn`.
pub(super) fn view(b: &Leaderboard, drawn: bool) -> Result<View, ReportError> {
    let figures = if drawn { figures(b)? } else { Figures::default() };
    Ok(View {
        title: plain(&b.title),
        source: plain(&b.source),
        remarks: b.remarks.iter().map(|r| plain(r)).collect(),
        verdict: verdict(b),
        tops: tops(b),
        rows: rows(b),
        scaled: b.points.is_some(),
        sequential: b.order.is_some(),
        bootstrap: b.replicates > 0,
        figures,
        residuals: residuals(b),
        contexts: b.contexts.iter().take(CONTEXTS_LISTED).map(|c| context_row(b, c)).collect(),
        contexts_note: contexts_note(b),
        notes: notes(b),
        provenance: format!(
            "Equipoise {}, record of format {}, seed {}. Every number is in leaderboard.json beside this file.",
            b.version, b.format, b.seed
        ),
    })
}

/// The findings: who is on top is what is asked first.
fn verdict(b: &Leaderboard) -> Vec<Statement> {
    let mut found: Vec<Statement> =
        b.verdict.iter().map(|(lead, text)| Statement { lead: plain(lead), text: plain(text) }).collect();
    found.sort_by_key(|s| s.lead != "On top");
    found
}

/// Whom each rating puts on top, several where they tie.
fn tops(b: &Leaderboard) -> Vec<Statement> {
    let mut tops: Vec<Statement> = Vec::new();
    for (by, i) in &b.tops {
        let (lead, label) = (plain(by), plain(&b.items[*i].label));
        match tops.last_mut().filter(|last| last.lead == lead) {
            Some(tied) => tied.text = format!("{} = {label}", tied.text),
            None => tops.push(Statement { lead, text: label }),
        }
    }
    tops
}

fn rows(b: &Leaderboard) -> Vec<Row> {
    let row = |(k, i): (usize, &Item)| Row {
        place: k + 1,
        label: plain(&i.label),
        comparisons: median_count(i.comparisons),
        strength: signed(i.strength),
        points: match i.points {
            None => format!("{:.0}", 1000.0 + 400.0 / std::f64::consts::LN_10 * i.strength),
            Some(Points { rating, interval: (Some(_), Some(high)), .. }) => {
                format!("{rating:.0} +- {:.0}", high - rating)
            }
            Some(Points { rating, interval: (low, high), .. }) => {
                let end = |x: Option<f64>| x.map_or("open".to_owned(), |x| format!("{x:.0}"));
                format!("{rating:.0} ({} to {})", end(low), end(high))
            }
        },
        interval: match (i.interval, i.rank) {
            ((None, None), None) => "-".to_owned(),
            ((low, high), _) => {
                let end = |x: Option<f64>| x.map_or("open".to_owned(), signed);
                format!("{} to {}", end(low), end(high))
            }
        },
        rank: match i.rank {
            Some((best, worst)) if best == worst => best.to_string(),
            Some((best, worst)) => format!("{best} - {worst}"),
            None => "-".to_owned(),
        },
        elo: i.elo.map_or(String::new(), |(r, s)| format!("{r:.0} +- {s:.0}")),
        trueskill: i.trueskill.map_or(String::new(), |s| format!("{s:.2}")),
        borda: percent(i.borda),
        copeland: short(i.copeland),
        nash: i.nash.map_or("-".to_owned(), percent),
        support: i.nash_support.map_or(String::new(), percent),
        worst: i.worst_opponent.map_or(String::new(), |(_, w)| percent(w)),
        opponent: i.worst_opponent.map_or(String::new(), |(j, _)| {
            let met = i.worst_met.map_or(String::new(), |met| format!(" ({met} met)"));
            format!("{}{met}", plain(&b.items[j].label))
        }),
        beaten: i.worst_opponent.is_some_and(|(_, w)| w < 0.5),
    };
    b.items.iter().enumerate().map(row).collect()
}

/// Standard errors by which a pair is off its rating, by the binomial law of the rating.
fn errors(seen: f64, expected: f64, met: f64) -> f64 {
    let variance = expected * (1.0 - expected) / met;
    if variance > 0.0 { (seen - expected) / variance.sqrt() } else { 0.0 }
}

fn residuals(b: &Leaderboard) -> Vec<Residual> {
    let n = b.items.len();
    let mut all: Vec<(usize, usize, f64, f64)> = Vec::new();
    for i in 0..n {
        for j in 0..n {
            // each pair once, from the side that wins more than its rating says
            if let Some(seen) = b.win_rates[i][j].filter(|seen| i != j && *seen > b.expected[i][j]) {
                all.push((i, j, seen, errors(seen, b.expected[i][j], b.met[i][j])));
            }
        }
    }
    all.sort_by(|x, y| y.3.total_cmp(&x.3));
    let row = |(i, j, seen, z): (usize, usize, f64, f64)| Residual {
        winner: plain(&b.items[i].label),
        loser: plain(&b.items[j].label),
        seen: percent(seen),
        expected: percent(b.expected[i][j]),
        comparisons: median_count(b.met[i][j]),
        errors: format!("{z:.1}"),
    };
    all.into_iter().take(RESIDUALS).map(row).collect()
}

fn context_row(b: &Leaderboard, c: &Context) -> ContextRow {
    let label = |i: usize| plain(&b.items[i].label);
    ContextRow {
        name: if c.name.is_empty() { "(none)".into() } else { plain(&c.name) },
        comparisons: median_count(c.comparisons),
        favourite: c.favourite.map_or("-".into(), |(i, exists)| {
            format!("{}{}", label(i), if exists { "" } else { " (with the prior)" })
        }),
        condorcet: match c.condorcet_winner {
            Some(i) => label(i),
            None if c.complete => "none".into(),
            None => "unknown, pairs unmet".into(),
        },
        beaten: c.beaten_by.map_or("nobody".into(), |(j, w)| format!("{} ({})", label(j), percent(w))),
    }
}

fn contexts_note(b: &Leaderboard) -> String {
    if b.contexts.is_empty() {
        return String::new();
    }
    let fitted: Vec<usize> = b.contexts.iter().filter_map(|c| c.favourite.map(|(i, _)| i)).collect();
    let same = fitted.iter().filter(|i| **i == 0).count();
    let hidden = b.contexts.len().saturating_sub(CONTEXTS_LISTED);
    let rest = if hidden > 0 {
        format!(" {} more are in the record only.", count(hidden as u64))
    } else {
        String::new()
    };
    format!(
        "{} is on top in {} of {}. A context has fewer comparisons than the whole: differences between contexts are partly \
         noise.{rest}",
        plain(&b.items[0].label),
        count(same as u64),
        plural(fitted.len(), "context")
    )
}

fn notes(b: &Leaderboard) -> Vec<String> {
    let mut notes = vec![
        "Strength: Bradley-Terry log strength, maximum likelihood; a lead of 1 nat is a win rate of 73%.".to_owned(),
        "Intervals and ranks: simultaneous 95%: all of them hold together with that probability. An open end is bounded by \
         nothing in the data.".to_owned(),
    ];
    if b.replicates > 0 {
        notes.push(format!(
            "Bootstrap: {} samples of whole {}; percentile intervals of 95%, one by one. Support: share of samples whose \
             maximal lottery plays the item.",
            count(b.replicates as u64),
            plain(&b.resampled)
        ));
    }
    notes.push(
        "Borda: mean win rate over the opponents an item met. Copeland: opponents beaten, ties half. Nash: probability in \
         the maximal lottery, which no item beats on average; pairs that never met have the win rates of the fit in it."
            .to_owned(),
    );
    if let Some(words) = &b.points {
        notes.push(format!("Points: Bradley-Terry; {}.", plain(words)));
    }
    if let Some(order) = &b.order {
        notes.push(match order.as_str() {
            "time" => "Elo (K = 4) and TrueSkill (mu - 3 sigma) follow the matches in the order of time; +- is the standard \
                       deviation of Elo over shuffled orders."
                .to_owned(),
            _ => "Elo (K = 4) and TrueSkill (mu - 3 sigma) are means over shuffled orders, as no times put the matches in order; +- is the \
                  standard deviation of Elo over them."
                .to_owned(),
        });
    }
    notes
}

fn figures(b: &Leaderboard) -> Result<Figures, ReportError> {
    let n = b.items.len().min(DRAWN);
    let cut = match b.items.len() - n {
        0 => String::new(),
        hidden => {
            format!(" The {DRAWN} strongest are drawn; {} more are in the table.", count(hidden as u64))
        }
    };
    let labels: Vec<&str> = b.items[..n].iter().map(|i| i.label.as_str()).collect();
    let bootstrap = if b.replicates > 0 { " Orange, below: bootstrap." } else { "" };
    let board = Figure {
        svg: board(&b.items[..n])?,
        caption: format!(
            "Dot: maximum likelihood. Blue bar: simultaneous 95% interval.{bootstrap} On the right the ranks that hold \
             together with 95%.{cut}"
        ),
    };
    let same = |i: usize, j: usize| i == j;
    let unknown = b.win_rates[..n].iter().enumerate().any(|(i, r)| (0..n).any(|j| i != j && r[j].is_none()));
    let unmet = if unknown { " Empty frames: never met, so unknown." } else { "" };
    let win_rates = Figure {
        svg: heat(&Heat {
            rows: labels.clone(),
            columns: labels.clone(),
            cell: &|i, j| b.win_rates[i][j].map(|p| (p, format!("{:.0}", 100.0 * p))),
            blank: &same,
            label: "win rates of row over column, ordered by strength",
        })?,
        caption: format!(
            "Row beats column, in percent, ties half; both ordered by strength. Blue: the row wins; orange: it loses. If \
             ratings said everything, colours would only deepen away from the diagonal.{unmet}{cut}"
        ),
    };
    let residual = |i: usize, j: usize| {
        let off = b.win_rates[i][j]? - b.expected[i][j];
        let points = (100.0 * off).round();
        let number = if points == 0.0 { "0".to_owned() } else { format!("{points:+.0}") };
        Some((0.5 + 0.5 * (off / FULL_RESIDUAL).clamp(-1.0, 1.0), number))
    };
    let residuals = Figure {
        svg: heat(&Heat {
            rows: labels.clone(),
            columns: labels.clone(),
            cell: &residual,
            blank: &same,
            label: "win rates less what the ratings say",
        })?,
        caption: format!(
            "Win rate of row over column less what the two ratings say, in percentage points; full colour from {:.0} \
             points on. Blue: the row wins more than its rating.{unmet}{cut}",
            100.0 * FULL_RESIDUAL
        ),
    };
    Ok(Figures { board, win_rates, cycle: circle(b)?, residuals, contexts: context_figure(b)? })
}

/// The top set, or the favourite's nearest rivals where one item beats all.
fn circle(b: &Leaderboard) -> Result<Figure, ReportError> {
    let alone = b.top_set.len() < 2;
    let mut shown: Vec<usize> = if alone { (0..b.items.len().min(5)).collect() } else { b.cycle.clone() };
    for &i in &b.top_set {
        if !shown.contains(&i) && shown.len() < ON_CIRCLE {
            shown.push(i);
        }
    }
    // a longer cycle than the circle holds is told in words
    let whole = b.cycle.len() <= ON_CIRCLE && !alone;
    shown.truncate(ON_CIRCLE);
    if shown.len() < 2 {
        return Ok(Figure::default());
    }
    let names: Vec<&str> = shown.iter().map(|&i| b.items[i].label.as_str()).collect();
    let steps: Vec<usize> = if whole { (0..b.cycle.len()).collect() } else { Vec::new() };
    let svg = cycle(&names, &|x, y| b.win_rates[shown[x]][shown[y]], &steps)?;
    let hidden = b.top_set.iter().filter(|i| !shown.contains(i)).count();
    let rest = if hidden > 0 {
        format!(" {} more belong to the top set.", count(hidden as u64))
    } else {
        String::new()
    };
    let caption = match (alone, steps.is_empty()) {
        (true, _) => format!(
            "{} beats everybody, so the top set is one item and has no cycle; drawn with the next strongest. Arrows run from \
             winner to loser, wider for a higher win rate.",
            plain(&b.items[b.top_set.first().copied().unwrap_or(0)].label)
        ),
        (false, true) => format!("Arrows run from winner to loser, wider for a higher win rate.{rest}"),
        (false, false) => format!(
            "The top set: nobody in it beats all others. Arrows run from winner to loser, wider for a higher win rate. Orange: \
             the strongest cycle, each pair of which is won by at least {:.1} standard errors.{rest}",
            b.cycle_strength
        ),
    };
    Ok(Figure { svg, caption })
}

fn context_figure(b: &Leaderboard) -> Result<Figure, ReportError> {
    if b.contexts.len() < 2 {
        return Ok(Figure::default());
    }
    // the contexts of most comparisons, in the order of the file
    let mut largest: Vec<usize> = (0..b.contexts.len()).collect();
    largest.sort_by(|&x, &y| b.contexts[y].comparisons.total_cmp(&b.contexts[x].comparisons));
    largest.truncate(CONTEXTS_DRAWN);
    largest.sort_unstable();
    let n = b.items.len().min(DRAWN);
    let svg = heat(&Heat {
        rows: b.items[..n].iter().map(|i| i.label.as_str()).collect(),
        columns: largest.iter().map(|&k| b.contexts[k].name.as_str()).collect(),
        cell: &|i, k| b.contexts[largest[k]].win_rates[i].map(|p| (p, format!("{:.0}", 100.0 * p))),
        blank: &|_, _| false,
        label: "share of comparisons won in each context",
    })?;
    let rest = match b.contexts.len() - largest.len() {
        0 => String::new(),
        hidden => format!(
            " The {CONTEXTS_DRAWN} contexts of most comparisons are drawn, {} are not.",
            count(hidden as u64)
        ),
    };
    let caption = format!(
        "Share of its comparisons in the context that an item wins, in percent, ties half. It depends on the opponents it \
         got there. Empty frames: none.{rest}"
    );
    Ok(Figure { svg, caption })
}
