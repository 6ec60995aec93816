//! What rules decide on: ballots, or win rates.

use equipoise_env::PreferenceMatrix;
use ndarray::Array2;

use crate::exact::RationalMargins;

/// A ballot: items from best to worst, those of one group level; who is not listed is below all that are.
#[derive(Clone, Debug, PartialEq)]
pub struct Ballot {
    /// Groups of items, best first, each item at most once.
    pub groups: Vec<Vec<usize>>,
    /// Voters that cast it, above 0.
    pub weight: f64,
}

impl Ballot {
    /// A strict ranking.
    #[must_use]
    pub fn strict(order: &[usize], weight: f64) -> Self {
        Self { groups: order.iter().map(|&i| vec![i]).collect(), weight }
    }

    /// Places of all `n` items, 0 for the best group.
    pub(super) fn places(&self, n: usize) -> Vec<usize> {
        let mut places = vec![self.groups.len(); n];
        for (place, group) in self.groups.iter().enumerate() {
            group.iter().for_each(|&i| places[i] = place);
        }
        places
    }
}

/// A judge, an attribute or an objective with win rates of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Judge {
    /// Its share, up to a common factor; above 0.
    pub weight: f64,
    /// Its win rates.
    pub matrix: PreferenceMatrix,
}

/// What rules decide on.
#[derive(Clone, Debug)]
pub struct Electorate {
    matrix: PreferenceMatrix,
    /// `m_ij`, skew.
    margins: Array2<f64>,
    fractions: Option<RationalMargins>,
    ballots: Option<Vec<Ballot>>,
    judges: Option<Vec<Judge>>,
    /// `[n x d]`.
    features: Option<Array2<f64>>,
    /// Within which two sums of margins are level.
    pub(super) tolerance: f64,
}

impl Electorate {
    /// Win rates alone; `fractions` are the same margins where they are known exactly.
    #[must_use]
    pub fn of_win_rates(matrix: PreferenceMatrix, fractions: Option<RationalMargins>) -> Self {
        let margins = matrix.margins_array();
        let tolerance = 1e-12 * matrix.n() as f64;
        Self { matrix, margins, fractions, ballots: None, judges: None, features: None, tolerance }
    }

    /// Ballots over `n` items. `None` without a ballot, or for one that names an item beyond `n` or twice, or has no weight.
    #[must_use]
    pub fn of_ballots(n: usize, ballots: Vec<Ballot>) -> Option<Self> {
        let total: f64 = ballots.iter().map(|b| b.weight).sum();
        let whole = |b: &Ballot| {
            let mut seen = vec![false; n];
            b.weight > 0.0
                && b.weight.is_finite()
                && b.groups.iter().flatten().all(|&i| i < n && !std::mem::replace(&mut seen[i], true))
        };
        if n == 0 || ballots.is_empty() || !total.is_finite() || !ballots.iter().all(whole) {
            return None;
        }
        let mut wins = Array2::<f64>::zeros((n, n));
        for ballot in &ballots {
            let places = ballot.places(n);
            for i in 0..n {
                for j in (0..n).filter(|&j| places[i] < places[j]) {
                    wins[[i, j]] += ballot.weight;
                }
            }
        }
        let margins = &wins - &wins.t();
        let matrix = PreferenceMatrix::from_margins(n, |i, j| 0.5 * margins[[i, j]] / total).ok()?;
        let counts = ballots.iter().all(|b| b.weight.fract() == 0.0) && total < 2f64.powi(50);
        let ties =
            Array2::from_shape_fn(
                (n, n),
                |(i, j)| {
                    if i == j { 0.0 } else { total - wins[[i, j]] - wins[[j, i]] }
                },
            );
        let fractions = counts.then(|| RationalMargins::from_counts(wins.view(), ties.view())).flatten();
        let tolerance = if counts { 0.0 } else { 1e-12 * total * n as f64 };
        Some(Self {
            matrix,
            margins,
            fractions,
            ballots: Some(ballots),
            judges: None,
            features: None,
            tolerance,
        })
    }

    /// Several judges, whose mean win rates are the game. `None` without one, for a weight that is not above 0 and finite, or for
    /// judges of unequal numbers of items.
    #[must_use]
    pub fn of_judges(judges: Vec<Judge>) -> Option<Self> {
        let n = judges.first()?.matrix.n();
        let whole = |j: &Judge| j.weight > 0.0 && j.weight.is_finite() && j.matrix.n() == n;
        if !judges.iter().all(whole) {
            return None;
        }
        let mut electorate = Self::of_win_rates(mean_game(&judges)?, None);
        electorate.judges = Some(judges);
        Some(electorate)
    }

    /// The same with the judges whose mean win rates these are. `None` as [`of_judges`](Self::of_judges), and where the mean is not these
    /// win rates to 1e-9.
    #[must_use]
    pub fn with_judges(mut self, judges: Vec<Judge>) -> Option<Self> {
        let mean = Self::of_judges(judges)?;
        let n = self.n();
        let same = |i: usize, j: usize| (mean.matrix.margin(i, j) - self.matrix.margin(i, j)).abs() <= 1e-9;
        if mean.n() != n || !(0..n).all(|i| (0..n).all(|j| same(i, j))) {
            return None;
        }
        self.judges = mean.judges;
        Some(self)
    }

    /// The same with features of the items, `[n x d]`. `None` for another number of rows, no column, or a value that is not
    /// finite.
    #[must_use]
    pub fn with_features(mut self, features: Array2<f64>) -> Option<Self> {
        let whole =
            features.nrows() == self.n() && features.ncols() > 0 && features.iter().all(|v| v.is_finite());
        self.features = whole.then_some(features);
        self.features.is_some().then_some(self)
    }

    /// Number of items, at least 1.
    #[must_use]
    pub fn n(&self) -> usize {
        self.matrix.n()
    }

    /// Win rates.
    #[must_use]
    pub fn matrix(&self) -> &PreferenceMatrix {
        &self.matrix
    }

    /// The ballots, where they are known.
    #[must_use]
    pub fn ballots(&self) -> Option<&[Ballot]> {
        self.ballots.as_deref()
    }

    /// The judges, where there are several.
    #[must_use]
    pub fn judges(&self) -> Option<&[Judge]> {
        self.judges.as_deref()
    }

    /// Features of the items, `[n x d]`, where they are known.
    #[must_use]
    pub fn features(&self) -> Option<&Array2<f64>> {
        self.features.as_ref()
    }

    /// The margins as fractions, where they are known.
    #[must_use]
    pub fn fractions(&self) -> Option<&RationalMargins> {
        self.fractions.as_ref()
    }

    pub(super) fn margin(&self, i: usize, j: usize) -> f64 {
        self.margins[[i, j]]
    }

    /// Whether a majority prefers `i` to `j`.
    pub(super) fn beats(&self, i: usize, j: usize) -> bool {
        self.margin(i, j) > 0.0
    }

    /// The items whose score is largest, ascending.
    pub(super) fn best(&self, scores: &[f64]) -> Vec<usize> {
        best_within(scores, self.tolerance)
    }

    /// The same electorate with a copy of `item` behind the last, level with it for every voter (win rate 1/2).
    #[must_use]
    pub fn with_clone(&self, item: usize) -> Self {
        let mut copied = self.with_copied_margins(item);
        let n = self.n();
        let original = |i: usize| if i == n { item } else { i };
        copied.features = self
            .features
            .as_ref()
            .map(|f| Array2::from_shape_fn((n + 1, f.ncols()), |(i, c)| f[[original(i), c]]));
        copied.judges = self.judges.as_ref().map(|judges| {
            let copy = |judge: &Judge| {
                let margin = |i: usize, j: usize| judge.matrix.margin(original(i), original(j));
                let matrix =
                    PreferenceMatrix::from_margins(n + 1, margin).expect("margins of a game are margins");
                Judge { weight: judge.weight, matrix }
            };
            judges.iter().map(copy).collect()
        });
        copied
    }

    fn with_copied_margins(&self, item: usize) -> Self {
        let n = self.n();
        let original = |i: usize| if i == n { item } else { i };
        if let Some(ballots) = &self.ballots {
            let copied = |ballot: &Ballot| {
                let mut groups = ballot.groups.clone();
                groups.iter_mut().filter(|group| group.contains(&item)).for_each(|group| group.push(n));
                Ballot { groups, weight: ballot.weight }
            };
            return Self::of_ballots(n + 1, ballots.iter().map(copied).collect())
                .expect("one item more makes no ballot wrong");
        }
        let margin = |i: usize, j: usize| self.matrix.margin(original(i), original(j));
        let matrix = PreferenceMatrix::from_margins(n + 1, margin).expect("margins of a game are margins");
        let fractions = self.fractions.as_ref().and_then(|fractions| {
            RationalMargins::new(n + 1, |i, j| {
                Some(match (original(i), original(j)) {
                    (a, b) if a == b => (0, 1),
                    (a, b) => fractions.margin(a, b),
                })
            })
        });
        Self::of_win_rates(matrix, fractions)
    }
}

/// The items whose score is largest, ascending; scores are level within `tolerance`.
pub(super) fn best_within(scores: &[f64], tolerance: f64) -> Vec<usize> {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (0..scores.len()).filter(|&i| scores[i] >= most - tolerance).collect()
}

/// The mean game of judges.
fn mean_game(judges: &[Judge]) -> Option<PreferenceMatrix> {
    let n = judges.first()?.matrix.n();
    let total: f64 = judges.iter().map(|j| j.weight).sum();
    PreferenceMatrix::from_margins(n, |i, k| {
        let sum: f64 = judges.iter().map(|j| j.weight * j.matrix.margin(i, k)).sum();
        (sum / total).clamp(-0.5, 0.5)
    })
    .ok()
}
