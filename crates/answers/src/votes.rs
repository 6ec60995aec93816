//! Are the votes sound? Annotators unlike the rest, spans of time unlike others, and how few votes hold the order up.

use std::fmt;

use equipoise::data::{Battles, Collected, Keep, Repetitions, Unit, collect_comparisons, date};
use equipoise::models::votes::{Annotator, FEWEST, Influence, LEVEL, Span, annotators, influence, spans};
use equipoise::models::{BRADLEY_TERRY, PairFit, PairOptions, fit};
use serde::Serialize;

use crate::error::AnswerError;
use crate::progress::{Progress, Stage};
use crate::source::{Source, note_comparisons};
use crate::table::{table, width};

/// Most rows that are looked at one by one.
const MOST_ROWS: usize = 20_000_000;
/// Deals from which on the smallest p-value, `1 / (1 + deals)`, is at most [`LEVEL`].
const FEWEST_DEALS: usize = 19;
/// Annotators, spans and groups of votes that the text shows.
const SHOWN: usize = 8;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VotesOptions {
    /// Share of all votes that may be dropped to turn an order.
    pub share: f64,
    /// From the top so many neighbours of the board are tried.
    pub neighbours: usize,
    /// Deals of outcomes to times.
    pub deals: usize,
    /// Seed of their streams.
    pub seed: u64,
}

impl Default for VotesOptions {
    fn default() -> Self {
        Self { share: 0.01, neighbours: 3, deals: 999, seed: 0 }
    }
}

/// The findings.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct VotesAnswer {
    /// Weight of all comparisons.
    pub comparisons: f64,
    /// Rows in which an annotator judged the same items of the same context with the same outcome and time again; `None`: rows have no
    /// annotators or no contexts.
    pub repetitions: Option<u64>,
    /// Whether they were dropped; else they are counted.
    pub repetitions_dropped: bool,
    /// Named annotators, those who stand out first.
    pub annotators: Vec<AnnotatorFacts>,
    /// How many of them were tested.
    pub annotators_tested: usize,
    /// How many stand out, at 5 percent over all.
    pub annotators_out: usize,
    /// The strongest span of time of every item, the strongest first.
    pub spans: Vec<SpanFacts>,
    /// Why spans of time were not tested, if they were not.
    pub no_spans: Option<&'static str>,
    /// Share of all votes that may be dropped.
    pub share: f64,
    /// Neighbours of the board from the top.
    pub influence: Vec<InfluenceFacts>,
    /// Why influence was not looked at, if it was not.
    pub no_influence: Option<&'static str>,
}

/// An annotator against the rest.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AnnotatorFacts {
    /// The annotator.
    pub annotator: String,
    /// Weight of the votes.
    pub votes: f64,
    /// Share of decided votes for the stronger item; `None` without any.
    pub with_the_stronger: Option<f64>,
    /// 1: follows strengths as everybody does, 0: chance, below 0: the reverse; `None`: not tested.
    pub slope: Option<f64>,
    /// Its standard error.
    pub error: Option<f64>,
    /// Of slope 1, two-sided, adjusted over annotators.
    pub p_value: Option<f64>,
    /// Why not tested, if not.
    pub untested: Option<&'static str>,
    /// Most rows within a minute; `None` where rows have no times.
    pub most_in_a_minute: Option<usize>,
    /// Whether it stands out at 5 percent over all annotators.
    pub stands_out: bool,
}

/// A span of time in which an item scored unlike at other times against the same opponents.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SpanFacts {
    /// The item.
    pub item: String,
    /// Seconds since 1970-01-01 UTC of the first vote.
    pub from: f64,
    /// Of the last.
    pub to: f64,
    /// Votes in it.
    pub votes: usize,
    /// Points scored, ties half.
    pub score: f64,
    /// Points for the same opponents at the rates of all time.
    pub expected: f64,
    /// Adjusted over items and spans.
    pub p_value: f64,
    /// Whether that is at most 5 percent.
    pub stands_out: bool,
}

/// How few votes hold one item over another.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct InfluenceFacts {
    /// The item above.
    pub above: String,
    /// The item below.
    pub below: String,
    /// Log strengths apart, in nats.
    pub gap: f64,
    /// Votes that may be dropped.
    pub budget: f64,
    /// Why nothing was dropped, if nothing was.
    pub untried: Option<&'static str>,
    /// Without so many the order turns; `None`: none was found within the budget.
    pub dropped: Option<f64>,
    /// Where it does not turn: without so many the votes left say no order of the two at all; `None`: none was found within the budget.
    pub undone: Option<f64>,
    /// The gap then, or with the whole budget dropped; `None`: nothing bounds it.
    pub gap_after: Option<f64>,
    /// Why there is no gap, if there is none.
    pub no_gap: Option<&'static str>,
    /// Which: winner, loser, and how many; ties have neither.
    pub votes: Vec<DroppedVotes>,
}

/// Votes of one pair and outcome.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DroppedVotes {
    /// The winner (of a tie one of the two).
    pub winner: String,
    /// The other.
    pub loser: String,
    /// Whether it was a tie.
    pub tie: bool,
    /// How many.
    pub votes: f64,
}

/// Rows of a file for [`votes`].
///
/// # Errors
/// [`AnswerError::Data`]; [`AnswerError::Input`] for more than twenty million rows.
pub fn read_votes(source: &Source, progress: &dyn Progress) -> Result<Battles, AnswerError> {
    let keep = Keep { rows: Some(MOST_ROWS), unit: Unit::Row, ..Keep::default() };
    let Collected { observations, battles, .. } = collect_comparisons(&source.path, &source.selection, keep)?;
    note_comparisons(&observations.comparisons, "left out", progress);
    battles.ok_or_else(|| {
        AnswerError::input("has more than 2e7 rows, which are looked at one by one; select some")
    })
}

/// Looks at the votes.
///
/// # Errors
/// [`AnswerError::Option`] for a share outside (0, 1) or fewer than 19 deals; [`AnswerError::Fit`] if nothing can be fitted.
pub fn votes(
    data: &Battles,
    options: &VotesOptions,
    progress: &dyn Progress,
) -> Result<VotesAnswer, AnswerError> {
    let VotesOptions { share, neighbours, deals, seed } = *options;
    if !(share > 0.0 && share < 1.0) {
        return Err(AnswerError::option("share", share.to_string(), "must be between 0 and 1, as 0.01"));
    }
    if deals < FEWEST_DEALS {
        return Err(AnswerError::option(
            "replicates",
            deals.to_string(),
            "must be at least 19: the smallest p-value of so few deals is above 5 percent, so that no span could stand out",
        ));
    }
    let counts = data.counts();
    let found = fit(&counts, &BRADLEY_TERRY, PairOptions::default())?;
    let each = annotators(data, &found);
    let stage = Stage::begin(progress, "spans of time", None);
    let in_time = spans(data, deals, seed);
    drop(stage);
    let no_influence = match &found {
        _ if !found.converged => Some("the fit has not converged"),
        _ if found.islands.len() > 1 => Some("some items never met, directly or through others"),
        _ if !data.rankings.is_empty() => Some("the pairs of a ranking are not dropped apart"),
        _ => None,
    };
    let mut moves = Vec::new();
    if no_influence.is_none() {
        let order = found.order();
        let _stage = Stage::begin(progress, "votes dropped", Some(neighbours.min(order.len() - 1)));
        for pair in order.windows(2).take(neighbours) {
            moves.push(influence(&counts, &found, (pair[0], pair[1]), share)?);
            progress.advance(1);
        }
    }
    Ok(answer(data, (&each, in_time, &moves), no_influence, share, &found))
}

impl AnnotatorFacts {
    /// How one who stands out votes.
    fn word(&self) -> &'static str {
        match (self.slope, self.error) {
            (Some(slope), Some(error)) if self.stands_out => match slope {
                s if s < -2.0 * error => "votes in reverse",
                s if s <= 2.0 * error => "votes like chance",
                s if s < 1.0 => "follows strengths less than the rest",
                _ => "follows strengths more than the rest",
            },
            _ => "",
        }
    }
}

type Findings<'a> = (&'a [Annotator], Result<Vec<Span>, &'static str>, &'a [Influence]);

fn answer(
    data: &Battles,
    (each, in_time, moves): Findings<'_>,
    no_influence: Option<&'static str>,
    share: f64,
    found: &PairFit,
) -> VotesAnswer {
    let (labels, named) = (&data.labels, |k: usize| data.annotators[k].clone());
    let facts = each.iter().map(|a| AnnotatorFacts {
        annotator: named(a.annotator),
        votes: a.votes,
        with_the_stronger: Some(a.with_the_stronger).filter(|s| s.is_finite()),
        slope: a.slope,
        error: a.error,
        p_value: a.p_value,
        untested: match a.p_value {
            Some(_) => None,
            None if a.votes < FEWEST => Some("fewer than 20 votes"),
            None => Some("the strengths rest on these votes alone"),
        },
        most_in_a_minute: a.most_in_a_minute,
        stands_out: a.p_value.is_some_and(|p| p <= LEVEL),
    });
    let facts: Vec<AnnotatorFacts> = facts.collect();
    let no_spans = in_time.as_ref().err().copied();
    let spans = in_time.unwrap_or_default().into_iter().map(|s| SpanFacts {
        item: labels[s.item].clone(),
        from: s.from,
        to: s.to,
        votes: s.votes,
        score: s.score,
        expected: s.expected,
        p_value: s.p_value,
        stands_out: s.p_value <= LEVEL,
    });
    let influence = moves.iter().map(|m| InfluenceFacts {
        above: labels[m.above].clone(),
        below: labels[m.below].clone(),
        gap: m.gap,
        budget: m.budget,
        untried: m.untried,
        dropped: m.dropped,
        undone: m.undone,
        gap_after: m.gap_after,
        no_gap: m.no_gap,
        votes: m
            .votes
            .iter()
            .map(|&(winner, loser, tie, votes)| DroppedVotes {
                winner: labels[winner].clone(),
                loser: labels[loser].clone(),
                tie,
                votes,
            })
            .collect(),
    });
    let checked = ["context", "annotator"].iter().all(|c| data.checks.columns.iter().any(|held| held == c));
    debug_assert_eq!(found.log_strength.len(), labels.len(), "one strength an item");
    VotesAnswer {
        comparisons: data.rows.iter().map(|b| b.weight).sum(),
        repetitions: checked.then_some(data.checks.repetitions.count),
        repetitions_dropped: data.checks.repetitions_are != Repetitions::Keep,
        annotators_tested: facts.iter().filter(|a| a.p_value.is_some()).count(),
        annotators_out: facts.iter().filter(|a| a.stands_out).count(),
        annotators: facts,
        spans: spans.collect(),
        no_spans,
        share,
        influence: influence.collect(),
        no_influence,
    }
}

impl fmt::Display for VotesAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let p = |p: f64| if p < 0.001 { format!("{p:.1e}") } else { format!("{p:.3}") };
        writeln!(f, "{} votes", self.comparisons)?;
        match self.repetitions {
            Some(0) => writeln!(f, "repetitions: none")?,
            Some(n) => {
                let are = if self.repetitions_dropped { "dropped" } else { "counted" };
                writeln!(f, "repetitions: {n} rows repeat a vote of the same annotator; they are {are}")?
            }
            None => writeln!(f, "repetitions: not looked for, as rows need an annotator and a context")?,
        }
        match (self.annotators.len(), self.annotators_tested) {
            (0, _) => writeln!(f, "annotators: rows name none")?,
            (all, 0) => writeln!(
                f,
                "annotators: {all}, none of them tested (each needs 20 votes, and others beside it)"
            )?,
            (_, tested) => {
                writeln!(
                    f,
                    "annotators: {} of {tested} tested stand out at 5% over all",
                    self.annotators_out
                )?;
                let number = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{x:.2}"));
                let rows = self.annotators.iter().filter(|a| a.p_value.is_some()).take(SHOWN).map(|a| {
                    vec![
                        a.annotator.clone(),
                        a.votes.to_string(),
                        number(a.with_the_stronger),
                        format!("{} +- {}", number(a.slope), number(a.error)),
                        a.p_value.map_or("-".to_owned(), p),
                        a.most_in_a_minute.map_or("-".to_owned(), |n| n.to_string()),
                        a.word().to_owned(),
                    ]
                });
                let header = [
                    "annotator",
                    "votes",
                    "for the stronger",
                    "slope (1: as all)",
                    "p, adjusted",
                    "most in a minute",
                    "",
                ];
                writeln!(f, "{}", table(width(f), &header, rows))?;
            }
        }
        match self.no_spans {
            Some(reason) => writeln!(f, "spans of time: not tested, {reason}")?,
            None => {
                let out = self.spans.iter().filter(|s| s.stands_out).count();
                writeln!(f, "spans of time: {out} of {} items stand out at 5% over all", self.spans.len())?;
                let rows = self.spans.iter().take(if out > 0 { out.min(SHOWN) } else { 1 }).map(|s| {
                    let day = |t: f64| date(t);
                    vec![
                        s.item.clone(),
                        format!("{} to {}", day(s.from), day(s.to)),
                        s.votes.to_string(),
                        format!("{:.1}", s.score),
                        format!("{:.1}", s.expected),
                        p(s.p_value),
                    ]
                });
                let header = ["item", "strongest span", "votes", "scored", "expected", "p, adjusted"];
                writeln!(f, "{}", table(width(f), &header, rows))?;
            }
        }
        if let Some(reason) = self.no_influence {
            return write!(f, "influence: not looked at, {reason}");
        }
        write!(f, "influence: {}% of the votes dropped, the most harmful first", 100.0 * self.share)?;
        for i in &self.influence {
            let named: Vec<String> = i
                .votes
                .iter()
                .take(3)
                .map(|v| match v.tie {
                    true => format!("{} ties of {} and {}", v.votes, v.winner, v.loser),
                    false => format!("{} of {} over {}", v.votes, v.winner, v.loser),
                })
                .collect();
            let more = if i.votes.len() > 3 { ", .." } else { "" };
            if let Some(reason) = i.untried {
                write!(f, "\n  {} over {} (by {:.3}): {reason}", i.above, i.below, i.gap)?;
                continue;
            }
            write!(f, "\n  {} over {} (by {:.3}): ", i.above, i.below, i.gap)?;
            let share = |n: f64| 100.0 * n / self.comparisons;
            let why = i.no_gap.unwrap_or("nothing bounds the gap");
            match (i.dropped, i.undone, i.gap_after) {
                (Some(n), ..) => {
                    write!(
                        f,
                        "without {n} votes ({:.3}%) the order turns: {}{more}",
                        share(n),
                        named.join(", ")
                    )?;
                }
                (None, Some(n), _) => {
                    write!(
                        f,
                        "without {n} votes ({:.3}%) there is no order ({why}): {}{more}",
                        share(n),
                        named.join(", ")
                    )?;
                }
                (None, None, Some(gap)) => {
                    write!(
                        f,
                        "{} votes dropped leave {gap:.3}; no turn was found, which does not say that there is none",
                        i.budget
                    )?;
                }
                (None, None, None) => write!(f, "{} votes dropped leave the order ({why})", i.budget)?,
            }
        }
        Ok(())
    }
}
