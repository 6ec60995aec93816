//! One typed answer a question: to be serialised, printed, or used as it is.
//!
//! | question | of data in memory | answer |
//! |---|---|---|
//! | an exact equilibrium of a game, with its certificate | [`solve()`] of a [`GivenGame`] | [`SolveAnswer`] |
//! | the same of any number of games in a file | [`solve_batch`] | [`BatchAnswer`], and a file |
//! | how far a policy is from equilibrium | [`gap()`] | [`GapAnswer`] |
//! | whether a proof of equilibrium holds | [`check_certificate`] of an answer, or of a [`Proof`] | [`CertificateAnswer`] |
//! | is it cyclic beyond noise? | [`inspect()`], [`inspect_split`], [`inspect_groups`] | [`InspectAnswer`], [`InspectGroupsAnswer`] |
//! | a preference model | [`fit()`] of [`FitData`] | [`FitAnswer`] |
//! | items under several ratings | [`rank()`], [`rank_groups`], [`rank_with_page`] | [`RankAnswer`], [`RankGroupsAnswer`] |
//! | one board to be published | [`standings()`] | [`StandingsAnswer`] |
//! | are the votes sound? | [`votes()`] | [`VotesAnswer`] |
//! | who moved between two leaderboards? | [`changes()`] | [`ChangesAnswer`] |
//! | what should be played, under every concept | [`concepts()`] of [`ConceptsData`] | [`ConceptsAnswer`] |
//! | the statements about the methods, against measurements | [`audit()`] | [`AuditAnswer`] |
//! | what the registries hold | [`list()`] | [`ListAnswer`] |
//!
//! Options are plain structs with defaults. Files come in by a thin layer: [`Source`] (a path and which of its rows are meant)
//! reads a game or comparisons, [`FitSource`] and [`RankData::read`] what those questions take. A long computation is watched
//! through [`Progress`]; [`Silent`] watches nothing.
//!
//! An answer is one value with three views. Its fields are documented with unit and range. [`Display`](std::fmt::Display)
//! gives the text that the command prints; a width (`{answer:100}`) is the number of columns that tables may take, 160
//! without one. [`Serialize`](serde::Serialize) gives the JSON, whose keys are frozen once published; [`to_json`] writes it as
//! the command does.
//!
//! ```
//! use equipoise_answers::equipoise::{env::Game, ndarray::array};
//! use equipoise_answers::{GivenGame, Silent, SolveOptions, Solved, solve, to_json};
//!
//! // Pr(row beats column): a beats b, b beats c, c beats a
//! let game = Game::from_array(&array![[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]])?;
//! let answer = solve(&GivenGame::decimal(game), &SolveOptions::default(), &Silent)?;
//!
//! let Some(Solved::Lottery(lottery)) = answer.contexts.first() else { panic!("tau is 0") };
//! assert_eq!(lottery.unique, Some(true));
//! let proof = lottery.certificate.exact.as_ref().expect("three actions in decimals");
//! assert_eq!(proof.policy, ["2/7", "4/7", "1/7"]);
//!
//! assert!(answer.to_string().contains("the only equilibrium"));
//! assert!(to_json(&answer).contains("\"selected\": \"unique\""));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Dependencies go down only, so that the library cannot re-export this crate, which stands above it: depend on
//! `equipoise-answers`, which re-exports the library as [`equipoise`].

mod audit;
mod batch;
mod certificate;
mod concepts;
mod decimals;
mod error;
mod estimators;
mod export;
mod fit;
mod gap;
mod inspect;
mod list;
mod loss;
mod p_value;
mod position;
mod progress;
mod rank;
mod settings;
mod solve;
mod source;
mod standings;
mod table;
mod two_player;
mod votes;

/// The library that the answers rest on.
pub use equipoise;

pub use audit::{AuditAnswer, AuditOptions, ClaimAnswer, audit};
pub use batch::{BatchAnswer, UniqueCounts, is_batch_output, read_reference_for_batch, solve_batch};
pub use certificate::{
    CertificateAnswer, EndProof, Problem, Proof, RangeProof, check_certificate, read_certificate,
};
pub use concepts::{
    ConceptRow, ConceptsAnswer, ConceptsData, ConceptsOptions, OneBallot, RuleAxiom, concepts,
};
pub use error::AnswerError;
pub use estimators::{EstimatorRow, EstimatorsAnswer, estimators};
pub use fit::{
    Coefficient, ComparedModel, ComparedModelsAnswer, FitAnswer, FitData, FitGroupsAnswer, FitOptions,
    FitSource, FitTies, GroupFit, ModelAnswer, PairwiseAnswer, compare_models, fit,
};
pub use gap::{GapAnswer, GapOptions, gap};
pub use inspect::{
    AnnotatorAgreement, BradleyTerryFacts, Cycle, CyclicEnergy, CyclicTriads, Detectable, Favourite,
    GroupAgreement, GroupSummary, InspectAnswer, InspectData, InspectGroupsAnswer, InspectOptions,
    InspectVerdict, LinkFacts, LotteryWords, NashFacts, OneRating, OneRatingFacts, PowerFacts, PowerTriad,
    Repeated, StatisticFacts, StrongestCycle, inspect, inspect_groups, inspect_split,
};
pub use list::{
    AxiomEvidence, AxiomListRow, ColumnRow, ConceptListRow, EstimatorListRow, GameRow, ListAnswer, MetricRow,
    ModelRow, Noun, ObjectiveRow, OracleRow, ReaderRow, SolverRow, list,
};
pub use loss::{LossAnswer, loss, read_loss_inputs};
pub use position::PositionFacts;
pub use progress::{Progress, Silent};
pub use rank::{
    PageOptions, RankAnswer, RankData, RankGroupsAnswer, RankOptions, RankRow, rank, rank_groups,
    rank_with_page,
};
pub use settings::read_settings;
pub use solve::{
    LotteryAnswer, LotteryCertificate, PathAnswer, PathLimit, PathPoint, RegularisedAnswer,
    RegularisedCertificate, Select, SolveAnswer, SolveOptions, Solved, solve,
};
pub use source::{GivenGame, Source, comparisons_of, read_policy_for, read_reference_for, read_reference_of};
pub use standings::{
    ChangeRow, ChangesAnswer, CovariateFacts, StandingsAnswer, StandingsOptions, StandingsRow, changes,
    standings, standings_adjusted,
};
pub use two_player::{TwoPlayerAnswer, solve_two_player};
pub use votes::{
    AnnotatorFacts, DroppedVotes, InfluenceFacts, SpanFacts, VotesAnswer, VotesOptions, read_votes, votes,
};

/// An answer as the command prints it with `--json`: indented, keys in alphabetical order, numbers in the fewest digits that
/// read back to the same value.
///
/// # Panics
/// Never: answers have text keys.
#[must_use]
pub fn to_json(answer: &impl serde::Serialize) -> String {
    // by way of a value, whose objects are sorted
    let value = serde_json::to_value(answer).expect("an answer serialises");
    serde_json::to_string_pretty(&value).expect("a JSON value serialises")
}
