//! Headlines that are no one paper's: `experiments/headlines`.

use equipoise_core::{sample, seed::stream};
use equipoise_data::Comparisons;
use equipoise_models::{BRADLEY_TERRY, PairOptions, fit};
use ndarray::Array2;

use crate::logistic;

/// Log odds of six answers of which such a share of the squares is curl, the rest differences of strengths.
fn log_odds(share: f64, scale: f64, draw: u32) -> Array2<f64> {
    let n = 6;
    let mut rng = stream(31, "curl", &[&draw.to_string()]);
    let strength: Vec<f64> = (0..n).map(|_| sample::normal(&mut rng)).collect();
    let gradient = Array2::from_shape_fn((n, n), |(i, j)| strength[i] - strength[j]);
    let mut skew = Array2::<f64>::zeros((n, n));
    for j in 0..n {
        for i in 0..j {
            let x = sample::normal(&mut rng);
            (skew[[i, j]], skew[[j, i]]) = (x, -x);
        }
    }
    // Hodge: the nearest differences are those of the row means, and what is left is orthogonal to all differences
    let means = skew.mean_axis(ndarray::Axis(1)).unwrap();
    let curl = Array2::from_shape_fn((n, n), |(i, j)| skew[[i, j]] - means[i] + means[j]);
    let unit = |m: &Array2<f64>| m / m.mapv(|x| x * x).sum().sqrt();
    (unit(&gradient) * (1.0 - share).sqrt() + unit(&curl) * share.sqrt()) * (scale * n as f64)
}

#[test]
fn headline_the_gap_of_bradley_terry_rises_with_the_share_of_curl_and_that_of_nash_does_not() {
    const DRAWS: u32 = 200;
    let shares = [0.0, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0];
    let mut table = Vec::new();
    for share in shares {
        let (mut gap, mut lost) = (0.0, 0);
        for draw in 0..DRAWS {
            let odds = log_odds(share, 1.0, draw);
            let p = odds.mapv(logistic);
            let n = p.nrows();
            let wins = Array2::from_shape_fn((n, n), |(i, j)| if i == j { 0.0 } else { p[[i, j]] });
            let data = Comparisons::from_tables(&wins, &Array2::zeros((n, n)));
            let r = fit(&data, &BRADLEY_TERRY, PairOptions::default()).unwrap().log_strength;
            let best = (0..n).fold(0, |b, i| if r[i] > r[b] { i } else { b });
            let own = (0..n).map(|i| 2.0 * p[[i, best]] - 1.0).fold(0.0, f64::max);
            gap += own / f64::from(DRAWS);
            lost += u32::from(own > 1e-9);
        }
        table.push((share, gap, f64::from(lost) / f64::from(DRAWS)));
    }
    println!("share of curl, mean gap of the favourite of Bradley-Terry, share of games in which it has one");
    table.iter().for_each(|(share, gap, lost)| println!("{share:.2} {gap:.4} {lost:.3}"));
    assert!(table[0].1 == 0.0, "{table:?}");
    assert!(table.windows(2).all(|w| w[1].1 > w[0].1), "{table:?}");
    assert!(table[6].1 > 0.25 && table[1].2 < 0.3, "{table:?}");
}
