//! What a game is kept in, from YAML: the same numbers, and so the same run ids, whatever holds them.

use std::path::Path;

use equipoise_experiment::game::GamePlan;
use equipoise_experiment::{Plan, file, resolve};

fn plan(games: &str) -> Plan {
    let text = format!("games:\n{games}solvers:\n  - mwu: {{ step_size: 0.5 }}\n");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    let parsed = file::parse("c.yaml", &folder, text.as_bytes(), &[]);
    parsed.and_then(|f| Plan::new(resolve(&f)?)).unwrap_or_else(|e| panic!("{e}"))
}

fn games(plan: &Plan) -> Vec<GamePlan> {
    (0..plan.games()).map(|g| plan.make(g).unwrap_or_else(|e| panic!("{e}"))).collect()
}

fn ids(plan: &Plan) -> Vec<String> {
    let of = |(g, made): (usize, &GamePlan)| {
        plan.keys(g).map(|k| plan.run(&made.identity, k).id).collect::<Vec<_>>()
    };
    games(plan).iter().enumerate().flat_map(of).collect()
}

#[test]
fn f32_rounds_the_game_and_says_so() {
    let plan = plan(
        "  - matrix: { values: [[0.5, 0.7, 0.25], [0.3, 0.5, 0.5], [0.75, 0.5, 0.5]], storage: [f64, f32] }\n",
    );
    let games = games(&plan);
    let [wide, narrow] = &games[..] else { panic!("{games:?}") };
    let k = |g: &equipoise::env::Game, j| g.matrix(0).margin(0, j);
    assert_eq!((k(&narrow.game, 1), k(&narrow.game, 2)), (f64::from(k(&wide.game, 1) as f32), -0.25));
    assert_ne!(k(&narrow.game, 1), k(&wide.game, 1));
    assert!(narrow.source.ends_with(", in f32") && !wide.source.contains("f32"));
    // read again, the plan is the same
    let again = file::parse("plan.yaml", Path::new("."), plan.to_yaml().as_bytes(), &[]);
    let again = again.and_then(|f| Plan::new(resolve(&f)?)).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(ids(&plan), ids(&again));
}

#[test]
fn observed_pairs_are_the_game_of_the_comparisons() {
    let game = |storage: &str| {
        games(&plan(&format!(
            "  - comparisons: {{ path: data/arena_hard_top8.csv, smoothing: 1, storage: {storage} }}\n"
        )))
    };
    let (dense, pairs) = (game("f64"), game("pairs"));
    let (dense, pairs) = (&dense[0], &pairs[0]);
    assert_eq!((dense.game.matrix(0), dense.game.labels(0)), (pairs.game.matrix(0), pairs.game.labels(0)));
    assert_eq!(dense.unmet_pairs, pairs.unmet_pairs);
    assert_eq!(pairs.game.storage_names(), ["observed pairs"]);
}

#[test]
fn large_games_of_low_rank_are_planned_without_their_matrix() {
    let plan = plan("  - low-rank: { vectors: { random-normal: { actions: 20000, rank: 8 } } }\n");
    let game = &games(&plan)[0].game;
    assert_eq!((game.bytes(), game.product_cost().bytes), (20_000 * 8 * 8, 2 * 20_000 * 8 * 8));
    assert_eq!(plan.runs(), 1);
}
