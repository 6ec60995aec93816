//! Does the place in which an item is listed decide?
//!
//! Where pairs were listed in both orders, place and strength can be told apart: the bonus h of the item listed first
//! (`Pr(first) = sigma(r_first - r_second + h)`) has an estimate and an error. Where every pair was listed as often one way
//! as the other, the wins of the item listed first are, without a bonus, half of all decided comparisons whatever the
//! strengths, and scatter at most as decisions with chance 1/2 each: the sign test. Where every pair was listed one way alone, nothing tells
//! them apart.

use equipoise_data::Observations;

use crate::distributions::{normal_cdf, sign_test};
use crate::entries::BRADLEY_TERRY;
use crate::pair_fit::{PairOptions, fit_observed};

/// How the items listed first fared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// Wins of the item listed first.
    pub first: f64,
    /// Comparisons that either won.
    pub decided: f64,
    /// The bonus in nats with its standard error; `None` where no pair was listed both ways.
    pub home: Option<(f64, f64)>,
    /// Two-sided, of no bonus; `None` where place and strength cannot be told apart.
    pub p_value: Option<f64>,
    /// Two-sided sign test of the decided comparisons, whatever the strengths; `None` for weights in fractions.
    pub even: Option<f64>,
}

/// How the items listed first fared; `None` if nothing was decided.
#[must_use]
pub fn position(data: &Observations) -> Option<Position> {
    let pairs = &data.comparisons.pairs;
    let decided = |c: &equipoise_data::Count| c.first + c.second;
    let first: f64 = pairs.iter().map(|p| p.forward.first + p.backward.first).sum();
    let all: f64 = pairs.iter().map(|p| decided(&p.forward) + decided(&p.backward)).sum();
    if all <= 0.0 {
        return None;
    }
    let whole = first.fract() == 0.0 && all.fract() == 0.0;
    let (more, fewer) = (first.max(all - first), first.min(all - first));
    let even = whole.then(|| (2.0 * sign_test(more, fewer)).min(1.0));
    let both = pairs.iter().any(|p| p.forward.total() > 0.0 && p.backward.total() > 0.0);
    let home = if both {
        fit_observed(data, &BRADLEY_TERRY, PairOptions { home: true, prior: false }).ok().and_then(|found| {
            let home = found.parameters.iter().find(|p| p.name == "home")?;
            Some((home.value, home.standard_error?))
        })
    } else {
        None
    };
    let balanced = pairs.iter().all(|p| decided(&p.forward) == decided(&p.backward));
    let p_value = match home {
        Some(_) if balanced && data.clusters().is_none() => even,
        other => other.map(|(value, error)| 2.0 * normal_cdf(-(value / error).abs())),
    };
    Some(Position { first, decided: all, home, p_value, even })
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
}
