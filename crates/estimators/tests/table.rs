//! The table of estimators on the fixture and on a random tree, number by number.

use equipoise_core::class_entry::Contexts;
use equipoise_core::{Policy, Shape};
use equipoise_env::PreferenceMatrix;
use equipoise_estimators::{
    Audit, AuditError, Design, EstimatorEntry, Labels, Opponent, Sampling, Setting, Target, Tree, audit,
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
    ("grpo-soft", ["6.3", "0.989", "0.307"], ["10.3", "0.927", "0.273"]),
    ("grpo-length", ["0.450", "0.973", "0.058"], ["0.572", "0.888", "0.058"]),
    ("rloo-batch-tokens", ["0.493", "0.997", "0.040"], ["0.582", "0.995", "0.032"]),
    ("mutual-duels-with-self", ["0.333", "1", "-"], ["0.333", "1", "-"]),
    ("mutual-duels", ["0", "1", "-"], ["0", "1", "-"]),
    ("best-against-worst", ["5.0", "0.945", "-"], ["7.0", "0.984", "-"]),
    ("token-mixture-0.125", ["0.034", "1.00", "-"], ["0.202", "-", "-"]),
    ("token-mixture-0.5", ["0.051", "1.00", "-"], ["0.465", "0.918", "-"]),
    ("swapped-mixture", ["0.570", "0.940", "-"], ["1.56", "0.086", "-"]),
    ("temperature-0.7", ["0.120", "0.993", "-"], ["0.167", "0.987", "-"]),
    ("temperature-2-top-2", ["0.873", "0.837", "-"], ["0.573", "0.823", "-"]),
    ("off-policy", ["0.372", "0.98", "0.016"], ["0.416", "0.98", "-"]),
    ("sequence-ratio", ["0", "1", "0.011"], ["0", "1", "-"]),
    ("token-ratio", ["0.300", "0.97", "0.013"], ["0.241", "0.97", "-"]),
    ("prefix-ratio", ["0.220", "0.98", "0.011"], ["0.192", "0.98", "-"]),
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
            check(&what("bias"), found.relative_bias, printed[0]);
            if let Some(cosine) = found.cosine {
                check(&what("cosine"), cosine, printed[1]);
            }
            check(&what("covariance"), found.covariance_trace, printed[2]);
            assert_eq!(found.unbiased, printed[0] == "0", "{}", what("verdict"));
        }
    }
}

#[test]
fn roots_quickly() {
    let setting = Setting::fixture();
    for entry in estimators() {
        let t = std::time::Instant::now();
        let r =
            equipoise_estimators::fixed_point(&setting, entry.target, &entry.design, &entry.rule).unwrap();
        let text = match &r {
            equipoise_estimators::FixedPoint::NotFound { reason } => reason.to_string(),
            _ => String::new(),
        };
        println!(
            "{:30} {:?} exact {:?} {text} {:?}",
            entry.name,
            r.gap(),
            exact_fixed_point(&setting, entry.target).gap(),
            t.elapsed()
        );
    }
}
