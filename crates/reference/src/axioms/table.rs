//! The table of rules and axioms, with evidence for each cell.
//!
//! `table.csv` is written by `cargo run --release -p equipoise-reference --example axioms`; a test finds every counter-example in it
//! again, and holds the proved cells against all small profiles.

use std::sync::OnceLock;

use super::{Axiom, Profile};

/// Whether a rule satisfies an axiom.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// On every profile on which it has one answer: a theorem.
    Proved {
        /// Whose.
        source: &'static str,
    },
    /// No.
    Refuted {
        /// The smallest counter-example that was found.
        profile: Profile,
    },
    /// No counter-example was found, which is no proof.
    Open {
        /// Where it was looked for.
        searched: String,
    },
    /// The rule has neither scores nor rankings, which the axiom asks about.
    NotAsked,
}

impl Verdict {
    /// In one word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Proved { .. } => "satisfied",
            Self::Refuted { .. } => "refuted",
            Self::Open { .. } => "open",
            Self::NotAsked => "not asked",
        }
    }
}

/// A cell of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Name of the rule.
    pub rule: String,
    /// The axiom.
    pub axiom: Axiom,
    /// What is known.
    pub verdict: Verdict,
}

const BY_DEFINITION: &str = "by definition";
const SMITH: &str = "it chooses within the Smith set: Smith 1973; Fishburn 1977, doi:10.1137/0133030";
const HOMOGENEOUS: &str = "it depends on shares of voters alone";
const DICTATOR: &str = "Gibbard 1977, doi:10.2307/1911681; each voter's first choice counts alone";
const LOTTERY: &str = "Brandl, Brandt, Seedig 2016, doi:10.3982/ECTA13337, where the lottery is the only one";

/// The theorem by which a rule satisfies an axiom, if there is one in the list.
#[must_use]
pub fn proved(rule: &str, axiom: Axiom) -> Option<&'static str> {
    use Axiom as A;
    // rules that are known to choose within the Smith set
    let within_smith = matches!(
        rule,
        "maximal-lottery"
            | "essential"
            | "bipartisan"
            | "payoff-sign"
            | "payoff-logit"
            | "payoff-sine"
            | "copeland"
            | "condorcet"
            | "smith"
            | "schwartz"
            | "uncovered-mckelvey"
            | "banks"
            | "schulze"
            | "ranked-pairs"
            | "river"
            | "split-cycle"
            | "stable-voting"
            | "kemeny"
            | "slater"
    );
    match (rule, axiom) {
        (_, A::Homogeneity) => Some(HOMOGENEOUS),
        (_, A::CondorcetWinner | A::CondorcetLoser | A::Smith | A::Majority) if within_smith => Some(SMITH),
        ("plurality", A::Pareto | A::Majority | A::Monotonicity) => Some(BY_DEFINITION),
        ("borda", A::Pareto | A::Monotonicity) => Some(BY_DEFINITION),
        ("borda", A::CondorcetLoser) => {
            Some("all margins of a Condorcet loser are below 0, and so is their sum; the mean sum is 0")
        }
        (
            "random-dictatorship",
            A::Pareto
            | A::Clones
            | A::Monotonicity
            | A::Participation
            | A::Independence
            | A::Strategyproofness
            | A::ReversalSymmetry,
        ) => Some(DICTATOR),
        ("maximal-lottery", A::Clones | A::Independence | A::Pareto) => Some(LOTTERY),
        ("maximal-lottery", A::ReversalSymmetry) => {
            Some("an item that is the only lottery beats every other: the equilibrium is quasi-strict")
        }
        ("maximal-lottery", A::Participation) => {
            Some("Brandl, Brandt, Hofbauer 2019, doi:10.1016/j.jet.2018.12.007")
        }
        ("schulze", A::Pareto | A::Clones | A::Monotonicity | A::ReversalSymmetry) => {
            Some("Schulze 2011, doi:10.1007/s00355-010-0475-4")
        }
        ("split-cycle", A::Pareto | A::Clones | A::Monotonicity | A::ReversalSymmetry) => {
            Some("Holliday, Pacuit 2023, doi:10.1007/s11127-023-01042-3")
        }
        ("copeland" | "llull", A::Monotonicity) => Some("raising an item raises its score and no other"),
        ("copeland" | "llull" | "minimax", A::Pareto) => {
            Some("an item above another for all voters beats what that beats, and loses by less")
        }
        ("minimax", A::Monotonicity) => Some("raising an item lessens its defeats and no other's"),
        ("minimax", A::CondorcetWinner | A::Majority) => {
            Some("Kramer 1977: a Condorcet winner has no defeat")
        }
        ("copeland", A::PairwiseMajority) => Some("scores of a ranking of majorities fall by 2 a place"),
        ("kemeny" | "slater", A::PairwiseMajority) => {
            Some("Young, Levenglick 1978, doi:10.1137/0135023: no ranking agrees with more")
        }
        _ => None,
    }
}

/// The table, rules in the order of the list of concepts.
///
/// # Panics
/// Never: a test reads it.
#[must_use]
pub fn axiom_table() -> &'static [Cell] {
    static TABLE: OnceLock<Vec<Cell>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let line = |line: &str| {
            let mut parts = line.splitn(4, ';').map(str::trim);
            let mut next = || parts.next().expect("four fields a line");
            let (rule, axiom, word, evidence) = (next(), next(), next(), next());
            let axiom = Axiom::named(axiom).expect("an axiom of the list");
            let verdict = match word {
                "satisfied" => {
                    Verdict::Proved { source: proved(rule, axiom).expect("a theorem of the list") }
                }
                "refuted" => Verdict::Refuted { profile: evidence.parse().expect("a profile") },
                "open" => Verdict::Open { searched: evidence.to_owned() },
                _ => Verdict::NotAsked,
            };
            Cell { rule: rule.to_owned(), axiom, verdict }
        };
        include_str!("table.csv").lines().skip(1).map(line).collect()
    })
}

/// The cells of one rule, in the order of the axioms; empty for rules that ballots are not enough for.
#[must_use]
pub fn verdicts_of(rule: &str) -> Vec<&'static Cell> {
    axiom_table().iter().filter(|cell| cell.rule == rule).collect()
}
