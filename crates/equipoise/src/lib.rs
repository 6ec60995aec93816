//! Equipoise: which alignment method converges to which policy, how fast, at what cost in preference queries, and how
//! far the Bradley-Terry answer is from the Nash answer, under general and possibly intransitive preferences.
//!
//! ```
#![doc = include_str!("../tests/readme/library.rs")]
//! ```
//!
//! # The five nouns
//!
//! **Game** ([`env::Game`](mod@env)). One or many contexts (prompts) `x`, each with `n_x` actions (responses) and a matrix of
//! win rates `P`, `[n_x, n_x]`, `P_ij = Pr(i beats j)`, `P + P^T = 1`. What is stored is the skew margin `K = P - 1/2`. A game
//! comes from an array ([`Game::from_array`](env::Game::from_array)), from a generator ([`registry::game`]) or from a file
//! ([`data`]). Contexts may differ in size; a vector "over the shape" lays their rows behind each other.
//!
//! ```
//! use equipoise::prelude::*;
//!
//! let game = Game::from_array(&array![[0.5, 0.8], [0.2, 0.5]])?;
//! assert_eq!(game.shape().len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **Policy** ([`core::Policy`](mod@core)). A distribution over the actions of each context: `pi`, `[sum of n_x]`, each row on
//! the simplex. Its state is its log-probabilities, which are never floored; both forms are at hand.
//!
//! ```
//! use equipoise::prelude::*;
//!
//! let shape = Shape::single(3).expect("not empty");
//! let pi = Policy::from_probs(&shape, array![0.5, 0.5, 0.0])?;
//! assert_eq!(pi.log_probs()[2], f64::NEG_INFINITY);
//! let tilted = Policy::from_logits(&shape, array![0.0, 1.0, 2.0])?; // softmax
//! assert!((tilted.probs().sum() - 1.0).abs() < 1e-15);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **Oracle** ([`core::Oracle`](mod@core)). All that a method may ask: the win rates `q = P pi` of every action against an
//! opponent policy, `[sum of n_x]`, or single duels. It keeps the ledger: queries and duels, never added up. Exact and sampled
//! oracles are [`env::GameOracle`](mod@env), a judge of your own is [`env::Judge`](mod@env); what can also be measured against
//! the true game is a [`env::MeasuredOracle`](mod@env).
//!
//! ```
//! use std::sync::Arc;
//!
//! use equipoise::prelude::*;
//!
//! let game = Arc::new(Game::from_array(&array![[0.5, 0.8], [0.2, 0.5]])?);
//! let mut oracle = GameOracle::exact(game.clone());
//! let mut q = Array1::zeros(2);
//! oracle.win_rates(&Policy::uniform(game.shape()), &mut q);
//! assert_eq!(q, array![0.65, 0.35]);
//! assert_eq!(oracle.cost(), Cost { queries: 1, duels: 0 });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **Solver** ([`core::Solver`](mod@core)). A method: `step(oracle, rng)` moves its policy. It knows a
//! [`Task`](core::Task): reference `mu`, start, and the regularisation `tau` of the game
//! `V(pi, pi') = Pr(pi beats pi') - tau KL(pi || mu) + tau KL(pi' || mu)`; `tau = 0` is the original game. Registered ones are
//! in [`registry`]; yours goes beside them with [`Comparison::with`].
//!
//! **Metric** ([`eval::Metric`]). A number of the true game and a policy, whatever the method was told. The duality gap is
//! `2 max_i (P pi)_i - 1`, in `[0, 1]` and 0 at the Nash policy; the regularised gap is `2 tau KL(pi || BR_tau(pi))`, with
//! `BR_tau(pi)_i` proportional to `mu_i exp((P pi)_i / tau)`. Over contexts a metric is the weighted mean.
//!
//! ```
//! use equipoise::prelude::*;
//!
//! let game = Game::from_array(&array![[0.5, 0.8], [0.2, 0.5]])?;
//! let mu = Policy::uniform(game.shape());
//! let truth = Truth { game: &game, reference: &mu, tau: 0.0, equilibrium: None };
//! assert!((measure(DUALITY_GAP, &truth, &mu) - 0.3).abs() < 1e-15);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # From one call to your own loop
//!
//! 1. [`compare`] runs methods on one game and prints a table: steps, limits, metrics, repetitions, oracles and methods of
//!    your own are its settings; [`Table::to_csv`] has every trace.
//! 2. [`Problem`] is a game, its task and the exact answer; [`Problem::run`] drives one registered method, and
//!    [`Problem::run_solver`] any.
//! 3. [`eval::drive`](fn@eval::drive) is the loop under both:
//!
//! ```
//! use std::sync::Arc;
//!
//! use equipoise::core::seed;
//! use equipoise::eval::Run;
//! use equipoise::prelude::*;
//!
//! let game = Arc::new(Game::from_array(&array![[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]])?);
//! let task = Task::new(Policy::uniform(game.shape())).tau(0.1);
//! let mut egpo = solver("egpo").expect("registered").build(&json!({ "step_size": 0.3 }), &task)?.solver;
//! let metrics = [metric(DUALITY_GAP_TAU).expect("registered")];
//! let mut queries = 0;
//! let outcome = drive(
//!     Run {
//!         solver: egpo.as_mut(),
//!         oracle: &mut GameOracle::exact(game.clone()),
//!         rng: seed::stream(0, "solver", &[]),
//!         task: &task,
//!         equilibrium: None,
//!         goal: None,
//!         largest_margin: 0.5,
//!         regularised: true,
//!         theory: &[],
//!         fixed_at_equilibrium: None,
//!         euclidean: false,
//!         test: None,
//!         metrics: &metrics,
//!         schedule: &Schedule::Log,
//!         limits: &Limits::steps(200),
//!         keep_policies: false,
//!         sink: None,
//!         groups: None,
//!     },
//!     &mut |now| {
//!         queries = now.oracle.cost().queries; // anything may be looked up here, uncharged
//!         true // false stops the run
//!     },
//! );
//! assert_eq!((outcome.steps, queries), (200, 400));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Rows of your own are held to the rules of the registered ones by [`conformance`]. Examples to start from are in the folder
//! `examples` of this crate: a first comparison; a solver, an oracle and a game of one's own; the exact answer with its proof;
//! ratings with tests of intransitivity; a sweep of step sizes to a figure.
//!
//! # Crates
//!
//! From the ground up: [`records`] (what is written, and its words), [`core`](mod@core) (contracts), [`env`](mod@env) (games,
//! oracles), [`reference`](mod@reference) (exact answers), [`eval`] (the instrument), [`data`] (files), [`models`]
//! (preference models), and the solver families behind [`registry`]. Stable are this page, [`prelude`], [`compare`],
//! [`Problem`], [`registry`], [`conformance`] and the contracts (`Solver`, `Oracle`, `MeasuredOracle`, `SolverConfig`,
//! `Generator`); the modules below them may change between minor versions.

pub use equipoise_baseline_bt as bt;
/// The checks that every row of a list passes, for rows of one's own too.
pub use equipoise_conformance as conformance;
/// Losses on labelled responses as published, and their registry.
pub use equipoise_conformance::objectives;
/// Policy classes and optimisers, and their registries.
pub use equipoise_conformance::policies;
pub use equipoise_conformance::registry;
pub use equipoise_core as core;
pub use equipoise_data as data;
pub use equipoise_env as env;
/// Gradient estimators and their audit, and their registry.
pub use equipoise_estimators as estimators;
pub use equipoise_eval as eval;
pub use equipoise_models as models;
pub use equipoise_records as records;
pub use equipoise_reference as reference;
/// Arrays, as public signatures speak them.
pub use ndarray;
/// Traits of random numbers, as [`core::Rng`] has them.
pub use rand;
/// JSON schemas, which a configuration derives.
pub use schemars;
/// Serialisation, which a configuration derives.
pub use serde;
/// Parameter blocks.
pub use serde_json;

pub mod audit;
pub mod claims;
mod compare;
mod local_theory;
pub mod machine;
pub mod oracles;
mod problem;

pub use compare::{BuildSolver, FromBox, FromEntry, FromEntryWith, FromTask, IntoMethod, Method};
pub use compare::{Comparison, ComparisonError, Row, Table, compare};
pub use problem::{Problem, RunOptions, RunResult};

/// What research code needs most, from a first comparison to rows of its own.
pub mod prelude {
    pub use crate::compare::{Comparison, ComparisonError, IntoMethod, Row, Table, compare};
    pub use crate::problem::{Problem, RunOptions, RunResult};
    pub use crate::registry::{game, metric, solver, solvers};
    pub use equipoise_core::registry::{BuildError, Built, ensure};
    pub use equipoise_core::{
        Aim, Cost, Duel, Guarantee, Oracle, Policy, Progress, Rng, Shape, Solver, SolverConfig, SolverEntry,
        StepError, Task,
    };
    pub use equipoise_data::{Selection, read_comparisons, read_matrix, read_policy};
    pub use equipoise_env::generators::{Generator, GeneratorEntry, generator};
    pub use equipoise_env::{Feedback, Game, GameOracle, Judge, MeasuredOracle, PreferenceMatrix, Sampled};
    pub use equipoise_eval::metrics::{Truth, measure};
    pub use equipoise_eval::{
        AfterStep, Behaviour, DUALITY_GAP, DUALITY_GAP_TAU, Iterate, Limits, Metric, Outcome, Schedule,
        StopReason, drive,
    };
    pub use equipoise_reference::{maximal_lottery, regularised_equilibrium};
    pub use ndarray::{Array1, Array2, array};
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::{Value, json};
}
