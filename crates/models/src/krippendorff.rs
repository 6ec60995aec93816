//! Do annotators agree? Krippendorff's alpha.
//!
//! A unit is what several annotators judged: the same two items in the same context. With `n_u` judgements of unit u, values
//! paired within units and a distance `d` between values,
//!
//! ```text
//! alpha = 1 - D_o / D_e,   D_o = sum_u sum over pairs in u of 2 d / (n_u - 1) / N,   D_e = sum over all pairs of 2 d / (N (N - 1))
//! ```
//!
//! over units of two judgements or more, N judgements in all (Krippendorff 2011, "Computing Krippendorff's alpha-reliability"):
//! 1 where all agree, 0 as by chance, below 0 worse. Nominal: `d` is 0 or 1; interval: the square of the difference of scores
//! (win 1, tie 1/2, loss 0). Which of two items a win is of follows from what they did ([`canonical`](crate::canonical)), and
//! neither from rows nor from names. Its interval is the percentile bootstrap over units.

use std::collections::BTreeMap;

use equipoise_core::Rng;
use equipoise_core::sample::uniform;
use equipoise_data::{Battles, Outcome};

use crate::canonical::Canonical;
use crate::intervals::quantile;

/// Values of a judgement: the lower item lost, tied, won.
const VALUES: usize = 3;

/// How far two values are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// Equal or not.
    Nominal,
    /// The square of the difference of scores.
    Interval,
}

impl Distance {
    fn between(self, a: usize, b: usize) -> f64 {
        match self {
            Self::Nominal => f64::from(u8::from(a != b)),
            Self::Interval => (0.5 * (a as f64 - b as f64)).powi(2),
        }
    }
}

/// Agreement of the judgements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alpha {
    /// Units with two judgements or more.
    pub units: usize,
    /// Judgements of these.
    pub judgements: f64,
    /// Krippendorff's alpha; `None` if no unit has two judgements, or all values are equal.
    pub alpha: Option<f64>,
    /// The 95 percent percentile interval over bootstrap samples of units; `None` without alpha or samples.
    pub interval: Option<(f64, f64)>,
}

/// Judgements of each unit, by value.
pub type Units = Vec<[f64; VALUES]>;

/// The units of a file, in the order of their counts: same two items, same context. Rows without an annotator are left out.
/// Repetitions by one annotator are one judgement, and none if they contradict each other.
#[must_use]
pub fn units(data: &Battles) -> Units {
    let place = Canonical::of(&data.counts().into()).place;
    let mut units: BTreeMap<(u32, u32, u32), BTreeMap<u32, Option<usize>>> = BTreeMap::new();
    for b in &data.rows {
        let named = data.annotators.get(b.annotator as usize).is_some_and(|name| !name.is_empty());
        if !named || b.weight <= 0.0 || b.first == b.second {
            continue;
        }
        let forward = place[b.first as usize] < place[b.second as usize];
        let value = match b.outcome {
            Outcome::First => {
                if forward {
                    2
                } else {
                    0
                }
            }
            Outcome::Second => {
                if forward {
                    0
                } else {
                    2
                }
            }
            Outcome::Tie | Outcome::BothBad => 1,
        };
        let unit = (b.first.min(b.second), b.first.max(b.second), b.context);
        let said = units.entry(unit).or_default().entry(b.annotator).or_insert(Some(value));
        *said = said.filter(|earlier| *earlier == value);
    }
    let counted = units.into_values().map(|judgements| {
        let mut counts = [0.0; VALUES];
        judgements.into_values().flatten().for_each(|v| counts[v] += 1.0);
        counts
    });
    let mut units: Units = counted.filter(|c| c.iter().sum::<f64>() > 1.5).collect();
    units.sort_by(|a, b| a.partial_cmp(b).expect("counts are numbers"));
    units
}

/// Krippendorff's alpha of the units, with an interval from `samples` bootstrap samples of them.
#[must_use]
pub fn alpha(units: &Units, distance: Distance, samples: usize, rng: &mut Rng) -> Alpha {
    let pick = |rng: &mut Rng| &units[((units.len() as f64 * uniform(rng)) as usize).min(units.len() - 1)];
    let value = of(units.iter(), distance);
    let mut drawn: Vec<f64> = (0..if value.is_some() { samples } else { 0 })
        .filter_map(|_| {
            let sample: Vec<&[f64; VALUES]> = (0..units.len()).map(|_| pick(rng)).collect();
            of(sample.into_iter(), distance)
        })
        .collect();
    let interval = (drawn.len() >= 20).then(|| (quantile(&mut drawn, 0.025), quantile(&mut drawn, 0.975)));
    Alpha { units: units.len(), judgements: units.iter().flatten().sum(), alpha: value, interval }
}

fn of<'a>(units: impl Iterator<Item = &'a [f64; VALUES]>, distance: Distance) -> Option<f64> {
    let (mut observed, mut all) = (0.0, [0.0; VALUES]);
    for unit in units {
        let n: f64 = unit.iter().sum();
        observed += pairs(unit, distance) / (n - 1.0);
        all.iter_mut().zip(unit).for_each(|(a, u)| *a += u);
    }
    let n: f64 = all.iter().sum();
    let expected = pairs(&all, distance) / (n - 1.0);
    (n > 1.0 && expected > 0.0).then(|| 1.0 - observed / expected)
}

/// Sum of distances over ordered pairs of judgements.
fn pairs(counts: &[f64; VALUES], distance: Distance) -> f64 {
    let cells = (0..VALUES).flat_map(|a| (0..VALUES).map(move |b| (a, b)));
    cells.map(|(a, b)| counts[a] * counts[b] * distance.between(a, b)).sum()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use equipoise_core::seed::stream;
    use equipoise_data::{Selection, parse_battles};

    use super::*;

    #[test]
    fn published_examples() {
        // Krippendorff 2011, section A: two observers, ten units, binary; alpha = 0.095
        let a = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0];
        let b = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0];
        let units: Units = a
            .into_iter()
            .zip(b)
            .map(|(x, y): (usize, usize)| {
                let mut counts = [0.0; VALUES];
                counts[2 * x] += 1.0;
                counts[2 * y] += 1.0;
                counts
            })
            .collect();
        let mut rng = stream(1, "alpha", &[]);
        let found = alpha(&units, Distance::Nominal, 400, &mut rng);
        assert!((found.alpha.unwrap() - 0.095).abs() < 5e-4, "{found:?}");
        // of two values the distances differ by a factor alone
        assert!(
            (alpha(&units, Distance::Interval, 0, &mut rng).alpha.unwrap() - found.alpha.unwrap()).abs()
                < 1e-12
        );
        let (low, high) = found.interval.unwrap();
        assert!(low < 0.095 && 0.095 < high && high < 1.0);
    }

    #[test]
    fn all_agree_nobody_agrees_nothing_is_known() {
        let mut rng = stream(2, "alpha", &[]);
        let agree: Units = vec![[3.0, 0.0, 0.0], [0.0, 0.0, 2.0]];
        assert_eq!(alpha(&agree, Distance::Nominal, 0, &mut rng).alpha, Some(1.0));
        let apart: Units = vec![[1.0, 0.0, 1.0]; 20];
        assert!(alpha(&apart, Distance::Nominal, 0, &mut rng).alpha.unwrap() < -0.9);
        assert_eq!(alpha(&vec![[2.0, 0.0, 0.0]], Distance::Nominal, 9, &mut rng).alpha, None);
        assert_eq!(alpha(&Vec::new(), Distance::Nominal, 9, &mut rng).alpha, None);
    }

    #[test]
    fn neither_rows_nor_names_decide() {
        let of = |rows: &[&str]| {
            let text = format!("item_a,item_b,outcome,context,annotator\n{}", rows.join("\n"));
            let data = parse_battles(Path::new("d.csv"), text.as_bytes(), &Selection::default()).unwrap();
            alpha(&units(&data), Distance::Nominal, 100, &mut stream(3, "alpha", &[]))
        };
        let mut rows = vec!["y,z,b,c0,v"];
        rows.extend([
            "x,y,a,c1,u",
            "x,y,b,c1,v",
            "x,y,a,c2,u",
            "x,y,a,c2,v",
            "x,y,tie,c2,w",
            "x,y,a,c3,u",
            "x,y,a,c3,v",
        ]);
        rows.extend(["z,y,a,c1,u", "z,y,a,c1,v", "z,x,b,c1,u", "z,x,tie,c1,w", "x,z,a,c2,u", "z,x,b,c2,v"]);
        let found = of(&rows);
        assert_eq!((found.units, found.judgements), (6, 13.0));
        rows.reverse();
        assert_eq!(of(&rows), found);
        rows.swap(2, 9);
        let renamed: Vec<String> = rows.iter().map(|r| r.replace("x,", "zz,").replace("y,", "aa,")).collect();
        assert_eq!(of(&renamed.iter().map(String::as_str).collect::<Vec<_>>()), found);
        // an annotator who contradicts himself has not judged, whichever row comes first; who repeats himself has judged once
        let mut rows =
            vec!["x,y,a,c,u", "x,y,b,c,u", "x,y,a,c,v", "x,y,a,c,v", "x,y,a,c,w", "x,y,b,d,u", "x,y,b,d,v"];
        let found = of(&rows);
        assert_eq!((found.alpha, found.judgements), (Some(1.0), 4.0));
        rows.swap(0, 1);
        assert_eq!(of(&rows), found);
    }
}
