//! Exact equilibria of a game, with their certificates.
//!
//! ```text
//! tau = 0   a maximal lottery: max_i (K pi)_i = 0, K = P - 1/2
//! tau > 0   the fixed point pi_i ~ mu_i exp((K pi)_i / tau), the only equilibrium regularised towards mu
//! path      the second for falling tau, and its limit: the lottery nearest to mu in KL(pi || mu)
//! ```

use std::collections::BTreeMap;
use std::fmt;

use equipoise::core::{Policy, Shape};
use equipoise::env::Game;
use equipoise::eval::metrics::{Truth, measure};
use equipoise::reference::{
    Equilibrium, ExactEnd, ExactEquilibria, LARGEST_PROOF, RationalMargins, RationalPolicy, Selection,
    context_lottery, context_ranges, equilibrium_ranges, regularised_equilibrium, regularised_path,
    select_exact, select_lottery, select_lottery_watched,
};
use num_integer::Integer as _;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::certificate::{EndProof, FORMAT, Proof, RangeProof, digests};
use crate::error::AnswerError;
use crate::progress::{Progress, Stage};
use crate::source::{GivenGame, check_reference};
use crate::table::{table, width};

/// Which of several equilibria of the original game.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Select {
    /// The one of largest entropy.
    #[default]
    MaximumEntropy,
    /// The limit of the equilibria regularised towards the reference: the one nearest to it in KL.
    RegularisedLimit,
    /// A vertex of the set of equilibria.
    Vertex,
}

/// How a game is to be solved.
#[derive(Clone, Debug, Default)]
pub struct SolveOptions {
    /// Temperature of the KL regularisation towards the reference, at least 0; 0: the original game.
    pub tau: f64,
    /// The reference, positive, of the game's shape; `None`: uniform. Only with `tau` above 0, with `path`, or with
    /// [`Select::RegularisedLimit`].
    pub reference: Option<Policy>,
    /// Of several equilibria which one; `None`: [`Select::MaximumEntropy`]. Only with `tau` 0, and not with `path`.
    pub select: Option<Select>,
    /// Whether the least and the largest probability of every action over all equilibria are wanted. Only with `tau` 0.
    pub ranges: bool,
    /// Whether the whole path is wanted: four temperatures a decade from 10 down to `tau`, or to 1e-4 if that is 0.
    pub path: bool,
}

impl SolveOptions {
    /// # Errors
    /// [`AnswerError::Option`] for options that do not go together.
    pub(crate) fn check(&self) -> Result<(), AnswerError> {
        let unique = "belongs to tau 0: a regularised equilibrium is the only one";
        if self.select.is_some() && (self.path || self.tau > 0.0) {
            return Err(AnswerError::option("select", "", unique));
        }
        if self.ranges && self.tau > 0.0 {
            return Err(AnswerError::option("ranges", "", unique));
        }
        check_tau(self.tau)?;
        let towards = self.tau > 0.0 || self.path || self.select == Some(Select::RegularisedLimit);
        if self.reference.is_some() && !towards {
            let rule =
                "is not used at tau 0: give a tau above 0, the path, or regularised-limit as what to select";
            return Err(AnswerError::option("reference", "", rule));
        }
        Ok(())
    }
}

pub(crate) fn check_tau(tau: f64) -> Result<(), AnswerError> {
    if tau >= 0.0 && tau.is_finite() {
        return Ok(());
    }
    Err(AnswerError::option("tau", tau, "must be a finite number, at least 0"))
}

/// The reference of a game: what was given, or the uniform policy.
pub(crate) fn reference_of(game: &Game, given: Option<&Policy>) -> Result<Policy, AnswerError> {
    let Some(mu) = given else { return Ok(Policy::uniform(game.shape())) };
    if mu.shape() != game.shape() {
        let rule = format!(
            "has {} actions in all where the game has {}, or divides them otherwise",
            mu.shape().len(),
            game.shape().len()
        );
        return Err(AnswerError::option("reference", "", rule));
    }
    check_reference(mu)?;
    Ok(mu.clone())
}

/// The equilibria of a game, a context each. Serialises as the answer of its only context, or as `{"contexts": [..]}`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SolveAnswer {
    /// One answer a context.
    pub contexts: Vec<Solved>,
}

/// The answer for one context.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Solved {
    /// An equilibrium of the original game.
    Lottery(LotteryAnswer),
    /// The equilibrium of the regularised game.
    Regularised(RegularisedAnswer),
    /// The path of regularised equilibria.
    Path(PathAnswer),
}

/// An equilibrium of the original game.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LotteryAnswer {
    /// Number of actions.
    pub n: usize,
    /// The actions, `[n]`.
    pub labels: Vec<String>,
    /// Probabilities, `[n]`, on the simplex.
    pub policy: Vec<f64>,
    /// `2 max_i (K pi)_i`, in win rate; 0 but for rounding, on either side. Where there is a proof, that of the policy
    /// divided by its sum, in rational arithmetic, rounded once.
    pub duality_gap: f64,
    /// How it was found: `rational` (policy, uniqueness, dimension and ranges are those of the proof), `inspection`, `simplex`, `simplex-doubled`, `interior-point`, `central-path`, `central-point`, `double-oracle` or `low-rank`.
    pub method: &'static str,
    /// Actions that are played.
    pub support: Vec<String>,
    /// Whether it is the only equilibrium; `None`: rounding hides it.
    pub unique: Option<bool>,
    /// Dimension of the set of equilibria, 0 if unique; `None` where that was not computed.
    pub dimension: Option<usize>,
    /// Which one of them it is: `unique`, `maximum-entropy`, `regularised-limit`, `vertex` or `undecided`.
    pub selected: &'static str,
    /// What it rests on.
    pub certificate: LotteryCertificate,
    /// Least and largest probability of every action over all equilibria, `[n]`, where they were asked for; the inner
    /// `None`: rounding hides the set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ranges: Option<Option<Vec<(f64, f64)>>>,
    /// Why uniqueness, the dimension, the ranges or the one asked for are not told; `None` if they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undecided: Option<String>,
}

/// What an equilibrium of the original game rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LotteryCertificate {
    /// The gap, recomputed from the margins.
    pub duality_gap: f64,
    /// Actions that do best against the policy, ties to rounding included; a superset of the support.
    pub best_responses: Vec<String>,
    /// The value of a symmetric game, 1/2.
    pub value: f64,
    /// Whether it is the only equilibrium.
    pub unique: Option<bool>,
    /// A proof in rational arithmetic of an equilibrium (a vertex, if there are several) and of the set of all, where
    /// fractions were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact: Option<Box<Proof>>,
    /// Beside a proof: a digest of every field of the answer, by which `gap --certificate` names a changed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digests: Option<Value>,
}

/// The equilibrium of the regularised game.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RegularisedAnswer {
    /// Number of actions.
    pub n: usize,
    /// The actions, `[n]`.
    pub labels: Vec<String>,
    /// Probabilities, `[n]`, on the simplex.
    pub policy: Vec<f64>,
    /// Their logarithms, `[n]`, finite where a probability underflows.
    pub log_policy: Vec<f64>,
    /// The gap in the original game, in win rate, at least 0.
    pub duality_gap: f64,
    /// How it was found: `newton`.
    pub method: &'static str,
    /// All actions: each is played.
    pub support: Vec<String>,
    /// `true`: there is no other.
    pub unique: bool,
    /// The temperature, above 0.
    pub tau: f64,
    /// The gap in the regularised game, `2 tau KL(pi || BR_tau(pi))`, at least 0.
    pub duality_gap_tau: f64,
    /// What it rests on.
    pub certificate: RegularisedCertificate,
}

/// What a regularised equilibrium rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RegularisedCertificate {
    /// The gap in the regularised game.
    pub duality_gap_tau: f64,
    /// A bound on the KL divergence from the policy to the equilibrium, in nats.
    pub kl_to_equilibrium: f64,
    /// Newton steps made.
    pub newton_steps: usize,
    /// `true`: there is no other.
    pub unique: bool,
}

/// The path of regularised equilibria.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PathAnswer {
    /// Number of actions.
    pub n: usize,
    /// The actions, `[n]`.
    pub labels: Vec<String>,
    /// The reference, `[n]`.
    pub reference: Vec<f64>,
    /// Equilibria for falling temperatures.
    pub path: Vec<PathPoint>,
    /// Where the path ends as the temperature falls to 0.
    pub limit: PathLimit,
}

/// One equilibrium of a path.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PathPoint {
    /// The temperature, above 0.
    pub tau: f64,
    /// The gap in the original game, in win rate.
    pub duality_gap: f64,
    /// The gap in the regularised game.
    pub duality_gap_tau: f64,
    /// Probabilities, `[n]`.
    pub policy: Vec<f64>,
}

/// The limit of a path.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PathLimit {
    /// Probabilities, `[n]`.
    pub policy: Vec<f64>,
    /// The gap in the original game, in win rate.
    pub duality_gap: f64,
    /// Which equilibrium it is, as [`LotteryAnswer::selected`].
    pub selected: &'static str,
}

/// Solves every context of a game.
///
/// ```
/// use equipoise_answers::equipoise::{env::Game, ndarray::array};
/// use equipoise_answers::{Silent, SolveOptions, Solved, solve};
///
/// let game = Game::from_array(&array![[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]])?;
/// let options = SolveOptions { tau: 0.1, ..Default::default() };
/// let answer = solve(&game.into(), &options, &Silent)?;
/// let Solved::Regularised(found) = &answer.contexts[0] else { panic!("tau is above 0") };
/// assert!(found.duality_gap_tau < 1e-28 && found.duality_gap > 1e-3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`AnswerError::Option`] for options that do not go together, [`AnswerError::Reference`] if there is no exact answer.
pub fn solve(
    given: &GivenGame,
    options: &SolveOptions,
    progress: &dyn Progress,
) -> Result<SolveAnswer, AnswerError> {
    options.check()?;
    let reference = reference_of(&given.game, options.reference.as_ref())?;
    let stage = Stage::begin(progress, "solving", None);
    let contexts = (0..given.game.contexts())
        .map(|x| solve_context(given, x, &reference, options, progress))
        .collect::<Result<Vec<_>, _>>()?;
    drop(stage);
    Ok(SolveAnswer { contexts })
}

fn solve_context(
    given: &GivenGame,
    x: usize,
    reference: &Policy,
    options: &SolveOptions,
    progress: &dyn Progress,
) -> Result<Solved, AnswerError> {
    let (labels, tau) = (given.game.labels(x), options.tau);
    let shape = Shape::single(labels.len()).expect("a context has an action");
    let mu = Policy::from_logits(&shape, reference.log_probs_at(x).to_owned())?;
    if options.path {
        let single = Game::single(given.game.matrix(x));
        return Ok(Solved::Path(path(&single, given.fractions[x].as_ref(), labels, &mu, tau)?));
    }
    if tau > 0.0 {
        let matrix = given.game.matrix(x);
        let single = Game::single(matrix.clone());
        let e = regularised_equilibrium(&matrix, &mu, tau)?;
        let truth = Truth { game: &single, reference: &mu, tau, equilibrium: None };
        return Ok(Solved::Regularised(RegularisedAnswer {
            n: matrix.n(),
            policy: e.policy.probs().to_vec(),
            log_policy: e.policy.log_probs().to_vec(),
            duality_gap: measure("duality_gap", &truth, &e.policy),
            method: "newton",
            support: labels.clone(),
            labels,
            unique: true,
            tau,
            duality_gap_tau: e.duality_gap_tau,
            certificate: RegularisedCertificate {
                duality_gap_tau: e.duality_gap_tau,
                kl_to_equilibrium: e.kl_to_equilibrium,
                newton_steps: e.newton_steps,
                unique: true,
            },
        }));
    }
    let selection = match options.select.unwrap_or_default() {
        Select::MaximumEntropy => Selection::MaximumEntropy,
        Select::RegularisedLimit => Selection::RegularisedLimit(&mu),
        Select::Vertex => Selection::Vertex,
    };
    let proved = match &given.fractions[x] {
        Some(fractions) => {
            select_exact(fractions, selection, options.ranges)?.map(|found| (fractions, found))
        }
        None => None,
    };
    if let Some((fractions, (found, exact))) = proved {
        return proved_answer(fractions, found, exact, labels).map(Solved::Lottery);
    }
    let watch = |gap| progress.gap(gap);
    // margins that are rounded once, not differences of rounded win rates
    let rounded = given.fractions[x].as_ref().map(RationalMargins::to_matrix);
    let e = match &rounded {
        Some(matrix) => select_lottery_watched(matrix, selection, &watch)?,
        None => context_lottery(&given.game, x, selection, &watch)?,
    };
    let ranges = match (options.ranges, rounded) {
        (false, _) => None,
        (true, Some(matrix)) => Some(equilibrium_ranges(&matrix)?),
        (true, None) => Some(context_ranges(&given.game, x)?),
    };
    let undecided = undecided(&e, matches!(ranges, Some(None)));
    Ok(Solved::Lottery(LotteryAnswer { ranges, undecided, ..lottery_answer(e, labels) }))
}

/// The answer to an equilibrium without its proof.
fn lottery_answer(e: Equilibrium, labels: Vec<String>) -> LotteryAnswer {
    let names = |list: &[usize]| -> Vec<String> { list.iter().map(|&i| labels[i].clone()).collect() };
    LotteryAnswer {
        n: labels.len(),
        policy: e.policy.to_vec(),
        duality_gap: e.duality_gap,
        method: e.method.name(),
        support: names(&e.support),
        unique: e.unique,
        dimension: e.dimension,
        selected: e.selected.name(),
        certificate: LotteryCertificate {
            duality_gap: e.duality_gap,
            best_responses: names(&e.best_responses),
            value: 0.5,
            unique: e.unique,
            exact: None,
            digests: None,
        },
        ranges: None,
        undecided: None,
        labels,
    }
}

/// The answer of a proof.
fn proved_answer(
    fractions: &RationalMargins,
    found: Equilibrium,
    exact: ExactEquilibria,
    labels: Vec<String>,
) -> Result<LotteryAnswer, AnswerError> {
    let undecided = (found.selected == equipoise::reference::Selected::Undecided).then(|| {
        "selected: the set of equilibria is known exactly, and the one asked for of them could not be found to \
         rounding; the policy is one of them"
            .to_owned()
    });
    let mut answer = LotteryAnswer { undecided, ..lottery_answer(found, labels) };
    answer.duality_gap = fractions.duality_gap(&answer.policy);
    answer.certificate.duality_gap = answer.duality_gap;
    answer.ranges = exact
        .ranges
        .as_ref()
        .map(|ranges| Some(ranges.iter().map(|range| (range.least.value, range.largest.value)).collect()));
    answer.certificate.exact = Some(Box::new(proof(fractions, &exact, &answer.labels)));
    let written = serde_json::to_value(&answer).expect("an answer is plain data");
    answer.certificate.digests = Some(digests(&written));
    Ok(answer)
}

/// Why something is not told, in words; `None` if all is.
fn undecided(e: &Equilibrium, no_ranges: bool) -> Option<String> {
    let mut hidden = Vec::new();
    if e.unique.is_none() {
        hidden.push("unique");
    }
    if e.dimension.is_none() {
        hidden.push("dimension");
    }
    if no_ranges {
        hidden.push("ranges");
    }
    if hidden.is_empty() {
        return None;
    }
    let no_proof = match e.policy.len() {
        n if n > LARGEST_PROOF => {
            format!("the game has {n} actions, proofs are made for up to {LARGEST_PROOF}")
        }
        _ => "margins below 1e-21, counts beyond 2^50, or more than a million pairs in several contexts"
            .to_owned(),
    };
    let why = match (e.unique, no_ranges) {
        (Some(false), false) => "a vertex was asked for, which needs no dimension",
        (Some(false), true) if e.dimension.is_some() => {
            "the set of equilibria is too large for its ends to be told"
        }
        _ => "rounding hides the set of equilibria",
    };
    Some(format!(
        "{}: {why}, and no proof in rational arithmetic was possible: {no_proof}",
        hidden.join(", ")
    ))
}

/// The exact part of a certificate: win rates, policy and claims as fractions.
fn proof(fractions: &RationalMargins, exact: &ExactEquilibria, labels: &[String]) -> Proof {
    let n = fractions.n();
    let win_rate = |i: usize, j: usize| {
        let (a, b) = fractions.margin(i, j);
        // 1/2 + a/b
        let (a, b) = (2 * a + b, 2 * b);
        let common = a.gcd(&b);
        format!("{}/{}", a / common, b / common)
    };
    let texts = |p: &RationalPolicy| -> Vec<String> { (0..n).map(|i| p.fraction(i)).collect() };
    let several = |v: Vec<String>| -> BTreeMap<usize, String> {
        v.into_iter().enumerate().filter(|(_, text)| text != "0/1").collect()
    };
    let end = |end: &ExactEnd| EndProof {
        value: end.fraction.clone(),
        at: several(texts(&end.at)),
        multipliers: several(end.multipliers.clone()),
    };
    let ranges = exact.ranges.as_ref().filter(|_| !exact.unique).map(|ranges| {
        ranges.iter().map(|r| RangeProof { least: end(&r.least), largest: end(&r.largest) }).collect()
    });
    Proof {
        format: FORMAT,
        labels: labels.to_vec(),
        win_rates: (0..n).map(|i| (0..n).map(|j| win_rate(i, j)).collect()).collect(),
        policy: texts(&exact.vertex),
        unique: Some(exact.unique),
        dimension: Some(exact.dimension),
        inside: (!exact.unique).then(|| texts(&exact.inside)),
        ranges,
    }
}

fn path(
    game: &Game,
    fractions: Option<&RationalMargins>,
    labels: Vec<String>,
    mu: &Policy,
    tau: f64,
) -> Result<PathAnswer, AnswerError> {
    let least = if tau > 0.0 { tau } else { 1e-4 };
    let mut taus: Vec<f64> = (0..)
        .map(|l| 10f64.powi(1 - l / 4) / [1.0, 1.8, 3.2, 5.6][(l % 4) as usize])
        .take_while(|t| *t > least * (1.0 + 1e-9))
        .collect();
    taus.push(least);
    let matrix = game.matrix(0);
    let points = regularised_path(&matrix, mu, &taus)?;
    let point = |(&tau, e): (&f64, &equipoise::reference::RegularisedEquilibrium)| {
        let truth = Truth { game, reference: mu, tau, equilibrium: None };
        PathPoint {
            tau,
            duality_gap: measure("duality_gap", &truth, &e.policy),
            duality_gap_tau: e.duality_gap_tau,
            policy: e.policy.probs().to_vec(),
        }
    };
    let selection = Selection::RegularisedLimit(mu);
    let proved = match fractions {
        Some(fractions) => select_exact(fractions, selection, false)?,
        None => None,
    };
    let limit = match proved {
        Some((limit, _)) => limit,
        None => select_lottery(&matrix, selection)?,
    };
    Ok(PathAnswer {
        n: matrix.n(),
        labels,
        reference: mu.probs().to_vec(),
        path: taus.iter().zip(&points).map(point).collect(),
        limit: PathLimit {
            policy: limit.policy.to_vec(),
            duality_gap: limit.duality_gap,
            selected: limit.selected.name(),
        },
    })
}

impl Serialize for SolveAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let [only] = &self.contexts[..] {
            return only.serialize(serializer);
        }
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("contexts", &self.contexts)?;
        map.end()
    }
}

impl fmt::Display for SolveAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (x, context) in self.contexts.iter().enumerate() {
            if x > 0 {
                f.write_str("\n")?;
            }
            if self.contexts.len() > 1 {
                writeln!(f, "context {x}")?;
            }
            context.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Solved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lottery(answer) => answer.fmt(f),
            Self::Regularised(answer) => answer.fmt(f),
            Self::Path(answer) => answer.fmt(f),
        }
    }
}

/// Actions with their probabilities, and ranges where there are some.
fn policy_table(columns: u16, labels: &[String], policy: &[f64], ranges: &[(f64, f64)]) -> String {
    let rows = labels.iter().zip(policy).enumerate().map(|(i, (label, p))| {
        let mut row = vec![label.clone(), format!("{p:.6}")];
        row.extend(ranges.get(i).map(|(low, high)| format!("{low:.6} to {high:.6}")));
        row
    });
    let header = ["action", "probability", "over all equilibria"];
    table(columns, if ranges.is_empty() { &header[..2] } else { &header }, rows)
}

impl fmt::Display for LotteryAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranges = self.ranges.as_ref().and_then(Option::as_deref).unwrap_or_default();
        f.write_str(&policy_table(width(f), &self.labels, &self.policy, ranges))?;
        write!(f, "\nduality gap {:.2e} (original game)", self.duality_gap)?;
        let unique = match self.unique {
            Some(true) => "the only equilibrium",
            Some(false) => "one of several equilibria",
            None => "uniqueness not decided",
        };
        write!(f, "\n{unique}; method: {}", self.method)?;
        if self.unique == Some(false) {
            let dimension = self.dimension.map_or("not told".to_owned(), |d| d.to_string());
            write!(f, "; this one: {}; dimension of their set: {dimension}", self.selected)?;
        }
        if let Some(exact) = &self.certificate.exact {
            let claim = match exact.unique {
                Some(true) => "an equilibrium, and the only one",
                _ => "one of several equilibria, and the dimension of their set",
            };
            write!(f, "\nproved in rational arithmetic: {claim} (fractions with --json)")?;
        }
        if let Some(undecided) = &self.undecided {
            write!(f, "\nundecided: {undecided}")?;
        }
        Ok(())
    }
}

impl fmt::Display for RegularisedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&policy_table(width(f), &self.labels, &self.policy, &[]))?;
        write!(f, "\nduality gap {:.2e} (original game)", self.duality_gap)?;
        write!(f, "\nregularised gap {:.2e} (tau = {})", self.duality_gap_tau, self.tau)?;
        write!(f, "\nthe only equilibrium; method: {}", self.method)
    }
}

/// Columns of the path: the actions that are played most at its end.
const PATH_COLUMNS: usize = 8;

impl fmt::Display for PathAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = &self.limit.policy;
        let mut shown: Vec<usize> = (0..end.len()).collect();
        shown.sort_by(|&a, &b| end[b].total_cmp(&end[a]));
        shown.truncate(PATH_COLUMNS);
        shown.sort_unstable();
        let mut header = vec!["tau", "duality gap"];
        header.extend(shown.iter().map(|&i| self.labels[i].as_str()));
        let row = |tau: String, gap: f64, policy: &[f64]| {
            let mut row = vec![tau, format!("{gap:.2e}")];
            row.extend(shown.iter().map(|&i| format!("{:.6}", policy[i])));
            row
        };
        let mut rows: Vec<Vec<String>> = self
            .path
            .iter()
            .map(|point| row(format!("{:.1e}", point.tau), point.duality_gap, &point.policy))
            .collect();
        rows.push(row("0 (limit)".to_owned(), self.limit.duality_gap, end));
        f.write_str(&table(width(f), &header, rows))?;
        if end.len() > PATH_COLUMNS {
            write!(f, "\nof {} actions those played most at the end; all of them with --json", end.len())?;
        }
        Ok(())
    }
}
