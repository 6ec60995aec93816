//! What should be played, under every concept side by side.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use equipoise::core::Policy;
use equipoise::data::{Contents, Keep, Rankings, collect_comparisons, read_features};
use equipoise::env::PreferenceMatrix;
use equipoise::reference::ReferenceError;
use equipoise::reference::axioms::{Misreport, Verdict, misreport, verdicts_of};
use equipoise::reference::choice::{condorcet_winner, smith_set};
use equipoise::reference::concepts::{
    Ballot, CONCEPTS, Choice, ConceptEntry, ConceptOptions, Electorate, Judge, concept, gap_of,
    guaranteed_value,
};
use serde::Serialize;

use crate::error::AnswerError;
use crate::progress::{Progress, Stage};
use crate::source::{GivenGame, Source, check_reference, note_comparisons};
use crate::table::{some, table, width};

/// Within which two probabilities are one.
const LEVEL: f64 = 1e-9;
/// Most items of which concepts are compared: several look at all pairs of pairs.
const LARGEST: usize = 1000;

/// How the concepts are asked.
#[derive(Clone, Debug, Default)]
pub struct ConceptsOptions {
    /// Temperature of those that have one, above 0; `None`: 0.1.
    pub tau: Option<f64>,
    /// Their reference, positive; `None`: uniform.
    pub reference: Option<Policy>,
    /// Only these, by name; empty: all.
    pub only: Vec<String>,
    /// `beta` of population-proportional alignment, at least 0; `None`: 0.
    pub beta: Option<f64>,
    /// Level of the conditional value at risk over judges, in `(0, 1]`; `None`: 1/2.
    pub level: Option<f64>,
    /// Samples that a k-sample winner is to beat, at least 1; `None`: 2.
    pub samples: Option<usize>,
    /// Whether axioms are told, and whether one voter gains by another ballot.
    pub axioms: bool,
}

/// What concepts are asked about: win rates, or ballots.
#[derive(Clone, Debug)]
pub struct ConceptsData {
    /// Names of the items.
    pub labels: Vec<String>,
    /// What the rules decide on.
    pub electorate: Electorate,
    /// Voters, if there are ballots.
    pub voters: Option<f64>,
}

/// Ballots of several judges, each judge's of one weight together: whole numbers stay whole, so that ties stay ties.
fn equal_parts(ballots: Vec<Vec<Ballot>>) -> Vec<Ballot> {
    let total = |all: &[Ballot]| all.iter().map(|b| b.weight).sum::<f64>();
    let whole = ballots.iter().flatten().all(|b| b.weight.fract() == 0.0);
    let product: f64 = ballots.iter().map(|all| total(all)).product();
    let scale = |all: &[Ballot]| match whole && product < 2f64.powi(50) / ballots.len() as f64 {
        // the product of the other judges' totals
        true => product / total(all),
        false => 1.0 / total(all),
    };
    let scales: Vec<f64> = ballots.iter().map(|all| scale(all)).collect();
    let parts = ballots.into_iter().zip(scales);
    parts
        .flat_map(|(all, scale)| all.into_iter().map(move |b| Ballot { weight: b.weight * scale, ..b }))
        .collect()
}

impl ConceptsData {
    /// The win rates of a game of one context.
    ///
    /// # Errors
    /// [`AnswerError::Input`] for several contexts.
    pub fn of_game(given: &GivenGame) -> Result<Self, AnswerError> {
        let contexts = given.game.contexts();
        if contexts > 1 {
            return Err(AnswerError::input(format!("has {contexts} contexts; ask about one at a time")));
        }
        let electorate = Electorate::of_win_rates(given.game.matrix(0), given.fractions[0].clone());
        Ok(Self { labels: given.game.labels(0), electorate, voters: None })
    }

    /// Rankings as ballots: items that one leaves out stand below all that it lists.
    ///
    /// # Errors
    /// [`AnswerError::Input`] if there is none.
    pub fn of_rankings(rankings: &Rankings) -> Result<Self, AnswerError> {
        let ballot = |r: &equipoise::data::Ranking| Ballot {
            groups: r.groups.iter().map(|g| g.iter().map(|&i| i as usize).collect()).collect(),
            weight: r.weight,
        };
        let ballots = rankings.rankings.iter().filter(|r| r.weight > 0.0).map(ballot).collect();
        let electorate = Electorate::of_ballots(rankings.labels.len(), ballots);
        let electorate = electorate.ok_or_else(|| {
            AnswerError::input(
                "holds no ranking with a weight above 0: nobody votes; give some ranking a weight",
            )
        })?;
        let voters = electorate.ballots().map(|ballots| ballots.iter().map(|b| b.weight).sum());
        Ok(Self { labels: rankings.labels.clone(), electorate, voters })
    }

    /// The win rates of these data as one judge's, beside those of others on the same items, in any order: all of one weight. Where all of
    /// them have ballots, so has what comes out: those of all, each judge's of one weight together.
    ///
    /// # Errors
    /// [`AnswerError::Input`] for items that are not the same, naming the file.
    ///
    /// # Panics
    /// Never: judges of the same items make a game, and their ballots are its ballots.
    pub fn with_judges(self, others: &[(&Path, Self)]) -> Result<Self, AnswerError> {
        let n = self.labels.len();
        let mut judges = vec![Judge { weight: 1.0, matrix: self.electorate.matrix().clone() }];
        let mut ballots = vec![self.electorate.ballots().map(<[Ballot]>::to_vec)];
        for (path, other) in others {
            let place = |label: &String| other.labels.iter().position(|l| l == label);
            let order: Option<Vec<usize>> = self.labels.iter().map(place).collect();
            let Some(order) = order.filter(|_| other.labels.len() == n) else {
                let missing = self.labels.iter().find(|label| place(label).is_none());
                let what =
                    missing.map_or_else(|| "items more".to_owned(), |label| format!("no item `{label}`"));
                let rule = format!("has {what}: all judges need the same items; cut them with --items");
                return Err(AnswerError::input(rule).in_file(path));
            };
            let matrix = other.electorate.matrix();
            let matrix = PreferenceMatrix::from_margins(n, |i, j| matrix.margin(order[i], order[j]))
                .expect("margins of a game are margins");
            judges.push(Judge { weight: 1.0, matrix });
            // item i of theirs is ours of the same name
            let ours = |i: &usize| order.iter().position(|o| o == i).expect("the same items");
            let renamed = |b: &Ballot| Ballot {
                groups: b.groups.iter().map(|g| g.iter().map(ours).collect()).collect(),
                weight: b.weight,
            };
            ballots.push(other.electorate.ballots().map(|all| all.iter().map(renamed).collect()));
        }
        let electorate = match ballots.into_iter().collect::<Option<Vec<Vec<Ballot>>>>() {
            Some(ballots) => {
                let pooled = Electorate::of_ballots(n, equal_parts(ballots)).expect("ballots of the items");
                pooled.with_judges(judges)
            }
            None => Electorate::of_judges(judges),
        };
        let electorate = electorate.expect("judges of one number of items");
        let voters = |data: &Self| data.electorate.ballots().and(data.voters);
        let voters = others.iter().map(|(_, data)| data).chain([&self]).map(voters).sum();
        Ok(Self { labels: self.labels, electorate, voters })
    }

    /// With features of the items, read from a CSV file with a column `item` and one column a feature.
    ///
    /// # Errors
    /// [`AnswerError`], naming file and line.
    ///
    /// # Panics
    /// Never: what is read has a line an item and finite numbers.
    pub fn with_features(self, path: &Path) -> Result<Self, AnswerError> {
        let features = read_features(path, "item", &self.labels)?;
        let electorate =
            self.electorate.with_features(features.values).expect("a line an item, and finite numbers");
        Ok(Self { electorate, ..self })
    }

    /// Reads a file with a matrix, with comparisons or with rankings.
    ///
    /// # Errors
    /// [`AnswerError`], naming the file.
    pub fn read(source: &Source, progress: &dyn Progress) -> Result<Self, AnswerError> {
        let contents = source.contents();
        if contents != Contents::Comparisons {
            let given = source.game_in(contents, progress)?;
            return Self::of_game(&given).map_err(|e| e.in_file(&source.path));
        }
        let keep = Keep { rankings: true, ..Keep::default() };
        let collected = collect_comparisons(&source.path, &source.selection, keep)?;
        if let Some(rankings) = &collected.rankings {
            let n = rankings.labels.len();
            let short = |r: &&equipoise::data::Ranking| r.groups.iter().map(Vec::len).sum::<usize>() < n;
            let cut = rankings.rankings.iter().filter(short).count();
            if cut > 0 {
                progress.note(&format!(
                    "{cut} of {} rankings leave items out, which count below all that they list",
                    rankings.rankings.len()
                ));
            }
            let idle = rankings.rankings.iter().filter(|r| r.weight <= 0.0).count();
            if idle > 0 {
                progress.note(&format!("{idle} rankings have a weight of 0 and are left out"));
            }
            return Self::of_rankings(rankings).map_err(|e| e.in_file(&source.path));
        }
        note_comparisons(&collected.observations.comparisons, "counted as 1/2", progress);
        progress.note("the win rates decide as they were counted; `equipoise inspect` says what of them is beyond noise");
        Self::of_game(&GivenGame::counted(&collected.observations.comparisons))
    }
}

/// What should be played, under every concept.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ConceptsAnswer {
    /// Number of items.
    pub n: usize,
    /// The items, `[n]`.
    pub labels: Vec<String>,
    /// Voters, if there are ballots.
    pub voters: Option<f64>,
    /// The item that beats every other, if there is one.
    pub condorcet_winner: Option<String>,
    /// The smallest set whose members beat all others.
    pub top_cycle: Vec<String>,
    /// The pure policy of least duality gap has this gap: below it no single item goes.
    pub pure_floor: f64,
    /// One a concept, in the order of the list.
    pub rows: Vec<ConceptRow>,
}

/// What one concept chooses.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ConceptRow {
    /// The concept.
    pub concept: &'static str,
    /// Its definition.
    pub definition: &'static str,
    /// Whose it is.
    pub source: &'static str,
    /// What it was asked with, as in `tau 0.1`; empty for a concept without parameters.
    pub parameters: String,
    /// The items chosen, ascending by number: several are a tie. Of a lottery those that it plays.
    pub winners: Vec<String>,
    /// What is played, `[n]`: the lottery, or a winner drawn uniformly; `None` if nothing is chosen.
    pub policy: Option<Vec<f64>>,
    /// Whether that is a lottery of the concept, and no tie.
    pub is_lottery: bool,
    /// Whether the lottery is the only one; `None` if it is none, or that is not told.
    pub unique: Option<bool>,
    /// Scores, `[n]`, where the rule has them; larger is better.
    pub scores: Option<Vec<f64>>,
    /// All best rankings, best item first, where the rule ranks.
    pub rankings: Option<Vec<Vec<String>>>,
    /// `2 max_i (K pi)_i` of what is played.
    pub duality_gap: Option<f64>,
    /// Its win rate against the best answer.
    pub worst_case_win_rate: Option<f64>,
    /// Of concepts of several judges: what their lottery holds against the worst of them by the concept's own measure (with entropy: its
    /// value, which may be above 1/2).
    pub guaranteed: Option<f64>,
    /// `KL(pi || reference)` of what is played, in nats.
    pub kl_to_reference: Option<f64>,
    /// Whether a copy of the item on top, level with it for everybody, changes what is played of the others, or how much of
    /// the two together; `None` if nothing is chosen, and for one of several lotteries.
    pub moved_by_a_copy: Option<bool>,
    /// Which axioms the rule satisfies at its default parameters, where they were asked for; empty for rules that ballots are not
    /// enough for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub axioms: Option<Vec<RuleAxiom>>,
    /// Whether one voter gains by another ballot, where axioms were asked for and there are ballots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_ballot: Option<OneBallot>,
    /// Why nothing is chosen.
    pub open: Option<String>,
}

/// Whether a rule satisfies an axiom on every profile of strict ballots.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RuleAxiom {
    /// The axiom.
    pub axiom: &'static str,
    /// `satisfied`, `refuted` or `open`.
    pub verdict: &'static str,
    /// The theorem's source, the smallest counter-example found (items as letters), or what was searched.
    pub evidence: String,
}

/// Whether one voter gains by another ballot: more probability above every place of the order, and at one of them strictly.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OneBallot {
    /// Whether one does; `None` if it is not told.
    pub gains: Option<bool>,
    /// Whose: the ballot, best item first.
    pub ballot: Option<Vec<String>>,
    /// What is cast instead.
    pub cast: Option<Vec<String>>,
    /// What is played then, `[n]`.
    pub then_played: Option<Vec<f64>>,
    /// Why it is not told.
    pub open: Option<String>,
}

/// Asks every concept.
///
/// ```
/// use equipoise_answers::equipoise::{env::Game, ndarray::array};
/// use equipoise_answers::{ConceptsData, ConceptsOptions, GivenGame, Silent, concepts};
///
/// let game = Game::from_array(&array![[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]])?;
/// let data = ConceptsData::of_game(&GivenGame::decimal(game))?;
/// let answer = concepts(&data, &ConceptsOptions::default(), &Silent)?;
/// let row = |name: &str| answer.rows.iter().find(|row| row.concept == name).expect("in the list");
/// // the smallest worst defeat, and the largest mean win rate
/// assert_eq!((&row("minimax").winners[..], &row("borda").winners[..]), (&["1".to_owned()][..], &["2".to_owned()][..]));
/// assert_eq!(row("maximal-lottery").moved_by_a_copy, Some(false));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`AnswerError::Option`] for a concept that is not known, a temperature or a reference that cannot be;
/// [`AnswerError::Reference`] if an exact answer fails.
pub fn concepts(
    data: &ConceptsData,
    options: &ConceptsOptions,
    progress: &dyn Progress,
) -> Result<ConceptsAnswer, AnswerError> {
    let n = data.electorate.n();
    if n > LARGEST {
        let rule = format!("has {n} items; concepts are compared of up to {LARGEST}: cut it with --items");
        return Err(AnswerError::input(rule));
    }
    if let Some(tau) = options.tau.filter(|tau| !(*tau > 0.0 && tau.is_finite())) {
        return Err(AnswerError::option("tau", tau, "must be a finite number above 0"));
    }
    if let Some(beta) = options.beta.filter(|beta| !(*beta >= 0.0 && beta.is_finite())) {
        return Err(AnswerError::option("beta", beta, "must be a finite number of at least 0"));
    }
    if let Some(level) = options.level.filter(|level| !(*level > 0.0 && *level <= 1.0)) {
        return Err(AnswerError::option("level", level, "must be above 0 and at most 1"));
    }
    if options.samples == Some(0) {
        return Err(AnswerError::option("samples", 0, "must be at least 1"));
    }
    if let Some(mu) = &options.reference {
        if mu.shape().len() != n {
            let rule = format!("has {} items where there are {n}", mu.shape().len());
            return Err(AnswerError::option("reference", "", rule));
        }
        check_reference(mu)?;
    }
    let asked = asked(&options.only)?;
    let _stage = Stage::begin(progress, "concepts", Some(asked.len()));
    let inner = ConceptOptions {
        tau: options.tau,
        reference: options.reference.clone(),
        beta: options.beta,
        level: options.level,
        samples: options.samples,
        ..ConceptOptions::default()
    };
    let rows = asked
        .into_iter()
        .map(|entry| {
            let row = row(data, entry, &inner, options.axioms);
            progress.advance(1);
            row
        })
        .collect::<Result<Vec<_>, _>>()?;
    let matrix = data.electorate.matrix();
    let name = |i: usize| data.labels[i].clone();
    let worst = |i: usize| (0..n).filter(|&j| j != i).map(|j| matrix.margin(j, i)).fold(0.0, f64::max);
    Ok(ConceptsAnswer {
        n,
        labels: data.labels.clone(),
        voters: data.voters,
        condorcet_winner: condorcet_winner(matrix).map(name),
        top_cycle: smith_set(matrix).into_iter().map(name).collect(),
        pure_floor: 2.0 * (0..n).map(worst).fold(f64::INFINITY, f64::min),
        rows,
    })
}

fn asked(only: &[String]) -> Result<Vec<&'static ConceptEntry>, AnswerError> {
    if only.is_empty() {
        return Ok(CONCEPTS.iter().collect());
    }
    let one = |name: &String| {
        concept(name).ok_or_else(|| {
            let nearest = equipoise::core::registry::nearest(name, CONCEPTS.iter().map(|c| c.name));
            let hint = nearest.map_or(String::new(), |n| format!(", did you mean `{n}`?"));
            AnswerError::option(
                "only",
                name,
                format!("is no concept{hint}; `equipoise list concepts` has them"),
            )
        })
    };
    only.iter().map(one).collect()
}

fn row(
    data: &ConceptsData,
    entry: &'static ConceptEntry,
    options: &ConceptOptions,
    axioms: bool,
) -> Result<ConceptRow, AnswerError> {
    let (electorate, n) = (&data.electorate, data.electorate.n());
    let choice = match entry.choose(electorate, options) {
        Ok(choice) => choice,
        Err(error) if is_numerical(&error) => Choice::Open { reason: error.to_string() },
        Err(error) => return Err(error.into()),
    };
    let policy = choice.policy(n);
    let name = |i: usize| data.labels[i].clone();
    let gap = policy.as_ref().map(|p| gap_of(electorate, p));
    let winners = policy.iter().flatten().enumerate().filter(|(_, p)| **p > 0.0).map(|(i, _)| name(i));
    let log_mu = |i: usize| options.reference.as_ref().map_or(-(n as f64).ln(), |mu| mu.log_probs()[i]);
    let kl = |p: &Vec<f64>| {
        let term = |(i, &p): (usize, &f64)| if p > 0.0 { p * (p.ln() - log_mu(i)) } else { 0.0 };
        p.iter().enumerate().map(term).sum::<f64>().max(0.0)
    };
    Ok(ConceptRow {
        concept: entry.name,
        definition: entry.definition,
        source: entry.source,
        parameters: options.parameters(entry.name),
        winners: winners.collect(),
        is_lottery: matches!(choice, Choice::Lottery { .. }),
        unique: match choice {
            Choice::Lottery { unique, .. } => unique,
            _ => None,
        },
        scores: match &choice {
            Choice::Winners { scores, .. } => scores.clone(),
            _ => None,
        },
        rankings: match &choice {
            Choice::Rankings { rankings, .. } => {
                Some(rankings.iter().map(|order| order.iter().map(|&i| name(i)).collect()).collect())
            }
            _ => None,
        },
        duality_gap: gap,
        worst_case_win_rate: gap.map(|gap| 0.5 - gap / 2.0),
        guaranteed: policy.as_ref().and_then(|p| guaranteed_value(entry.name, electorate, options, p)),
        kl_to_reference: policy.as_ref().map(kl),
        // of several lotteries one is named, and which of them is no matter of copies
        moved_by_a_copy: match &policy {
            _ if matches!(choice, Choice::Lottery { unique: Some(false) | None, .. }) => None,
            Some(policy) => moved(electorate, entry, options, &choice, policy)?,
            None => None,
        },
        axioms: axioms.then(|| axioms_of(entry)),
        one_ballot: match axioms && electorate.ballots().is_some() && policy.is_some() {
            true => Some(one_ballot(data, entry, options)?),
            false => None,
        },
        open: match choice {
            Choice::Open { reason } => Some(reason),
            _ => None,
        },
        policy,
    })
}

/// Whether arithmetic failed this one concept, and not what it was asked with.
fn is_numerical(error: &ReferenceError) -> bool {
    matches!(
        error,
        ReferenceError::Newton { .. } | ReferenceError::Range { .. } | ReferenceError::Inexact { .. }
    )
}

fn axioms_of(entry: &ConceptEntry) -> Vec<RuleAxiom> {
    verdicts_of(entry.name)
        .into_iter()
        .filter(|cell| cell.verdict != Verdict::NotAsked)
        .map(|cell| RuleAxiom {
            axiom: cell.axiom.name(),
            verdict: cell.verdict.word(),
            evidence: match &cell.verdict {
                Verdict::Proved { source } => (*source).to_owned(),
                Verdict::Refuted { profile } => profile.to_string(),
                Verdict::Open { searched } => searched.clone(),
                _ => String::new(),
            },
        })
        .collect()
}

fn one_ballot(
    data: &ConceptsData,
    entry: &ConceptEntry,
    options: &ConceptOptions,
) -> Result<OneBallot, AnswerError> {
    let names = |order: &[usize]| Some(order.iter().map(|&i| data.labels[i].clone()).collect());
    let none = OneBallot { gains: None, ballot: None, cast: None, then_played: None, open: None };
    let found = match misreport(entry, &data.electorate, options) {
        Err(error) if is_numerical(&error) => Misreport::Open(error.to_string()),
        found => found?,
    };
    Ok(match found {
        Misreport::Gain { ballot, cast, after, .. } => OneBallot {
            gains: Some(true),
            ballot: names(&ballot),
            cast: names(&cast),
            then_played: Some(after),
            ..none
        },
        Misreport::None => OneBallot { gains: Some(false), ..none },
        Misreport::Open(reason) => OneBallot { open: Some(reason), ..none },
        _ => none,
    })
}

/// Whether a copy of the item on top moves anything but the shares of the two. A reference gives the copy half of its item's
/// share, so that what is compared is the concept alone.
fn moved(
    electorate: &Electorate,
    entry: &ConceptEntry,
    options: &ConceptOptions,
    choice: &Choice,
    policy: &[f64],
) -> Result<Option<bool>, AnswerError> {
    let n = electorate.n();
    let top = (0..n).fold(0, |best, i| if policy[i] > policy[best] { i } else { best });
    let shares = |i: usize| options.reference.as_ref().map_or(1.0 / n as f64, |mu| mu.probs()[i]);
    let mut reference: Vec<f64> = (0..n).map(shares).collect();
    reference[top] /= 2.0;
    reference.push(reference[top]);
    let shape = equipoise::core::Shape::single(n + 1).expect("not empty");
    let options =
        ConceptOptions { reference: Some(Policy::from_probs(&shape, reference.into())?), ..options.clone() };
    let chosen = match entry.choose(&electorate.with_clone(top), &options) {
        Err(error) if is_numerical(&error) => return Ok(None),
        chosen => chosen?,
    };
    let Some(mut copied) = chosen.policy(n + 1) else {
        return Ok(None);
    };
    // of a set only who is in it counts: a tie of three is no move from a tie of two with a copy
    let is_set = !matches!(choice, Choice::Lottery { .. });
    let copy = copied.pop().unwrap_or_default();
    copied[top] += copy;
    Ok(Some((0..n).any(|i| match is_set {
        true => (copied[i] > 0.0) != (policy[i] > 0.0),
        false => (copied[i] - policy[i]).abs() > LEVEL,
    })))
}

impl ConceptsAnswer {
    /// What comes first: whether an item beats all others, who is chosen by which rules, and what any single item costs.
    fn findings(&self) -> Vec<String> {
        let mut lines = Vec::new();
        lines.push(match &self.condorcet_winner {
            Some(winner) => format!("{winner} beats every other of {} items.", self.n),
            None if self.top_cycle.len() == self.n => {
                format!("No item beats every other, and no part of the {} beats the rest.", self.n)
            }
            None => format!(
                "No item beats every other; {} beat the rest of {} items, and none of them all the others.",
                some(&self.top_cycle),
                self.n
            ),
        });
        for (winners, rules) in self.groups() {
            let tie = if winners.len() > 1 { " (a tie)" } else { "" };
            lines.push(format!("{}{tie}: {}", some(winners), rules.join(", ")));
        }
        if self.condorcet_winner.is_none() && self.pure_floor > 0.0 {
            lines.push(format!(
                "Any single item loses to some other: its gap is {:.4} at least. Rules differ in what of the cycle they give up.",
                self.pure_floor
            ));
        }
        lines
    }

    /// Rules that choose items, by what they choose, the largest group first.
    fn groups(&self) -> Vec<(&[String], Vec<&str>)> {
        let mut sets: BTreeMap<&[String], Vec<&str>> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| !row.is_lottery && row.open.is_none()) {
            sets.entry(&row.winners).or_default().push(row.concept);
        }
        let mut sets: Vec<_> = sets.into_iter().collect();
        sets.sort_by_key(|(winners, rules)| (std::cmp::Reverse(rules.len()), winners.len()));
        sets
    }

    /// The answer as Markdown: who is chosen by which rules, what these rules go by, and a table of all.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut lines: Vec<String> = vec!["# Who would win under which rule".into(), String::new()];
        for line in self.findings() {
            lines.push(format!("- {}", plain(&line)));
        }
        if let Some(winner) = &self.condorcet_winner {
            let others: Vec<String> = self.exceptions(winner);
            if others.is_empty() {
                lines.push("- Every rule that answers plays it alone.".into());
            } else {
                lines.push(format!("- Not played alone by {} rules:", others.len()));
                lines.extend(others.iter().map(|line| format!("    - {}", plain(line))));
            }
        }
        lines.extend([String::new(), "## Why they differ".into(), String::new()]);
        for (winners, rules) in self.groups() {
            let by = |rule: &&str| {
                let row = self.rows.iter().find(|row| row.concept == *rule).expect("a rule of the list");
                format!("{rule} ({})", row.definition)
            };
            let named: Vec<String> = rules.iter().take(4).map(by).collect();
            let more =
                if rules.len() > 4 { format!(", and {} more", rules.len() - 4) } else { String::new() };
            lines.push(format!("- {}: {}{more}", plain(&some(winners)), plain(&named.join("; "))));
        }
        lines.push(String::new());
        lines.push("| concept | plays | duality gap | KL | a copy of its top item |".into());
        lines.push("|---|---|---|---|---|".into());
        lines.extend(self.cells().map(|cells| {
            let cells: Vec<String> = cells.iter().map(|cell| plain(cell)).collect();
            format!("| {} |", cells.join(" | "))
        }));
        if self.rows.iter().any(|row| row.axioms.is_some()) {
            lines.extend([String::new(), "## Axioms".into(), String::new()]);
            lines.push("| concept | satisfies | refuted | open | one voter's other ballot |".into());
            lines.push("|---|---|---|---|---|".into());
            lines.extend(self.axiom_cells().map(|cells| {
                let cells: Vec<String> = cells.iter().map(|cell| plain(cell)).collect();
                format!("| {} |", cells.join(" | "))
            }));
        }
        lines.push(String::new());
        lines.join("\n")
    }

    /// Which rules do not play the item that beats every other alone, what they play and by what: their scores of it and of the best, or how
    /// much of it the lottery plays; and what they go by.
    fn exceptions(&self, winner: &String) -> Vec<String> {
        let at = self.labels.iter().position(|label| label == winner);
        let rows = self.rows.iter().filter(|row| row.open.is_none() && row.winners[..] != [winner.clone()]);
        let line = |row: &ConceptRow| {
            let policy = row.policy.as_ref()?;
            let parameters = if row.parameters.is_empty() { "" } else { &format!("; {}", row.parameters) };
            let by = format!("{}{parameters}", row.definition);
            Some(match (&row.scores, at) {
                (Some(scores), Some(at)) if !row.is_lottery => {
                    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    format!(
                        "{} plays {}: score {most:.4}, of {winner} {:.4} ({by})",
                        row.concept,
                        some(&row.winners),
                        scores[at]
                    )
                }
                (None, Some(at)) if row.is_lottery => {
                    format!("{} plays {winner} with probability {:.4} ({by})", row.concept, policy[at])
                }
                _ => format!("{} plays {} ({by})", row.concept, some(&row.winners)),
            })
        };
        rows.filter_map(line).collect()
    }

    /// Cells of the table, a row a concept.
    fn cells(&self) -> impl Iterator<Item = Vec<String>> {
        let number = |value: Option<f64>| value.map_or("-".into(), |v| format!("{v:.4}"));
        self.rows.iter().map(move |row| {
            let chosen = match (&row.policy, &row.open) {
                (_, Some(reason)) => reason.clone(),
                (Some(policy), _) if row.is_lottery && row.unique == Some(false) => {
                    format!("{} (of several)", shares(&self.labels, policy))
                }
                (Some(policy), _) if row.is_lottery => shares(&self.labels, policy),
                _ => some(&row.winners),
            };
            let chosen = match row.guaranteed {
                Some(value) => format!("{chosen}; guarantees {value:.4}"),
                None => chosen,
            };
            let copy = match row.moved_by_a_copy {
                Some(true) => "moves others",
                Some(false) => "moves nothing",
                None => "-",
            };
            vec![
                row.concept.to_owned(),
                chosen,
                number(row.duality_gap),
                number(row.kl_to_reference),
                copy.to_owned(),
            ]
        })
    }

    fn axiom_cells(&self) -> impl Iterator<Item = Vec<String>> {
        let named = |row: &ConceptRow, word: &str| {
            let of = row.axioms.iter().flatten().filter(|a| a.verdict == word);
            let names: Vec<&str> = of.map(|a| a.axiom).collect();
            if names.is_empty() { "-".to_owned() } else { names.join(", ") }
        };
        self.rows.iter().map(move |row| {
            let ballot = match &row.one_ballot {
                Some(OneBallot { ballot: Some(ballot), cast: Some(cast), .. }) => {
                    format!("{} gains by {}", ballot.join(" > "), cast.join(" > "))
                }
                Some(OneBallot { gains: Some(false), .. }) => "no voter gains".into(),
                Some(OneBallot { open: Some(reason), .. }) => reason.clone(),
                _ => "-".into(),
            };
            vec![
                row.concept.to_owned(),
                named(row, "satisfied"),
                named(row, "refuted"),
                named(row, "open"),
                ballot,
            ]
        })
    }
}

impl fmt::Display for ConceptsAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings().iter().try_for_each(|line| writeln!(f, "{line}"))?;
        let header = ["concept", "plays", "duality gap", "KL", "a copy of its top item"];
        write!(f, "{}", table(width(f), &header, self.cells()))?;
        if self.rows.iter().all(|row| row.axioms.is_none()) {
            return Ok(());
        }
        let header = ["concept", "satisfies", "refuted", "open", "one voter's other ballot"];
        write!(f, "\n\n{}", table(width(f), &header, self.axiom_cells()))
    }
}

/// Text as Markdown shows it: no sign of it marks anything up, at the start of a line neither.
fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    // a heading, a list, a rule or a number of a list begin a block
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    for (at, sign) in text.chars().enumerate() {
        let begins = (at == 0 && "#+-=:".contains(sign)) || (at == digits && ".)".contains(sign));
        if sign == '\n' || sign == '\r' {
            shown.push(' ');
            continue;
        }
        if begins || "\\`*_[]<>|~&!$".contains(sign) {
            shown.push('\\');
        }
        shown.push(sign);
    }
    shown
}

/// The largest shares of a lottery.
fn shares(labels: &[String], policy: &[f64]) -> String {
    let mut order: Vec<usize> = (0..policy.len()).filter(|&i| policy[i] > 0.0).collect();
    order.sort_by(|&a, &b| policy[b].total_cmp(&policy[a]));
    let shown: Vec<String> =
        order.iter().take(4).map(|&i| format!("{} {:.3}", labels[i], policy[i])).collect();
    let more = order.len().saturating_sub(4);
    if more > 0 { format!("{}, {more} more", shown.join(", ")) } else { shown.join(", ") }
}
