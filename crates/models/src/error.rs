//! Why nothing was fitted.

use equipoise_core::registry::BuildError;
use equipoise_env::{GameError, MatrixError};

use crate::input::ModelInput;

/// Most items (or features): Hessians are dense.
pub const MAX_ITEMS: usize = 3000;

/// Why nothing was fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// An option of the model is refused.
    #[error(transparent)]
    Options(#[from] BuildError),
    /// The data are of another form than the model needs.
    #[error("{model} is fitted to {}, not to {}", .needs.words(), .got.words())]
    Input {
        /// The model.
        model: &'static str,
        /// What it needs.
        needs: ModelInput,
        /// What it was given.
        got: ModelInput,
    },
    /// The Hessian would not fit.
    #[error(
        "{items} items; at most {MAX_ITEMS} are told apart here: select fewer, or run `equipoise fit --model bradley-terry` or \
         `equipoise rank`, which take any number"
    )]
    TooMany {
        /// Items or features.
        items: usize,
    },
    /// The Hessian of strengths linear in features would not fit.
    #[error(
        "{coefficients} coefficients (items times features and one); at most {most} are told apart here: select fewer items, or give \
         fewer features"
    )]
    TooManyCoefficients {
        /// Items times features and one, and those of the tie parameter.
        coefficients: usize,
        /// Most that are fitted.
        most: usize,
    },
    /// More matches than are rated one by one.
    #[error("has {matches:.2e} matches; at most {most:.0e} are rated one by one")]
    TooManyMatches {
        /// Weight of all matches.
        matches: f64,
        /// Most that are rated.
        most: f64,
    },
    /// Matches in fractions.
    #[error(
        "has a row of weight {weight}: Elo and TrueSkill follow matches one by one, of which there is a whole number; use \
         bradley-terry, which takes weights in fractions"
    )]
    PartsOfMatches {
        /// The first weight that is no whole number.
        weight: f64,
    },
    /// Draws under a model in which they have probability 0.
    #[error(
        "has draws (of weight {ties}), to which trueskill with `draw: {draw}` gives probability 0: give `draw` a larger value (0.1 as usual), or leave \
         the ties out (--ties drop)"
    )]
    NoDraws {
        /// Weight of the draws.
        ties: f64,
        /// The option.
        draw: f64,
    },
    /// A rating that overflowed, or is no number.
    #[error(
        "the rating of `{item}` is not a finite number: an update overflowed, or what happened has probability 0 in floating point; use \
         options nearer to the usual ones"
    )]
    NotFinite {
        /// The first such item.
        item: String,
    },
    /// No pair met.
    #[error("there are no comparisons of different items left")]
    Nothing,
    /// Every comparison is a tie.
    #[error("all comparisons are ties: a model of ties has no maximum; use one that counts them half")]
    OnlyTies,
    /// Magnitudes are needed and there are none.
    #[error("has no column `magnitude` and no two scores, one of which {model} needs; use bradley-terry")]
    NoMagnitudes {
        /// The model.
        model: &'static str,
    },
    /// Times are needed, and rows have none.
    #[error(
        "{rows} of {of} rows have no time, and {model} needs one in every row: a column `timestamp`; or use bradley-terry"
    )]
    NoTimes {
        /// The model.
        model: &'static str,
        /// Rows without a time.
        rows: usize,
        /// All rows.
        of: usize,
    },
    /// The model has no bonus.
    #[error("{model} has no bonus for the item listed first; use another model or leave it out")]
    Home {
        /// The model.
        model: &'static str,
    },
    /// Features are given to a model that has none.
    #[error("{model} is fitted without features of the items; leave the file of features out")]
    NoFeatures {
        /// The model.
        model: &'static str,
    },
    /// Features do not fit what they describe.
    #[error(
        "features have {rows} rows; the data have {items} items (or contexts, if they describe those): one row for each"
    )]
    Features {
        /// Rows given.
        rows: usize,
        /// Items, or contexts.
        items: usize,
    },
    /// Names of features that are not one a column.
    #[error("features have {columns} columns and {names} names: one name for each")]
    FeatureNames {
        /// Columns given.
        columns: usize,
        /// Names given.
        names: usize,
    },
    /// An iteration without a prior, where none has a maximum.
    #[error(
        "no finite maximum of the likelihood exists (Ford's condition), and Zermelo's iteration has no prior; use \
         --algorithm newman or newton"
    )]
    NoMaximum,
    /// The Hessian is singular.
    #[error(
        "the parameters are not determined by the data: features that are constant or combinations of others, or a \
         bonus that no pair shows in both orders"
    )]
    Singular,
    /// A covariate that says nothing.
    #[error("covariate `{name}` never differs between the items of a comparison; leave it out")]
    Covariate {
        /// What it is called.
        name: String,
    },
    /// Covariates that are combinations of others, or of differences between items.
    #[error(
        "the covariates are not determined by the data: one is a combination of the others, or a difference between items that is the \
         same in all their comparisons; leave it out"
    )]
    Covariates,
    /// The data leave open what the model asks for.
    #[error("the scores are not determined by the data: {what}; use bradley-terry, whose prior decides")]
    Undetermined {
        /// Why.
        what: &'static str,
    },
    /// Rankings with ties or of one item.
    #[error(
        "ranking {ranking} has tied items; Plackett-Luce needs strict orders (bradley-terry counts ties half)"
    )]
    TiedRanking {
        /// Its number, from 1.
        ranking: usize,
    },
    /// Pairs that never met, and an option that needs all.
    #[error(
        "{model} with `{option}` takes the win rates of all pairs, and {unmet} never met; leave the option out"
    )]
    Unmet {
        /// The model.
        model: &'static str,
        /// The option.
        option: &'static str,
        /// Pairs that never met.
        unmet: usize,
    },
    /// Win rates without counts, and an option that holds comparisons out.
    #[error("`{option}` holds comparisons out, and the data are win rates without counts; give a number")]
    Uncounted {
        /// The option.
        option: &'static str,
    },
    /// Contexts whose items are not the same.
    #[error("{model} compares the same items in every context, and the contexts have unequally many actions")]
    Ragged {
        /// The model.
        model: &'static str,
    },
    /// The fitted probabilities are none.
    #[error(transparent)]
    Matrix(#[from] MatrixError),
    /// The fitted probabilities make no game.
    #[error(transparent)]
    Game(#[from] GameError),
}
