//! The oracle that answers from a fit.

use std::sync::Arc;

use equipoise_core::registry::{BuildError, ensure};
use equipoise_core::{Cost, Duel, Oracle, Policy, Rng, Shape, sample};
use equipoise_env::{
    FittedView, Game, GameError, GameOracle, Labelling, Labels, MatrixError, MeasuredOracle, NoAnnotators,
    PreferenceMatrix,
};
use ndarray::{Array1, Array2};

use super::data::{contextual_data, model_data};
use super::{Learned, MOST_PAIRS, Undetermined};
use crate::error::FitError;
use crate::fitted::Fitted;
use crate::input::ModelInput;

/// Why no model could be learned.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// An option does not fit the game.
    #[error(transparent)]
    Options(#[from] BuildError),
    /// The model cannot be fitted to the labels.
    #[error("the labels{} cannot be fitted by `{model}`: {error}", of_context(*.context))]
    Fit {
        /// The model.
        model: &'static str,
        /// The context, of several.
        context: Option<usize>,
        /// Why.
        error: FitError,
    },
    /// The iteration did not meet its tolerance.
    #[error("the fit of `{model}`{} has {said}", of_context(*.context))]
    NotConverged {
        /// The model.
        model: &'static str,
        /// The context, of several.
        context: Option<usize>,
        /// What the fit says of itself.
        said: String,
    },
    /// The fit says nothing of some pairs.
    #[error(
        "`{model}` says nothing of {pairs} of {all} pairs after {labels} labels, as of `{first}` and `{second}`: take a larger \
         `per_context`, the design `all`, a model that compares items through others, or `undetermined: even`"
    )]
    Undetermined {
        /// The model.
        model: &'static str,
        /// Pairs without a probability, over all contexts.
        pairs: usize,
        /// All pairs.
        all: usize,
        /// Lines of the data set.
        labels: usize,
        /// One such pair.
        first: String,
        /// Its second action.
        second: String,
    },
    /// The fitted probabilities are none.
    #[error(transparent)]
    Matrix(#[from] MatrixError),
    /// They make no game.
    #[error(transparent)]
    Game(#[from] GameError),
}

fn of_context(context: Option<usize>) -> String {
    context.map_or(String::new(), |x| format!(" of context {x}"))
}

/// An oracle that buys labels of a true game, fits a model to them, and answers from the fit.
///
/// Every label is charged as the duels that were made for it; what is asked of the fit is counted apart
/// ([`FittedView::model_queries`]) and is neither a query nor a duel. Labels of a refresh are added to the earlier ones, and all
/// are fitted anew; should that fail where an earlier fit stands, the earlier one is kept, and said. All randomness comes
/// from the one stream that it is given: corrupted pairs from its first word, pairs and answers in the order in which they
/// are bought.
pub struct LearnedOracle {
    spec: Learned,
    /// Measures; asked by no solver.
    truth: GameOracle,
    /// Answers; its own ledger is not used.
    fitted: GameOracle,
    labelling: Labelling,
    reference: Policy,
    rng: Rng,
    labels: Labels,
    purchases: u64,
    /// Fits that failed where an earlier one stood, with the last reason.
    failed: (u64, Option<LearnError>),
    /// What was said of the fit in force.
    remarks: Vec<String>,
    model_queries: u64,
}

impl LearnedOracle {
    /// Buys the first labels about the game of `truth`, an exact oracle with an empty ledger, and fits them. `start` is the
    /// policy that is played first: what the design `on-policy` draws from.
    ///
    /// # Errors
    /// [`LearnError`]: options that do not fit the game, labels that cannot be fitted or that leave pairs undetermined.
    pub fn new(
        spec: Learned,
        truth: GameOracle,
        reference: &Policy,
        start: &Policy,
        rng: Rng,
    ) -> Result<Self, LearnError> {
        let mut oracle = Self::unfitted(spec, truth, reference, rng)?;
        oracle.buy(start);
        oracle.learn()?;
        Ok(oracle)
    }

    /// All labels bought so far.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The game of the fitted probabilities.
    #[must_use]
    pub fn fitted_game(&self) -> &Arc<Game> {
        self.fitted.game()
    }

    /// The labels that such an oracle buys first, without a fit: the data set of a run, with who gave each answer, or why that is unknown.
    ///
    /// # Errors
    /// [`BuildError`]: options that do not fit the game.
    pub fn first_labels(
        spec: &Learned,
        game: &Arc<Game>,
        reference: &Policy,
        start: &Policy,
        rng: Rng,
    ) -> Result<(Labels, Option<NoAnnotators>), BuildError> {
        let mut oracle = Self::unfitted(spec.clone(), GameOracle::exact(Arc::clone(game)), reference, rng)?;
        oracle.buy(start);
        let mut labels = oracle.labels;
        let found = oracle.labelling.annotators(game, &labels.pairs, &mut oracle.rng);
        let unknown = found.map(|annotators| labels.annotators = annotators).err();
        Ok((labels, unknown))
    }

    fn unfitted(
        spec: Learned,
        truth: GameOracle,
        reference: &Policy,
        mut rng: Rng,
    ) -> Result<Self, BuildError> {
        let (contexts, each) = (truth.game().shape().contexts(), spec.pairs.per_context);
        let rule = format!("must be at most {MOST_PAIRS} over all {contexts} contexts of the game");
        let fits = contexts.checked_mul(each).is_some_and(|all| all <= MOST_PAIRS);
        ensure(fits, "pairs.per_context", each, &rule)?;
        let seed = sample::index(&mut rng, usize::MAX) as u64;
        let labelling = Labelling::new(&spec.labels, seed, truth.game().shape())?;
        Ok(Self {
            fitted: GameOracle::exact(Arc::clone(truth.game())),
            truth,
            labelling,
            reference: reference.clone(),
            rng,
            labels: Labels::default(),
            purchases: 0,
            failed: (0, None),
            remarks: Vec::new(),
            model_queries: 0,
            spec,
        })
    }

    fn buy(&mut self, played: &Policy) {
        let pairs =
            self.spec.design().pairs(&self.reference, played, self.spec.pairs.per_context, &mut self.rng);
        self.labels.extend(self.labelling.record(self.truth.game(), &pairs, &mut self.rng));
        self.purchases += 1;
    }

    /// Fits all labels and answers from the fit.
    fn learn(&mut self) -> Result<(), LearnError> {
        let (game, remarks) = learned_game(&self.spec, self.truth.game(), &self.labels)?;
        self.fitted = GameOracle::exact(Arc::new(game));
        self.remarks = remarks;
        Ok(())
    }
}

/// The game of the probabilities that the model of `spec` has when it is fitted to `labels` about `game`, and what is to be said
/// of the fit.
fn learned_game(spec: &Learned, game: &Game, labels: &Labels) -> Result<(Game, Vec<String>), LearnError> {
    let (entry, shape) = (spec.entry(), game.shape());
    let several = |x: usize| (shape.contexts() > 1).then_some(x);
    let mut said = Said::default();
    let fit = |context: Option<usize>, data: Result<_, FitError>, said: &mut Said| {
        let fitted = data.and_then(|data| entry.fit(&data, spec.options()));
        match fitted {
            Ok(fitted) if !fitted.convergence.converged => Err(LearnError::NotConverged {
                model: entry.name,
                context,
                said: fitted.convergence.to_string(),
            }),
            Ok(fitted) => {
                if fitted.prior && !fitted.existence.holds() {
                    said.priors += 1;
                    said.prior = fitted.prior_words();
                }
                Ok(Some(fitted))
            }
            Err(FitError::Nothing) if spec.undetermined == Undetermined::Even => Ok(None),
            Err(error) => Err(LearnError::Fit { model: entry.name, context, error }),
        }
    };
    let all: Option<Fitted> = if entry.input == ModelInput::Contexts {
        fit(None, contextual_data(entry.name, labels, shape, &game.labels(0)), &mut said)?
    } else {
        None
    };
    let mut matrices = Vec::with_capacity(shape.contexts());
    for x in 0..shape.contexts() {
        let (n, names) = (shape.actions(x), game.labels(x));
        let table = if entry.input == ModelInput::Contexts {
            all.as_ref().map(|fitted| fitted.probability_in(x))
        } else if n == 1 {
            None
        } else {
            let data = model_data(entry.input, entry.name, labels, x, &names);
            fit(several(x), data, &mut said)?.map(|fitted| fitted.probability_in(0))
        };
        let table = table.unwrap_or_else(|| Array2::from_elem((n, n), None));
        for i in 0..n {
            for j in (i + 1..n).filter(|&j| table[[i, j]].is_none()) {
                said.undetermined += 1;
                said.first.get_or_insert_with(|| (names[i].clone(), names[j].clone()));
            }
        }
        let margin = |i: usize, j: usize| table[[i, j]].map_or(0.0, |p| p - 0.5);
        matrices.push(PreferenceMatrix::from_margins(n, margin)?);
    }
    let pairs: usize = shape.ranges().map(|r| r.len() * (r.len() - 1) / 2).sum();
    let Said { priors, undetermined, first, prior } = said;
    if let (Some((first, second)), Undetermined::Refuse) = (first, spec.undetermined) {
        return Err(LearnError::Undetermined {
            model: entry.name,
            pairs: undetermined,
            all: pairs,
            labels: labels.lines(),
            first,
            second,
        });
    }
    let mut remarks = Vec::new();
    if undetermined > 0 {
        remarks.push(format!(
            "{undetermined} of {pairs} pairs are not determined by the labels and count as even"
        ));
    }
    if priors > 0 {
        let where_ = if shape.contexts() > 1 { format!(" in {priors} contexts") } else { String::new() };
        remarks.push(format!("no finite maximum of the likelihood{where_}: {prior} was added"));
    }
    let fitted = Game::new(matrices)?.with_weights(game.weights().to_vec())?;
    Ok((fitted, remarks))
}

/// What is noticed while contexts are fitted.
#[derive(Default)]
struct Said {
    /// Fits that needed a prior.
    priors: usize,
    /// The prior, in words.
    prior: &'static str,
    /// Pairs without a probability, and the first of them.
    undetermined: usize,
    first: Option<(String, String)>,
}

impl Oracle for LearnedOracle {
    fn shape(&self) -> &Shape {
        self.truth.game().shape()
    }

    fn win_rates(&mut self, opponent: &Policy, out: &mut Array1<f64>) {
        self.model_queries += 1;
        self.fitted.win_rates(opponent, out);
    }

    fn duels(&mut self, pairs: &[Duel], out: &mut [f64]) {
        self.model_queries += pairs.len() as u64;
        self.fitted.duels(pairs, out);
    }

    fn cost(&self) -> Cost {
        Cost { queries: 0, duels: self.labels.duels }
    }
}

impl MeasuredOracle for LearnedOracle {
    fn game(&self) -> &Game {
        self.truth.game()
    }

    fn margins(&mut self, policy: &Policy) -> &Array1<f64> {
        self.truth.margins(policy)
    }

    fn last_margins(&self) -> &Array1<f64> {
        self.truth.last_margins()
    }

    fn product(&self, policy: &Policy, out: &mut Array1<f64>) {
        self.truth.product(policy, out);
    }

    /// True: its answers are those of another game than the one that a run is measured on.
    fn is_noisy(&self) -> bool {
        true
    }

    fn begin_step(&mut self, steps: u64, policy: &Policy) {
        let refresh = self.spec.pairs.refresh;
        if refresh == 0 || steps == 0 || !steps.is_multiple_of(refresh) {
            return;
        }
        self.buy(policy);
        if let Err(error) = self.learn() {
            self.failed = (self.failed.0 + 1, Some(error));
        }
    }

    fn fitted(&self) -> Option<FittedView<'_>> {
        Some(FittedView { game: self.fitted.game(), model_queries: self.model_queries })
    }

    fn notes(&self) -> Vec<String> {
        let counts: Vec<String> = self
            .labels
            .counts
            .iter()
            .map(|c| format!("{} {} of {}", c.name, c.rows_out, c.rows_in))
            .collect();
        let through =
            if counts.is_empty() { String::new() } else { format!("; rows let on: {}", counts.join(", ")) };
        let mut notes = vec![format!(
            "learned from {} labels of {} duels, bought {} times{through}; {} model queries",
            self.labels.lines(),
            self.labels.duels,
            self.purchases,
            self.model_queries
        )];
        notes.extend(self.remarks.iter().cloned());
        if let (failed, Some(error)) = &self.failed {
            notes
                .push(format!("{failed} refits failed and left the earlier fit in force; the last: {error}"));
        }
        notes
    }
}
