//! Solution concepts with parameters, judges, samples and features: published numbers, closed forms and other ways.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::random_game;
use equipoise_core::logistic::logistic;
use equipoise_core::sample::{index, uniform};
use equipoise_core::{Policy, Shape, seed::stream};
use equipoise_env::PreferenceMatrix;
use equipoise_reference::concepts::{
    Ballot, CONCEPTS, Choice, ConceptOptions, Electorate, Judge, Payoff, SoftCondorcet, agents_against_tasks,
    alpha_rank_law, best_of_samples, blackwell_winner, concept, deviation_ratings, entropic_blackwell_winner,
    first_choices, fitted_ratings, gap_of, judged_win_rates, level_lottery, level_value, leximax_copeland,
    payoff_equilibrium, preference_chain, proportional_lottery, proportionality, sample_payoffs, seen_within,
    separating, stackelberg, task_payoffs, worst_win_rates, zero_sum,
};
use equipoise_reference::{RationalMargins, equilibrium_vertices, regularised_equilibrium};
use ndarray::{Array1, Array2, arr2};
use serde_json::Value;

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn table(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = value.as_array().unwrap().iter().map(floats).collect();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

#[track_caller]
fn close(a: &[f64], b: &[f64], within: f64, what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (x, y) in a.iter().zip(b) {
        assert!((x - y).abs() <= within, "{what}: {a:?} and {b:?}");
    }
}

fn matrix(p: &Array2<f64>) -> PreferenceMatrix {
    PreferenceMatrix::new(p.view()).unwrap()
}

fn three(p12: f64, p13: f64, p23: f64) -> PreferenceMatrix {
    matrix(&arr2(&[[0.5, p12, p13], [1.0 - p12, 0.5, p23], [1.0 - p13, 1.0 - p23, 0.5]]))
}

fn cycle() -> PreferenceMatrix {
    three(0.6, 0.1, 0.7)
}

fn rates(matrix: PreferenceMatrix) -> Electorate {
    Electorate::of_win_rates(matrix, None)
}

fn reference(mu: &[f64]) -> Policy {
    Policy::from_probs(&Shape::single(mu.len()).unwrap(), Array1::from(mu.to_vec())).unwrap()
}

fn logs(mu: &[f64]) -> Vec<f64> {
    mu.iter().map(|p| p.ln()).collect()
}

fn played(name: &str, electorate: &Electorate, options: &ConceptOptions) -> Vec<f64> {
    concept(name).unwrap().choose(electorate, options).unwrap().policy(electorate.n()).unwrap()
}

/// `(weight, ballot)`, a letter an item.
fn votes(n: usize, ballots: &[(f64, &str)]) -> Electorate {
    let order = |text: &str| text.bytes().map(|b| usize::from(b - b'a')).collect::<Vec<_>>();
    Electorate::of_ballots(n, ballots.iter().map(|(w, text)| Ballot::strict(&order(text), *w)).collect())
        .unwrap()
}

#[test]
fn the_published_matrix_games() {
    let file: Value = serde_json::from_str(include_str!("social/games.json")).unwrap();
    let mut games = 0;
    for case in file["cases"].as_array().unwrap() {
        if case["score"].is_array() {
            let scores = table(&case["score"]);
            let found = agents_against_tasks(&scores).unwrap();
            assert!(found.gap < 1e-15, "{found:?}");
            close(&found.row, &floats(&case["agent_distribution"]), 1e-7, "agents");
            close(&found.column, &floats(&case["task_distribution"]), 1e-7, "tasks");
            assert!((found.value - case["game_value"].as_f64().unwrap()).abs() < 1e-8);
            let payoffs = task_payoffs(&scores);
            let skills: Vec<f64> = payoffs.dot(&Array1::from(found.column)).to_vec();
            close(&skills, &floats(&case["agent_skill"]), 1e-7, "skills of agents");
            let skills: Vec<f64> = payoffs.t().dot(&Array1::from(found.row)).iter().map(|v| -v).collect();
            close(&skills, &floats(&case["task_skill"]), 1e-7, "skills of tasks");
            continue;
        }
        games += 1;
        let game = matrix(&table(&case["P"]));
        let fractions = RationalMargins::from_short_decimals(&game).unwrap();
        let vertices: Vec<Vec<String>> = equilibrium_vertices(&fractions)
            .unwrap()
            .iter()
            .map(|v| (0..game.n()).map(|i| v.fraction(i)).collect())
            .collect();
        let whole = |text: &str| match text.contains('/') {
            true => text.to_owned(),
            false => format!("{text}/1"),
        };
        let mut published: Vec<Vec<String>> = case["vertices"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_array().unwrap().iter().map(|t| whole(t.as_str().unwrap())).collect())
            .collect();
        let mut sorted = vertices.clone();
        sorted.sort();
        published.sort();
        assert_eq!(sorted, published, "{}", case["kind"]);
        let electorate = Electorate::of_win_rates(game.clone(), Some(fractions));
        let options = ConceptOptions::default();
        let choice = concept("maximal-lottery").unwrap().choose(&electorate, &options).unwrap();
        let Choice::Lottery { policy, unique } = choice else { panic!("a lottery") };
        close(&policy, &floats(&case["max_entropy_nash"]), 1e-12, "lottery of largest entropy");
        assert_eq!(unique, case["unique_equilibrium"].as_bool());
        assert_eq!(unique, Some(vertices.len() == 1));
        let ranked = concept("nash-averaging").unwrap().choose(&electorate, &options).unwrap();
        let Choice::Winners { scores: Some(skills), .. } = ranked else { panic!("scores") };
        close(&skills, &floats(&case["nash_averaging_skill"]), 1e-12, "skills");
        for (key, law) in case["alpha_rank"].as_object().unwrap() {
            let (m, a) = key.split_once(", alpha=").unwrap();
            let (m, a) = (m.trim_start_matches("m=").parse().unwrap(), a.parse().unwrap());
            close(&alpha_rank_law(&game, m, a).unwrap(), &floats(law), 1e-9, key);
            let asked =
                ConceptOptions { population: Some(m), selection: Some(a), ..ConceptOptions::default() };
            close(&played("alpha-rank", &electorate, &asked), &floats(law), 1e-9, key);
        }
        for (temperature, policy) in case["quantal_response"].as_object().unwrap() {
            // payoffs 2 P - 1 at T are margins at T / 2
            let tau = Some(temperature.parse::<f64>().unwrap() / 2.0);
            let asked = ConceptOptions { tau, ..ConceptOptions::default() };
            close(&played("quantal-response", &electorate, &asked), &floats(policy), 1e-12, temperature);
        }
    }
    assert_eq!(games, 8);
}

#[test]
fn soft_condorcet_descends_as_published() {
    let file: Value = serde_json::from_str(include_str!("social/soft_condorcet.json")).unwrap();
    for case in file["cases"].as_array().unwrap() {
        let number = |key: &str| case[key].as_f64().unwrap();
        let mut descent = SoftCondorcet {
            temperature: number("temperature"),
            lower: number("lower"),
            upper: number("upper"),
            learning_rate: number("learning_rate"),
            steps: 0,
        };
        let wins = table(&case["wins"]);
        for (steps, published) in case["rating_after"].as_object().unwrap() {
            descent.steps = steps.parse().unwrap();
            let found = descent.descend(&wins, number("voters"));
            close(&found, &floats(published), 1e-9, steps);
            let loss = descent.loss(&wins, number("voters"), &found);
            assert!((loss - case["loss_after"][steps].as_f64().unwrap()).abs() < 1e-10);
        }
    }
}

/// `2512.16626`: 56, 67 and 100 percent of targets within 2 samples of the maximal lottery, 2 and 3 of the follower.
#[test]
fn refinements_find_the_target() {
    let uniform = [1.0 / 3.0; 3];
    let iid = Array2::from_elem((3, 3), 1.0 / 3.0);
    for (samples, share) in [(1, 1.0 / 3.0), (2, 5.0 / 9.0), (3, 19.0 / 27.0), (4, 65.0 / 81.0)] {
        assert!((seen_within(&uniform, &iid, 0, samples) - share).abs() < 1e-15);
    }
    let seen = |margin: f64, tau: f64, samples: usize| {
        let game = three(0.5 + margin, 0.5 - margin, 0.5 + margin);
        stackelberg(&game, &logs(&uniform), tau, tau).seen_within(0, samples)
    };
    for (margin, tau, two, three) in [
        (0.1, 0.3, 0.559559, 0.716954),
        (0.1, 0.1, 0.585091, 0.796920),
        (0.1, 0.05, 0.627563, 0.912619),
        (0.1, 0.02, 0.664436, 0.995508),
        (0.4, 0.1, 0.660673, 0.987798),
    ] {
        assert!((seen(margin, tau, 2) - two).abs() < 6e-7 && (seen(margin, tau, 3) - three).abs() < 6e-7);
    }
    // a follower far below the margin: 1/3, 2/3, 1; one at it misses the published table
    for (samples, share) in [(1, 1.0 / 3.0), (2, 2.0 / 3.0), (3, 1.0)] {
        assert!((seen(0.1, 0.1 / 50.0, samples) - share).abs() < 1e-9);
    }
    assert!((seen(0.1, 0.1, 2) - 2.0 / 3.0).abs() > 0.05);
}

#[test]
fn leader_and_follower_in_closed_form() {
    let mu = [0.2, 0.3, 0.5];
    let found = stackelberg(&cycle(), &logs(&mu), 0.05, 0.1);
    close(&found.worth, &[0.168184229846, 0.509285678380, 0.399922843921], 1e-12, "worth");
    close(&found.leader, &[0.00061151635, 0.841916206239, 0.157472277411], 1e-11, "leader");
    assert!((found.value - 0.457690777525).abs() < 1e-12);
    let rows = [
        [0.007243899490, 0.003997322544, 0.988758777965],
        [0.596556615793, 0.329191371668, 0.074252012539],
        [0.001346550054, 0.814855595301, 0.183797854645],
    ];
    rows.iter()
        .enumerate()
        .for_each(|(y, row)| close(&found.follower.row(y).to_vec(), row, 1e-12, "follower"));
    // no policy of the leader earns more against its follower, by the game's own payoff
    let earned = |pi: &[f64]| -> f64 {
        pi.iter().zip(&found.worth).zip(&mu).map(|((p, v), m)| p * v - 0.05 * p * (p / m).ln()).sum()
    };
    assert!((earned(&found.leader) - found.value).abs() < 1e-14);
    assert!(earned(&mu) < found.value && earned(&[0.01, 0.8, 0.19]) < found.value);
    // towards tau = 0 the leader is the minimax winner, whose gap is the pure floor
    let electorate = rates(cycle());
    let cold = ConceptOptions { tau: Some(1e-4), ..ConceptOptions::default() };
    let leader = played("slhf-leader", &electorate, &cold);
    assert!((gap_of(&electorate, &leader) - 0.2).abs() < 1e-9 && leader[1] > 1.0 - 1e-9);
    // refined for ever: the chain with U = P' / tau
    let u = Array2::from_shape_fn((3, 3), |(x, y)| cycle().margin(y, x) / 0.1);
    let chain = preference_chain(&u, &logs(&mu)).unwrap();
    let next: Vec<f64> =
        (0..3).map(|z| (0..3).map(|y| chain.law[y] * found.follower[[y, z]]).sum()).collect();
    close(&next, &chain.law, 1e-15, "stationary");
}

#[test]
fn chains_forget_at_the_proved_rate() {
    let mu = [0.2, 0.3, 0.5];
    let game = cycle();
    let u = Array2::from_shape_fn((3, 3), |(x, y)| game.margin(y, x) / 0.1);
    let found = preference_chain(&u, &logs(&mu)).unwrap();
    close(&found.law, &[0.248534006667, 0.412832004821, 0.338633988512], 1e-12, "law");
    assert!((found.eigenvalue - 0.692652058538).abs() < 1e-11, "{}", found.eigenvalue);
    assert!((found.dobrushin - 0.914506765426).abs() < 1e-12);
    let seminorm = found.seminorm.unwrap();
    assert!((seminorm.tanh() - 0.981368).abs() < 1e-6 && (seminorm - 0.7 / 0.3).abs() < 1e-12, "{seminorm}");
    let u = Array2::from_shape_fn((3, 3), |(x, y)| 2.0 * (2.0 * game.margin(y, x)).atanh());
    let found = preference_chain(&u, &logs(&mu)).unwrap();
    close(&found.law, &[0.163192952299, 0.403488038963, 0.433319008738], 1e-12, "law of log-odds");
    assert!((found.eigenvalue - 0.426229646725).abs() < 1e-11);
    assert!((found.seminorm.unwrap() - 1.149995848611).abs() < 1e-11);
    // |second eigenvalue| <= Dobrushin <= tanh(Delta / 4) <= tanh |U|_+, and Delta / 4 <= |U|_+ <= Delta / 3
    let mut rng = stream(1, "chains", &[]);
    for round in 0..120 {
        let n = 2 + round % 5;
        let scale = 0.2 + 6.0 * uniform(&mut rng);
        let k = random_game(round, n, &mut rng);
        let u = Array2::from_shape_fn((n, n), |(x, y)| scale * k.margin(y, x));
        let log_mu = logs(&vec![1.0 / n as f64; n]);
        let c = preference_chain(&u, &log_mu).unwrap();
        let seminorm = c.seminorm.unwrap();
        let bounds = [c.eigenvalue, c.dobrushin, (c.spread / 4.0).tanh(), seminorm.tanh()];
        assert!(bounds.is_sorted_by(|a, b| a <= &(b + 1e-9)), "{bounds:?}");
        assert!(seminorm <= c.spread / 3.0 + 1e-9, "{seminorm} {}", c.spread);
    }
    // Bradley-Terry log-odds: one step, and the shares
    let r = [0.3, -1.0, 0.9, 0.2];
    let u = Array2::from_shape_fn((4, 4), |(x, y)| r[y] - r[x]);
    let found = preference_chain(&u, &logs(&[0.25; 4])).unwrap();
    let sum: f64 = r.iter().map(|r| r.exp()).sum();
    close(&found.law, &r.map(|r| r.exp() / sum), 1e-15, "shares");
    assert!(found.seminorm.unwrap() < 1e-15 && found.dobrushin < 1e-15 && found.eigenvalue < 1e-14);
}

/// Section A: which payoffs keep to the Smith set, whichever player is asked.
#[test]
fn payoffs_that_are_not_odd_leave_the_smith_set() {
    let p: [[f64; 4]; 4] =
        [[0.5, 0.9, 0.1, 0.55], [0.1, 0.5, 0.9, 0.55], [0.9, 0.1, 0.5, 0.55], [0.45, 0.45, 0.45, 0.5]];
    let witness = matrix(&arr2(&p));
    let root = payoff_equilibrium(&witness, Payoff::Root).unwrap();
    close(&root.row, &[0.0, 0.0, 0.0, 1.0], 1e-14, "the root plays the Smith loser");
    assert!((root.value - 0.670820393).abs() < 1e-8);
    let log = payoff_equilibrium(&witness, Payoff::Log).unwrap();
    assert!((log.row[3] - 1.0).abs() < 1e-14 && (log.value + 0.798507696).abs() < 1e-8);
    let square = payoff_equilibrium(&witness, Payoff::Square).unwrap();
    assert!(square.row[3] < 1e-14 && square.column[3] > 0.0, "{square:?}");
    for payoff in Payoff::ALL {
        let found = payoff_equilibrium(&witness, payoff).unwrap();
        assert!(found.gap < 1e-14, "{payoff:?}: {found:?}");
        let outside = found.row[3].max(found.column[3]);
        assert_eq!(outside < 1e-13, payoff.is_odd(), "{payoff:?}: {found:?}");
    }
    let mut rng = stream(2, "payoffs", &[]);
    for _ in 0..150 {
        let n = 3 + index(&mut rng, 3);
        let draws: Vec<f64> = (0..n * n).map(|_| 0.96 * uniform(&mut rng) - 0.48).collect();
        let game = PreferenceMatrix::from_margins(n, |i, j| draws[i * n + j]).unwrap();
        let smith = equipoise_reference::choice::smith_set(&game);
        let condorcet = equipoise_reference::choice::condorcet_winner(&game);
        for payoff in Payoff::ALL {
            let found = payoff_equilibrium(&game, payoff).unwrap();
            if payoff.is_odd() {
                let out = |p: &[f64]| (0..n).filter(|i| !smith.contains(i)).map(|i| p[i]).sum::<f64>();
                assert!(out(&found.row) < 1e-12 && out(&found.column) < 1e-12, "{payoff:?}");
            }
            if let Some(winner) = condorcet {
                assert!(found.row[winner] > 1.0 - 1e-12, "{payoff:?}: {found:?}");
            }
        }
    }
}

/// Payoff logit at tau 1 under Bradley-Terry win rates: the quantal response is softmax of the rewards.
#[test]
fn preference_matching_with_regularisation() {
    let r = [1.0, 0.4, -0.3, -1.1];
    // K' pi / tau with margins scaled: payoff log-odds at tau is margins at tau times the scale
    let widest = 2.1;
    let scaled = PreferenceMatrix::from_margins(4, |i, j| (r[i] - r[j]) / (2.0 * widest)).unwrap();
    let found = regularised_equilibrium(&scaled, &reference(&[0.25; 4]), 1.0 / (2.0 * widest)).unwrap();
    let sum: f64 = r.iter().map(|r: &f64| r.exp()).sum();
    close(found.policy.probs_slice(), &r.map(|r| r.exp() / sum), 1e-14, "softmax");
    // and so is the limit of RLHF at tau 1, as are both under any reference where the model holds
    let bt = rates(PreferenceMatrix::from_margins(4, |i, j| logistic(r[i] - r[j]) - 0.5).unwrap());
    let mu = [0.1, 0.2, 0.3, 0.4];
    let options =
        ConceptOptions { tau: Some(1.0), reference: Some(reference(&mu)), ..ConceptOptions::default() };
    let sum: f64 = (0..4).map(|i| mu[i] * r[i].exp()).sum();
    let expected: Vec<f64> = (0..4).map(|i| mu[i] * r[i].exp() / sum).collect();
    for name in ["rlhf", "dpo"] {
        close(&played(name, &bt, &options), &expected, 1e-12, name);
    }
}

#[test]
fn fitted_rewards() {
    // equal pairs: the order is Borda's, and the likelihood is level at the ratings
    let game = cycle();
    let r = fitted_ratings(&game, |_, _| 1.0).unwrap();
    for i in 0..3 {
        let slope: f64 = (0..3).map(|j| game.prob(i, j) - logistic(r[i] - r[j])).sum();
        assert!(slope.abs() < 1e-14, "{slope}");
    }
    assert!(r[2] > r[1] && r[1] > r[0], "{r:?}");
    // skewed pairs move them where the model does not hold
    let mu = reference(&[0.1, 0.2, 0.7]);
    let options = ConceptOptions { reference: Some(mu), ..ConceptOptions::default() };
    let (rlhf, dpo) = (played("rlhf", &rates(cycle()), &options), played("dpo", &rates(cycle()), &options));
    assert!(rlhf.iter().zip(&dpo).any(|(a, b)| (a - b).abs() > 0.01), "{rlhf:?} {dpo:?}");
    // certain wins have infinite rewards, and it is said
    let certain = rates(three(1.0, 1.0, 0.7));
    let open = concept("rlhf").unwrap().choose(&certain, &ConceptOptions::default()).unwrap();
    assert!(matches!(open, Choice::Open { reason } if reason.contains("infinite")));
    // a cycle of certain wins has not
    let round = rates(three(1.0, 0.0, 1.0));
    close(&played("rlhf", &round, &ConceptOptions::default()), &[1.0 / 3.0; 3], 1e-14, "a cycle");
}

/// Section D.
#[test]
fn proportional_shares() {
    let majority = matrix(&arr2(&[[0.5, 0.51], [0.49, 0.5]]));
    for (beta, first) in [(0.0, 0.51), (10.0, 0.5597), (100.0, 0.8849)] {
        let policy = proportional_lottery(&majority, beta).unwrap();
        assert!((policy[0] - first).abs() < 5e-5, "{policy:?}");
    }
    let game = cycle();
    close(&proportional_lottery(&game, 10.0).unwrap(), &[0.009661, 0.776183, 0.214156], 6e-7, "beta 10");
    let electorate = rates(game.clone());
    assert!((gap_of(&electorate, &proportional_lottery(&game, 10.0).unwrap()) - 0.083730).abs() < 1e-6);
    // a block of less than half passes half by another ballot: cab votes cba
    let block = |cast: &str| {
        let electorate = votes(3, &[(0.1214, "bca"), (0.4821, cast), (0.1464, "acb"), (0.25, "bac")]);
        proportional_lottery(electorate.matrix(), 0.0).unwrap()[2]
    };
    assert!((block("cab") - 0.4401).abs() < 1e-4 && (block("cba") - 0.5382).abs() < 1e-4);
    let shifted = |second: &str| {
        let electorate = votes(3, &[(0.512, "cab"), (0.488, second)]);
        proportional_lottery(electorate.matrix(), 0.0).unwrap()[1]
    };
    assert!((shifted("bac") - 0.3280).abs() < 1e-4 && (shifted("bca") - 0.488).abs() < 1e-4);
    // towards the minimax winner, whose gap is the pure floor
    let sharp = proportional_lottery(&game, 1e4).unwrap();
    assert!((gap_of(&electorate, &sharp) - 0.2).abs() < 1e-12);
    let mut rng = stream(3, "proportional", &[]);
    for _ in 0..300 {
        let n = 3 + index(&mut rng, 3);
        let ballots = (0..1 + index(&mut rng, 6)).map(|_| {
            let mut order: Vec<usize> = (0..n).collect();
            (1..n).rev().for_each(|k| order.swap(k, index(&mut rng, k + 1)));
            Ballot::strict(&order, 1.0 + index(&mut rng, 5) as f64)
        });
        let electorate = Electorate::of_ballots(n, ballots.collect()).unwrap();
        let (u, t) = (worst_win_rates(electorate.matrix()), first_choices(&electorate).unwrap());
        assert!(u.iter().zip(&t).all(|(u, t)| *t <= u + 1e-12), "{u:?} {t:?}");
        let sum: f64 = u.iter().sum();
        assert!(sum <= n as f64 / 2.0 + 1e-12);
        let flat = proportionality(&proportional_lottery(electorate.matrix(), 0.0).unwrap(), &t);
        assert!(flat >= 1.0 / sum - 1e-12 && flat >= 2.0 / n as f64 - 1e-12, "{flat}");
        for beta in [1.0, 10.0] {
            let level = proportionality(&proportional_lottery(electorate.matrix(), beta).unwrap(), &t);
            let total: f64 = u.iter().map(|u| u * (beta * u).exp()).sum();
            let bound = u.iter().map(|u| (beta * u).exp() / total).fold(f64::INFINITY, f64::min);
            assert!(level >= bound - 1e-12);
        }
    }
}

/// Section E.
#[test]
fn judges() {
    let first = matrix(&arr2(&[[0.5, 0.9, 0.7], [0.1, 0.5, 0.3], [0.3, 0.7, 0.5]]));
    let third = matrix(&arr2(&[[0.5, 0.05, 0.05], [0.95, 0.5, 0.6], [0.95, 0.4, 0.5]]));
    let judge = |matrix: &PreferenceMatrix| Judge { weight: 2.0, matrix: matrix.clone() };
    let judges = vec![judge(&first), judge(&first), judge(&third)];
    let found = blackwell_winner(&judges).unwrap();
    close(&found.policy, &[2.0 / 11.0, 0.0, 9.0 / 11.0], 1e-14, "Blackwell winner");
    assert!((found.value - 37.0 / 110.0).abs() < 1e-15 && found.certificate < 1e-14, "{found:?}");
    let electorate = Electorate::of_judges(judges.clone()).unwrap();
    for (level, value, share, gap) in [
        (0.9, 0.482241, 0.4359, 0.0145),
        (0.8, 0.460043, 0.5641, 0.0188),
        (0.7, 0.433537, 0.6068, 0.0202),
        (0.6, 0.410769, 0.5538, 0.0185),
        (0.5, 0.392308, 0.4615, 0.0154),
        (1.0 / 3.0, 0.336364, 0.1818, 0.0061),
    ] {
        let found = level_lottery(&judges, level).unwrap();
        assert!(
            (found.value - value).abs() < 6e-7 && (found.policy[0] - share).abs() < 6e-5,
            "{level} {found:?}"
        );
        assert!((gap_of(&electorate, &found.policy) - gap).abs() < 6e-5 && found.certificate < 1e-14);
        let options = ConceptOptions { level: Some(level), ..ConceptOptions::default() };
        close(&played("judges-at-risk", &electorate, &options), &found.policy, 0.0, "the same");
    }
    let mean = level_lottery(&judges, 1.0).unwrap();
    assert!((mean.value - 0.5).abs() < 1e-15 && gap_of(&electorate, &mean.policy) < 1e-14);
    // two opposite judges
    let opposed = |m: f64| vec![judge(&three_of(m)), judge(&three_of(-m))];
    for m in [0.1, 0.3, 0.5] {
        let found = blackwell_winner(&opposed(m)).unwrap();
        assert!((found.value - (0.5 - m / 2.0)).abs() < 1e-15);
        close(&found.policy, &[0.5, 0.5], 1e-15, "half and half");
    }
    // no policy of a grid does better, the level is monotone, and the bound on every weighting holds
    let mut rng = stream(4, "judges", &[]);
    for round in 0..40 {
        let judges: Vec<Judge> = (0..2 + round % 3)
            .map(|k| Judge { weight: 0.2 + uniform(&mut rng), matrix: random_game(round + k, 3, &mut rng) })
            .collect();
        let bw = blackwell_winner(&judges).unwrap_or_else(|| panic!("{judges:?}"));
        let worst = judged_win_rates(&judges, &bw.policy).concat().into_iter().fold(1.0, f64::min);
        assert!((worst - bw.value).abs() < 1e-12 && bw.value <= 0.5 + 1e-12);
        for i in 0..=20 {
            for j in 0..=20 - i {
                let p = [i as f64 / 20.0, j as f64 / 20.0, (20 - i - j) as f64 / 20.0];
                for level in [1.0, 0.6, 0.3] {
                    let best = level_lottery(&judges, level).unwrap().value;
                    assert!(level_value(&judges, &p, level) <= best + 1e-12);
                    if (i + j) > 0 {
                        break;
                    }
                }
                let all = judged_win_rates(&judges, &p).concat().into_iter().fold(1.0, f64::min);
                assert!(all <= bw.value + 1e-12);
            }
        }
        let levels: Vec<f64> =
            [1.0, 0.8, 0.5, 0.2].iter().map(|a| level_lottery(&judges, *a).unwrap().value).collect();
        assert!(levels.is_sorted_by(|a, b| a >= &(b - 1e-13)), "{levels:?}");
        let weighted =
            judges.iter().map(|j| Judge { weight: 0.1 + uniform(&mut rng), ..j.clone() }).collect();
        let other = Electorate::of_judges(weighted).unwrap();
        assert!(gap_of(&other, &bw.policy) <= 1.0 - 2.0 * bw.value + 1e-12);
    }
}

fn three_of(m: f64) -> PreferenceMatrix {
    matrix(&arr2(&[[0.5, 0.5 + m], [0.5 - m, 0.5]]))
}

#[test]
fn blackwell_winners_of_largest_entropy() {
    let first = matrix(&arr2(&[[0.5, 0.9, 0.7], [0.1, 0.5, 0.2], [0.3, 0.8, 0.5]]));
    let second = PreferenceMatrix::from_margins(3, |i, j| {
        let mirror = [1, 0, 2];
        first.margin(mirror[i], mirror[j])
    })
    .unwrap();
    let judges = [first, second].map(|matrix| Judge { weight: 1.0, matrix });
    let log_mu = logs(&[1.0 / 3.0; 3]);
    for (b, value) in [(1.0, 0.512673), (0.1, 0.396577), (0.01, 0.310986)] {
        let found = entropic_blackwell_winner(&judges, &log_mu, b).unwrap();
        assert!(found.certificate <= 1e-9, "{b}: {found:?}");
        assert!((found.value - value).abs() < 6e-7, "{b}: {found:?}");
        assert_eq!(found.unique, Some(true), "{b}");
    }
    // a copy that all judges see as its original shares its mass in any way
    let electorate = Electorate::of_judges(judges.to_vec()).unwrap().with_clone(0);
    let copied = entropic_blackwell_winner(electorate.judges().unwrap(), &logs(&[0.25; 4]), 0.01).unwrap();
    assert!(copied.policy[0] + copied.policy[3] > 0.01, "{copied:?}");
    assert_eq!(copied.unique, Some(false));
    // differences of scores: every direction that keeps the mean score changes nothing
    let additive = [Judge {
        weight: 1.0,
        matrix: PreferenceMatrix::from_margins(4, |i, j| 0.1 * (j as f64 - i as f64)).unwrap(),
    }];
    let found = entropic_blackwell_winner(&additive, &logs(&[0.25; 4]), 0.5).unwrap();
    assert_eq!(found.unique, None, "{found:?}");
    // one judge: the smooth best response's value is the maximal lottery's towards b = 0
    let one = [Judge { weight: 1.0, matrix: cycle() }];
    let found = entropic_blackwell_winner(&one, &log_mu, 1e-4).unwrap();
    assert!((found.value - 0.5).abs() < 5e-4 && found.certificate < 1e-8, "{found:?}");
}

/// Section J2.
#[test]
fn best_of_several_samples() {
    let votes3 = votes(3, &[(5.0, "abc"), (1.0, "acb"), (4.0, "bca"), (3.0, "cab")]);
    let ballots = votes3.ballots().unwrap();
    for (samples, published, within) in [
        (2, [0.519707, 0.141699, 0.338594], 6e-7),
        (10, [0.475822, 0.302125, 0.222054], 6e-7),
        (200, [6.0 / 13.0, 4.0 / 13.0, 3.0 / 13.0], 1e-6),
    ] {
        let found = best_of_samples(3, ballots, samples).unwrap();
        close(&found, &published, within, "k-sample winner");
        // by counting all draws: what the population chooses among k + 1 of them is the policy again
        if samples == 2 {
            let mut chosen = [0.0; 3];
            for draws in 0..27usize {
                let drawn = [draws % 3, draws / 3 % 3, draws / 9];
                let mass: f64 = drawn.iter().map(|&i| found[i]).product();
                for ballot in ballots {
                    let best = ballot.groups.iter().flatten().find(|i| drawn.contains(i)).unwrap();
                    chosen[*best] += ballot.weight / 13.0 * mass;
                }
            }
            close(&chosen, &found, 1e-10, "best of three draws");
        }
        let most = sample_payoffs(3, ballots, &found, samples).into_iter().fold(0.0, f64::max);
        assert!((most - 1.0).abs() < 1e-10);
    }
    close(
        &played("k-sample", &votes3, &ConceptOptions { samples: Some(1), ..ConceptOptions::default() }),
        &[5.0 / 11.0, 1.0 / 11.0, 5.0 / 11.0],
        1e-15,
        "one sample",
    );
    // two items: the minority has max(0, 2 - 3 p) at k = 2
    for (p, k, minority, within) in [
        (0.6, 2, 0.2, 1e-9),
        (0.51, 2, 0.47, 1e-9),
        (0.51, 4, 0.48636, 6e-6),
        (0.51, 10, 0.4899, 6e-5),
        (0.7, 2, 0.0, 1e-9),
    ] {
        let two = votes(2, &[(p, "ab"), (1.0 - p, "ba")]);
        let found = best_of_samples(2, two.ballots().unwrap(), k).unwrap();
        assert!((found[1] - minority).abs() <= within, "{p} {k}: {found:?}");
    }
}

/// Section I.
#[test]
fn deviation_ratings_are_lexicographic() {
    let second = three(0.6, 0.55, 0.95);
    close(&deviation_ratings(&second).unwrap(), &[0.0, -0.1, -0.05], 1e-14, "second game");
    close(&deviation_ratings(&cycle()).unwrap(), &[0.0; 3], 1e-14, "no order in a full cycle");
    // where a tight constraint of one vertex proves nothing
    let k = [[0.0, 2.0, 0.0, 2.0], [-2.0, 0.0, -2.0, 1.0], [0.0, 2.0, 0.0, 0.0], [-2.0, -1.0, 0.0, 0.0]];
    let witness = PreferenceMatrix::from_margins(4, |i, j| k[i][j] / 4.0).unwrap();
    close(&deviation_ratings(&witness).unwrap(), &[0.0, -0.5, 0.0, -0.5], 1e-14, "witness");
    let mut rng = stream(5, "deviation", &[]);
    for round in 0..60 {
        let n = 3 + round % 3;
        let game = random_game(round, n, &mut rng);
        let ratings = deviation_ratings(&game).unwrap();
        let electorate = rates(game);
        // no random lottery has a lexicographically smaller sorted vector
        for _ in 0..200 {
            let draws: Vec<f64> = (0..n).map(|_| -uniform(&mut rng).max(1e-300).ln()).collect();
            let sum: f64 = draws.iter().sum();
            let policy: Vec<f64> = draws.iter().map(|d| d / sum).collect();
            let mut product = vec![0.0; n];
            electorate.matrix().product(&policy, &mut product);
            let sorted = |v: &[f64]| {
                let mut v = v.to_vec();
                v.sort_by(|a, b| b.total_cmp(a));
                v
            };
            let (ours, theirs) = (sorted(&ratings), sorted(&product));
            let first = ours.iter().zip(&theirs).find(|(a, b)| (*a - *b).abs() > 2e-12);
            assert!(first.is_none_or(|(a, b)| a < b), "{ours:?} {theirs:?}");
        }
        // a copy of an item has its rating and moves no other
        let copied = deviation_ratings(electorate.with_clone(1).matrix()).unwrap();
        close(&copied[..n], &ratings, 1e-12, "clones");
        assert!((copied[n] - ratings[1]).abs() < 1e-12);
    }
}

/// `2405.14758`, Theorem 3.1 and the rule that mends it.
#[test]
fn linear_social_choice() {
    let (e, d, p) = (0.01, 0.5, 0.6);
    // a, a', b, b', c, c'
    let x = arr2(&[[2.0, 1.0], [2.0 - e, 1.0], [1.0, 1.0], [1.0 - e, 1.0], [0.0, 0.0], [-e, d * e]]);
    let ballots = vec![Ballot::strict(&[0, 1, 2, 3, 5, 4], p), Ballot::strict(&[5, 4, 3, 2, 1, 0], 1.0 - p)];
    let electorate = Electorate::of_ballots(6, ballots).unwrap().with_features(x.clone()).unwrap();
    let found = leximax_copeland(&electorate, true).unwrap();
    assert_eq!(found.order, [0, 1, 2, 3, 5, 4], "{found:?}");
    assert_eq!((found.programmes, found.tied), (6, false));
    let score = |theta: &[f64], i: usize| theta[0] * x[[i, 0]] + theta[1] * x[[i, 1]];
    assert!(
        found.order.windows(2).all(|w| score(&found.theta, w[0]) >= score(&found.theta, w[1]) + 1.0 - 1e-9)
    );
    assert!(separating(&x, &[(4, 5), (5, 4)]).is_none());
    // 20 of the 720 rankings are linear in these features
    let mut linear = 0;
    let mut order = [0, 1, 2, 3, 4, 5];
    permutations(&mut order, 0, &mut |order| {
        let pairs: Vec<(usize, usize)> = order.windows(2).map(|w| (w[0], w[1])).collect();
        linear += usize::from(separating(&x, &pairs).is_some());
    });
    assert_eq!(linear, 20);
    // the linear Bradley-Terry fit puts c above c', although every voter has c' above c: (0.266883, 0.008260)
    let mut theta = [0.0f64; 2];
    for _ in 0..100 {
        let (mut g, mut h) = ([0.0; 2], [[0.0; 2]; 2]);
        for i in 0..6 {
            for j in (0..6).filter(|&j| j != i) {
                let v = [x[[i, 0]] - x[[j, 0]], x[[i, 1]] - x[[j, 1]]];
                let s = logistic(theta[0] * v[0] + theta[1] * v[1]);
                for a in 0..2 {
                    g[a] += electorate.matrix().prob(i, j) * (1.0 - s) * v[a];
                    (0..2).for_each(|b| {
                        h[a][b] += electorate.matrix().prob(i, j) * s * (1.0 - s) * v[a] * v[b]
                    });
                }
            }
        }
        let det = h[0][0] * h[1][1] - h[0][1] * h[1][0];
        theta[0] += (h[1][1] * g[0] - h[0][1] * g[1]) / det;
        theta[1] += (h[0][0] * g[1] - h[1][0] * g[0]) / det;
    }
    close(&theta, &[0.266883, 0.008260], 1e-6, "linear Bradley-Terry");
    assert!((score(&theta, 4) - score(&theta, 5) - 2.628e-3).abs() < 1e-6);
    // the tabular fit does not
    let r = fitted_ratings(electorate.matrix(), |_, _| 1.0);
    assert!(r.is_none_or(|r| r[4] < r[5]));
}

fn permutations<const N: usize>(order: &mut [usize; N], at: usize, visit: &mut dyn FnMut(&[usize; N])) {
    if at == N {
        return visit(order);
    }
    for k in at..N {
        order.swap(at, k);
        permutations(order, at + 1, visit);
        order.swap(at, k);
    }
}

#[test]
fn games_of_two_players() {
    let found = zero_sum(&arr2(&[[3.0, -1.0], [-2.0, 4.0], [0.0, 0.5]])).unwrap();
    assert!((found.value - 1.0).abs() < 1e-15 && found.gap < 1e-15, "{found:?}");
    close(&found.row, &[0.6, 0.4, 0.0], 1e-15, "row");
    close(&found.column, &[0.5, 0.5], 1e-15, "column");
    assert!(zero_sum(&arr2(&[[f64::NAN]])).is_none());
    let level = zero_sum(&Array2::from_elem((2, 3), -4.0)).unwrap();
    assert_eq!((level.value, level.gap), (-4.0, 0.0));
}

#[test]
fn what_is_missing_is_said() {
    let alone = rates(cycle());
    for (name, fragment) in [
        ("blackwell", "several judges"),
        ("lcpo", "features"),
        ("k-sample", "ballots"),
        ("plurality", "ballots"),
    ] {
        match concept(name).unwrap().choose(&alone, &ConceptOptions::default()).unwrap() {
            Choice::Open { reason } => assert!(reason.contains(fragment), "{reason}"),
            other => panic!("{name}: {other:?}"),
        }
    }
    let certain = rates(three(1.0, 0.0, 1.0));
    for name in ["payoff-logit", "payoff-log"] {
        let open = concept(name).unwrap().choose(&certain, &ConceptOptions::default()).unwrap();
        assert!(matches!(open, Choice::Open { reason } if reason.contains("0 or 1")), "{name}");
    }
    let wrong = ConceptOptions {
        beta: Some(f64::NAN),
        level: Some(0.0),
        samples: Some(0),
        ..ConceptOptions::default()
    };
    let judged = Electorate::of_judges(vec![Judge { weight: 1.0, matrix: cycle() }]).unwrap();
    for (name, electorate) in [("proportional", &alone), ("judges-at-risk", &judged)] {
        assert!(matches!(concept(name).unwrap().choose(electorate, &wrong).unwrap(), Choice::Open { .. }));
    }
    assert!(Electorate::of_judges(Vec::new()).is_none());
    assert!(Electorate::of_judges(vec![Judge { weight: 0.0, matrix: cycle() }]).is_none());
    assert!(alone.clone().with_features(Array2::zeros((2, 1))).is_none());
    assert!(alone.with_features(Array2::from_elem((3, 1), f64::NAN)).is_none());
    assert_eq!(CONCEPTS.len(), 52);
}

#[test]
fn first_places_shared_in_thirds_tie_where_their_sums_are_equal() {
    let ballot = |groups: &[&[usize]], weight: f64| Ballot {
        groups: groups.iter().map(|g| g.to_vec()).collect(),
        weight,
    };
    // c and d have 2 votes each, c as 1 + 1/3 + 2/3 of shares
    let ballots = vec![
        ballot(&[&[2], &[0, 1, 3]], 1.0),
        ballot(&[&[0, 2, 3], &[1]], 2.0),
        ballot(&[&[1, 2, 3], &[0]], 1.0),
        ballot(&[&[3], &[0, 1, 2]], 1.0),
    ];
    let electorate = Electorate::of_ballots(4, ballots).unwrap();
    for rule in ["plurality", "instant-runoff"] {
        let choice = concept(rule).unwrap().choose(&electorate, &ConceptOptions::default()).unwrap();
        let Choice::Winners { winners, .. } = choice else { panic!("{rule}: {choice:?}") };
        assert_eq!(winners, [2, 3], "{rule}");
    }
    // one vote of many is no rounding
    let close =
        vec![Ballot::strict(&[0, 1], 1e9), Ballot::strict(&[1, 0], 1e9 + 1.0), ballot(&[&[0, 1]], 1.0)];
    let electorate = Electorate::of_ballots(2, close).unwrap();
    let choice = concept("plurality").unwrap().choose(&electorate, &ConceptOptions::default()).unwrap();
    assert!(matches!(&choice, Choice::Winners { winners, .. } if winners == &[1]), "{choice:?}");
}

#[test]
fn an_equilibrium_of_samples_that_plays_one_item_is_found() {
    let ballots = [Ballot::strict(&[0, 1], 1.0), Ballot::strict(&[1, 0], 2.0)];
    for samples in [2, 3, 5] {
        let Some(found) = best_of_samples(2, &ballots, samples) else {
            panic!("no answer for {samples} samples");
        };
        let payoffs = sample_payoffs(2, &ballots, &found, samples);
        assert!(payoffs.iter().all(|f| *f <= 1.0 + 1e-10), "{samples}: {found:?} {payoffs:?}");
        assert!((found[0] + found[1] - 1.0).abs() < 1e-12);
        if samples == 2 {
            close(&found, &[0.0, 1.0], 1e-9, "two samples");
        }
    }
}

#[test]
fn a_reward_of_one_item_plays_it() {
    let electorate = Electorate::of_win_rates(matrix(&arr2(&[[0.5]])), None);
    for rule in ["rlhf", "dpo"] {
        let choice = concept(rule).unwrap().choose(&electorate, &ConceptOptions::default()).unwrap();
        assert_eq!(choice.policy(1), Some(vec![1.0]), "{rule}: {choice:?}");
    }
}
