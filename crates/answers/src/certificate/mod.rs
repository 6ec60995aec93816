//! The check of an exact proof of equilibrium, on its own.
//!
//! A proof is win rates and policy as fractions `"a/b"`, as [`solve`](crate::solve()) gives it. Nothing here calls the solver or
//! shares code with it; the arithmetic is whole numbers. Checked, in the order of the argument:
//!
//! ```text
//! 0 <= P_ij,  P_ij + P_ji = 1,  P_ii = 1/2                 it is a preference game, of value 1/2
//! p_i >= 0,  sum p = 1                                     p is a policy
//! (P p)_i <= 1/2 for every i                               no action beats it: p is an equilibrium
//! (P p)_i < 1/2 off the support, rank K_SS = |S| - 1       it is the only one
//! ```
//!
//! Where there are several, the proof names an equilibrium `x` inside their set, and where ranges were asked for, for each end
//! an equilibrium `p` that attains it and multipliers `y >= 0`:
//!
//! ```text
//! (K x)_i < 0 off the support B of x                       B is played by some equilibrium each, nothing else by any
//! |B| - rank K_BB - 1                                      the dimension of the set of equilibria
//! [i = j] + (K y)_j <= h for every j,  p_i = h             h is the largest probability of action i
//! [i = j] - (K y)_j >= l for every j,  p_i = l             l the least
//! ```
//!
//! What stands around the proof in an answer of `solve` (policy, gap, uniqueness, dimension, ranges, support, labels) is
//! computed again from the proof and compared to the last bit; a dimension or ranges without a proof are refused. What no mathematics fixes, the last digit of an
//! equilibrium of maximum entropy, or the name of an action, is compared with the digest that `solve` wrote of each
//! field: it tells a changed file from the written one, and proves nothing.

mod fractions;
mod surroundings;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use equipoise::env::Game;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::error::AnswerError;
use crate::source::GivenGame;
use fractions::Fractions;
pub(crate) use surroundings::digests;

/// How far a game in floating point may be from the fractions of its proof: rounding of a win rate and its fifteen decimals.
const AS_WRITTEN: f64 = 1e-15;

/// Version of the layout that `solve` writes.
pub(crate) const FORMAT: u32 = 2;

/// A proof to be checked: everything is a fraction `"a/b"` or a whole number `"a"`, `b > 0`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proof {
    /// Version of the layout: 2; 1 had neither `dimension` nor what follows it.
    pub format: u32,
    /// The actions, `[n]`; nothing rests on them.
    pub labels: Vec<String>,
    /// `Pr(row beats column)`, `[n x n]`.
    pub win_rates: Vec<Vec<String>>,
    /// The equilibrium, `[n]`; a vertex of their set, if there are several.
    pub policy: Vec<String>,
    /// Whether it is claimed to be the only one; `None`: nothing is claimed.
    pub unique: Option<bool>,
    /// Dimension of the set of equilibria; `None`: nothing is claimed.
    pub dimension: Option<usize>,
    /// If there are several: one that plays every action that any plays, `[n]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<Vec<String>>,
    /// If there are several and ranges were asked for: the ends of the range of each action, `[n]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ranges: Option<Vec<RangeProof>>,
}

/// The least and the largest probability of an action over all equilibria.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RangeProof {
    /// The least.
    pub least: EndProof,
    /// The largest.
    pub largest: EndProof,
}

/// One end of a range; what is not listed of `at` and `multipliers` is 0.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EndProof {
    /// The probability.
    pub value: String,
    /// An equilibrium that attains it, by action.
    pub at: BTreeMap<usize, String>,
    /// `y` of the module head, by action.
    pub multipliers: BTreeMap<usize, String>,
}

impl Proof {
    /// The proof in an answer of `equipoise solve --json`, or such a proof by itself.
    ///
    /// # Errors
    /// [`AnswerError::Input`] if there is no proof, or a number that is no fraction.
    pub fn of_answer(answer: &Value) -> Result<Self, AnswerError> {
        let exact = answer.pointer("/certificate/exact").unwrap_or(answer);
        let list = |key: &str| {
            exact.get(key).and_then(Value::as_array).ok_or_else(|| {
                AnswerError::input(format!(
                    "no list `{key}`: the file must be an answer of `solve --json` with an exact certificate (text \
                     input of up to 60 actions has one)"
                ))
            })
        };
        let win_rates = list("win_rates")?.iter().map(texts).collect::<Result<Vec<_>, _>>()?;
        let policy = list("policy")?.iter().map(text).collect::<Result<Vec<_>, _>>()?;
        let labels = exact.get("labels").and_then(Value::as_array).into_iter().flatten();
        let claimed = |key: &str| exact.get(key).filter(|claim| !claim.is_null());
        let ranges = match claimed("ranges") {
            Some(ranges) => Some(
                ranges
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(RangeProof::read)
                    .collect::<Result<Vec<_>, _>>()?,
            ),
            None => None,
        };
        Ok(Self {
            format: optional(exact, "format", |v| v.as_u64().and_then(|v| u32::try_from(v).ok()))?
                .unwrap_or(1),
            labels: labels.filter_map(|l| l.as_str().map(str::to_owned)).collect(),
            win_rates,
            policy,
            unique: optional(exact, "unique", Value::as_bool)?,
            dimension: optional(exact, "dimension", |v| v.as_u64().and_then(|v| usize::try_from(v).ok()))?,
            inside: claimed("inside").map(texts).transpose()?,
            ranges,
        })
    }
}

impl RangeProof {
    fn read(value: &Value) -> Result<Self, AnswerError> {
        let end = |key: &str| EndProof::read(value.get(key).unwrap_or(&Value::Null));
        Ok(Self { least: end("least")?, largest: end("largest")? })
    }
}

impl EndProof {
    fn read(value: &Value) -> Result<Self, AnswerError> {
        let entries = |key: &str| {
            let map = value.get(key).and_then(Value::as_object).into_iter().flatten();
            map.map(|(action, v)| {
                let action = action.parse().map_err(|_| {
                    AnswerError::input(format!("`{action}` is not the number of an action, from 0"))
                })?;
                Ok((action, text(v)?))
            })
            .collect::<Result<_, AnswerError>>()
        };
        Ok(Self {
            value: text(value.get("value").unwrap_or(&Value::Null))?,
            at: entries("at")?,
            multipliers: entries("multipliers")?,
        })
    }
}

/// A key that may be missing or null, and must else be of its type.
fn optional<T>(
    exact: &Value,
    key: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>, AnswerError> {
    match exact.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match read(value) {
            Some(found) => Ok(Some(found)),
            None => Err(AnswerError::input(format!("`{key}` of the proof cannot be {value}"))),
        },
    }
}

fn text(value: &Value) -> Result<String, AnswerError> {
    value.as_str().map(str::to_owned).ok_or_else(|| no_fraction(value))
}

fn texts(value: &Value) -> Result<Vec<String>, AnswerError> {
    value.as_array().into_iter().flatten().map(text).collect()
}

/// An answer of `solve`, or a proof, from a file.
///
/// # Errors
/// [`AnswerError`], naming the file.
pub fn read_certificate(path: &Path) -> Result<Value, AnswerError> {
    let wrong = |e: &dyn fmt::Display| AnswerError::input(e.to_string()).in_file(path);
    let text = std::fs::read_to_string(path).map_err(|e| wrong(&e))?;
    serde_json::from_str(&text).map_err(|e| wrong(&e))
}

/// Something that a proof gets wrong; it displays as the sentence that is published.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Problem {
    /// Win rates of a pair are negative, or do not sum to 1.
    NotComplementary {
        /// The pair, `i <= j`.
        actions: (usize, usize),
        /// `P_ij` and `P_ji` as they were written, reduced or not.
        win_rates: (String, String),
    },
    /// The policy gives an action a negative probability.
    NegativeProbability {
        /// The action.
        action: usize,
    },
    /// The policy does not sum to 1.
    NotNormalised,
    /// An action wins more than half against the policy.
    NoEquilibrium {
        /// The action.
        action: usize,
        /// By how much its win rate exceeds 1/2.
        gain: f64,
    },
    /// Uniqueness is claimed and not proved.
    UniquenessNotProved,
    /// The equilibrium inside the set of all is none, or does not hold every action that it does not play below 1/2.
    NotInside,
    /// An end of a range is not attained, or not bounded.
    RangeNotProved {
        /// The action.
        action: usize,
        /// Whether it is the largest probability, not the least.
        largest: bool,
    },
    /// A text is not a fraction `a/b` with `b > 0`.
    NoFraction {
        /// The text.
        text: String,
    },
    /// The proof of a range names an action that the game has not.
    NoAction {
        /// The action, from 0.
        action: usize,
    },
    /// A field of the file says something else than follows from the proof.
    Field {
        /// The field.
        field: String,
        /// What it says.
        says: String,
        /// What it should say.
        holds: String,
    },
    /// A field of the file makes a claim that the proof says nothing of.
    NotProved {
        /// The field.
        field: String,
    },
    /// A problem of one context of several.
    InContext {
        /// The context, from 0.
        context: usize,
        /// What is wrong there.
        problem: Box<Self>,
    },
    /// A field of the file is not as it was written: its digest differs.
    Changed {
        /// The field.
        field: String,
    },
    /// The game has another number of contexts or actions than the proof.
    AnotherShape {
        /// Actions of the proof.
        actions: usize,
    },
    /// The game has another win rate than the proof.
    AnotherWinRate {
        /// The pair.
        actions: (usize, usize),
        /// The proof's win rate.
        proof: String,
        /// The game's.
        game: f64,
    },
    /// The game calls an action otherwise.
    AnotherLabel {
        /// The proof's name.
        proof: String,
        /// The game's.
        game: String,
    },
}

impl Problem {
    pub(super) fn field(name: &str, says: &dyn fmt::Display, holds: &dyn fmt::Display) -> Self {
        Self::Field { field: name.to_owned(), says: says.to_string(), holds: holds.to_string() }
    }

    pub(super) fn not_proved(name: &str) -> Self {
        Self::NotProved { field: name.to_owned() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotComplementary { actions: (i, j), win_rates: (p, q) } => {
                write!(f, "win rates {p} and {q} of actions {i} and {j} are not complementary probabilities")
            }
            Self::NegativeProbability { action } => {
                write!(f, "the policy gives action {action} a negative probability")
            }
            Self::NotNormalised => f.write_str("the policy does not sum to 1"),
            Self::NoEquilibrium { action, gain } => {
                write!(f, "action {action} beats the policy by {gain:e}: it is no equilibrium")
            }
            Self::UniquenessNotProved => {
                f.write_str("it is said to be the only equilibrium (`unique`), which does not follow")
            }
            Self::NotInside => f.write_str(
                "`certificate.exact.inside` is no equilibrium that holds every action it does not play below 1/2",
            ),
            Self::RangeNotProved { action, largest } => {
                let end = if *largest { "largest" } else { "least" };
                write!(f, "`certificate.exact.ranges`: the {end} probability of action {action} is not proved")
            }
            Self::NoFraction { text } => write!(f, "`{text}` is not a fraction \"a/b\" with b > 0"),
            Self::NoAction { action } => {
                write!(f, "`certificate.exact.ranges` names an action {action}, which the game has not")
            }
            Self::Field { field, says, holds } => {
                write!(f, "`{field}` says {says}, and {holds} follows from the proof")
            }
            Self::NotProved { field } => write!(f, "`{field}` is not proved: the proof says nothing of it"),
            Self::InContext { context, problem } => write!(f, "context {context}: {problem}"),
            Self::Changed { field } => write!(f, "`{field}` was changed since `solve` wrote it"),
            Self::AnotherShape { actions } => {
                write!(f, "the proof is for one context of {actions} actions, the game is another")
            }
            Self::AnotherWinRate { actions: (i, j), proof, game } => {
                write!(f, "actions {i} and {j}: the proof has {proof}, the game {game}")
            }
            Self::AnotherLabel { proof, game } => {
                write!(f, "`labels`: the proof has `{proof}` where the game has `{game}`")
            }
        }
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a check came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CertificateAnswer {
    /// Whether the proof holds: there is no problem.
    pub valid: bool,
    /// Number of actions, of all contexts together.
    pub n: usize,
    /// Number of contexts.
    pub contexts: usize,
    /// What it gets wrong, in the order of the argument.
    pub problems: Vec<Problem>,
    /// Whether the policy is proved to be the only equilibrium (in every context), or proved not to be (in one of them); `None`: neither, or
    /// the proof fails.
    pub unique: Option<bool>,
    /// Duality gap of the floating-point policy beside the proof, divided by its sum, exact but for the last rounding; at least 0.
    pub policy_duality_gap: Option<f64>,
}

impl fmt::Display for CertificateAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<String> = self.problems.iter().map(|p| format!("wrong: {p}")).collect();
        if self.valid {
            let unique = match self.unique {
                Some(true) => "the only equilibrium",
                Some(false) => "one of several equilibria",
                None => "an equilibrium; whether the only one is not proved",
            };
            let game = match self.contexts {
                1 => format!("a game of {} actions", self.n),
                several => format!("a game of {several} contexts and {} actions in all", self.n),
            };
            lines.push(format!("proved: {unique} of {game}"));
        }
        if let Some(gap) = self.policy_duality_gap {
            lines.push(format!("duality gap of the floating-point policy, computed exactly: {gap:.6e}"));
        }
        f.write_str(&lines.join("\n"))
    }
}

/// Checks an answer of `solve` as JSON, or a [`Proof`] by itself; with a game, also that it is the game of the proof.
///
/// ```
/// use equipoise_answers::{Problem, Proof, check_certificate};
///
/// let text = |row: [&str; 2]| row.map(str::to_owned).to_vec();
/// let mut proof = Proof {
///     format: 2,
///     labels: text(["a", "b"]),
///     win_rates: vec![text(["1/2", "2/3"]), text(["1/3", "1/2"])],
///     policy: text(["1", "0"]),
///     unique: Some(true),
///     dimension: Some(0),
///     inside: None,
///     ranges: None,
/// };
/// assert!(check_certificate(&serde_json::to_value(&proof)?, None)?.valid);
/// proof.policy = text(["1/2", "1/2"]);
/// let found = check_certificate(&serde_json::to_value(&proof)?, None)?;
/// assert!(matches!(found.problems[..], [Problem::NoEquilibrium { action: 0, .. }]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// An answer of several contexts is checked context by context; one without a proof is a problem.
///
/// # Errors
/// [`AnswerError::Input`] if there is no proof, or the win rates are not square. A proof that fails is an answer, not an
/// error.
pub fn check_certificate(answer: &Value, game: Option<&GivenGame>) -> Result<CertificateAnswer, AnswerError> {
    match answer.get("contexts").and_then(Value::as_array) {
        None if game.is_some_and(|game| game.game.contexts() > 1) => {
            let mut found = check_context(answer, None)?;
            found.problems.push(Problem::AnotherShape { actions: found.n });
            Ok(CertificateAnswer { valid: false, unique: None, ..found })
        }
        None => check_context(answer, game.map(|game| (game, 0))),
        Some(contexts) => check_contexts(contexts, game),
    }
}

fn check_contexts(answers: &[Value], game: Option<&GivenGame>) -> Result<CertificateAnswer, AnswerError> {
    let mut whole =
        CertificateAnswer { contexts: answers.len(), unique: Some(true), ..CertificateAnswer::default() };
    let mut problems = Vec::new();
    if answers.is_empty() {
        return Err(AnswerError::input("`contexts` is empty: there is no proof"));
    }
    if let Some(other) = game.map(|g| g.game.contexts()).filter(|&contexts| contexts != answers.len()) {
        problems.push(Problem::field("contexts", &answers.len(), &other));
    }
    for (context, answer) in answers.iter().enumerate() {
        let inside = |problem: Problem| Problem::InContext { context, problem: Box::new(problem) };
        if answer.pointer("/certificate/exact").is_none() {
            problems.push(inside(Problem::not_proved("certificate.exact")));
            whole.unique = None;
            continue;
        }
        let game = game.filter(|given| context < given.game.contexts()).map(|given| (given, context));
        let found = check_context(answer, game)?;
        whole.n += found.n;
        problems.extend(found.problems.into_iter().map(inside));
        whole.unique = match (whole.unique, found.unique) {
            (Some(all), Some(this)) => Some(all && this),
            _ => None,
        };
        whole.policy_duality_gap =
            [whole.policy_duality_gap, found.policy_duality_gap].into_iter().flatten().reduce(f64::max);
    }
    let valid = problems.is_empty();
    Ok(CertificateAnswer { valid, problems, unique: whole.unique.filter(|_| valid), ..whole })
}

fn check_context(
    answer: &Value,
    game: Option<(&GivenGame, usize)>,
) -> Result<CertificateAnswer, AnswerError> {
    let proof = Proof::of_answer(answer)?;
    let n = proof.policy.len();
    if n == 0 || proof.win_rates.len() != n || proof.win_rates.iter().any(|row| row.len() != n) {
        let rule = format!("the win rates must be {n} x {n}, as the policy has {n} entries");
        return Err(AnswerError::input(rule));
    }
    let read = Fractions::read(&proof).and_then(|whole| Ok((whole.check(&proof)?, whole)));
    let ((mut problems, verdict), whole) = match read {
        Ok(read) => read,
        Err(unreadable) => {
            let mut problems = vec![unreadable];
            problems.extend(surroundings::changed(answer));
            return Ok(CertificateAnswer {
                valid: false,
                n,
                contexts: 1,
                problems,
                unique: None,
                policy_duality_gap: None,
            });
        }
    };
    let unique = if problems.is_empty() { verdict.unique } else { None };
    let mut policy_duality_gap = None;
    if answer.pointer("/certificate/exact").is_some() {
        policy_duality_gap = surroundings::check(answer, &proof, &whole, &verdict, &mut problems);
    } else if proof.labels.len() != whole.n() {
        problems.push(Problem::field("labels", &proof.labels.len(), &whole.n()));
    }
    let of_layout_2 = [proof.dimension.is_some(), proof.inside.is_some(), proof.ranges.is_some()]
        .contains(&true)
        || answer.pointer("/certificate/digests").is_some();
    if !(1..=FORMAT).contains(&proof.format) || (proof.format == 1 && of_layout_2) {
        problems.push(Problem::field("certificate.exact.format", &proof.format, &FORMAT));
    }
    if let Some((game, x)) = game {
        problems.extend(difference(&proof, &whole, game, x));
    }
    let valid = problems.is_empty();
    Ok(CertificateAnswer { valid, n: whole.n(), contexts: 1, problems, unique, policy_duality_gap })
}

/// What distinguishes context `x` of a game from that of the proof.
fn difference(proof: &Proof, whole: &Fractions, given: &GivenGame, x: usize) -> Option<Problem> {
    let (game, n): (&Game, usize) = (&given.game, whole.n());
    if game.shape().actions(x) != n {
        return Some(Problem::AnotherShape { actions: n });
    }
    let differs = |i: usize, j: usize| match &given.fractions[x] {
        Some(fractions) => {
            let (a, b) = fractions.margin(i, j);
            !whole.win_rates[i][j].is_half_plus(a, b)
        }
        None => (whole.win_rates[i][j].to_f64() - game.prob(x, i, j)).abs() > AS_WRITTEN,
    };
    if let Some((i, j)) = (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).find(|&(i, j)| differs(i, j)) {
        let (proof, game) = (whole.win_rates[i][j].text(), game.prob(x, i, j));
        return Some(Problem::AnotherWinRate { actions: (i, j), proof, game });
    }
    let labels = game.labels(x);
    let other = |(proof, game): (&String, &String)| {
        (proof != game).then(|| Problem::AnotherLabel { proof: proof.clone(), game: game.clone() })
    };
    proof.labels.iter().zip(&labels).find_map(other)
}

fn no_fraction(value: &Value) -> AnswerError {
    AnswerError::input(format!("{value} is not a fraction \"a/b\" with b > 0"))
}
