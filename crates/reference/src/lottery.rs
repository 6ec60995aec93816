//! Maximal lotteries: equilibria of the symmetric zero-sum game with margins `K = P - 1/2`.
//!
//! ```text
//! pi >= 0,  1'pi = 1,  K pi <= 0          gap0(pi) = max_i q_i - min_j (pi'P)_j = 2 max_i (K pi)_i
//! ```
//!
//! Known as von Neumann winner, minimax winner (arXiv:2401.04056) or Nash equilibrium of the preference game
//! (arXiv:2312.00886). The value is 1/2 whatever the game, so the gap certifies the policy without a dual.
//!
//! Ways, in the order they are tried; [`Method`] says which one gave the answer:
//! an action that beats all others is the answer; above five hundred actions a game that plays few of them, or has low rank, is
//! solved as such ([`crate::structured`]); up to [`PIVOTING`] actions the lexicographic simplex method, and
//! again in double-double arithmetic if the gap shows that `f64` chose a wrong basis (it happens when margins differ by nine
//! orders of magnitude); above, the central path with crossover, or its end as one equilibrium of several. Each is the
//! other's second way (pivoting up to [`PIVOTING_IN_NEED`] actions), and the last point of the path is the last way. None of
//! them can cycle or run on; the first four must leave a gap at rounding, the last one at most [`LARGEST_GAP`].
//!
//! Uniqueness. Let `S` be the support of an equilibrium and `T = {i: (K pi)_i = 0}` its best responses, `S` within `T`.
//! *The equilibrium is unique if and only if `T = S` and `K_SS` has a kernel of dimension one.* Proof: another
//! equilibrium `r` must play within `T` and hold every action of `S` level; if `T = S`, both lie in the kernel of
//! `K_SS`; and a kernel of dimension two lets `pi` move along it, since actions off `S` lose strictly. If `T` is larger
//! than `S`, then `(pi, pi)` is not strictly complementary, yet some optimal pair is (Goldman and Tucker 1956), and in
//! a symmetric game each of its halves is an equilibrium: not both are `pi`. A skew matrix has even rank, so a unique
//! equilibrium has odd support.
//!
//! Cost: `O(n^2)` a pivot with about `2 n` pivots; above [`PIVOTING`] about ten LU of size `n` or less.

use equipoise_core::{Policy, Shape};
use equipoise_env::PreferenceMatrix;
use faer::fx128;
use ndarray::Array1;

use crate::crossover::{Block, solve_bordered};
use crate::doubled::{accumulate, exact_margins};
use crate::error::ReferenceError;
use crate::face::Face;
use crate::interior::{self, End, Watch};
use crate::margins::Margins;
use crate::simplex::{Basis, optimal_basis};

/// Actions up to which pivoting is faster than the central path (measured).
const PIVOTING: usize = 100;
/// Actions up to which pivoting, in doubled precision if need be, takes seconds.
const PIVOTING_IN_NEED: usize = 500;
/// Largest duality gap of any answer.
pub const LARGEST_GAP: f64 = 1e-12;

/// Which equilibrium, where there are several.
#[derive(Clone, Copy, Debug, Default)]
pub enum Selection<'a> {
    /// The one of maximum entropy.
    #[default]
    MaximumEntropy,
    /// The limit of the equilibria regularised towards this reference (one context, positive), as `tau -> 0`: the
    /// one that minimises `KL(pi || mu)`.
    RegularisedLimit(&'a Policy),
    /// A vertex of their set.
    Vertex,
}

impl Selection<'_> {
    /// # Errors
    /// [`ReferenceError::Shape`] or [`ReferenceError::Support`] for a reference that does not fit `n` actions.
    pub(crate) fn check(&self, n: usize) -> Result<(), ReferenceError> {
        let Self::RegularisedLimit(mu) = self else { return Ok(()) };
        if mu.shape().contexts() != 1 || mu.shape().len() != n {
            return Err(ReferenceError::Shape { expected: n, got: mu.shape().len() });
        }
        match mu.log_probs().iter().position(|l| !l.is_finite()) {
            Some(action) => Err(ReferenceError::Support { action }),
            None => Ok(()),
        }
    }

    /// What an equilibrium of several is called that was selected so.
    pub(crate) fn selected(self) -> Selected {
        match self {
            Self::MaximumEntropy => Selected::MaximumEntropy,
            Self::RegularisedLimit(_) => Selected::RegularisedLimit,
            Self::Vertex => Selected::Vertex,
        }
    }
}

/// Which equilibrium was returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selected {
    /// The only one.
    Unique,
    /// Of several, the one of maximum entropy.
    MaximumEntropy,
    /// Of several, the limit of the regularised path.
    RegularisedLimit,
    /// Of several, a vertex of their set.
    Vertex,
    /// One; rounding does not let it be told whether there are others, or where their set ends.
    Undecided,
}

impl Selected {
    /// As reports spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unique => "unique",
            Self::MaximumEntropy => "maximum-entropy",
            Self::RegularisedLimit => "regularised-limit",
            Self::Vertex => "vertex",
            Self::Undecided => "undecided",
        }
    }
}

/// How an equilibrium was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// One action beats all others, or all tie.
    Inspection,
    /// Lexicographic simplex method.
    Simplex,
    /// Lexicographic simplex method in double-double arithmetic.
    DoubledSimplex,
    /// Central path and crossover to the null vector of the support's block.
    InteriorPoint,
    /// End of the central path, projected to the kernel of the support's block.
    CentralPath,
    /// Last point of the central path as it is.
    CentralPoint,
    /// Double oracle: a small game among the actions that come in, for large games that play few.
    DoubleOracle,
    /// Newton's method in the moments of a block of low rank, all of whose actions are played.
    LowRank,
    /// Whole numbers, from the margins as fractions.
    Rational,
}

impl Method {
    /// As reports spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Inspection => "inspection",
            Self::Simplex => "simplex",
            Self::DoubledSimplex => "simplex-doubled",
            Self::InteriorPoint => "interior-point",
            Self::CentralPath => "central-path",
            Self::CentralPoint => "central-point",
            Self::DoubleOracle => "double-oracle",
            Self::LowRank => "low-rank",
            Self::Rational => "rational",
        }
    }
}

/// A maximal lottery with its certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct Equilibrium {
    /// The lottery, `[n]`, on the simplex.
    pub policy: Array1<f64>,
    /// `2 max_i (K pi)_i`, recomputed from the margins with compensated sums and not clamped: the rounding of the policy
    /// may leave it just off 0 on either side.
    pub duality_gap: f64,
    /// Actions with positive probability, ascending.
    pub support: Vec<usize>,
    /// Actions that do best against the lottery, ties to rounding included, ascending; a superset of the support.
    pub best_responses: Vec<usize>,
    /// Whether it is the only one (criterion in the module head). Equalities are read up to rounding,
    /// `7e-15 sqrt n` relative to the largest margin (within a factor two). `None`: an inequality holds, but by less than the rounding error of the lottery.
    pub unique: Option<bool>,
    /// Dimension of the set of equilibria, 0 if unique; `None` if that was not told or not asked (a vertex needs it not).
    pub dimension: Option<usize>,
    /// Which equilibrium it is.
    pub selected: Selected,
    /// How it was found.
    pub method: Method,
}

impl Search<'_> {
    /// Least and largest probability of every action over all equilibria, `[n]`; `None` if rounding does not let the set be told.
    ///
    /// # Errors
    /// [`ReferenceError::Inexact`] as [`maximal_lottery`](crate::maximal_lottery).
    pub(crate) fn ranges(&mut self) -> Result<Option<Vec<(f64, f64)>>, ReferenceError> {
        let found = self.find()?;
        if found.unique == Some(true) {
            return Ok(Some(found.policy.iter().map(|&p| (p, p)).collect()));
        }
        if all_tie(self.k) {
            return Ok(Some(vec![(0.0, 1.0); self.k.n()]));
        }
        Ok(self.face().and_then(|face| face.ranges()))
    }

    /// Union of the supports of all equilibria, ascending; `None` if rounding does not let it be told.
    ///
    /// # Errors
    /// As [`Search::ranges`].
    pub(crate) fn essential_actions(&mut self) -> Result<Option<Vec<usize>>, ReferenceError> {
        let n = self.k.n();
        let found = self.find()?;
        if found.unique == Some(true) {
            return Ok(Some((0..n).filter(|&i| found.policy[i] > 0.0).collect()));
        }
        if all_tie(self.k) {
            return Ok(Some((0..n).collect()));
        }
        Ok(self.face().map(|face| face.actions))
    }
}

fn all_tie(k: &Margins) -> bool {
    k.largest() == 0.0
}

/// A policy that one of the ways gave, with its gap.
pub(crate) struct Candidate {
    policy: Vec<f64>,
    /// `K pi`, exact to rounding, in units of the matrix.
    margins: Vec<f64>,
    gap: f64,
    unique: Option<bool>,
    method: Method,
    /// Whether the policy is known to be a vertex.
    vertex: bool,
}

/// The equilibrium asked for, and what is known of the set of all.
struct Choice {
    candidate: Candidate,
    dimension: Option<usize>,
    selected: Selected,
}

pub(crate) struct Search<'a> {
    matrix: &'a PreferenceMatrix,
    k: &'a Margins,
    /// Last point of the central path, if it was followed to its end.
    path_end: Option<(Vec<f64>, Vec<f64>)>,
    watch: Watch<'a>,
}

/// Watches nothing.
pub(crate) fn ignore(_: f64) {}

impl<'a> Search<'a> {
    pub(crate) fn new(matrix: &'a PreferenceMatrix, k: &'a Margins, watch: Watch<'a>) -> Self {
        Self { matrix, k, path_end: None, watch }
    }

    /// Some equilibrium that is a vertex, `[n]`, by inspection or pivoting.
    pub(crate) fn vertex(&self) -> Option<Vec<f64>> {
        self.inspected().or_else(|| self.by_pivoting()).map(|found| found.policy)
    }

    /// The equilibrium asked for of a game among some `actions` of the one that the selection is for.
    pub(crate) fn among(&mut self, selection: Selection<'_>, actions: &[usize]) -> Option<Equilibrium> {
        let found = self.find().ok()?;
        let Selection::RegularisedLimit(mu) = selection else { return Some(self.select(found, selection)) };
        let log_mu: Array1<f64> = actions.iter().map(|&i| mu.log_probs_slice()[i]).collect();
        let shape = Shape::single(actions.len()).expect("there is an action");
        let mu = Policy::from_logits(&shape, log_mu).expect("a reference is finite");
        Some(self.select(found, Selection::RegularisedLimit(&mu)))
    }

    /// The answer where one action beats all others, or all tie.
    pub(crate) fn inspected(&self) -> Option<Candidate> {
        let k = self.k;
        let n = k.n();
        let alone = |action: usize| {
            let mut policy = vec![0.0; n];
            policy[action] = 1.0;
            self.candidate(policy, Method::Inspection, true)
        };
        if let Some(winner) = (0..n).find(|&i| (0..n).all(|j| i == j || k.at(i, j) > 0.0)) {
            return Some(Candidate { unique: Some(true), ..alone(winner) });
        }
        all_tie(k).then(|| Candidate { unique: Some(false), ..alone(0) })
    }

    /// Some equilibrium, by the first way that gives a certified one.
    pub(crate) fn find(&mut self) -> Result<Candidate, ReferenceError> {
        if let Some(found) = self.inspected() {
            return Ok(found);
        }
        let n = self.k.n();
        let path_first = n > PIVOTING;
        if path_first && let Some(found) = self.by_path() {
            return Ok(found);
        }
        if n <= PIVOTING_IN_NEED
            && let Some(found) = self.by_pivoting()
        {
            return Ok(found);
        }
        if !path_first && let Some(found) = self.by_path() {
            return Ok(found);
        }
        let (x, _) = self.path_end();
        let x = x.clone();
        let found = self.candidate(x, Method::CentralPoint, false);
        if found.gap <= LARGEST_GAP {
            Ok(found)
        } else {
            Err(ReferenceError::Inexact { n, duality_gap: found.gap })
        }
    }

    fn by_pivoting(&self) -> Option<Candidate> {
        let k = self.k;
        let basis = optimal_basis::<f64>(k);
        let found = self.candidate(on_simplex(k, &basis, &solve_basis(k, &basis)), Method::Simplex, true);
        if self.certified(&found) {
            return Some(self.with_uniqueness(found));
        }
        let basis = optimal_basis::<fx128>(k);
        let found = self.candidate(on_simplex(k, &basis, &basis.probs), Method::DoubledSimplex, true);
        self.certified(&found).then(|| self.with_uniqueness(found))
    }

    fn by_path(&mut self) -> Option<Candidate> {
        match interior::follow(self.k, self.watch) {
            End::Equilibrium(policy) => {
                let found = self.with_uniqueness(self.candidate(policy, Method::InteriorPoint, true));
                if self.certified(&found) {
                    return Some(found);
                }
            }
            End::Point(x, s) => self.path_end = Some((x, s)),
        }
        let face = self.face()?;
        let unique = Some(face.dimension() == 0);
        let inside = self.candidate(face.lift(&face.inside), Method::CentralPath, false);
        self.certified(&inside).then_some(Candidate { unique, ..inside })
    }

    fn path_end(&mut self) -> &(Vec<f64>, Vec<f64>) {
        self.path_end.get_or_insert_with(|| interior::follow_to_end(self.k, self.watch))
    }

    fn candidate(&self, policy: Vec<f64>, method: Method, vertex: bool) -> Candidate {
        let margins = exact_margins(self.matrix, &policy);
        let gap = 2.0 * margins.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Candidate { policy, margins, gap, unique: None, method, vertex }
    }

    /// Whether only rounding stands between the gap and 0.
    fn certified(&self, found: &Candidate) -> bool {
        found.gap <= rounding(self.k.n()) * self.k.scale()
    }

    /// The candidate, with the answer of [`is_unique`].
    fn with_uniqueness(&self, found: Candidate) -> Candidate {
        Candidate { unique: is_unique(self.k, &found), ..found }
    }

    /// The set of all equilibria.
    fn face(&mut self) -> Option<Face> {
        let k = self.k;
        let (x, s) = self.path_end();
        Face::new(k, x, s, rounding(k.n()))
    }

    /// The equilibrium asked for, given some one, described.
    pub(crate) fn select(&mut self, some: Candidate, selection: Selection<'_>) -> Equilibrium {
        let n = self.k.n();
        let Choice { candidate, dimension, selected } = self.choose(some, selection);
        let Candidate { policy, margins, gap, unique, method, .. } = candidate;
        let zero = rounding(n) * self.k.scale();
        Equilibrium { unique, dimension, selected, method, ..described(policy, &margins, gap, zero) }
    }

    /// The equilibrium asked for, given some one; the given one, undecided, where rounding hides the set of them.
    fn choose(&mut self, some: Candidate, selection: Selection<'_>) -> Choice {
        if some.unique == Some(true) {
            return Choice { candidate: some, dimension: Some(0), selected: Selected::Unique };
        }
        if some.vertex && matches!(selection, Selection::Vertex) {
            let selected = if some.unique.is_some() { Selected::Vertex } else { Selected::Undecided };
            return Choice { candidate: some, dimension: None, selected };
        }
        if all_tie(self.k) {
            return self.choose_where_all_tie(selection);
        }
        self.choose_on_face(&some, selection).unwrap_or(Choice {
            candidate: some,
            dimension: None,
            selected: Selected::Undecided,
        })
    }

    /// Every policy is an equilibrium.
    fn choose_where_all_tie(&self, selection: Selection<'_>) -> Choice {
        let n = self.k.n();
        let policy = match selection {
            Selection::RegularisedLimit(mu) => mu.probs().to_vec(),
            _ => vec![1.0 / n as f64; n],
        };
        let candidate =
            Candidate { unique: Some(false), ..self.candidate(policy, Method::Inspection, false) };
        Choice { candidate, dimension: Some(n - 1), selected: selection.selected() }
    }

    /// The one asked for on the set of all equilibria; `None` if that set is not told, contradicts what is known of
    /// `some`, or holds no certified policy of the kind.
    fn choose_on_face(&mut self, some: &Candidate, selection: Selection<'_>) -> Option<Choice> {
        let face = self.face()?;
        let unique = face.dimension() == 0;
        let policy = match selection {
            _ if unique => face.lift(&face.inside),
            Selection::Vertex => face.vertex(),
            Selection::RegularisedLimit(mu) => face.projection(&mu.log_probs().to_vec())?,
            Selection::MaximumEntropy => face.projection(&vec![0.0; self.k.n()])?,
        };
        let chosen = self.candidate(normalised(policy), some.method, false);
        if !self.certified(&chosen) || some.unique.is_some_and(|known| known != unique) {
            return None;
        }
        Some(Choice {
            candidate: Candidate { unique: Some(unique), ..chosen },
            dimension: Some(face.dimension()),
            selected: if unique { Selected::Unique } else { selection.selected() },
        })
    }
}

/// An equilibrium with its support and best responses; not whether it is the only one.
pub(crate) fn described(policy: Vec<f64>, margins: &[f64], gap: f64, zero: f64) -> Equilibrium {
    let (n, best) = (policy.len(), 0.5 * gap - zero);
    Equilibrium {
        support: (0..n).filter(|&i| policy[i] > 0.0).collect(),
        best_responses: (0..n).filter(|&i| margins[i] >= best || policy[i] > 0.0).collect(),
        policy: Array1::from(policy),
        duality_gap: gap,
        unique: None,
        dimension: None,
        selected: Selected::Undecided,
        method: Method::Rational,
    }
}

/// [`described`] from the matrix.
pub(crate) fn describe(matrix: &PreferenceMatrix, policy: Vec<f64>) -> Equilibrium {
    let margins = exact_margins(matrix, &policy);
    let gap = 2.0 * margins.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let zero = rounding(matrix.n()) * Margins::scaled(matrix).scale();
    described(policy, &margins, gap, zero)
}

/// Probabilities alone: [`maximal_lottery`] for callers that solve many games.
pub(crate) fn probabilities(matrix: &PreferenceMatrix) -> Result<Vec<f64>, ReferenceError> {
    let k = Margins::scaled(matrix);
    let mut search = Search::new(matrix, &k, &ignore);
    let found = search.find()?;
    if found.unique == Some(true) {
        return Ok(found.policy);
    }
    Ok(search.select(found, Selection::MaximumEntropy).policy.to_vec())
}

/// Rounding of a sum of `n` margins of size at most 1, and of the decomposition behind it.
pub(crate) fn rounding(n: usize) -> f64 {
    32.0 * (n as f64).sqrt() * f64::EPSILON
}

pub(crate) fn normalised(mut policy: Vec<f64>) -> Vec<f64> {
    policy.iter_mut().for_each(|p| *p = p.max(0.0));
    let sum: f64 = policy.iter().sum();
    policy.iter_mut().for_each(|p| *p /= sum);
    policy
}

/// Solves `K_TS pi_S + v = 0`, `1'pi_S = 1` for the rows `T` and columns `S` of the basis.
fn solve_basis(k: &Margins, basis: &Basis) -> Vec<f64> {
    solve_bordered(k, &basis.rows, &basis.columns)
}

/// Puts the probabilities of the basis in their places. A basic variable of a degenerate game is 0, and comes out as
/// rounding of either sign: it is 0 again here.
fn on_simplex(k: &Margins, basis: &Basis, probs: &[f64]) -> Vec<f64> {
    let mut policy = vec![0.0; k.n()];
    for (&action, &p) in basis.columns.iter().zip(probs) {
        policy[action] = if p > rounding(k.n()) { p } else { 0.0 };
    }
    let sum: f64 = policy.iter().sum();
    policy.iter_mut().for_each(|p| *p /= sum);
    policy
}

fn is_unique(k: &Margins, found: &Candidate) -> Option<bool> {
    uniqueness(k.scale(), &found.policy, &found.margins, |support| {
        let block = Block::new(k, support);
        (block.largest(), block.smallest())
    })
}

/// The criterion of the module head, from the margins `K p` and the extreme singular values of the bordered block of a support,
/// over the scale.
pub(crate) fn uniqueness(
    scale: f64,
    policy: &[f64],
    margins: &[f64],
    block: impl FnOnce(&[usize]) -> (f64, f64),
) -> Option<bool> {
    let n = policy.len();
    let zero = rounding(n);
    let support: Vec<usize> = (0..n).filter(|&i| policy[i] > 0.0).collect();
    let off = (0..n).filter(|&i| policy[i] == 0.0).map(|i| margins[i] / scale);
    let nearest = off.fold(f64::NEG_INFINITY, f64::max);
    if nearest >= -zero || support.len().is_multiple_of(2) {
        return Some(false);
    }
    let (largest, smallest) = block(&support);
    if smallest <= zero * largest {
        return Some(false);
    }
    // the error of the lottery is what it leaves of K_SS pi = 0 and 1'pi = 1, over the smallest singular value (known to
    // a factor two)
    let (mut sum, mut low) = (-1.0, 0.0);
    support.iter().for_each(|&i| accumulate(&mut sum, &mut low, policy[i], 1.0));
    let off = (sum + low).abs().max(f64::EPSILON);
    let left = support.iter().map(|&i| margins[i].abs() / scale).fold(off, f64::max);
    let root = (support.len() as f64 + 1.0).sqrt();
    let error = 2.0 * root * left / smallest;
    let least = support.iter().map(|&i| policy[i]).fold(f64::INFINITY, f64::min);
    // a margin of size 1 at most moves by the sum of the errors
    (nearest < -root * error && least > error).then_some(true)
}
