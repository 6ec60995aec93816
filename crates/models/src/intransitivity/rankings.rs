//! Null data of rankings: whole ones.

use equipoise_core::Rng;
use equipoise_core::sample::uniform;
use equipoise_data::{Comparisons, Count, PairCount, Ranking, Rankings, Ties};
use ndarray::Array1;

use super::measures::InspectError;

/// Most rankings that are drawn for one data set.
const MOST: f64 = 2e7;

/// Rankings by the numbers of the items of some comparisons.
pub(super) struct WholeRankings {
    /// Items of each, with the sizes of its groups of tied places, from the best, and how many of these there are.
    rankings: Vec<(Vec<usize>, Vec<usize>, u64)>,
    /// `[n x n]`: which pair two items are.
    pair: Vec<usize>,
    n: usize,
}

impl WholeRankings {
    /// The rankings that these comparisons are the pairs of; `None` if they are not, or come in fractions.
    ///
    /// # Errors
    /// [`InspectError::DroppedTies`], [`InspectError::TooManyRankings`].
    pub(super) fn new(rankings: &Rankings, data: &Comparisons) -> Result<Option<Self>, InspectError> {
        let total: f64 = rankings.rankings.iter().map(|r| r.weight).sum();
        if rankings.rankings.iter().any(|r| r.weight.fract() != 0.0) {
            return Ok(None);
        }
        let of_several = |r: &Ranking| r.groups.iter().map(Vec::len).sum::<usize>() > 2;
        if data.ties == Ties::Drop
            && rankings.rankings.iter().any(|r| of_several(r) && r.groups.iter().any(|g| g.len() > 1))
        {
            return Err(InspectError::DroppedTies);
        }
        if total > MOST {
            return Err(InspectError::TooManyRankings { rankings: total, most: MOST });
        }
        Ok(Self::placed(rankings, data))
    }

    fn placed(rankings: &Rankings, data: &Comparisons) -> Option<Self> {
        let n = data.n();
        let mut place = vec![None; rankings.labels.len()];
        for (k, label) in rankings.labels.iter().enumerate() {
            place[k] = data.labels.iter().position(|l| l == label);
        }
        let mut pair = vec![usize::MAX; n * n];
        for (k, p) in data.pairs.iter().enumerate() {
            (pair[p.i * n + p.j], pair[p.j * n + p.i]) = (k, k);
        }
        let (mut all, mut pairs) = (Vec::new(), 0.0);
        for ranking in &rankings.rankings {
            if data.ties == Ties::Drop && ranking.groups.len() == 1 {
                continue;
            }
            let sizes: Vec<usize> = ranking.groups.iter().map(Vec::len).collect();
            let items: Vec<usize> =
                ranking.groups.iter().flatten().map(|&i| place[i as usize]).collect::<Option<_>>()?;
            pairs += ranking.weight * (items.len() * items.len().saturating_sub(1) / 2) as f64;
            all.push((items, sizes, ranking.weight as u64));
        }
        // in an order that the rows do not decide
        all.sort_unstable();
        ((pairs - data.total).abs() < 0.5).then_some(Self { rankings: all, pair, n })
    }

    /// Rankings of the same items with as many tied places, drawn one item after another with chances in proportion to
    /// `exp(strength)`: the order of the strengths with Gumbel noise.
    pub(super) fn draw(&self, data: &Comparisons, strength: &Array1<f64>, rng: &mut Rng) -> Comparisons {
        let mut counts = vec![Count::default(); data.pairs.len()];
        let mut drawn: Vec<(f64, usize)> = Vec::new();
        let each = self.rankings.iter().flat_map(|r| std::iter::repeat_n((&r.0, &r.1), r.2 as usize));
        for (items, sizes) in each {
            drawn.clear();
            // from the lowest number: who was ranked where in the file has no say
            let mut ascending = items.clone();
            ascending.sort_unstable();
            drawn.extend(ascending.into_iter().map(|i| {
                let noise = -(-uniform(rng).max(f64::MIN_POSITIVE).ln()).ln();
                (strength[i] + noise, i)
            }));
            drawn.sort_by(|a, b| b.0.total_cmp(&a.0));
            let group: Vec<usize> =
                sizes.iter().enumerate().flat_map(|(g, &size)| std::iter::repeat_n(g, size)).collect();
            for a in 0..drawn.len() {
                for b in a + 1..drawn.len() {
                    let (i, j) = (drawn[a].1, drawn[b].1);
                    let count = &mut counts[self.pair[i * self.n + j]];
                    match (group[a] == group[b], i < j) {
                        (true, _) => count.tie += 1.0,
                        (false, true) => count.first += 1.0,
                        (false, false) => count.second += 1.0,
                    }
                }
            }
        }
        let pairs = data.pairs.iter().zip(counts);
        data.with_pairs(
            pairs.map(|(p, forward)| PairCount { forward, backward: Count::default(), ..*p }).collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use equipoise_core::logistic::logistic;
    use equipoise_core::seed::stream;
    use equipoise_data::{Selection, Unit, parse_comparisons, parse_observations, parse_rankings};

    use super::*;

    #[test]
    fn drawn_rankings_have_the_design_and_the_win_rates_of_bradley_terry() {
        let text = b"ranking,weight\nx > y = z,3000\nz > x,1000\n";
        let (path, all) = (Path::new("r.csv"), Selection::default());
        let data = parse_comparisons(path, text, &all).unwrap();
        let rankings = parse_rankings(path, text, &all).unwrap();
        let whole = WholeRankings::new(&rankings, &data).unwrap().unwrap();
        let strength = Array1::from(vec![0.7, 0.0, -0.7]);
        let drawn = whole.draw(&data, &strength, &mut stream(1, "whole rankings", &[]));
        assert_eq!((drawn.total, drawn.total_ties), (data.total, 3000.0));
        for (p, q) in drawn.pairs.iter().zip(&data.pairs) {
            assert_eq!(p.met(), q.met());
        }
        // a pair of a ranking of three is tied if neither comes first; the rest of the law is Bradley-Terry's
        let p = drawn.pairs.iter().find(|p| (p.i, p.j) == (0, 2)).unwrap();
        let e = [0.7f64.exp(), 1.0, (-0.7f64).exp()];
        let first = e[0] / e.iter().sum::<f64>();
        let expected = 3000.0 * first + 1000.0 * logistic(1.4);
        assert!(
            (p.outcomes().0 - expected).abs() < 5.0 * (4000.0f64 * 0.25).sqrt(),
            "{} {expected}",
            p.outcomes().0
        );
        // comparisons that are not theirs
        let other = parse_comparisons(path, b"ranking\nx > y > z\n", &all).unwrap();
        assert!(WholeRankings::new(&rankings, &other).unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        let path = Path::new("r.csv");
        let of = |text: &[u8], ties| {
            let all = Selection { ties, ..Selection::default() };
            let data = parse_comparisons(path, text, &all).unwrap();
            WholeRankings::new(&parse_rankings(path, text, &all).unwrap(), &data)
        };
        let large = of(b"ranking,weight\nx > y > z,1e9\nz > y > x,1e9\n", Ties::Half);
        assert!(matches!(large, Err(InspectError::TooManyRankings { rankings: 2e9, .. })));
        let tied = of(b"ranking\nx > y = z\nz > y > x\n", Ties::Drop);
        assert!(matches!(tied, Err(InspectError::DroppedTies)));
        assert!(of(b"ranking\nx > y > z\nz > y > x\n", Ties::Drop).unwrap().is_some());
        // a tied pair that is dropped leaves no part of a ranking
        assert!(of(b"ranking\nx > y > z\nz = x\n", Ties::Drop).unwrap().is_some());
    }

    #[test]
    fn observations_know_their_rankings() {
        let text = b"ranking,weight\nx > y = z > w,3\nw > x,2\nx = y,1\n";
        let (path, all) = (Path::new("r.csv"), Selection::default());
        let rankings = parse_rankings(path, text, &all).unwrap();
        let found = parse_observations(path, text, &all, Unit::Row).unwrap();
        let whole = |r: &Rankings| WholeRankings::new(r, &found.comparisons).unwrap().unwrap().rankings;
        assert_eq!(whole(&found.rankings().unwrap()), whole(&rankings));
    }
}
