//! `equipoise rank`: boards side by side.

use equipoise::core::seed::stream;
use equipoise::data::{Battles, read_battles};
use equipoise::ratings::boards::{Boards, boards, bootstrap_contexts};
use equipoise::ratings::sequential::{Elo, TrueSkill};
use serde_json::{Value, json};

use super::{Outcome, input};
use crate::args::Rank;
use crate::{Answer, output};

/// Orders in which Elo sees the matches.
const SHUFFLES: u32 = 20;
/// Most matches that are rated one by one.
const MOST: f64 = 5e6;

/// Ratings that follow matches one by one.
struct Sequential {
    elo: Vec<f64>,
    spread: Vec<f64>,
    trueskill: Vec<f64>,
    order: &'static str,
}

pub(super) fn rank(args: Rank) -> Outcome {
    let battles = read_battles(&args.data, &input::selection(&args.filters, input::ties(args.ties)))?;
    let data = battles.counts();
    input::say(&data, "counted as 1/2 in Borda, Copeland and lottery");
    let bar = input::bar(args.replicates, "bootstrap samples");
    let found = boards(&data, if args.by_context { 0 } else { args.replicates }, args.seed, &|| bar.inc(1))?;
    let found = if args.by_context { by_context(found, &battles, &args, &|| bar.inc(1))? } else { found };
    bar.finish_and_clear();
    let sequential = (data.total <= MOST).then(|| sequential(&battles, args.seed));
    if args.json {
        output::json(&as_json(&battles, &found, sequential.as_ref()));
    } else {
        output::print(&as_text(&battles, &found, sequential.as_ref()));
    }
    Ok(Answer::Yes)
}

fn by_context(
    mut found: Boards,
    battles: &Battles,
    args: &Rank,
    done: &(dyn Fn() + Sync),
) -> Result<Boards, Box<dyn std::error::Error>> {
    if battles.contexts.len() < 2 {
        return Err(
            format!("{}: has no contexts to draw from; leave out --by-context", args.data.display()).into()
        );
    }
    let samples = bootstrap_contexts(&battles.counts_by_context(), args.replicates, args.seed, done)?;
    found.take_samples(&samples);
    Ok(found)
}

fn sequential(battles: &Battles, seed: u64) -> Sequential {
    let (rows, timed) = battles.in_time();
    let n = battles.labels.len();
    let elo = Elo::default();
    let mut rng = stream(seed, "shuffles", &[]);
    let (_, spread) = elo.rate_shuffled(n, &rows, SHUFFLES, &mut rng);
    let trueskill = TrueSkill::default().rate(n, &rows).iter().map(|s| s.mu - 3.0 * s.sigma).collect();
    Sequential { elo: elo.rate(n, &rows), spread, trueskill, order: if timed { "time" } else { "the file" } }
}

/// Who each board puts on top.
fn tops<'a>(
    battles: &'a Battles,
    found: &Boards,
    sequential: Option<&Sequential>,
) -> Vec<(&'static str, &'a str)> {
    let rows = &found.standings;
    let best = |score: &dyn Fn(usize) -> f64| {
        let top = (0..rows.len()).fold(0, |b, k| if score(k) > score(b) { k } else { b });
        battles.labels[rows[top].item].as_str()
    };
    let mut tops = vec![
        ("bradley-terry", best(&|k| rows[k].strength)),
        ("borda", best(&|k| rows[k].borda)),
        ("copeland", best(&|k| rows[k].copeland)),
        ("nash", best(&|k| rows[k].nash)),
    ];
    if let Some(s) = sequential {
        tops.push(("elo", best(&|k| s.elo[rows[k].item])));
        tops.push(("trueskill", best(&|k| s.trueskill[rows[k].item])));
    }
    tops
}

fn as_json(battles: &Battles, found: &Boards, sequential: Option<&Sequential>) -> Value {
    let label = |i: usize| battles.labels[i].as_str();
    let rows: Vec<Value> = found
        .standings
        .iter()
        .map(|s| {
            json!({
                "label": label(s.item), "comparisons": s.comparisons, "bradley_terry": s.strength,
                "standard_error": s.standard_error, "low": s.interval.0, "high": s.interval.1,
                "bootstrap_low": s.bootstrap.map(|b| b.0), "bootstrap_high": s.bootstrap.map(|b| b.1),
                "rank_low": s.rank.0, "rank_high": s.rank.1,
                "elo": sequential.map(|e| e.elo[s.item]), "elo_spread": sequential.map(|e| e.spread[s.item]),
                "trueskill": sequential.map(|e| e.trueskill[s.item]),
                "borda": s.borda, "copeland": s.copeland, "nash": s.nash, "nash_support": s.nash_support,
                "worst_opponent": s.worst_opponent.map(|w| label(w.0)),
                "worst_win_rate": s.worst_opponent.map(|w| 1.0 - w.1),
            })
        })
        .collect();
    let tops: serde_json::Map<String, Value> =
        tops(battles, found, sequential).into_iter().map(|(b, l)| (b.to_owned(), json!(l))).collect();
    json!({ "n": battles.labels.len(), "exists": found.fit.exists, "converged": found.fit.converged,
            "replicates": found.replicates, "top": tops, "rows": rows })
}

fn as_text(battles: &Battles, found: &Boards, sequential: Option<&Sequential>) -> String {
    let label = |i: usize| battles.labels[i].clone();
    let rows = found.standings.iter().enumerate().map(|(k, s)| {
        let half = s.interval.1 - s.strength;
        let elo =
            sequential.map_or("-".to_owned(), |e| format!("{:.0} +- {:.0}", e.elo[s.item], e.spread[s.item]));
        let skill = sequential.map_or("-".to_owned(), |e| format!("{:.2}", e.trueskill[s.item]));
        let support = s.nash_support.map_or(String::new(), |f| format!(" ({:.0}%)", 100.0 * f));
        let worst =
            s.worst_opponent.map_or(String::new(), |(j, w)| format!("{:.2} vs {}", 1.0 - w, label(j)));
        vec![
            (k + 1).to_string(),
            label(s.item),
            format!("{:+.3} +- {half:.3}", s.strength),
            if s.rank.0 == s.rank.1 { s.rank.0.to_string() } else { format!("{}-{}", s.rank.0, s.rank.1) },
            elo,
            skill,
            format!("{:.3}", s.borda),
            format!("{}", s.copeland),
            format!("{:.3}{support}", s.nash),
            worst,
        ]
    });
    let header = [
        "",
        "item",
        "Bradley-Terry",
        "rank",
        "Elo",
        "TrueSkill",
        "Borda",
        "Copeland",
        "Nash (support)",
        "worst win rate",
    ];
    let mut text = output::table(&header, rows);
    let tops: Vec<String> = tops(battles, found, sequential)
        .into_iter()
        .map(|(board, item)| format!("{board}: {item}"))
        .collect();
    text += &format!("\ntop by {}", tops.join("; "));
    let favourite = found.standings[0].item;
    let beaten = found.standings[0].worst_opponent.filter(|w| w.1 > 0.5);
    text += &match beaten {
        Some((j, w)) => {
            format!("\n{} loses head to head to {}, which wins {w:.2}", label(favourite), label(j))
        }
        None => format!("\nnobody who met {} wins more often than it", label(favourite)),
    };
    text += "\nBradley-Terry: log strength with simultaneous 95% intervals (sandwich); ranks likewise; ties half.";
    if !found.fit.exists {
        text += "\nThere is no finite maximum of the likelihood; the logistic prior was added.";
    }
    if found.replicates > 0 {
        text +=
            &format!("\nNash: share of {} bootstrap samples whose lottery plays the item.", found.replicates);
    }
    if let Some(s) = sequential {
        text += &format!(
            "\nElo (K = 4) and TrueSkill (mu - 3 sigma) follow the order of {}; +-: standard deviation over {SHUFFLES} shuffles.",
            s.order
        );
    }
    text
}
