//! What should be played: solution concepts and rules of social choice, each a pure function of an [`Electorate`], behind one
//! list, [`CONCEPTS`].
//!
//! A set is returned as a set and a tie as a tie: no rule breaks one in silence. Majorities are compared by their margins,
//! `m_ij = votes for i over j - votes for j over i` of ballots, or `K_ij = P_ij - 1/2` of win rates. Sums of votes are exact; sums
//! of win rates are level within rounding.

mod chains;
mod covering;
mod lotteries;
mod orders;
mod paths;
mod scoring;

use equipoise_core::Policy;
use equipoise_env::PreferenceMatrix;
use ndarray::Array2;

use crate::error::ReferenceError;
use crate::exact::RationalMargins;

pub use orders::LARGEST_ORDERS;

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
    fn places(&self, n: usize) -> Vec<usize> {
        let mut places = vec![self.groups.len(); n];
        for (place, group) in self.groups.iter().enumerate() {
            group.iter().for_each(|&i| places[i] = place);
        }
        places
    }
}

/// What rules decide on.
#[derive(Clone, Debug)]
pub struct Electorate {
    matrix: PreferenceMatrix,
    /// `m_ij`, skew.
    margins: Array2<f64>,
    fractions: Option<RationalMargins>,
    ballots: Option<Vec<Ballot>>,
    /// Within which two sums of margins are level.
    tolerance: f64,
}

impl Electorate {
    /// Win rates alone; `fractions` are the same margins where they are known exactly.
    #[must_use]
    pub fn of_win_rates(matrix: PreferenceMatrix, fractions: Option<RationalMargins>) -> Self {
        let margins = matrix.margins_array();
        let tolerance = 1e-12 * matrix.n() as f64;
        Self { matrix, margins, fractions, ballots: None, tolerance }
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
        Some(Self { matrix, margins, fractions, ballots: Some(ballots), tolerance })
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

    /// The margins as fractions, where they are known.
    #[must_use]
    pub fn fractions(&self) -> Option<&RationalMargins> {
        self.fractions.as_ref()
    }

    fn margin(&self, i: usize, j: usize) -> f64 {
        self.margins[[i, j]]
    }

    /// Whether a majority prefers `i` to `j`.
    fn beats(&self, i: usize, j: usize) -> bool {
        self.margin(i, j) > 0.0
    }

    /// The items whose score is largest, ascending.
    fn best(&self, scores: &[f64]) -> Vec<usize> {
        let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (0..scores.len()).filter(|&i| scores[i] >= most - self.tolerance).collect()
    }

    /// The same electorate with a copy of `item` behind the last, level with it for every voter (win rate 1/2).
    #[must_use]
    pub fn with_clone(&self, item: usize) -> Self {
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

/// How concepts that have a temperature or a reference are asked.
#[derive(Clone, Debug, Default)]
pub struct ConceptOptions {
    /// Temperature of concepts that have one, above 0; `None`: 0.1.
    pub tau: Option<f64>,
    /// The reference, above 0; `None`: uniform.
    pub reference: Option<Policy>,
}

impl ConceptOptions {
    fn tau(&self) -> f64 {
        self.tau.unwrap_or(0.1)
    }

    fn log_reference(&self, n: usize) -> Vec<f64> {
        match &self.reference {
            Some(mu) => mu.log_probs().to_vec(),
            None => vec![-(n as f64).ln(); n],
        }
    }
}

/// What a concept chooses.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Choice {
    /// Items, ascending: more than one is a tie.
    Winners {
        /// The items.
        winners: Vec<usize>,
        /// A score of every item, where the rule has one; larger is better.
        scores: Option<Vec<f64>>,
    },
    /// Rankings, all that are best, and the items on top of them.
    Rankings {
        /// Items on top, ascending.
        winners: Vec<usize>,
        /// Rankings, best first, in lexicographic order; at most [`LARGEST_ORDERS`] of them.
        rankings: Vec<Vec<usize>>,
        /// What the rankings are best in.
        value: f64,
    },
    /// A policy.
    Lottery {
        /// Probabilities, `[n]`.
        policy: Vec<f64>,
        /// Whether the concept has no other; `None`: not told.
        unique: Option<bool>,
    },
    /// Nothing: what it needs is not there, or it would take too long.
    Open {
        /// Why, and the way out.
        reason: String,
    },
}

impl Choice {
    fn of_scores(electorate: &Electorate, scores: Vec<f64>) -> Self {
        Self::Winners { winners: electorate.best(&scores), scores: Some(scores) }
    }

    fn set(winners: Vec<usize>) -> Self {
        Self::Winners { winners, scores: None }
    }

    fn open(reason: impl Into<String>) -> Self {
        Self::Open { reason: reason.into() }
    }

    /// What is played: the policy, or a winner drawn uniformly.
    #[must_use]
    pub fn policy(&self, n: usize) -> Option<Vec<f64>> {
        match self {
            Self::Winners { winners, .. } | Self::Rankings { winners, .. } if !winners.is_empty() => {
                let mut policy = vec![0.0; n];
                winners.iter().for_each(|&i| policy[i] = 1.0 / winners.len() as f64);
                Some(policy)
            }
            Self::Lottery { policy, .. } => Some(policy.clone()),
            _ => None,
        }
    }
}

/// What a concept is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Win rates, or ballots.
    WinRates,
    /// Ballots.
    Ballots,
}

/// A row of the list.
#[derive(Clone, Copy, Debug)]
pub struct ConceptEntry {
    /// Its name.
    pub name: &'static str,
    /// What it chooses.
    pub definition: &'static str,
    /// What it is told.
    pub needs: Needs,
    /// Whose it is.
    pub source: &'static str,
    choose: fn(&Electorate, &ConceptOptions) -> Result<Choice, ReferenceError>,
}

impl ConceptEntry {
    /// What it chooses for an electorate.
    ///
    /// # Errors
    /// [`ReferenceError`] if an exact answer fails.
    pub fn choose(
        &self,
        electorate: &Electorate,
        options: &ConceptOptions,
    ) -> Result<Choice, ReferenceError> {
        if self.needs == Needs::Ballots && electorate.ballots.is_none() {
            return Ok(Choice::open("it needs ballots, and win rates alone were given"));
        }
        (self.choose)(electorate, options)
    }
}

/// The concept of that name.
#[must_use]
pub fn concept(name: &str) -> Option<&'static ConceptEntry> {
    CONCEPTS.iter().find(|entry| entry.name == name)
}

macro_rules! rows {
    ($($name:literal, $needs:ident, $choose:path, $definition:literal, $source:literal;)*) => {
        &[$(ConceptEntry {
            name: $name,
            definition: $definition,
            needs: Needs::$needs,
            source: $source,
            choose: $choose,
        }),*]
    };
}

/// All concepts.
pub const CONCEPTS: &[ConceptEntry] = rows! {
    "maximal-lottery", WinRates, lotteries::maximal, "the lottery that no lottery beats: Nash, the von Neumann winner; of several that of largest entropy", "Kreweras 1965; Fishburn 1984, doi:10.2307/2297786";
    "bipartisan", WinRates, lotteries::bipartisan, "items that a maximal lottery of the majorities, whatever their size, plays", "Laffond, Laslier, Le Breton 1993, doi:10.1006/game.1993.1010";
    "essential", WinRates, lotteries::essential, "items that a maximal lottery plays", "Dutta, Laslier 1999, doi:10.1007/s003550050158";
    "random-dictatorship", Ballots, lotteries::random_dictatorship, "the first choice of a voter drawn at random", "Gibbard 1977, doi:10.2307/1911681";
    "plurality", Ballots, scoring::plurality, "most first places", "the rule of most votes";
    "instant-runoff", Ballots, scoring::instant_runoff, "all with fewest first places leave, round by round", "Hare 1859; as pref_voting has it";
    "borda", WinRates, scoring::borda, "largest mean win rate; the order of Bradley-Terry where all pairs met equally often", "Borda 1784";
    "weak-nanson", WinRates, scoring::weak_nanson, "all with a Borda score at or below the average leave, round by round", "Nanson 1883; Niou 1987";
    "strict-nanson", WinRates, scoring::strict_nanson, "all with a Borda score below the average leave, round by round", "Nanson 1883; Niou 1987";
    "copeland", WinRates, scoring::copeland, "most items beaten less items lost to", "Copeland 1951";
    "llull", WinRates, scoring::llull, "most items beaten or tied with", "Llull 1299";
    "condorcet", WinRates, covering::condorcet, "the item that beats every other", "Condorcet 1785";
    "weak-condorcet", WinRates, covering::weak_condorcet, "items that no other beats", "Condorcet 1785";
    "smith", WinRates, covering::smith, "the smallest set whose members beat all others: the top cycle", "Good 1971; Smith 1973, doi:10.2307/1914033";
    "schwartz", WinRates, covering::schwartz, "the union of the smallest sets that no item outside beats", "Schwartz 1972, doi:10.1007/BF00168055";
    "uncovered-gillies", WinRates, covering::gillies, "items that none covers: beats it, and loses only to what beats it", "Gillies 1959";
    "uncovered-fishburn", WinRates, covering::fishburn, "items that none covers: loses only to some, not all, of what beats it", "Fishburn 1977, doi:10.1137/0133030";
    "uncovered-bordes", WinRates, covering::bordes, "items that none covers: beats it, and all that it beats", "Bordes 1983, doi:10.1016/0022-0531(83)90024-8";
    "uncovered-mckelvey", WinRates, covering::mckelvey, "items that none covers in both ways", "McKelvey 1986, doi:10.2307/2111099";
    "banks", WinRates, orders::banks, "tops of the chains of majorities that nothing extends", "Banks 1985, doi:10.1007/BF00649265";
    "minimax", WinRates, paths::minimax, "smallest worst defeat: the pure policy of least duality gap, the Stackelberg leader without regularisation", "Simpson 1969; Kramer 1977";
    "schulze", WinRates, paths::schulze, "items whose strongest path to every other is no weaker than the path back", "Schulze 2011, doi:10.1007/s00355-010-0475-4";
    "ranked-pairs", WinRates, paths::ranked_pairs, "majorities locked from the largest on, unless they close a cycle; winners under any order of equal ones", "Tideman 1987, doi:10.1007/BF00433944";
    "river", WinRates, paths::river, "as ranked-pairs, each item locked below one other at most; equal majorities in the order of items", "Heitzig 2004";
    "split-cycle", WinRates, paths::split_cycle, "items without a defeat that is larger than the weakest link of every cycle through it", "Holliday, Pacuit 2023, doi:10.1007/s11127-023-01042-3";
    "stable-voting", WinRates, paths::stable_voting, "of split-cycle's, who wins without the opponent of the largest margin", "Holliday, Pacuit 2023, doi:10.1007/s10602-022-09383-9";
    "kemeny", WinRates, orders::kemeny, "rankings of largest agreement with the margins", "Kemeny 1959; Young, Levenglick 1978, doi:10.1137/0135023";
    "slater", WinRates, orders::slater, "rankings that agree with most majorities, whatever their size", "Slater 1961, doi:10.2307/2332752";
    "quantal-response", WinRates, lotteries::quantal_response, "the equilibrium regularised towards the reference at temperature tau", "McKelvey, Palfrey 1995, doi:10.1006/game.1995.1023";
    "slhf-leader", WinRates, lotteries::stackelberg, "the leader of the regularised Stackelberg game, tau for both", "2025, arXiv:2512.16626";
    "mchf", WinRates, chains::mchf, "stationary law of moves to mu exp(margin / tau)", "2026, arXiv:2606.22652";
    "mchf-logit", WinRates, chains::mchf_logit, "the same with log-odds in place of margin / tau; Bradley-Terry shares for Bradley-Terry win rates", "2026, arXiv:2606.22652";
    "proportional", WinRates, lotteries::proportional, "probabilities proportional to the worst win rate: beta 0 of population-proportional alignment", "2025, arXiv:2506.05619";
    "alpha-rank", WinRates, chains::alpha_rank, "stationary law of mutants that take over a population of 50, at selection 1 / tau times 1/10", "Omidshafiei et al. 2019, doi:10.1038/s41598-019-45619-9";
};

/// Largest `2 (K pi)_i`: how far a policy is from a maximal lottery.
#[must_use]
pub fn gap_of(electorate: &Electorate, policy: &[f64]) -> f64 {
    let mut product = vec![0.0; policy.len()];
    electorate.matrix.product(policy, &mut product);
    2.0 * product.iter().copied().fold(0.0, f64::max)
}
