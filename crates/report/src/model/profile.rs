//! Costs of methods at the same problems: how many problems each method solves, for how much, and which of two methods is
//! cheaper.
//!
//! Shares and pairs are functions of one method and of two: another method changes no share and no pair. The factor to
//! the cheapest method (performance profile of Dolan and More, Math. Program. 91, 2002) is a function of all of them.

use super::cost::CostUnit;

/// One method at one problem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Attempt {
    /// No finished run, or one that was told to stop at an easier target.
    Absent,
    Unsolved,
    Solved {
        cost: f64,
        /// Whether the target was watched at every step; otherwise the cost is that of the next recorded step.
        watched: bool,
    },
}

impl Attempt {
    /// Infinite where unsolved; `None` where absent.
    pub(crate) fn cost(self) -> Option<f64> {
        match self {
            Self::Absent => None,
            Self::Unsolved => Some(f64::INFINITY),
            Self::Solved { cost, .. } => Some(cost),
        }
    }
}

/// One method at all problems, in one unit of cost.
#[derive(Clone, Debug)]
pub(crate) struct MethodCosts<'a> {
    pub(crate) key: usize,
    pub(crate) label: &'a str,
    /// In the order of the problems.
    pub(crate) attempts: Vec<Attempt>,
}

impl MethodCosts<'_> {
    /// Number of problems met.
    pub(crate) fn met(&self) -> usize {
        self.attempts.iter().filter(|a| **a != Attempt::Absent).count()
    }

    /// Costs of the solved problems, rising.
    pub(crate) fn solved(&self) -> Vec<f64> {
        let mut costs: Vec<f64> =
            self.attempts.iter().filter_map(|a| a.cost()).filter(|c| c.is_finite()).collect();
        costs.sort_by(f64::total_cmp);
        costs
    }

    /// Number of problems solved, and the geometric mean of their costs.
    pub(crate) fn score(&self) -> (usize, f64) {
        let costs = self.solved();
        let mean = costs.iter().map(|c| c.ln()).sum::<f64>() / costs.len().max(1) as f64;
        (costs.len(), mean.exp())
    }
}

/// How often the first is cheaper than the second, and the reverse, among the problems that both met.
pub(crate) fn pair(a: &MethodCosts<'_>, b: &MethodCosts<'_>) -> (usize, usize) {
    let (mut first, mut second) = (0, 0);
    for (a, b) in a.attempts.iter().zip(&b.attempts) {
        if let (Some(a), Some(b)) = (a.cost(), b.cost()) {
            first += usize::from(a < b);
            second += usize::from(b < a);
        }
    }
    (first, second)
}

/// The methods that are charged in one unit, at the same problems.
pub(crate) struct PerformanceProfile<'a> {
    pub(crate) unit: CostUnit,
    /// By key; each with as many attempts.
    pub(crate) methods: Vec<MethodCosts<'a>>,
}

impl PerformanceProfile<'_> {
    /// For each method, the factors by which its solved problems cost more than they cost the cheapest, rising.
    pub(crate) fn factors(&self) -> Vec<Vec<f64>> {
        let best: Vec<f64> =
            self.problems().map(|costs| costs.into_iter().fold(f64::INFINITY, f64::min)).collect();
        let factors = |m: &MethodCosts<'_>| {
            let mut factors: Vec<f64> = m
                .attempts
                .iter()
                .zip(&best)
                .filter_map(|(a, best)| Some(a.cost()? / best))
                .filter(|f| f.is_finite())
                .collect();
            factors.sort_by(f64::total_cmp);
            factors
        };
        self.methods.iter().map(factors).collect()
    }

    /// Number of problems that some method met and no method solved.
    pub(crate) fn unsolved(&self) -> usize {
        self.problems().filter(|costs| !costs.is_empty() && costs.iter().all(|c| c.is_infinite())).count()
    }

    /// The costs at each problem, of the methods that met it.
    fn problems(&self) -> impl Iterator<Item = Vec<f64>> {
        let problems = self.methods.first().map_or(0, |m| m.attempts.len());
        (0..problems).map(|p| self.methods.iter().filter_map(|m| m.attempts[p].cost()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(key: usize, attempts: &[Attempt]) -> MethodCosts<'static> {
        MethodCosts { key, label: "method", attempts: attempts.to_vec() }
    }

    fn solved(cost: f64) -> Attempt {
        Attempt::Solved { cost, watched: true }
    }

    #[test]
    fn shares_and_factors_by_hand() {
        use Attempt::{Absent, Unsolved};
        let a = method(1, &[solved(10.0), solved(40.0), Unsolved, Unsolved]);
        let b = method(2, &[solved(20.0), solved(10.0), solved(30.0), Unsolved]);
        let c = method(3, &[Absent, solved(10.0), Unsolved, Absent]);
        assert_eq!((a.met(), c.met()), (4, 2));
        let (number, mean) = a.score();
        assert!(number == 2 && (mean - 20.0).abs() < 1e-12 * mean, "{mean}");
        assert_eq!((pair(&a, &b), pair(&b, &a), pair(&b, &c)), ((1, 2), (2, 1), (1, 0)));
        let profile = PerformanceProfile { unit: CostUnit::Queries, methods: vec![a, b, c] };
        assert_eq!(profile.factors(), [vec![1.0, 4.0], vec![1.0, 1.0, 2.0], vec![1.0]]);
        assert_eq!(profile.unsolved(), 1);
    }
}
