//! Games whose payoff is a function of the win rate: `max_pi min_pi' sum_ij pi_i pi'_j Psi(P_ij)`.
//!
//! `Psi` is odd about 1/2 if `Psi(p) + Psi(1 - p) = 2 Psi(1/2)`: the game is then a symmetric one, both players play alike, and
//! its lotteries stay within the Smith set. If it is not, one of the two players leaves it on some game of four items
//! (structured review of arXiv:2505.20627; the witness is a test), so the two policies are given apart. All functions here are
//! increasing, so that a Condorcet winner is played with certainty by both. Of several lotteries of a player that of largest entropy
//! is given, and it is said that there are others.

use equipoise_env::PreferenceMatrix;
use ndarray::Array2;

use super::choice::{Choice, ConceptOptions};
use super::electorate::Electorate;
use super::zero_sum::{ZeroSum, best_rows, zero_sum};
use crate::error::ReferenceError;
use crate::exact::{RationalMargins, select_exact};
use crate::lottery::Selection;
use crate::select::select_lottery;

type Chosen = Result<Choice, ReferenceError>;

/// Most items of a game that is not symmetric.
const LARGEST_PAYOFFS: usize = 120;

/// A function of the win rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payoff {
    /// `log(p / (1 - p))`, odd; infinite at 0 and 1.
    Logit,
    /// The sign of `p - 1/2`, odd.
    Sign,
    /// `sin(pi (p - 1/2))`, odd.
    Sine,
    /// `p^2`, convex.
    Square,
    /// `sqrt p`, concave.
    Root,
    /// `log p`, concave; infinite at 0.
    Log,
}

impl Payoff {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Logit, Self::Sign, Self::Sine, Self::Square, Self::Root, Self::Log];

    /// `Psi(1/2 + margin)`.
    #[must_use]
    pub fn of(self, margin: f64) -> f64 {
        let p = 0.5 + margin;
        match self {
            // log-odds of 1/2 + k are 2 atanh(2 k)
            Self::Logit => 2.0 * (2.0 * margin).atanh(),
            Self::Sign if margin == 0.0 => 0.0,
            Self::Sign => margin.signum(),
            Self::Sine => (std::f64::consts::PI * margin).sin(),
            Self::Square => p * p,
            Self::Root => p.sqrt(),
            Self::Log => p.ln(),
        }
    }

    /// Whether `Psi(p) + Psi(1 - p) = 2 Psi(1/2)`.
    #[must_use]
    pub fn is_odd(self) -> bool {
        matches!(self, Self::Logit | Self::Sign | Self::Sine)
    }
}

/// The equilibrium of the game of this payoff. `None` if a payoff is infinite.
#[must_use]
pub fn payoff_equilibrium(matrix: &PreferenceMatrix, payoff: Payoff) -> Option<ZeroSum> {
    zero_sum(&payoffs(matrix, payoff))
}

fn payoffs(matrix: &PreferenceMatrix, payoff: Payoff) -> Array2<f64> {
    Array2::from_shape_fn((matrix.n(), matrix.n()), |(i, j)| payoff.of(matrix.margin(i, j)))
}

fn choose(electorate: &Electorate, payoff: Payoff) -> Chosen {
    let (matrix, n) = (electorate.matrix(), electorate.n());
    let infinite = "a win rate of 0 or 1 has an infinite payoff; smooth the counts, or take a bounded payoff";
    if !payoff.is_odd() {
        if n > LARGEST_PAYOFFS {
            return Ok(Choice::open(format!(
                "its game is not symmetric, and solved by a dense linear programme; up to {LARGEST_PAYOFFS} items: cut the list with --items"
            )));
        }
        let paid = payoffs(matrix, payoff);
        if paid.iter().any(|v| !v.is_finite()) {
            return Ok(Choice::open(infinite));
        }
        return Ok(match best_rows(&paid) {
            Some(found) => Choice::Lottery { policy: found.policy, unique: found.unique },
            None => Choice::open("rounding does not let its optimal lotteries be told apart"),
        });
    }
    if payoff == Payoff::Sign {
        let sign = |m: f64| i128::from(m > 0.0) - i128::from(m < 0.0);
        let signs = RationalMargins::new(n, |i, j| Some((sign(electorate.margin(i, j)), 2)));
        if let Some((found, exact)) =
            signs.map(|signs| select_exact(&signs, Selection::MaximumEntropy, false)).transpose()?.flatten()
        {
            return Ok(Choice::Lottery { policy: found.policy.to_vec(), unique: Some(exact.unique) });
        }
    }
    let paid = |i: usize, j: usize| payoff.of(matrix.margin(i, j));
    let largest =
        (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).fold(0.0, |l: f64, (i, j)| l.max(paid(i, j)));
    if largest == f64::INFINITY {
        return Ok(Choice::open(infinite));
    }
    let scale = if largest > 0.0 { 0.5 / largest } else { 1.0 };
    let margin = |i: usize, j: usize| (paid(i, j) * scale).clamp(-0.5, 0.5);
    let game = PreferenceMatrix::from_margins(n, margin).expect("scaled to margins");
    let found = select_lottery(&game, Selection::MaximumEntropy)?;
    Ok(Choice::Lottery { policy: found.policy.to_vec(), unique: found.unique })
}

macro_rules! entries {
    ($($name:ident $payoff:ident),*) => {
        $(pub(super) fn $name(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
            choose(electorate, Payoff::$payoff)
        })*
    };
}

entries! { logit Logit, sign Sign, sine Sine, square Square, root Root, log Log }
