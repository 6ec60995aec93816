//! The law of every label channel in closed form, against the frequencies of what it records, by exact binomial bounds.

#![allow(clippy::unwrap_used, reason = "a test should stop where it fails")]

use std::sync::Arc;

use equipoise_core::logistic::logistic;
use equipoise_core::registry::BuildError;
use equipoise_core::{Duel, Rng, sample, seed::stream};
use equipoise_env::channels::{CHANNELS, channel};
use equipoise_env::{ChannelSpec, Game, Label, Labelling, Labels, Outcome, PreferenceMatrix};
use serde_json::{Value, json};

/// Questions asked of one pair.
const COUNT: usize = 20_000;
/// Probability of a bound, each side: some three hundred of them are tried.
const LEVEL: f64 = 1e-7;

/// `Pr(X <= k)` and `Pr(X >= k)` of a binomial law, summed term by term.
fn tails(n: usize, p: f64, k: usize) -> (f64, f64) {
    let (mut log_choose, mut at_most, mut at_least) = (0.0f64, 0.0, 0.0);
    for x in 0..=n {
        let mass = (log_choose + x as f64 * p.ln() + (n - x) as f64 * (-p).ln_1p()).exp();
        at_most += if x <= k { mass } else { 0.0 };
        at_least += if x >= k { mass } else { 0.0 };
        log_choose += ((n - x) as f64).ln() - ((x + 1) as f64).ln();
    }
    (at_most, at_least)
}

#[track_caller]
fn assert_frequency(what: &str, seen: usize, n: usize, p: f64) {
    if p == 0.0 || p == 1.0 {
        assert_eq!(seen, if p == 0.0 { 0 } else { n }, "{what}");
        return;
    }
    let (low, high) = tails(n, p, seen);
    assert!(low > LEVEL && high > LEVEL, "{what}: {seen} of {n} with probability {p}: {low:e}, {high:e}");
}

fn game() -> Arc<Game> {
    let margins = [[0.0, 0.25, -0.1, 0.4], [0.0, 0.0, 0.0, 0.5], [0.0, 0.0, 0.0, 0.15], [0.0; 4]];
    Arc::new(Game::single(PreferenceMatrix::from_margins(4, |i, j| margins[i][j]).unwrap()))
}

fn labelling(specs: &Value) -> Result<Labelling, BuildError> {
    let specs = specs.as_array().unwrap().iter().map(ChannelSpec::of_json);
    Labelling::new(&specs.collect::<Result<Vec<_>, _>>()?, 5, game().shape())
}

fn pair(left: usize, right: usize) -> Duel {
    Duel { context: 0, left, right }
}

fn asked(specs: &Value, question: Duel, count: usize) -> Labels {
    let mut rng = stream(11, "labels", &[&specs.to_string()]);
    labelling(specs).unwrap().record(&game(), &vec![question; count], &mut rng)
}

/// What is recorded of every pair, against a law written down by the caller, and against the channels' own.
#[track_caller]
fn assert_law(specs: Value, law: impl Fn(f64) -> [f64; 4]) {
    let channels = labelling(&specs).unwrap();
    for (i, j) in [(0, 1), (1, 0), (2, 0), (1, 2), (1, 3), (3, 0)] {
        let expected = law(game().prob(0, i, j));
        let own = channels.law(&game(), pair(i, j)).probabilities();
        for (a, b) in expected.iter().zip(own) {
            assert!((a - b).abs() < 1e-12, "{specs} {i} {j}: {expected:?} {own:?}");
        }
        let labels = asked(&specs, pair(i, j), COUNT);
        for (outcome, p) in Outcome::ALL.into_iter().zip(own) {
            let seen = labels.pairs.iter().filter(|l| l.outcome == outcome).count();
            assert_frequency(&format!("{specs} {i} {j} {outcome:?}"), seen, labels.pairs.len(), p);
        }
    }
}

fn log_odds(p: f64) -> f64 {
    p.ln() - (1.0 - p).ln()
}

#[test]
fn answers_are_drawn_from_the_win_rates_and_flipped_at_the_rate() {
    assert_law(json!([]), |p| [p, 1.0 - p, 0.0, 0.0]);
    for e in [0.0, 0.2, 1.0] {
        assert_law(json!([{"flip": {"rate": e}}]), |p| {
            [p + e - 2.0 * e * p, 1.0 - p - e + 2.0 * e * p, 0.0, 0.0]
        });
    }
}

#[test]
fn majorities_have_the_published_probabilities_and_those_of_votes_counted_one_by_one() {
    let three = |p: f64| p * p * (3.0 - 2.0 * p);
    let both = |p: f64| [p, 1.0 - p, 0.0, 0.0];
    assert_law(json!([{"votes": {"votes": 3}}]), |p| both(three(p)));
    assert_law(json!([{"votes": {"votes": 2}}]), |p| {
        [p * p, (1.0 - p) * (1.0 - p), 2.0 * p * (1.0 - p), 0.0]
    });
    assert_law(json!([{"votes": {"votes": 2, "even": "at-random"}}]), both);
    // order: the majority of votes that are flipped, and a flipped majority
    let flipped = |p: f64| 0.9 * p + 0.1 * (1.0 - p);
    assert_law(json!([{"flip": {"rate": 0.1}}, {"votes": {"votes": 3}}]), |p| both(three(flipped(p))));
    assert_law(json!([{"votes": {"votes": 3}}, {"flip": {"rate": 0.1}}]), |p| both(flipped(three(p))));
    // .6 -> .648 (3 votes), .7334 (9), .8789 (33)
    let sixty = Game::single(PreferenceMatrix::from_margins(2, |_, _| 0.1).unwrap());
    for (n, expected) in [(3, 0.648), (9, 0.7334), (33, 0.8789)] {
        let spec = [ChannelSpec::new("votes", &json!({"votes": n})).unwrap()];
        let law = Labelling::new(&spec, 0, sixty.shape()).unwrap().law(&sixty, pair(0, 1));
        assert!((law.first - expected).abs() < 6e-5, "{n}: {}", law.first);
    }
    // with ties of both kinds among the votes: counted one by one
    let ties = json!({"ties": {"model": "grounded", "theta": 0.7, "level": 0.2}});
    let one = labelling(&json!([ties])).unwrap().law(&game(), pair(0, 1));
    let five = labelling(&json!([ties, {"votes": {"votes": 5}}])).unwrap().law(&game(), pair(0, 1));
    let mut rng = stream(12, "votes", &[]);
    let mut counts = [0usize; 3];
    for _ in 0..COUNT {
        let mut votes = [0u32; 4];
        (0..5).for_each(|_| votes[one.outcome(sample::uniform(&mut rng)) as usize] += 1);
        counts[1 - usize::from(votes[0] > votes[1]) + usize::from(votes[0] < votes[1])] += 1;
    }
    for (seen, p) in counts.into_iter().zip([five.first, five.ties(), five.second]) {
        assert_frequency("five votes", seen, COUNT, p);
    }
}

#[test]
fn a_judge_has_a_temperature_a_bias_and_a_ceiling() {
    assert_law(json!([{"judge": {"temperature": 2.0, "position_bias": 0.5, "ceiling": 0.8}}]), |p| {
        let q = logistic(0.5 * log_odds(p) + 0.5).clamp(0.2, 0.8);
        [q, 1.0 - q, 0.0, 0.0]
    });
    // the bias cancels in the sum of wins of both orders, to first order
    let specs = json!([{"two-orders": {}}, {"judge": {"position_bias": 0.02}}]);
    let channels = labelling(&specs).unwrap();
    let wins = |i, j| channels.law(&game(), pair(i, j)).first + channels.law(&game(), pair(j, i)).second;
    for (i, j) in [(0, 1), (2, 0), (1, 2)] {
        assert!((0.5 * wins(i, j) - game().prob(0, i, j)).abs() < 1e-4);
    }
    let labels = asked(&specs, pair(1, 2), 100);
    assert_eq!((labels.pairs.len(), labels.duels), (200, 200));
    assert_eq!(labels.pairs.iter().filter(|l| l.first == 1).count(), 100);
    // where the orders must agree, a bias turns decisions into ties
    let agreed = json!([{"judge": {"position_bias": 1.0}}, {"two-orders": {"record": "agreed"}}]);
    assert_law(agreed, |p| {
        let of = |p: f64| logistic(log_odds(p) + 1.0);
        let (one, other) = (of(p), 1.0 - of(1.0 - p));
        let (first, second) = (one * other, (1.0 - one) * (1.0 - other));
        [first, second, 1.0 - first - second, 0.0]
    });
}

#[test]
fn ties_come_by_three_models_and_go_three_ways() {
    for theta in [0.0, 0.3, 1.5] {
        assert_law(json!([{"ties": {"theta": theta}}]), |p| {
            let (first, second) = (logistic(log_odds(p) - theta), logistic(-log_odds(p) - theta));
            [first, second, 1.0 - first - second, 0.0]
        });
    }
    // at equal strengths Rao and Kupper's tie has tanh(theta / 2)
    let law = labelling(&json!([{"ties": {"theta": 0.5}}])).unwrap().law(&game(), pair(1, 2));
    assert!((law.tie - 0.25f64.tanh()).abs() < 1e-15);
    assert_law(json!([{"ties": {"model": "davidson", "nu": 0.8}}]), |p| {
        let (s, t) = (log_odds(p) / 2.0, -log_odds(p) / 2.0);
        if s.is_infinite() {
            return if s > 0.0 { [1.0, 0.0, 0.0, 0.0] } else { [0.0, 1.0, 0.0, 0.0] };
        }
        [s.exp(), t.exp(), 0.8, 0.0].map(|x| x / (s.exp() + t.exp() + 0.8))
    });
    assert_law(json!([{"ties": {"model": "grounded", "theta": 0.4, "level": 0.5}}]), |p| {
        let (d, t) = (log_odds(p), 0.4f64.exp());
        if d.is_infinite() {
            return if d > 0.0 { [1.0, 0.0, 0.0, 0.0] } else { [0.0, 1.0, 0.0, 0.0] };
        }
        let (a, b) = ((0.5 * d + 0.5).exp(), (-0.5 * d + 0.5).exp());
        let (first, second, bad) = (a / (a + t * b + 1.0), b / (b + t * a + 1.0), 1.0 / (1.0 + a + b));
        [first, second, 1.0 - first - second - bad, bad]
    });
    let rk = |p: f64| (logistic(log_odds(p) - 1.0), logistic(-log_odds(p) - 1.0));
    let ties = json!({"ties": {"theta": 1.0}});
    assert_law(json!([ties, "at-random"]), |p| {
        let (a, b) = rk(p);
        [0.5 * (1.0 + a - b), 0.5 * (1.0 - a + b), 0.0, 0.0]
    });
    assert_law(json!([ties, "drop"]), |p| {
        let (a, b) = rk(p);
        [a / (a + b), b / (a + b), 0.0, 0.0]
    });
    let (a, b) = rk(0.75);
    let dropped = asked(&json!([ties, "drop"]), pair(0, 1), COUNT);
    assert_frequency("kept", dropped.pairs.len(), COUNT, a + b);
    assert_eq!(dropped.counts[1].rows_in, COUNT as u64);
    assert_eq!(dropped.counts[1].rows_out, dropped.pairs.len() as u64);
    // half: the weight stays, a tie becomes two rows
    let halved = asked(&json!([ties, "half"]), pair(0, 1), COUNT);
    assert_eq!(halved.pairs.iter().map(|l| l.weight).sum::<f64>(), COUNT as f64);
    assert_eq!(halved.weight_of(Outcome::Tie), 0.0);
    let half_rows = halved.pairs.iter().filter(|l| l.weight == 0.5).count();
    assert_frequency("halves", half_rows / 2, COUNT, 1.0 - a - b);
}

#[test]
fn an_adversary_takes_the_less_likely_side_or_its_own() {
    assert_law(json!([{"adversarial": {"rate": 0.3}}]), |p| {
        let q = if p == 0.5 { p } else { 0.7 * p + if p < 0.5 { 0.3 } else { 0.0 } };
        [q, 1.0 - q, 0.0, 0.0]
    });
    let channels = labelling(&json!([{"adversarial": {"rate": 0.3, "item": 2}}])).unwrap();
    let first = |i, j| channels.law(&game(), pair(i, j)).first;
    assert!((first(2, 0) - (0.7 * game().prob(0, 2, 0) + 0.3)).abs() < 1e-15);
    assert!((first(0, 2) - 0.7 * game().prob(0, 0, 2)).abs() < 1e-15);
    let none = labelling(&json!([{"adversarial": {"item": 4}}])).unwrap_err().to_string();
    assert!(none.contains("labels[0].adversarial.item"), "{none}");
}

#[test]
fn corruption_strikes_the_same_pairs_every_time_and_as_many_as_it_says() {
    let n = 60;
    let even = Game::single(PreferenceMatrix::from_margins(n, |_, _| 0.1).unwrap());
    let spec = [ChannelSpec::new("corruption", &json!({"rate": 0.2, "low": 1.0, "high": 3.0})).unwrap()];
    let of = |seed| Labelling::new(&spec, seed, even.shape()).unwrap();
    let (one, again, other) = (of(1), of(1), of(2));
    let (d, mut struck, mut up, mut differs) = (log_odds(0.6), 0, 0, false);
    for i in 0..n {
        for j in i + 1..n {
            let law = one.law(&even, pair(i, j));
            assert_eq!(law, again.law(&even, pair(i, j)));
            assert!((law.first - one.law(&even, pair(j, i)).second).abs() < 1e-15);
            differs |= law != other.law(&even, pair(i, j));
            let shift = law.log_odds() - d;
            if shift.abs() > 1e-9 {
                struck += 1;
                up += usize::from(shift > 0.0);
                assert!((1.0..=3.0).contains(&shift.abs()), "{shift}");
            }
        }
    }
    assert!(differs);
    assert_frequency("pairs", struck, n * (n - 1) / 2, 0.2);
    assert_frequency("signs", up, struck, 0.5);
}

#[test]
fn rows_are_lost_and_filtered_and_paid_all_the_same() {
    let labels = asked(&json!([{"missing": {"rate": 0.3}}]), pair(0, 1), COUNT);
    assert_frequency("kept", labels.pairs.len(), COUNT, 0.7);
    assert_eq!(labels.duels, COUNT as u64);
    let specs = json!([{"threshold": {"least": 0.2}}]);
    for (i, j, kept) in [(0, 1, 100), (1, 0, 100), (2, 0, 0), (1, 2, 0), (1, 3, 100)] {
        assert_eq!(asked(&specs, pair(i, j), 100).pairs.len(), kept, "{i} {j}");
    }
    // what passes is decided by the law at its place in the list
    let sharpened = json!([{"judge": {"temperature": 0.25}}, specs[0]]);
    assert_eq!(asked(&sharpened, pair(2, 0), 100).pairs.len(), 100);
    let channels = labelling(&json!([{"missing": {"rate": 0.3}}, {"ties": {"theta": 1.0}}, "drop"])).unwrap();
    let law = labelling(&json!([{"ties": {"theta": 1.0}}])).unwrap().law(&game(), pair(0, 1));
    assert!((channels.kept(&game(), pair(0, 1)) - 0.7 * law.decisive()).abs() < 1e-15);
}

#[test]
fn soft_labels_are_the_probabilities_or_shares_of_answers() {
    let ties = json!({"ties": {"theta": 0.6}});
    let labels = asked(&json!([ties, "soft"]), pair(0, 1), 1);
    let law = labelling(&json!([ties])).unwrap().law(&game(), pair(0, 1));
    let weights: Vec<f64> = labels.pairs.iter().map(|l| l.weight).collect();
    assert_eq!(weights, [law.first, law.second, law.tie]);
    let shares = asked(&json!([{"soft": {"answers": 7}}]), pair(0, 1), 3000);
    assert_eq!(shares.duels, 21_000);
    let wins = (7.0 * shares.weight_of(Outcome::First)).round();
    assert_frequency("answers", wins as usize, 21_000, 0.75);
    let halves = asked(&json!([ties, "soft", "half"]), pair(0, 1), 1);
    assert!((halves.weight_of(Outcome::First) - (law.first + 0.5 * law.tie)).abs() < 1e-15);
}

#[test]
fn magnitudes_are_levels_of_the_latent_difference() {
    let specs = json!([{"magnitude": {"levels": 4, "unit": 0.7}}]);
    for (i, j) in [(0, 1), (2, 0), (1, 2)] {
        let (d, labels) = (log_odds(game().prob(0, i, j)), asked(&specs, pair(i, j), COUNT));
        for (outcome, d) in [(Outcome::First, d), (Outcome::Second, -d)] {
            for level in 1..=4 {
                let least = |k: i32| logistic(d - 0.7 * f64::from(k));
                let p = least(level - 1) - if level == 4 { 0.0 } else { least(level) };
                let of = |l: &&Label| l.outcome == outcome && l.magnitude == Some(f64::from(level));
                let seen = labels.pairs.iter().filter(of).count();
                assert_frequency(&format!("{i} {j} {outcome:?} {level}"), seen, COUNT, p);
            }
        }
    }
    // a sure win is at the last level, a tie at none
    assert!(asked(&specs, pair(1, 3), 100).pairs.iter().all(|l| l.magnitude == Some(4.0)));
    let ties = asked(&json!([{"ties": {"theta": 3.0}}, "magnitude"]), pair(1, 2), 100);
    assert!(ties.pairs.iter().all(|l| (l.magnitude == Some(0.0)) == (l.outcome == Outcome::Tie)));
    let margins = asked(&json!([{"margin": {"most": 2.0}}]), pair(0, 1), 10);
    assert!(margins.pairs.iter().all(|l| (l.magnitude.unwrap() - 3f64.ln()).abs() < 1e-15));
    let capped = asked(&json!([{"margin": {"most": 2.0}}]), pair(1, 3), 10);
    assert!(capped.pairs.iter().all(|l| l.magnitude == Some(2.0)));
}

#[test]
fn rankings_of_bradley_terry_are_plackett_luce_and_of_two_the_comparison() {
    let scores = [0.9f64, 0.1, -0.4];
    let bt = PreferenceMatrix::from_margins(3, |i, j| logistic(scores[i] - scores[j]) - 0.5).unwrap();
    let bt = Game::single(bt);
    let spec = [ChannelSpec::new("rankings", &json!({"size": 3})).unwrap()];
    let channels = Labelling::new(&spec, 0, bt.shape()).unwrap();
    let mut rng = stream(13, "rankings", &[]);
    let labels = channels.record(&bt, &vec![pair(1, 2); COUNT], &mut rng);
    assert_eq!((labels.rankings.len(), labels.pairs.len(), labels.duels), (COUNT, 0, 3 * COUNT as u64));
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let s = order.map(|i: u32| scores[i as usize].exp());
        let p = s[0] / (s[0] + s[1] + s[2]) * (s[1] / (s[1] + s[2]));
        let seen = labels.rankings.iter().filter(|r| r.order == order).count();
        assert_frequency(&format!("{order:?}"), seen, COUNT, p);
    }
    // of two actions, whatever the preferences; a set is drawn without replacement
    let labels = asked(&json!([{"flip": {"rate": 0.1}}, {"rankings": {"size": 2}}]), pair(2, 0), COUNT);
    let seen = labels.rankings.iter().filter(|r| r.order == [2, 0]).count();
    assert_frequency("two", seen, COUNT, 0.9 * 0.6 + 0.1 * 0.4);
    let three = asked(&json!([{"rankings": {"size": 3}}]), pair(3, 1), 3000);
    let third = three.rankings.iter().filter(|r| r.order.contains(&0)).count();
    assert_frequency("third", third, 3000, 0.5);
    // fewer actions are ranked whole
    let whole = asked(&json!([{"rankings": {"size": 9}}]), pair(0, 1), 10);
    assert!(whole.rankings.iter().all(|r| r.order.len() == 4) && whole.duels == 60);
}

#[test]
fn every_row_builds_from_its_defaults_and_refuses_slips() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/channels");
    let stem = |f: std::io::Result<std::fs::DirEntry>| {
        f.unwrap().path().file_stem().unwrap().to_string_lossy().replace('_', "-")
    };
    let mut files: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(stem).filter(|f| f != "mod").collect();
    let mut names: Vec<&str> = CHANNELS.iter().map(|c| c.name).collect();
    files.sort_unstable();
    names.sort_unstable();
    assert_eq!(files, names);
    for entry in CHANNELS {
        let defaults = (entry.defaults)();
        let spec = ChannelSpec::new(entry.name, &Value::Null).unwrap();
        assert_eq!(spec, ChannelSpec::new(entry.name, &defaults).unwrap());
        assert_eq!(spec.options(), &defaults);
        assert_eq!(serde_json::from_value::<ChannelSpec>(json!(spec)).unwrap(), spec);
        let schema = (entry.schema)();
        for key in defaults.as_object().unwrap().keys() {
            let property = &schema.as_value()["properties"][key];
            assert!(property["description"].is_string(), "{} {key}", entry.name);
        }
        assert!(!entry.summary.is_empty() && !entry.source.is_empty(), "{}", entry.name);
        let error = ChannelSpec::new(entry.name, &json!({"no_such_key": 1})).unwrap_err();
        assert!(matches!(error, BuildError::UnknownKey { .. }), "{error}");
    }
    let slip = channel("filp").err().unwrap().to_string();
    assert!(slip.contains("did you mean `flip`?"), "{slip}");
    let refused = |spec: Value| ChannelSpec::of_json(&spec).unwrap_err().to_string();
    assert!(refused(json!({"flip": {"rat": 0.1}})).contains("did you mean `rate`?"));
    assert_eq!(refused(json!({"flip": {"rate": 1.5}})), "`flip.rate` = 1.5: must be in [0, 1]");
    assert!(refused(json!({"votes": {"votes": 0}})).contains("votes.votes"));
    assert!(refused(json!(3)).contains("expected the name of a channel"));
    let order = |specs: Value| labelling(&specs).unwrap_err().to_string();
    let late = order(json!(["soft", "flip"]));
    assert!(late.contains("`labels[1]` = flip") && late.contains("behind `soft`"), "{late}");
    assert!(order(json!(["rankings", "half"])).contains("behind `rankings`"));
    assert!(order(json!(["soft", "rankings"])).contains("cannot take what `soft` writes"));
    assert!(labelling(&json!(["rankings", "missing"])).is_ok());
}

#[test]
fn soft_labels_stand_first_of_what_is_written() {
    for earlier in
        [json!(["ties", "margin", "soft"]), json!(["magnitude", "soft"]), json!(["ties", "half", "soft"])]
    {
        let refused = labelling(&earlier).unwrap_err().to_string();
        let last = earlier.as_array().unwrap().len() - 1;
        assert!(refused.contains(&format!("`labels[{last}]` = soft")), "{refused}");
        assert!(refused.contains("put `soft` first"), "{refused}");
    }
    assert!(labelling(&json!(["soft", "soft"])).is_err());
    // the other way around every row says how strong the outcome of that row is
    let margins = asked(&json!(["ties", "soft", "margin"]), pair(0, 1), 1);
    assert_eq!(margins.pairs.len(), 3);
    assert!(margins.pairs.iter().all(|l| (l.magnitude == Some(0.0)) == (l.outcome == Outcome::Tie)));
}

#[test]
fn rows_are_not_dropped_by_one_of_several_answers() {
    let several = [
        json!("votes"),
        json!("two-orders"),
        json!({"two-orders": {"record": "agreed"}}),
        json!("rankings"),
        json!({"soft": {"answers": 5}}),
    ];
    for last in several {
        let refused = labelling(&json!(["ties", "drop", "flip", last])).unwrap_err().to_string();
        assert!(refused.contains("`labels[3]`") && refused.contains("`at-random`"), "{last}: {refused}");
    }
    for single in [json!({"votes": {"votes": 1}}), json!({"rankings": {"size": 2}}), json!("soft")] {
        assert!(labelling(&json!(["ties", "drop", single])).is_ok(), "{single}");
    }
    // behind the majority, what is kept are the majorities that decide
    let specs = json!(["ties", {"votes": {"votes": 4}}, "drop"]);
    let majority = labelling(&json!(["ties", {"votes": {"votes": 4}}])).unwrap().law(&game(), pair(0, 1));
    let kept = asked(&specs, pair(0, 1), COUNT);
    assert_frequency("majorities", kept.pairs.len(), COUNT, majority.decisive());
}

#[test]
fn a_question_has_a_price_that_can_be_counted() {
    let votes = |k: usize| json!(vec![json!({"votes": {"votes": 1000}}); k]);
    for k in [4, 7, 20] {
        let refused = labelling(&votes(k)).unwrap_err().to_string();
        assert!(refused.contains("`labels` = votes, votes"), "{refused}");
        assert!(refused.contains("at most 1000000000 comparisons"), "{refused}");
    }
    assert_eq!(labelling(&votes(3)).unwrap().price(4), 1_000_000_000);
    for record in ["both", "agreed"] {
        let orders = |k: usize| json!(vec![json!({"two-orders": {"record": record}}); k]);
        assert_eq!(labelling(&orders(8)).unwrap().price(4), 256);
        let refused = labelling(&orders(24)).unwrap_err().to_string();
        assert!(refused.contains("`labels[8]` = two-orders"), "{refused}");
    }
}

#[test]
fn two_corruptions_strike_pairs_of_their_own() {
    let n = 60;
    let even = Game::single(PreferenceMatrix::from_margins(n, |_, _| 0.0).unwrap());
    let spec = ChannelSpec::new("corruption", &json!({"rate": 0.5, "low": 1.0, "high": 1.0})).unwrap();
    let of = |specs: &[ChannelSpec]| Labelling::new(specs, 1, even.shape()).unwrap();
    let flip = ChannelSpec::new("flip", &json!({"rate": 0.0})).unwrap();
    let one = of(std::slice::from_ref(&spec));
    let (late, two) = (of(&[flip, spec.clone()]), of(&[spec.clone(), spec.clone()]));
    let mut counts = [0usize; 5];
    for i in 0..n {
        for j in i + 1..n {
            let shift = |channels: &Labelling| channels.law(&even, pair(i, j)).log_odds();
            // the first of the name strikes as it does alone, wherever it stands
            assert!((shift(&late) - shift(&one)).abs() < 1e-12);
            counts[(shift(&two).round() + 2.0) as usize] += 1;
        }
    }
    // sums of two independent shifts of -1, 0, 0, 1
    for (seen, p) in counts.into_iter().zip([1.0, 4.0, 6.0, 4.0, 1.0]) {
        assert_frequency("sums", seen, n * (n - 1) / 2, p / 16.0);
    }
}

#[test]
fn equal_streams_give_equal_labels_whatever_the_channel() {
    let draw = |specs: &Value, seed: u64| {
        let mut rng: Rng = stream(seed, "labels", &[]);
        let questions: Vec<Duel> = (0..200).map(|k| pair(k % 4, (k + 1 + k / 4 % 3) % 4)).collect();
        labelling(specs).unwrap().record(&game(), &questions, &mut rng)
    };
    for entry in CHANNELS {
        let specs = json!([{"ties": {"theta": 0.5}}, {"flip": {"rate": 0.2}}, entry.name]);
        let labels = draw(&specs, 1);
        assert_eq!(labels, draw(&specs, 1), "{}", entry.name);
        // soft labels are probabilities: nothing is drawn
        assert_eq!(labels == draw(&specs, 2), entry.name == "soft", "{}", entry.name);
        assert!(labels.pairs.iter().all(|l| l.weight > 0.0 && l.weight <= 1.0 && l.first != l.second));
        assert_eq!(labels.counts.len(), 3);
        let law = labelling(&specs).unwrap().law(&game(), pair(0, 1));
        assert!((law.probabilities().iter().sum::<f64>() - 1.0).abs() < 1e-12, "{}", entry.name);
    }
}

/// What a channel writes is counted: what one lets on comes to the next, and the last lets on what is recorded.
#[test]
fn rows_written_by_half_and_soft_are_counted() {
    let questions: Vec<Duel> = (0..500).map(|k| pair(k % 4, (k + 1 + k / 4 % 3) % 4)).collect();
    for specs in [
        json!([{"ties": {"theta": 0.5}}, "half"]),
        json!([{"ties": {"theta": 0.5}}, "soft"]),
        json!(["soft", "magnitude"]),
        json!([{"ties": {"theta": 0.5}}, "half", "magnitude"]),
        json!([{"missing": {"rate": 0.3}}, {"ties": {"theta": 0.5}}, "half"]),
        json!([{"flip": {"rate": 0.1}}]),
    ] {
        let mut rng: Rng = stream(3, "labels", &[]);
        let Ok(labelling) = labelling(&specs) else { panic!("{specs}") };
        let labels = labelling.record(&game(), &questions, &mut rng);
        let counts = &labels.counts;
        assert_eq!(counts[0].rows_in, 500, "{specs}");
        assert!(counts.windows(2).all(|c| c[0].rows_out == c[1].rows_in), "{specs} {counts:?}");
        assert_eq!(counts.last().unwrap().rows_out, labels.pairs.len() as u64, "{specs} {counts:?}");
        let last = counts.iter().find(|c| c.name == "half" || c.name == "soft");
        assert!(last.is_none_or(|c| c.rows_out > c.rows_in), "{specs} {counts:?}");
    }
}
