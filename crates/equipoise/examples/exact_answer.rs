//! The exact answer, and why it may be believed: the lottery in fractions, checked in whole numbers.
#![allow(clippy::print_stdout, reason = "an example prints its answer")]

use equipoise::prelude::*;
use equipoise::reference::{RationalMargins, exact_equilibria};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let p = array![[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]];
    let matrix = PreferenceMatrix::new(p.view())?;

    // In floating point: the policy, and its gap recomputed from the margins.
    let answer = maximal_lottery(&matrix)?;
    println!("policy {:.6}, gap {:.1e}, unique: {:?}", answer.policy, answer.duality_gap, answer.unique);

    // As a proof: the same policy in fractions. The entries are read as the decimals they were written as.
    let margins = RationalMargins::from_decimals(&matrix);
    let all = exact_equilibria(&margins, false).ok_or("no proof: too large")?;
    println!("the only equilibrium: {}", all.unique);
    let proof = all.vertex;
    let fractions: Vec<(i128, i128)> = (0..3)
        .map(|i| {
            let text = proof.fraction(i);
            let (a, b) = text.split_once('/').ok_or("a fraction is a/b")?;
            Ok((a.parse()?, b.parse()?))
        })
        .collect::<Result<_, Box<dyn std::error::Error>>>()?;
    println!("policy {}", (0..3).map(|i| proof.fraction(i)).collect::<Vec<_>>().join(" "));

    // The certificate, checked here and now: the fractions are probabilities, and no answer beats them,
    // sum_j K_ij pi_j <= 0 for every i. All in integers over one denominator.
    let common: i128 = fractions.iter().map(|f| f.1).product();
    let weights: Vec<i128> = fractions.iter().map(|(a, b)| a * (common / b)).collect();
    assert!(weights.iter().all(|w| *w >= 0) && weights.iter().sum::<i128>() == common);
    for i in 0..3 {
        // margins as tenths: K_ij = (a / b), b divides 20
        let gain: i128 =
            (0..3).map(|j| margins.margin(i, j)).zip(&weights).map(|((a, b), w)| a * (20 / b) * w).sum();
        println!("answer {i} gains {gain} against the lottery");
        assert!(gain <= 0);
    }
    Ok(())
}
