//! The table of estimators on the fixture and on a random tree, number by number.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use equipoise_core::class_entry::Contexts;
use equipoise_core::{Policy, Shape};
use equipoise_env::PreferenceMatrix;
use equipoise_estimators::{
    AuditError, Design, EstimatorEntry, FixedPoint, Labels, Opponent, Sampling, Setting, Target, Tree, audit,
    audit_entry, estimators, exact_fixed_point, grpo_scale,
};
use serde_json::Value;

/// Half a unit of the last digit printed, and the rounding of a number that was rounded before.
fn digits(printed: &str) -> f64 {
    let decimals = printed.split_once('.').map_or(0, |(_, d)| d.len());
    0.55 * 10f64.powi(-i32::try_from(decimals).unwrap())
}

fn check(what: &str, found: f64, printed: &str) {
    if printed == "-" {
        return;
    }
    let expected: f64 = printed.parse().unwrap();
    // a cosine of 1 is printed without decimals
    let tolerance = if printed == "1" { 5e-5 } else { digits(printed) };
    assert!((found - expected).abs() <= tolerance, "{what}: {found}, printed {printed}");
}

fn entry(name: &str) -> &'static EstimatorEntry {
    estimators().find(|e| e.name == name).unwrap_or_else(|| panic!("{name} is registered"))
}

/// Name; relative bias, cosine and covariance trace on the fixture; the same on the random tree. `-`: not published.
const TABLE: &[(&str, [&str; 3], [&str; 3])] = &[
    ("k1-in-reward", ["0", "1", "3.064"], ["0", "1", "2.840"]),
    ("k1-in-reward-baseline", ["0", "1", "2.121"], ["0", "1", "2.980"]),
    ("k1-reward-to-go", ["0", "1", "1.401"], ["0", "1", "2.647"]),
    ("k1-in-loss", ["1", "-", "1.304"], ["1", "-", "1.282"]),
    ("token-k2-in-loss", ["0.222", "0.985", "0.600"], ["0.597", "0.807", "0.688"]),
    ("token-k3-in-loss", ["0.450", "0.931", "0.596"], ["0.568", "0.823", "3.096"]),
    ("sequence-k3-in-loss", ["0.521", "0.885", "1.807"], ["0.650", "0.760", "5.018"]),
    ("token-k3-in-reward", ["0.669", "0.840", "1.011"], ["0.820", "0.573", "3.177"]),
    ("token-k2-in-reward", ["0.544", "0.896", "1.547"], ["0.569", "0.828", "2.960"]),
    ("token-k3-in-reward-and-loss", ["0", "1", "1.344"], ["0", "1", "1.854"]),
    ("token-k1-weighted", ["0.222", "0.985", "2.386"], ["0.597", "0.807", "1.774"]),
    ("token-k2-weighted", ["0.268", "0.988", "1.169"], ["0.737", "0.704", "1.025"]),
    ("vocabulary-kl", ["0.222", "0.985", "0.135"], ["0.597", "0.807", "0.256"]),
    ("vocabulary-kl-to-go", ["0", "1", "0.265"], ["0", "1", "1.081"]),
    ("reinforce", ["0", "1", "0.651"], ["0", "1", "0.649"]),
    ("reinforce-half-baseline", ["0", "1", "0.325"], ["0", "1", "0.320"]),
    ("exact-win-rate", ["0", "1", "0.013"], ["0", "1", "0.006"]),
    ("pair", ["0", "1", "0.162"], ["0", "1", "0.160"]),
    ("group-mean", ["0.333", "1", "0.072"], ["0.333", "1", "0.071"]),
    ("rloo", ["0", "1", "0.163"], ["0", "1", "0.160"]),
    ("half-baseline-group", ["0", "1", "0.108"], ["0", "1", "0.107"]),
    ("grpo", ["0.155", "1", "0.217"], ["0.155", "1", "0.214"]),
    ("grpo-soft", ["6.3", "0.989", "0.306"], ["10.3", "0.927", "0.273"]),
    ("grpo-length", ["0.450", "0.973", "0.058"], ["0.572", "0.888", "0.058"]),
    ("rloo-batch-tokens", ["0.493", "0.997", "0.040"], ["0.582", "0.995", "0.032"]),
    ("mutual-duels-with-self", ["0.333", "1", "-"], ["0.333", "1", "-"]),
    ("mutual-duels", ["0", "1", "-"], ["0", "1", "-"]),
    ("best-against-worst", ["5.0", "0.945", "-"], ["7.0", "0.984", "-"]),
    ("token-mixture-0.125", ["0.034", "1.00", "-"], ["0.202", "0.993", "-"]),
    ("token-mixture-0.5", ["0.051", "1.00", "-"], ["0.465", "0.918", "-"]),
    ("swapped-mixture", ["0.570", "0.940", "-"], ["1.56", "0.086", "-"]),
    ("temperature-0.7", ["0.120", "0.993", "-"], ["0.167", "0.987", "-"]),
    ("temperature-2-top-2", ["0.873", "0.837", "-"], ["0.573", "0.823", "-"]),
    ("off-policy", ["0.372", "0.98", "0.016"], ["0.416", "-", "-"]),
    ("sequence-ratio", ["0", "1", "0.011"], ["0", "1", "-"]),
    ("token-ratio", ["0.300", "0.97", "0.013"], ["0.241", "-", "-"]),
    ("prefix-ratio", ["0.220", "0.98", "0.011"], ["0.192", "-", "-"]),
    ("ppo-clip", ["0.596", "0.85", "0.012"], ["0.903", "0.52", "-"]),
    ("gspo", ["0.467", "0.96", "0.002"], ["0.553", "-", "-"]),
    ("cispo", ["0.271", "0.97", "0.013"], ["0.260", "-", "-"]),
    ("truncated-sequence-ratio", ["0", "1", "0.011"], ["0.075", "-", "-"]),
];

fn numbers(file: &Value, key: &str) -> Vec<f64> {
    file[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn random_tree() -> Setting {
    let file: Value = serde_json::from_str(include_str!("data/random_tree.json")).unwrap();
    let tree = Tree::full(3, 3, true).unwrap();
    let rates = numbers(&file, "win_rates");
    // of i against j < i
    let margin = |i: usize, j: usize| match i < j {
        true => 0.5 - rates[j * (j - 1) / 2 + i],
        false => rates[i * (i - 1) / 2 + j] - 0.5,
    };
    let game = PreferenceMatrix::from_margins(15, |i, j| if i == j { 0.0 } else { margin(i, j) }).unwrap();
    let [theta, reference, old] = ["theta", "reference", "old"].map(|key| numbers(&file, key));
    Setting::new(tree, theta, reference, &old, game, 0.3).unwrap()
}

#[test]
fn a7_every_row_of_the_table_on_the_fixture_and_on_a_random_tree() {
    let names: Vec<_> = estimators().map(|e| e.name).collect();
    assert_eq!(names, TABLE.iter().map(|row| row.0).collect::<Vec<_>>(), "every row is checked");
    let rows: std::collections::BTreeSet<u8> = estimators().map(|e| e.row).collect();
    assert_eq!(rows, (1..=29).collect());
    for (at, setting) in [Setting::fixture(), random_tree()].iter().enumerate() {
        for (name, fixture, random) in TABLE {
            let found = audit_entry(setting, entry(name)).unwrap();
            let printed = if at == 0 { fixture } else { random };
            let what = |column: &str| format!("{name}, {column}, setting {at}");
            check(&what("bias"), found.relative_bias.unwrap(), printed[0]);
            if let Some(cosine) = found.cosine {
                check(&what("cosine"), cosine, printed[1]);
            }
            check(&what("covariance"), found.covariance_trace, printed[2]);
            assert_eq!(found.unbiased, printed[0] == "0", "{}", what("verdict"));
        }
    }
}

#[test]
fn a7_numbers_of_the_fixture() {
    let setting = Setting::fixture();
    let values = setting.values();
    let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    close(values.kl, 0.613_687_973_756_717_5);
    close(values.forward_kl, 0.448_411_044_785_810_9);
    close(values.entropy, 2.153_866_206_062_836);
    close(values.length, 2.038_273_672_000_25);
    close(values.gap, 0.323_233_490_070_595_76);
    close(values.gap_tau, 0.350_462_757_401_237_83);
    assert!((setting.mixture_distance(0.125) - 0.013_318).abs() < 5e-7);
    assert!((setting.mixture_distance(0.5) - 0.028_067).abs() < 5e-7);
    let length = |name: &str| {
        let target = audit_entry(&setting, entry(name)).unwrap().target;
        target.iter().map(|g| g * g).sum::<f64>().sqrt()
    };
    close(length("k1-in-reward"), 0.657_726_669_465_386_6);
    close(length("reinforce"), 0.030_256_324_082_027_38);
    // the root of the exact direction is the regularised equilibrium
    let FixedPoint::Found { gap, policy, .. } =
        exact_fixed_point(&setting, Target::WinRate { against: Opponent::Policy })
    else {
        panic!("a root")
    };
    assert!(gap < 1e-20, "{gap}");
    for (found, expected) in policy.iter().zip([0.428_462_14, 0.150_340_73, 0.147_595_26]) {
        assert!((found - expected).abs() < 5e-9, "{found} {expected}");
    }
}

#[test]
fn a8_dividing_by_the_deviation_only_rescales_in_self_play() {
    for (group, printed) in [
        (2, std::f64::consts::FRAC_1_SQRT_2),
        (3, 1.1547),
        (4, 1.3995),
        (8, 1.7358),
        (16, 1.8727),
        (64, 1.9686),
    ] {
        assert!((grpo_scale(group, 0.5) - printed).abs() < 6e-5, "{group}: {}", grpo_scale(group, 0.5));
    }
    for (p, printed) in [(0.3, 1.836), (0.1, 2.177), (0.02, 2.407)] {
        assert!((grpo_scale(8, p) - printed).abs() < 6e-4, "{p}: {}", grpo_scale(8, p));
    }
    assert!((grpo_scale(1_000_000, 0.3) - 1.0 / 0.21f64.sqrt()).abs() < 1e-5);
    assert!(grpo_scale(1, 0.5).is_nan() && grpo_scale(3, 1.5).is_nan());
    // a label beside equal ones: with G - 1 the deviation is 1 / sqrt(G)
    let alone = (1.0 - 0.25) / (1.0f64 / 4.0).sqrt();
    assert!((grpo_scale(4, 0.0) - alone).abs() < 1e-15);
    // the gradient on both settings is exactly that factor longer, in the same direction
    for setting in [Setting::fixture(), random_tree()] {
        let found = audit_entry(&setting, entry("grpo")).unwrap();
        assert!(
            (found.scale.unwrap() - grpo_scale(3, 0.5)).abs() < 1e-12 && found.scaled_bias.unwrap() < 1e-10
        );
    }
}

#[test]
fn a9_self_duels_shrink_and_mutual_duels_have_mean_one_half() {
    for setting in [Setting::fixture(), random_tree()] {
        for k in [2, 3] {
            let design = Design::labelled(k, Labels::Mutual);
            let sppo = audit(&setting, Target::WinRate { against: Opponent::Policy }, &design, &|g, out| {
                // rewards with the duel against oneself; in every outcome their mean is 1/2
                let reward = |i: usize| (0..g.size()).map(|j| g.duel(i, j)).sum::<f64>() / g.size() as f64;
                let mean = (0..g.size()).map(reward).sum::<f64>() / g.size() as f64;
                assert!((mean - 0.5).abs() < 1e-15);
                for i in 0..g.size() {
                    out.add_response(g.tokens(i), (reward(i) - mean) / g.size() as f64);
                }
            })
            .unwrap();
            assert!(
                (sppo.scale.unwrap() - (1.0 - 1.0 / k as f64)).abs() < 1e-12
                    && sppo.scaled_bias.unwrap() < 1e-10
            );
        }
        assert!(audit_entry(&setting, entry("rloo")).unwrap().relative_bias.unwrap() < 1e-12);
        // a duel that serves two responses is half as noisy
        let [pair, alone] =
            ["pair", "reinforce-half-baseline"].map(|name| audit_entry(&setting, entry(name)).unwrap());
        assert!((pair.covariance_trace / alone.covariance_trace - 0.5).abs() < 0.01);
    }
}

/// Where policy and reference are one there is no KL to fall: its gradient is 0, and so is that of every estimator without noise.
#[test]
fn against_a_target_that_is_zero_nothing_is_relative() {
    let tree = Tree::full(3, 3, true).unwrap();
    let theta: Vec<f64> = (0..tree.edges()).map(|k| (k as f64).sin()).collect();
    let game = PreferenceMatrix::from_margins(15, |i, j| 0.3 * (i as f64 - j as f64).sin()).unwrap();
    let setting = Setting::new(tree.clone(), theta.clone(), theta.clone(), &theta, game, 0.3).unwrap();
    // nothing is written at all: 0 of 0
    let own = audit_entry(&setting, entry("token-k2-in-loss")).unwrap();
    assert_eq!((own.relative_bias, own.scale, own.cosine, own.scaled_bias), (None, None, None, None));
    assert!(own.unbiased && own.covariance_trace == 0.0 && own.target.iter().all(|t| t.abs() < 1e-15));
    // noise whose mean is 0 up to rounding is right: scores have mean 0. One that weighs them by the response has not.
    let noise = audit(&setting, Target::SequenceKl, &Design::responses(1), &|g, out| {
        out.add_response(g.tokens(0), 1.0);
    })
    .unwrap();
    assert!(noise.relative_bias.is_none() && noise.scale.is_none() && noise.cosine.is_none(), "{noise:?}");
    assert!(noise.unbiased && noise.covariance_trace > 0.1, "{noise:?}");
    let one_sided = audit(&setting, Target::SequenceKl, &Design::responses(1), &|g, out| {
        if g.tokens(0).len() == 1 {
            out.add(g.tokens(0)[0].edge, 1.0);
        }
    })
    .unwrap();
    assert!(one_sided.relative_bias.is_none() && !one_sided.unbiased, "{one_sided:?}");
    // a posterior that is the policy
    let logits = [0.3, -0.2, 0.5];
    let posterior = equipoise_estimators::Posterior::new(&logits, &logits, &[0.0; 3]).unwrap();
    for estimator in equipoise_estimators::PosteriorEstimator::ALL {
        let found = posterior.audit(estimator, 2).unwrap();
        assert_eq!((found.relative_bias, found.cosine), (None, None), "{estimator:?} {found:?}");
    }
}

#[test]
fn the_same_estimator_under_two_names() {
    for setting in [Setting::fixture(), random_tree()] {
        let mean = |name: &str| audit_entry(&setting, entry(name)).unwrap().expectation;
        for (a, b) in [("token-k2-in-loss", "vocabulary-kl"), ("token-k2-in-loss", "token-k1-weighted")] {
            for (a, b) in mean(a).iter().zip(mean(b)) {
                assert!((a - b).abs() < 1e-14, "{a} {b}");
            }
        }
    }
}

#[test]
fn groups_listed_once_and_in_every_order_agree() {
    let tree = Tree::full(2, 2, false).unwrap();
    let k = || (0..tree.edges()).map(|k| k as f64);
    let (theta, reference) = (k().map(f64::sin).collect(), k().map(f64::cos).collect());
    let old: Vec<f64> = k().map(|k| (2.0 * k).sin()).collect();
    let game = PreferenceMatrix::from_margins(4, |i, j| 0.3 * (i as f64 - j as f64).sin()).unwrap();
    let setting = Setting::new(tree.clone(), theta, reference, &old, game, 0.2).unwrap();
    for entry in estimators() {
        let ordered = Design { exchangeable: false, ..entry.design };
        let all = audit(&setting, entry.target, &ordered, &entry.rule).unwrap();
        let once = audit_entry(&setting, entry).unwrap();
        for (a, b) in all.expectation.iter().zip(&once.expectation) {
            assert!((a - b).abs() < 1e-13, "{}: {a} {b}", entry.name);
        }
        assert!((all.covariance_trace - once.covariance_trace).abs() < 1e-12, "{}", entry.name);
    }
}

#[test]
fn scores_are_those_of_the_policy_class_token_tree() {
    // around the uniform policy of nodes, which is not that of responses of unequal length
    let tree = Tree::full(3, 3, true).unwrap();
    let uniform: Vec<f64> = (0..15).map(|y| -(tree.path(y).len() as f64) * 3f64.ln()).collect();
    let reference = Policy::from_logits(&Shape::single(15).unwrap(), uniform.into()).unwrap();
    let contexts = Contexts { reference, name: "fixture".into() };
    let options = serde_json::json!({ "vocabulary": 3, "end_token": true });
    let class = equipoise_policies::policy("token-tree").unwrap().bind(&options, &contexts).unwrap();
    let theta: Vec<f64> = (0..21).map(|k| (1.0 + f64::from(k)).sin()).collect();
    let mut policy = contexts.reference.clone();
    class.evaluate(&theta, &mut policy).unwrap();
    assert!((policy.log_probs()[0] + 0.942_578_4).abs() < 5e-8);
    assert!((policy.log_probs()[1] + 2.106_977_63).abs() < 5e-9);
    // REINFORCE by the exact win rate: the class takes the gradient of sum_y p_y g_y back
    let setting = Setting::fixture();
    let found = audit_entry(&setting, entry("exact-win-rate")).unwrap();
    let q: Vec<f64> = (0..15)
        .map(|i| {
            let p = |j: usize| 0.45 * ((i as f64 - j as f64) * (i as f64 + j as f64 + 0.7)).sin();
            (0..15).map(|j| policy.probs()[j] * p(j)).sum()
        })
        .collect();
    let cotangent: Vec<f64> = q.iter().zip(policy.probs()).map(|(q, p)| p * q).collect();
    let mut gradient = vec![0.0; 21];
    class.pull(&theta, &policy, &cotangent, &mut gradient);
    for (a, b) in gradient.iter().zip(&found.expectation) {
        assert!((a - b).abs() < 1e-14, "{a} {b}");
    }
}

#[test]
fn what_cannot_be_listed_is_refused_by_its_rule() {
    let setting = Setting::fixture();
    let own = |design: &Design| audit(&setting, Target::SequenceKl, design, &|_, _| {});
    let refused = own(&Design::labelled(7, Labels::Mutual)).unwrap_err();
    assert!(matches!(refused, AuditError::TooLarge { operations } if operations > 1e9));
    assert!(refused.to_string().contains("take a smaller tree or group"), "{refused}");
    // the number of outcomes overflows to infinity, and is refused
    assert!(matches!(own(&Design::labelled(5000, Labels::Duels)), Err(AuditError::TooLarge { .. })));
    let said = own(&Design::responses(0)).unwrap_err().to_string();
    assert_eq!(said, "`group` = 0: is 1 or more");
    let hot = Design { sampling: Sampling::Tempered { temperature: 0.0, top: None }, ..Design::responses(1) };
    assert!(own(&hot).unwrap_err().to_string().starts_with("`temperature` = 0"));
    let mixed = Design { opponent: Opponent::TokenMixture { share: 1.5 }, ..Design::responses(1) };
    assert!(own(&mixed).unwrap_err().to_string().starts_with("`share` = 1.5"));
    let none = audit(&setting, Target::SequenceKl, &Design::responses(1), &|g, out| {
        out.add(g.tokens(0)[0].edge, f64::NAN);
    });
    assert_eq!(none, Err(AuditError::NotFinite));
    assert!(Tree::full(2, 3, true).unwrap_err().to_string().starts_with("`vocabulary` = 2"));
    assert!(Tree::full(9, 9, false).unwrap_err().to_string().contains("4096 leaves"));
    let game = PreferenceMatrix::from_margins(3, |_, _| 0.0).unwrap();
    let tree = Tree::full(2, 2, false).unwrap();
    let zeros = vec![0.0; 6];
    let wrong = Setting::new(tree.clone(), zeros.clone(), zeros.clone(), &zeros, game, 0.1).unwrap_err();
    assert!(wrong.to_string().starts_with("`game` has 3 values"), "{wrong}");
    let game = PreferenceMatrix::from_margins(4, |_, _| 0.0).unwrap();
    assert!(Setting::new(tree, zeros.clone(), zeros.clone(), &zeros, game, 0.0).is_err());
}
