//! Bradley-Terry adjusted for covariates of the single comparison.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use equipoise_core::logistic::logistic;
use equipoise_core::sample::{normal, uniform};
use equipoise_core::seed::stream;
use equipoise_data::{Covaried, Selection, Unit, parse_covariates};

use equipoise_models::{
    BRADLEY_TERRY, FitError, PairFit, PairOptions, Reweight, fit_covariates, fit_observed,
};

fn read(text: &str, covariates: &[&str], unit: Unit) -> Covaried {
    let mut selection = Selection::default();
    selection.reading.covariates = covariates.iter().map(|c| c.parse().unwrap()).collect();
    parse_covariates(Path::new("d.csv"), text.as_bytes(), &selection, unit).unwrap()
}

/// Battles of five items whose answers differ in length, which sways the judge by `bias` nats a standard deviation.
fn drawn(seed: u64, rows: usize, bias: f64) -> String {
    let mut rng = stream(seed, "covariates", &[]);
    let mut text = "item_a,item_b,outcome,len_a,len_b,one,context\n".to_owned();
    for k in 0..rows {
        let (i, j) = ((5.0 * uniform(&mut rng)) as usize, (5.0 * uniform(&mut rng)) as usize);
        if i == j {
            continue;
        }
        // the better an item, the longer its answers
        let length = |i: usize, rng: &mut _| 1000.0 + 100.0 * i as f64 + 300.0 * normal(rng);
        let (a, b) = (length(i, &mut rng), length(j, &mut rng));
        let eta = 0.3 * (i as f64 - j as f64) + bias * (a - b) / 424.0;
        let outcome = match uniform(&mut rng) {
            u if u < 0.1 => "tie",
            u if u < 0.1 + 0.9 * logistic(eta) => "a",
            _ => "b",
        };
        text.push_str(&format!("m{i},m{j},{outcome},{a},{b},1,{}\n", k % 40));
    }
    text
}

/// The bonus of the item listed first is a covariate that is always 1: the same fit by another program.
#[test]
fn a_constant_is_the_bonus_of_the_first() {
    let of = |unit| [Reweight::Comparisons, Reweight::Pairs].map(|reweight| (unit, reweight));
    for (unit, reweight) in [Unit::Row, Unit::Context].into_iter().flat_map(of) {
        let data = read(&drawn(1, 3000, 0.3), &["one"], unit);
        let (fit, coefficients) = fit_covariates(&data, &BRADLEY_TERRY, reweight).unwrap();
        let home = fit_observed(
            &data.observations,
            &BRADLEY_TERRY,
            PairOptions { home: true, reweight, ..PairOptions::default() },
        );
        let home = home.unwrap();
        assert!((coefficients[0].value - home.parameters[0].value).abs() < 1e-9);
        assert!((&fit.log_strength - &home.log_strength).iter().all(|d| d.abs() < 1e-9));
        assert!((&fit.covariance - &home.covariance).iter().all(|d| d.abs() < 1e-10), "{}", fit.covariance);
        assert!((&fit.sandwich - &home.sandwich).iter().all(|d| d.abs() < 1e-10), "{}", fit.sandwich);
        assert!(
            (&fit.spread - &home.spread).iter().all(|d| d.abs() < 1e-9),
            "{} {}",
            fit.spread,
            home.spread
        );
    }
}

#[test]
fn what_length_is_worth_is_found_and_taken_out() {
    let (mut errors, mut off) = (0.0, Vec::new());
    for seed in 0..40 {
        let data = read(&drawn(100 + seed, 2000, 0.5), &["len_a,len_b"], Unit::Row);
        let (fit, coefficients) = fit_covariates(&data, &BRADLEY_TERRY, Reweight::default()).unwrap();
        let length = &coefficients[0];
        assert_eq!(length.name, "len_a - len_b");
        // nats of 424 points of length
        let (scaled, error) =
            (length.value * 424.0 / length.unit, length.standard_error.unwrap() * 424.0 / length.unit);
        // ties shrink the log odds of decided ones
        off.push(scaled);
        errors += error / 40.0;
        let strength =
            |name: &str| fit.log_strength[data.battles.labels.iter().position(|l| l == name).unwrap()];
        let plain = fit_observed(&data.observations, &BRADLEY_TERRY, PairOptions::default()).unwrap();
        let by = |fit: &PairFit| {
            let at = |name: &str| data.battles.labels.iter().position(|l| l == name).unwrap();
            fit.log_strength[at("m4")] - fit.log_strength[at("m0")]
        };
        // 400 points of mean length are worth .47 nats that are not the item's
        assert!(by(&plain) - by(&fit) > 0.1, "{} {}", by(&plain), by(&fit));
        assert!(strength("m4") > strength("m0"));
    }
    let mean = off.iter().sum::<f64>() / 40.0;
    let spread = (off.iter().map(|o| (o - mean).powi(2)).sum::<f64>() / 39.0).sqrt();
    // the printed error is the scatter: 40 draws know it to 11 percent
    assert!((errors / spread - 1.0).abs() < 0.4, "{errors} {spread}");
    assert!((mean - 0.45).abs() < 0.05, "{mean}");
}

/// Turning every comparison round changes nothing; nor does another unit of length.
#[test]
fn order_and_unit_do_not_matter() {
    let text = "item_a,item_b,outcome,len_a,len_b\nx,y,a,10,4\nx,y,b,3,5\ny,z,a,7,9\nz,x,a,8,2\ny,z,b,4,4\nx,y,tie,6,1\nz,y,b,3,8\nx,z,a,2,9\n";
    let turned = "item_a,item_b,outcome,len_a,len_b\ny,x,b,40,100\ny,x,a,50,30\nz,y,b,90,70\nx,z,b,20,80\nz,y,a,40,40\ny,x,tie,10,60\ny,z,a,80,30\nz,x,b,90,20\n";
    let of = |text| {
        fit_covariates(&read(text, &["len_a,len_b"], Unit::Row), &BRADLEY_TERRY, Reweight::default()).unwrap()
    };
    let ((one, a), (two, b)) = (of(text), of(turned));
    assert!((a[0].value - b[0].value).abs() < 1e-9 && (10.0 * a[0].unit - b[0].unit).abs() < 1e-9);
    let at = |fit: &PairFit, labels: &[&str], name: &str| {
        fit.log_strength[labels.iter().position(|l| *l == name).unwrap()]
    };
    for name in ["x", "y", "z"] {
        let (p, q) = (at(&one, &["x", "y", "z"], name), at(&two, &["y", "x", "z"], name));
        assert!((p - q).abs() < 1e-9, "{name}: {p} {q}");
    }
}

#[test]
fn what_tells_winners_without_exception_has_no_estimate() {
    // the longer answer always won
    let text = "item_a,item_b,outcome,len_a,len_b\nx,y,a,10,4\nx,y,b,3,5\ny,z,b,7,9\nz,x,a,8,2\ny,z,a,6,4\n";
    let (fit, coefficients) =
        fit_covariates(&read(text, &["len_a,len_b"], Unit::Row), &BRADLEY_TERRY, Reweight::default())
            .unwrap();
    assert!(!fit.exists && coefficients[0].standard_error.is_none() && coefficients[0].value > 0.0);
    assert!(!fit.bounded(0, 1) && fit.open.iter().all(|o| *o == (true, true)));
    // an item that never lost, while length is told by the others: as without covariates
    let more = format!(
        "{}w,x,a,5,5\n",
        drawn(7, 400, 0.3)
            .replace(",one,context", "")
            .lines()
            .map(|l| {
                let cells: Vec<&str> = l.split(',').collect();
                format!("{}\n", cells[..5].join(","))
            })
            .collect::<String>()
    )
    .replace("w,x,a", "w,m0,a");
    let (fit, coefficients) =
        fit_covariates(&read(&more, &["len_a,len_b"], Unit::Row), &BRADLEY_TERRY, Reweight::default())
            .unwrap();
    let w = fit.open.len() - 1;
    assert!(!fit.exists && coefficients[0].standard_error.is_some());
    assert_eq!((fit.open[w], fit.open[0]), ((false, true), (false, false)));
    // a covariate that is a difference between items, and one that is always 0
    let text = "item_a,item_b,outcome,d,zero\nx,y,a,1,0\nx,y,b,1,0\ny,z,b,1,0\ny,z,a,1,0\nx,z,a,2,0\n";
    assert_eq!(
        fit_covariates(&read(text, &["d"], Unit::Row), &BRADLEY_TERRY, Reweight::default()).unwrap_err(),
        FitError::Covariates
    );
    let zero =
        fit_covariates(&read(text, &["zero"], Unit::Row), &BRADLEY_TERRY, Reweight::default()).unwrap_err();
    assert!(zero.to_string().contains("`zero`"), "{zero}");
}
