//! `equipoise rank`: boards side by side.

use equipoise::core::seed::stream;
use equipoise::data::{
    Battles, Comparisons, Grouped, Grouping, read_battles, read_comparisons, read_grouped,
};
use equipoise::models::leaderboard::{Leaderboard, Row, bootstrap_contexts, leaderboard as ratings};
use equipoise::models::sequential::{Elo, TrueSkill};
use equipoise_report::leaderboard::write_leaderboard;
use serde_json::{Value, json};

use super::{Outcome, input, leaderboard};
use crate::args::Rank;
use crate::{Answer, output};

/// Orders in which Elo sees the matches.
const SHUFFLES: u32 = 20;
/// Most matches that are rated one by one.
const MOST: f64 = 5e6;

/// Ratings that follow matches one by one.
pub(super) struct Sequential {
    pub(super) elo: Vec<f64>,
    pub(super) spread: Vec<f64>,
    pub(super) trueskill: Vec<f64>,
    pub(super) order: &'static str,
}

pub(super) fn rank(args: Rank) -> Outcome {
    let selection = input::selection(&args.filters, input::ties(args.ties));
    if let Some(each) = args.each {
        return by_group(&args, read_grouped(&args.data, &selection, input::grouping(each))?);
    }
    // counted first: boards take memory for pairs, and only ratings match by match need the rows
    let data = read_comparisons(&args.data, &selection)?;
    input::say(&data, "counted as 1/2 in the lottery alone");
    let contexts = match data.checks.columns.contains(&"context") && (args.by_context || args.out.is_some()) {
        true => Some(read_grouped(&args.data, &selection, Grouping::Context)?),
        false => None,
    };
    let bar = input::bar(args.replicates, "bootstrap samples");
    let drawn = if args.by_context { 0 } else { args.replicates };
    let mut found = ratings(&data, drawn, args.seed, &|| bar.inc(1))?;
    if args.by_context {
        let groups = contexts.as_ref().map(|c| &c.groups).filter(|g| g.len() > 1);
        let Some(groups) = groups else {
            let message = "has no contexts to draw from; leave out --by-context";
            return Err(format!("{}: {message}", args.data.display()).into());
        };
        found.take_samples(&bootstrap_contexts(groups, args.replicates, args.seed, &|| bar.inc(1))?);
    }
    bar.finish_and_clear();
    let sequential = match data.total <= MOST {
        true => Some(sequential(&read_battles(&args.data, &selection)?, args.seed)),
        false => None,
    };
    if let Some(dir) = &args.out {
        let board = leaderboard::record(&args, &data, &found, sequential.as_ref(), contexts.as_ref())?;
        write_leaderboard(dir, &board)?;
        output::say(&format!("report: {}", dir.join("leaderboard.html").display()));
    }
    if args.json {
        output::json(&as_json(&data, &found, sequential.as_ref()));
    } else {
        output::print(&as_text(&data, &found, sequential.as_ref()));
    }
    Ok(Answer::Yes)
}

/// The boards of every group by itself: who is on top, and how sure that is.
fn by_group(args: &Rank, grouped: Grouped) -> Outcome {
    grouped.checks.remarks().iter().for_each(|remark| output::say(remark));
    let bar = input::bar(grouped.names.len(), "groups");
    let mut found: Vec<(&str, Comparisons, Leaderboard)> = Vec::new();
    for (k, name) in grouped.names.iter().enumerate() {
        let (name, data) = (input::group_name(name), grouped.alone(k));
        match data.pairs.is_empty() {
            true => output::say(&format!("left out, nothing to compare: {name}")),
            false => {
                let boards = ratings(&data, args.replicates, args.seed, &|| ())
                    .map_err(|e| format!("{}: group {name}: {e}", args.data.display()))?;
                found.push((name, data, boards));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if args.json {
        let groups = found.iter().map(|(name, data, boards)| {
            let mut one = as_json(data, boards, None);
            one["group"] = json!(name);
            one
        });
        output::json(&json!({ "groups": groups.collect::<Vec<Value>>() }));
        return Ok(Answer::Yes);
    }
    let rows = found.iter().map(|(name, data, boards)| {
        let label = |s: &Row| data.labels[s.item].clone();
        let mut row = vec![(*name).to_owned(), data.n().to_string(), data.total.to_string()];
        row.extend(tops(boards, None).into_iter().map(|(_, place)| label(&boards.rows[place])));
        let first = boards.rows.iter().filter(|s| s.rank.0 == 1).count();
        let worst = boards.rows[0].worst_opponent;
        row.push(first.to_string());
        row.push(worst.map_or(String::new(), |(j, w)| format!("{:.2} vs {}", 1.0 - w, data.labels[j])));
        row.push(if boards.fit.exists { "yes" } else { "no, prior" }.to_owned());
        row
    });
    let header = [
        "group",
        "items",
        "comparisons",
        "Bradley-Terry",
        "Borda",
        "Copeland",
        "Nash",
        "may be first",
        "favourite's worst win rate",
        "maximum",
    ];
    let mut text = output::table(&header, rows);
    text += "\nBradley-Terry, Borda, Copeland, Nash: the item on top. May be first: items whose 95% rank interval reaches 1.";
    text += "\nMaximum: whether the likelihood has a finite one; else the logistic prior was added.";
    output::print(&text);
    Ok(Answer::Yes)
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

/// Who each board puts on top: its name, and the place among the standings.
pub(super) fn tops(found: &Leaderboard, sequential: Option<&Sequential>) -> Vec<(&'static str, usize)> {
    let rows = &found.rows;
    let best = |score: &dyn Fn(usize) -> f64| {
        (0..rows.len()).fold(0, |b, k| if score(k) > score(b) { k } else { b })
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

fn as_json(data: &Comparisons, found: &Leaderboard, sequential: Option<&Sequential>) -> Value {
    let label = |i: usize| data.labels[i].as_str();
    let rows: Vec<Value> = found
        .rows
        .iter()
        .map(|s| {
            json!({
                "label": label(s.item), "comparisons": s.comparisons, "bradley_terry": s.strength,
                "standard_error": s.standard_error, "low": s.interval.0, "high": s.interval.1,
                "bootstrap_low": s.bootstrap.map(|b| b.0), "bootstrap_high": s.bootstrap.map(|b| b.1),
                "rank_low": s.rank.0, "rank_high": s.rank.1,
                "elo": sequential.map(|e| e.elo[s.item]), "elo_spread": sequential.map(|e| e.spread[s.item]),
                "trueskill": sequential.map(|e| e.trueskill[s.item]),
                "borda": s.borda, "opponents": s.opponents, "copeland": s.copeland, "nash": s.nash, "nash_support": s.nash_support,
                "worst_opponent": s.worst_opponent.map(|w| label(w.0)),
                "worst_win_rate": s.worst_opponent.map(|w| 1.0 - w.1),
            })
        })
        .collect();
    let tops: serde_json::Map<String, Value> = tops(found, sequential)
        .into_iter()
        .map(|(board, place)| (board.to_owned(), json!(label(found.rows[place].item))))
        .collect();
    json!({ "n": data.labels.len(), "exists": found.fit.exists, "converged": found.fit.converged,
            "replicates": found.replicates, "top": tops, "rows": rows })
}

fn as_text(data: &Comparisons, found: &Leaderboard, sequential: Option<&Sequential>) -> String {
    let label = |i: usize| data.labels[i].clone();
    let rows = found.rows.iter().enumerate().map(|(k, s)| {
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
    let tops: Vec<String> = tops(found, sequential)
        .into_iter()
        .map(|(board, place)| format!("{board}: {}", label(found.rows[place].item)))
        .collect();
    text += &format!("\ntop by {}", tops.join("; "));
    let favourite = found.rows[0].item;
    let beaten = found.rows[0].worst_opponent.filter(|w| w.1 > 0.5);
    text += &match beaten {
        Some((j, w)) => {
            format!("\n{} loses head to head to {}, which wins {w:.2}", label(favourite), label(j))
        }
        None => format!("\nnobody who met {} wins more often than it", label(favourite)),
    };
    text += "\nBradley-Terry: log strength with simultaneous 95% intervals (sandwich); ranks likewise; ties half.";
    if data.unmet() > 0 {
        text += "\nBorda and Copeland: over the opponents an item met.";
    }
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
