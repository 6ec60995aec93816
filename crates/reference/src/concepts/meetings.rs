//! Scores over opponents met.

/// Rounding of win rates that are quotients of counts: a margin below it is a tie.
const LEVEL: f64 = 1e-12;

/// Who met whom, and how often the first won: win rates of some pairs.
#[derive(Clone, Debug)]
pub struct Meetings {
    n: usize,
    /// `(i, j, P_ij - 1/2)`.
    pairs: Vec<(usize, usize, f64)>,
}

impl Meetings {
    /// Of `n` items, each pair once as `(i, j, P_ij - 1/2)`. `None` for an item beyond `n` or against itself, and for a margin beyond
    /// one half.
    #[must_use]
    pub fn new(n: usize, mut pairs: Vec<(usize, usize, f64)>) -> Option<Self> {
        let whole = |&(i, j, margin): &(usize, usize, f64)| i < n && j < n && i != j && margin.abs() <= 0.5;
        if !pairs.iter().all(whole) {
            return None;
        }
        pairs.iter_mut().filter(|p| p.2.abs() < LEVEL).for_each(|p| p.2 = 0.0);
        Some(Self { n, pairs })
    }

    /// Each item with an opponent it met and its margin over it, in the order of the pairs.
    pub fn sides(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        self.pairs.iter().flat_map(|&(i, j, margin)| [(i, j, margin), (j, i, -margin)])
    }

    /// Number of opponents, `[n]`.
    #[must_use]
    pub fn opponents(&self) -> Vec<usize> {
        let mut met = vec![0; self.n];
        self.sides().for_each(|(i, _, _)| met[i] += 1);
        met
    }

    fn sums(&self, one: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.n];
        self.sides().for_each(|(i, _, margin)| sums[i] += one(margin));
        sums
    }

    /// 0 for an item that met nobody.
    pub(super) fn mean_win_rates(&self) -> Vec<f64> {
        let met = self.opponents().into_iter().map(|met| met.max(1) as f64);
        self.sums(|margin| 0.5 + margin).into_iter().zip(met).map(|(sum, met)| sum / met).collect()
    }

    pub(super) fn beaten(&self) -> Vec<f64> {
        self.sums(|margin| match margin {
            m if m > 0.0 => 1.0,
            m if m < 0.0 => 0.0,
            _ => 0.5,
        })
    }

    /// 1/2 for an item that met nobody: neither better nor worse than unknown.
    pub(super) fn worst_win_rates(&self) -> Vec<f64> {
        let mut worst = vec![f64::INFINITY; self.n];
        self.sides().for_each(|(i, _, margin)| worst[i] = worst[i].min(0.5 + margin));
        worst.into_iter().map(|rate| if rate.is_finite() { rate } else { 0.5 }).collect()
    }
}
