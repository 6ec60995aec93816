//! The measures by name, and what a test says of one.

/// One measure.
#[derive(Clone, Debug)]
pub struct Statistic {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub definition: &'static str,
    /// Its value on the data; NaN where it is not defined: lotteries are solved for up to
    /// [`LOTTERIES`](super::LOTTERIES) items, and several equilibria give several edges.
    pub value: f64,
    /// Its mean under the null.
    pub null_mean: Option<f64>,
    /// Its 95 percent point under the null.
    pub null_95: Option<f64>,
    /// Share of null data sets with at least this value; `None` if no data could be drawn, or the value is not defined.
    pub p_value: Option<f64>,
    /// Null data sets with more than this value, with as much, and all.
    pub(super) counts: (usize, usize, usize),
}

impl Statistic {
    /// The p-value with ties broken by `u`, uniform on [0, 1): uniform under the null also where values are counts.
    #[must_use]
    pub fn randomised_p_value(&self, u: f64) -> Option<f64> {
        let (more, as_much, all) = self.counts;
        self.p_value.map(|_| (more as f64 + u * (as_much + 1) as f64) / (all + 1) as f64)
    }
}

/// Names and definitions, in the order of `Inspection::statistics`.
pub const STATISTICS: [(&str, &str); 11] = [
    ("strongest_cycle", "largest z such that a cycle has every pair won at z standard errors or more"),
    ("cyclic_triads", "triples of items in a cycle, of those all of whose pairs met"),
    ("weighted_triads", "share of cyclic triples, each weighted by the least of its three counts"),
    (
        "significant_triads",
        "cyclic triples all three pairs of which are significant (one-sided sign test, 5 percent)",
    ),
    ("items_on_cycles", "share of items that lie on a cycle of majorities"),
    ("cyclic_energy", "share of the count-weighted variance of P - 1/2 that no rating explains"),
    ("largest_curl", "largest |K_ij + K_jk + K_ki| over triples, K = P - 1/2"),
    ("second_rotation", "second largest pair of singular values of K: 0 if K has rank two"),
    ("favourite_loss", "win rate of the best reply to the Bradley-Terry favourite, less 1/2"),
    ("nash_edge", "win rate of the maximal lottery against the Bradley-Terry favourite, less 1/2"),
    ("deviance", "twice the log-likelihood that Bradley-Terry loses against free win rates"),
];

/// A measure, by its place in [`STATISTICS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// `strongest_cycle`.
    StrongestCycle,
    /// `cyclic_triads`.
    CyclicTriads,
    /// `weighted_triads`.
    WeightedTriads,
    /// `significant_triads`.
    SignificantTriads,
    /// `items_on_cycles`.
    ItemsOnCycles,
    /// `cyclic_energy`.
    CyclicEnergy,
    /// `largest_curl`.
    LargestCurl,
    /// `second_rotation`.
    SecondRotation,
    /// `favourite_loss`.
    FavouriteLoss,
    /// `nash_edge`.
    NashEdge,
    /// `deviance`.
    Deviance,
}

pub(super) const SIGNIFICANT: usize = Measure::SignificantTriads as usize;
pub(super) const CURL: usize = Measure::LargestCurl as usize;
pub(super) const ENERGY: usize = Measure::CyclicEnergy as usize;
pub(super) const ROTATION: usize = Measure::SecondRotation as usize;
pub(super) const LOSS: usize = Measure::FavouriteLoss as usize;
pub(super) const EDGE: usize = Measure::NashEdge as usize;
pub(super) const DEVIANCE: usize = Measure::Deviance as usize;
