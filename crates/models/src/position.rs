//! Does the place in which an item is listed decide?
//!
//! Where pairs were listed in both orders, place and strength can be told apart: the bonus h of the item listed first
//! (`Pr(first) = sigma(r_first - r_second + h)`) has an estimate and an error. Where every pair was listed as often one way
//! as the other, the wins of the item listed first are, without a bonus, half of all decided comparisons whatever the
//! strengths, and scatter at most as decisions with chance 1/2 each: the sign test. Where every pair was listed one way alone, nothing tells
//! them apart.
//!
//! Where bonus and strengths have no finite maximum together, there is no estimate, and an error by curvature would be
//! nothing. The likelihood has a supremum nevertheless, and so has its ratio to that without a bonus, which decides. Comparisons
//! between blocks that no win leads back from ([`win_blocks`]) say nothing of the bonus in that supremum, whatever it is: they are left out.

use equipoise_data::{Comparisons, Observations, PairCount};

use crate::distributions::{chi_squared_tail, normal_cdf, sign_test};
use crate::entries::BRADLEY_TERRY;
use crate::graph::{home_runs_away, win_blocks};
use crate::pair_fit::{PairOptions, fit, fit_observed};

/// How the items listed first fared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// Wins of the item listed first.
    pub first: f64,
    /// Comparisons that either won.
    pub decided: f64,
    /// Whether some pair was listed both ways.
    pub both_ways: bool,
    /// The bonus in nats with its standard error; `None` where no pair was listed both ways, there is no finite maximum, or no
    /// noise is known (weights in fractions).
    pub home: Option<(f64, f64)>,
    /// Two-sided, of no bonus; `None` where place and strength cannot be told apart.
    pub p_value: Option<f64>,
    /// Two-sided sign test of the decided comparisons, whatever the strengths; `None` for weights in fractions.
    pub even: Option<f64>,
}

/// How the items listed first fared; `None` if nothing was decided, or the file holds rankings, which list nobody first.
#[must_use]
pub fn position(data: &Observations) -> Option<Position> {
    let pairs = &data.comparisons.pairs;
    if data.comparisons.checks.rankings > 0 {
        return None;
    }
    let decided = |c: &equipoise_data::Count| c.first + c.second;
    let first: f64 = pairs.iter().map(|p| p.forward.first + p.backward.first).sum();
    let all: f64 = pairs.iter().map(|p| decided(&p.forward) + decided(&p.backward)).sum();
    if all <= 0.0 {
        return None;
    }
    let noise = data.no_noise().is_none();
    let whole = first.fract() == 0.0 && all.fract() == 0.0;
    let (more, fewer) = (first.max(all - first), first.min(all - first));
    let even = (whole && noise).then(|| (2.0 * sign_test(more, fewer)).min(1.0));
    let both_ways = pairs.iter().any(|p| p.forward.total() > 0.0 && p.backward.total() > 0.0);
    let home = if both_ways && noise { estimate(data) } else { None };
    let (alone, balanced) =
        (data.clusters().is_none(), pairs.iter().all(|p| decided(&p.forward) == decided(&p.backward)));
    let p_value = match home {
        _ if !both_ways => None,
        _ if balanced && alone => even,
        Some((value, error)) => Some(2.0 * normal_cdf(-(value / error).abs())),
        // the law of the ratio is that of independent comparisons
        None if alone && noise => likelihood_ratio(&data.comparisons),
        None => None,
    };
    Some(Position { first, decided: all, both_ways, home, p_value, even })
}

/// The bonus with its error, where bonus and strengths have a finite maximum together.
fn estimate(data: &Observations) -> Option<(f64, f64)> {
    if home_runs_away(&data.comparisons) {
        return None;
    }
    let found =
        fit_observed(data, &BRADLEY_TERRY, PairOptions { home: true, ..PairOptions::default() }).ok()?;
    let home = found.parameters.iter().find(|p| p.name == "home")?;
    let error = home.standard_error.filter(|error| error.is_finite() && *error > 0.0)?;
    (found.exists && found.converged).then_some((home.value, error))
}

/// `Pr(X >= 2 (sup l - sup l_0))` of the chi-squared law of one degree, l_0 without a bonus; `None` if no comparison within a
/// block is left to tell.
fn likelihood_ratio(data: &Comparisons) -> Option<f64> {
    let mut block = vec![0; data.n()];
    win_blocks(data).iter().enumerate().for_each(|(k, b)| b.iter().for_each(|&i| block[i] = k));
    let within = |p: &&PairCount| block[p.i] == block[p.j];
    let pairs: Vec<PairCount> = data.pairs.iter().filter(within).copied().collect();
    if !pairs.iter().any(|p| p.forward.total() > 0.0 && p.backward.total() > 0.0) {
        return None;
    }
    let data = Comparisons { pairs, ..data.clone() };
    let supremum = |home| {
        Some(fit(&data, &BRADLEY_TERRY, PairOptions { home, ..PairOptions::default() }).ok()?.log_likelihood)
    };
    Some(chi_squared_tail(2.0 * (supremum(true)? - supremum(false)?), 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use equipoise_data::{Selection, Unit, parse_observations};
    use std::path::Path;

    fn read(text: &str) -> Observations {
        parse_observations(Path::new("d.csv"), text.as_bytes(), &Selection::default(), Unit::Row).unwrap()
    }

    /// 70 of 100 and 60 of 100 for the item listed first: (logit .7 + logit .6) / 2, sqrt((1/21 + 1/24) / 4).
    #[test]
    fn a_bonus_is_told_from_strength_where_both_orders_exist() {
        let text = "item_a,item_b,outcome,weight\nA,B,a,70\nA,B,b,30\nB,A,a,60\nB,A,b,40\n";
        let found = position(&read(text)).unwrap();
        assert_eq!((found.first, found.decided), (130.0, 200.0));
        let (home, error) = found.home.unwrap();
        assert!((home - 0.626_381_484_5).abs() < 1e-9 && (error - 0.149_4).abs() < 5e-5);
        assert!((found.p_value.unwrap() - 2.7e-5).abs() < 5e-7);
        let one_way = position(&read("item_a,item_b,outcome,weight\nA,B,a,70\nA,B,b,30\n")).unwrap();
        assert_eq!((one_way.home, one_way.p_value), (None, None));
        assert!(one_way.even.unwrap() < 1e-4);
    }

    /// A bonus that decides everything has no estimate: 161 of 161, of which 81 for A and 80 for B, are `2^-161` times
    /// (81/161)^-81 (80/161)^-80 as likely without one. So has one beside an item that never lost, whose comparisons say nothing.
    #[test]
    fn without_a_finite_maximum_the_likelihood_ratio_decides() {
        let all = position(&read("item_a,item_b,outcome,weight\nA,B,a,81\nB,A,a,80\n")).unwrap();
        assert_eq!((all.first, all.decided, all.home), (161.0, 161.0, None));
        let ratio = -2.0 * (81.0 * (81f64 / 161.0).ln() + 80.0 * (80f64 / 161.0).ln());
        let p = all.p_value.unwrap();
        assert!((p.ln() - chi_squared_tail(ratio, 1.0).ln()).abs() < 1e-6, "{p}");
        let few = position(&read("item_a,item_b,outcome,weight\nA,B,b,3\nB,A,b,2\nB,C,b,1\n")).unwrap();
        assert!(few.home.is_none() && few.p_value.unwrap() > 1e-3, "{few:?}");
        // C lost all: the bonus is told from A and B alone, with the ratio of their own counts
        let both = "A,B,a,70\nA,B,b,30\nB,A,a,33\nB,A,b,22\n";
        let two = position(&read(&format!("item_a,item_b,outcome,weight\n{both}"))).unwrap();
        let swept =
            position(&read(&format!("item_a,item_b,outcome,weight\n{both}A,C,a,50\nC,B,b,9\n"))).unwrap();
        assert!(two.home.is_some() && swept.home.is_none());
        let (wald, ratio) = (two.p_value.unwrap(), swept.p_value.unwrap());
        assert!((wald.ln() - ratio.ln()).abs() < 0.05 * wald.ln().abs(), "{wald} {ratio}");
        // nothing but sweeps: nothing tells
        let text = "item_a,item_b,outcome,weight\nA,C,a,50\nC,A,b,9\nB,C,a,3\n";
        assert_eq!(position(&read(text)).unwrap().p_value, None);
        // of weights in fractions nothing is known
        let half =
            position(&read("item_a,item_b,outcome,weight\nA,B,a,7.5\nB,A,a,6.5\nB,A,b,0.5\n")).unwrap();
        assert_eq!((half.home, half.p_value, half.even), (None, None, None));
        // rankings list nobody first, also those of two
        assert_eq!(position(&read("ranking,weight\nA > B,20\nB > A,3\n")), None);
        assert_eq!(position(&read("ranking,weight\nA > B > C,20\nB > A > C,3\n")), None);
    }
}
