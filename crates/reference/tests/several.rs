//! Games with several optimal lotteries: that there are others is told, the one named is that of largest entropy, and nothing rests on
//! which of them a solver happens to meet. And numbers at the ends of their range, which are answers and never NaN.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use equipoise_core::sample::{index, uniform};
use equipoise_core::seed::stream;
use equipoise_core::{Policy, Shape};
use equipoise_env::PreferenceMatrix;
use equipoise_reference::axioms::{Axiom, Profile, violation};
use equipoise_reference::concepts::{
    Ballot, Choice, ConceptOptions, Electorate, Judge, Payoff, blackwell_winner, concept, level_lottery,
    level_value, payoff_equilibrium, zero_sum,
};
use equipoise_reference::distortion::{
    LinearRule, Population, best_within, borda_bound, nash_bound, worsening_path, worst_case,
};
use equipoise_reference::statistics::{
    Design, duels_for, hard_start_cost, learning_constant, plug_in_bound, regularised_gap,
};
use ndarray::{Array2, arr2};

#[track_caller]
fn close(a: &[f64], b: &[f64], tolerance: f64) {
    assert!(
        a.len() == b.len() && a.iter().zip(b).all(|(x, y)| (x - y).abs() <= tolerance),
        "{a:?} and {b:?}"
    );
}

fn profile(text: &str) -> Profile {
    text.parse().unwrap()
}

fn choice(rule: &str, electorate: &Electorate, options: &ConceptOptions) -> Choice {
    concept(rule).unwrap().choose(electorate, options).unwrap()
}

#[track_caller]
fn lottery(rule: &str, electorate: &Electorate) -> (Vec<f64>, Option<bool>) {
    match choice(rule, electorate, &ConceptOptions::default()) {
        Choice::Lottery { policy, unique } => (policy, unique),
        other => panic!("{rule}: {other:?}"),
    }
}

#[test]
fn rows_with_several_optima() {
    // all rows alike: any lottery; the column has one
    let found = zero_sum(&arr2(&[[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]])).unwrap();
    close(&found.row, &[1.0 / 3.0; 3], 1e-14);
    assert_eq!((found.row_unique, found.column_unique, found.value), (Some(false), Some(true), 1.0));
    // matching pennies with a row between the two: (t/2 + ..) any (a, a, 1 - 2a), of which entropy takes thirds
    let found = zero_sum(&arr2(&[[1.0, -1.0], [-1.0, 1.0], [0.0, 0.0]])).unwrap();
    close(&found.row, &[1.0 / 3.0; 3], 1e-12);
    assert_eq!((found.row_unique, found.column_unique), (Some(false), Some(true)));
    // a wall holds: the third row pays less against the third column, so that x_3 <= 1/4
    let found = zero_sum(&arr2(&[[1.0, -1.0, 0.1], [-1.0, 1.0, 0.1], [0.0, 0.0, -0.3]])).unwrap();
    close(&found.row, &[0.375, 0.375, 0.25], 1e-12);
    assert_eq!(found.row_unique, Some(false));
    let one = zero_sum(&arr2(&[[3.0]])).unwrap();
    assert_eq!((one.row, one.row_unique, one.value), (vec![1.0], Some(true), 3.0));
}

/// Held against all policies of a grid: another optimum is there if and only if it is told, and none has more entropy.
#[test]
fn uniqueness_and_entropy_against_a_grid() {
    let mut rng = stream(18, "several", &[]);
    let (mut several, mut single) = (0, 0);
    for _ in 0..120 {
        // payoffs of quarters on purpose: ties are common
        let (m, n) = (3, 2 + index(&mut rng, 3));
        let payoffs = Array2::from_shape_fn((m, n), |_| index(&mut rng, 4) as f64 / 4.0);
        let found = zero_sum(&payoffs).unwrap();
        let kept = |p: &[f64]| {
            (0..n).map(|j| (0..m).map(|i| p[i] * payoffs[[i, j]]).sum::<f64>()).fold(f64::INFINITY, f64::min)
        };
        let entropy = |p: &[f64]| p.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum::<f64>();
        assert!(found.gap < 1e-14 && kept(&found.row) > found.value - 1e-14, "{payoffs}");
        let parts = 120;
        let mut others = 0;
        for a in 0..=parts {
            for b in 0..=parts - a {
                let p = [a, b, parts - a - b].map(|k| k as f64 / parts as f64);
                if kept(&p) < found.value - 1e-12 {
                    continue;
                }
                assert!(entropy(&p) <= entropy(&found.row) + 1e-12, "{payoffs} {p:?} {found:?}");
                others += usize::from(p.iter().zip(&found.row).any(|(x, y)| (x - y).abs() > 1e-9));
            }
        }
        match found.row_unique {
            Some(true) => {
                assert_eq!(others, 0, "{payoffs} {found:?}");
                single += 1;
            }
            Some(false) => several += 1,
            None => panic!("quarters leave no doubt: {payoffs}"),
        }
        // of quarters every edge of optima meets the grid
        assert_eq!(found.row_unique == Some(false), others > 0, "{payoffs} {found:?}");
    }
    assert!(several > 20 && single > 20, "{several} {single}");
}

/// A tie of two items: each is an equilibrium of every payoff, and a rule that names both refutes nothing.
#[test]
fn several_lotteries_refute_nothing() {
    for rule in ["payoff-square", "payoff-root", "payoff-log"] {
        let tie = profile("1 abc, 1 bca");
        match choice(rule, &tie.electorate(), &ConceptOptions::default()) {
            Choice::Lottery { unique: Some(true), .. } | Choice::Open { .. } => {}
            Choice::Lottery { unique, .. } => {
                assert_eq!(unique, Some(false), "{rule}");
                for axiom in Axiom::ALL {
                    assert!(
                        violation(concept(rule).unwrap(), axiom, &tie).unwrap().is_none(),
                        "{rule} {axiom:?}"
                    );
                }
            }
            other => panic!("{rule}: {other:?}"),
        }
    }
    let level = Electorate::of_win_rates(PreferenceMatrix::from_margins(3, |_, _| 0.0).unwrap(), None);
    for payoff in Payoff::ALL {
        let found = payoff_equilibrium(level.matrix(), payoff).unwrap();
        assert_eq!((found.row_unique, found.column_unique), (Some(false), Some(false)), "{payoff:?}");
        close(&found.row, &[1.0 / 3.0; 3], 1e-12);
        close(&found.column, &[1.0 / 3.0; 3], 1e-12);
    }
    // a level copy makes several of one
    let copied = profile("2 abc, 2 bca, 1 cab").electorate().with_clone(0);
    for rule in ["payoff-square", "payoff-root"] {
        let (policy, unique) = lottery(rule, &copied);
        if policy[0] > 0.0 {
            assert_eq!(unique, Some(false), "{rule}");
            assert!((policy[0] - policy[3]).abs() < 1e-12, "{rule}: {policy:?}");
        }
    }
}

#[test]
fn judges_with_several_best_lotteries() {
    let game = |m: f64| {
        PreferenceMatrix::from_margins(3, |i, j| [[0.0, m, m], [-m, 0.0, 0.0], [-m, 0.0, 0.0]][i][j]).unwrap()
    };
    // two opposite judges: half of the first item; the rest in any way, and of largest entropy alike
    let judges = [game(0.2), game(-0.2)].map(|matrix| Judge { weight: 1.0, matrix });
    let found = blackwell_winner(&judges).unwrap();
    assert_eq!(found.unique, Some(false));
    close(&found.policy, &[0.5, 0.25, 0.25], 1e-10);
    assert!((found.value - 0.4).abs() < 1e-12 && found.certificate < 1e-12, "{found:?}");
    let one = [Judge {
        weight: 1.0,
        matrix: PreferenceMatrix::from_margins(3, |i, j| {
            [[0.0, 0.1, -0.4], [-0.1, 0.0, 0.2], [0.4, -0.2, 0.0]][i][j]
        })
        .unwrap(),
    }];
    let found = blackwell_winner(&one).unwrap();
    close(&found.policy, &[2.0 / 7.0, 4.0 / 7.0, 1.0 / 7.0], 1e-12);
    assert_eq!(found.unique, Some(true));
    // between: held against a grid at several levels
    let mut rng = stream(19, "several", &[]);
    let (mut several, mut single) = (0, 0);
    for round in 0..40 {
        let judges: Vec<Judge> = (0..2 + round % 3)
            .map(|_| {
                let draws: Vec<f64> = (0..9).map(|_| (index(&mut rng, 5) as f64 - 2.0) / 10.0).collect();
                let matrix = PreferenceMatrix::from_margins(3, |i, j| draws[3 * i + j]).unwrap();
                Judge { weight: 1.0 + (index(&mut rng, 2) as f64), matrix }
            })
            .collect();
        let level = [1.0, 0.75, 0.5, 0.25][round % 4];
        let found = level_lottery(&judges, level).unwrap();
        assert!(found.certificate < 1e-12, "{found:?}");
        let entropy = |p: &[f64]| p.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum::<f64>();
        let mut others = 0;
        for a in 0..=60 {
            for b in 0..=60 - a {
                let p = [a, b, 60 - a - b].map(|k| k as f64 / 60.0);
                let value = level_value(&judges, &p, level);
                assert!(value <= found.value + 1e-12);
                if value > found.value - 1e-12 {
                    assert!(entropy(&p) <= entropy(&found.policy) + 1e-10, "{p:?} {found:?}");
                    others += usize::from(p.iter().zip(&found.policy).any(|(x, y)| (x - y).abs() > 1e-9));
                }
            }
        }
        match found.unique {
            Some(true) => {
                assert_eq!(others, 0, "{judges:?} {level} {found:?}");
                single += 1;
            }
            _ => several += 1,
        }
    }
    assert!(several > 3 && single > 3, "{several} {single}");
}

/// Whether the equilibrium among samples is the only one: by the monotonicity of payoffs, and by what level copies do.
#[test]
fn equilibria_of_samples() {
    let (_, unique) = lottery("k-sample", &profile("5 abc, 1 acb, 4 bca, 3 cab").electorate());
    assert_eq!(unique, Some(true));
    let copied = profile("5 abc, 1 acb, 4 bca, 3 cab").electorate().with_clone(0);
    let (policy, unique) = lottery("k-sample", &copied);
    assert!(policy[0] > 0.0 && unique == Some(false), "{policy:?} {unique:?}");
    // two ballots of groups that cross tell some items apart, and not all four
    let groups = |g: [[usize; 2]; 2], weight| Ballot { groups: g.map(|g| g.to_vec()).to_vec(), weight };
    let ballots = vec![groups([[0, 1], [2, 3]], 1.0), groups([[2, 0], [3, 1]], 1.0)];
    let crossed = Electorate::of_ballots(4, ballots).unwrap();
    let (_, unique) = lottery("k-sample", &crossed);
    assert_ne!(unique, Some(true));
    // monotone: (p - q)' (payoff p - payoff q) < 0 between any two policies, under strict ballots
    let electorate = profile("3 abcd, 2 dbca, 1 cadb").electorate();
    let mut rng = stream(20, "several", &[]);
    let mut draw = || {
        let w: [f64; 4] = std::array::from_fn(|_| -uniform(&mut rng).ln());
        w.map(|v| v / w.iter().sum::<f64>())
    };
    for samples in [2, 3, 7] {
        for _ in 0..200 {
            let (p, q) = (draw(), draw());
            let ballots = electorate.ballots().unwrap();
            let paid = |p: &[f64]| equipoise_reference::concepts::sample_payoffs(4, ballots, p, samples);
            let (f, g) = (paid(&p), paid(&q));
            let sum: f64 = (0..4).map(|i| (p[i] - q[i]) * (f[i] - g[i])).sum();
            assert!(sum < 0.0, "{samples} {p:?} {q:?} {sum}");
        }
    }
}

#[test]
fn why_no_ranking_is_linear() {
    let ballots = |texts: &str| profile(texts).electorate();
    let open =
        |rule: &str, electorate: &Electorate| match choice(rule, electorate, &ConceptOptions::default()) {
            Choice::Open { reason } => reason,
            other => panic!("{rule}: {other:?}"),
        };
    let alike = ballots("2 abc, 1 cab").with_features(arr2(&[[1.0], [2.0], [1.0]])).unwrap();
    for rule in ["lcpo", "leximax-copeland"] {
        assert!(
            open(rule, &alike).contains("items 0 and 2 (from 0) have the same features"),
            "{}",
            open(rule, &alike)
        );
    }
    // all rank a above b above c, and the features put b between at best by turning the order of one pair round
    let agreed = ballots("2 acb").with_features(arr2(&[[0.0], [1.0], [2.0]])).unwrap();
    let reason = open("lcpo", &agreed);
    assert!(reason.contains("all 3 pairs on which all voters agree"), "{reason}");
    assert!(matches!(
        choice("leximax-copeland", &agreed, &ConceptOptions::default()),
        Choice::Rankings { .. }
    ));
}

#[test]
fn temperatures_at_the_ends_of_their_range() {
    let game = PreferenceMatrix::from_margins(3, |i, j| {
        [[0.0, 0.1, -0.4], [-0.1, 0.0, 0.2], [0.4, -0.2, 0.0]][i][j]
    })
    .unwrap();
    let ballots = profile("5 abc, 1 acb, 4 bca, 3 cab").electorate();
    let rates = Electorate::of_win_rates(game.clone(), None);
    let judged = Electorate::of_judges(vec![Judge { weight: 1.0, matrix: game.clone() }]).unwrap();
    let one = Electorate::of_win_rates(PreferenceMatrix::from_margins(1, |_, _| 0.0).unwrap(), None);
    for entry in equipoise_reference::concepts::CONCEPTS {
        for electorate in [&ballots, &rates, &judged, &one] {
            for tau in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-320, 1e-300, 1e-9, 1e9, 1e300] {
                let options = ConceptOptions { tau: Some(tau), ..ConceptOptions::default() };
                let found = match entry.choose(electorate, &options) {
                    Ok(found) => found,
                    // an equilibrium that cannot be certified says so
                    Err(error) => {
                        assert!(error.to_string().contains("tau"), "{} {tau}: {error}", entry.name);
                        continue;
                    }
                };
                if !(tau > 0.0 && tau.is_finite()) {
                    assert!(matches!(found, Choice::Open { .. }), "{} {tau}: {found:?}", entry.name);
                }
                if let Some(policy) = found.policy(electorate.n()) {
                    let sum: f64 = policy.iter().sum();
                    assert!(
                        (sum - 1.0).abs() < 1e-9 && policy.iter().all(|p| *p >= 0.0),
                        "{} {tau}: {policy:?}",
                        entry.name
                    );
                }
            }
        }
    }
}

#[test]
fn distortion_at_the_ends_of_its_range() {
    let of =
        |utilities: &[[f64; 2]]| Population::new(arr2(utilities), vec![1.0; utilities.len()], 1.0).unwrap();
    // nobody has any utility: nothing is lost; one item has none: a policy on it loses without bound
    assert_eq!(of(&[[0.0, 0.0]]).distortion(&[1.0, 0.0]), Some(1.0));
    assert_eq!(of(&[[0.5, 0.5], [0.5, 0.5]]).distortion(&[0.3, 0.7]), Some(1.0));
    assert_eq!(of(&[[1.0, 0.0]]).distortion(&[0.0, 1.0]), None);
    assert_eq!(of(&[[1.0, 0.0]]).distortion(&[0.5, 0.5]), Some(2.0));
    let log_mu = [0.5f64.ln(); 2];
    assert_eq!(of(&[[1.0, 0.0]]).distortion_within(&[0.0, 1.0], &log_mu, 1.0), None);
    assert_eq!(of(&[[1.0, 0.0]]).distortion_within(&[0.5, 0.5], &log_mu, f64::NAN), None);
    assert_eq!(Population::new(arr2(&[[0.4]]), vec![1.0], 1.0).unwrap().distortion(&[1.0]), Some(1.0));
    for beta in [0.0, f64::INFINITY, f64::NAN, -1.0] {
        assert!(Population::new(arr2(&[[1.0, 0.0]]), vec![1.0], beta).is_err());
        assert!(worsening_path(beta, 5).is_none(), "{beta}");
    }
    assert_eq!((nash_bound(0.0), borda_bound(0.0)), (1.0, Some((1.0, 0.0))));
    assert!((nash_bound(1e-9) - 1.0).abs() < 1e-15 && (borda_bound(1e-6).unwrap().0 - 1.0).abs() < 1e-10);
    assert!(borda_bound(f64::NAN).is_none() && borda_bound(f64::INFINITY).is_none());
    for wrong in [f64::NAN, -1.0] {
        assert!(best_within(&[1.0, 0.0], &log_mu, wrong).is_none());
    }
    assert!(best_within(&[f64::NAN, 0.0], &log_mu, 1.0).is_none() && best_within(&[], &[], 1.0).is_none());
    assert_eq!(best_within(&[0.3, 0.3], &log_mu, 0.0), Some(vec![0.5, 0.5]));
    assert!(worst_case(3, 3, 1.0, &LinearRule::Borda(vec![0.5])).is_none());
    assert!(worst_case(2, 3, 1.0, &LinearRule::Borda(vec![f64::NAN, 0.5])).is_none());
}

#[test]
fn statistics_at_the_ends_of_their_range() {
    let shape = Shape::single(2).unwrap();
    let half = Policy::uniform(&shape);
    let game = PreferenceMatrix::from_margins(2, |_, _| 0.1).unwrap();
    let log_mu = half.log_probs_slice();
    for tau in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(regularised_gap(&game, &[0.5, 0.5], log_mu, tau).is_none(), "{tau}");
        assert!(plug_in_bound(&game, &game, &[0.5, 0.5], tau).is_none(), "{tau}");
        assert!(learning_constant(&game, &[0.5, 0.5], tau, &Design::uniform(2).unwrap()).is_none(), "{tau}");
        assert!(hard_start_cost(tau, 0.3, 0.45, 10.0).is_none(), "{tau}");
    }
    assert!(regularised_gap(&game, &[0.5, 0.5], log_mu, 1e-320).is_none_or(f64::is_finite));
    assert!(
        duels_for(2.0, 0.0).is_none()
            && duels_for(2.0, f64::NAN).is_none()
            && duels_for(2.0, 0.5) == Some(4.0)
    );
    // a design that leaves the only pair out learns nothing
    let none = Design::of_draws(&[1.0, 0.0], &[1.0, 0.0]);
    assert!(learning_constant(&game, &[0.5, 0.5], 0.1, &none).is_none());
    let one = PreferenceMatrix::from_margins(1, |_, _| 0.0).unwrap();
    assert_eq!(learning_constant(&one, &[1.0], 0.1, &Design::of_draws(&[1.0], &[1.0])), Some(0.0));
    assert!(Design::uniform(1).is_none() && regularised_gap(&one, &[1.0], &[0.0], 0.1) == Some(0.0));
    // so rare a second item that its probability is 0: it is waited for all the time
    let waited = hard_start_cost(1e-4, 0.3, 0.45, 1000.0).unwrap();
    assert!((waited - 150.0).abs() < 1e-9, "{waited}");
}
