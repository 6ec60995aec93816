//! T25: mirror descent on both sides of its predicted limit, on a hundred random games.

use equipoise::registry::solver;
use equipoise_core::{Policy, Rng, Task, sample, seed};
use equipoise_env::{Game, GameOracle};
use equipoise_reference::{game_equilibrium, game_frequencies};
use equipoise_testing::{kl, random_game};
use serde_json::json;

fn logits(game: &Game, scale: f64, base: Option<&Policy>, rng: &mut Rng) -> Policy {
    let noise =
        (0..game.shape().len()).map(|_| scale * sample::normal(rng)).collect::<ndarray::Array1<f64>>();
    let logits = base.map_or(noise.clone(), |p| p.log_probs() + &noise);
    Policy::from_logits(game.shape(), logits).expect("finite logits")
}

#[test]
fn every_prediction_on_a_hundred_games_is_right() {
    let mut rng = seed::stream(1, "stability", &[]);
    let (mut games, tau) = (0, 0.05);
    while games < 100 {
        let game = random_game(3 + sample::index(&mut rng, 6), &mut rng);
        let reference = logits(&game, 1.0, None, &mut rng);
        let goal = game_equilibrium(&game, &reference, tau).expect("solved");
        let omega = game_frequencies(&game, &goal)[0];
        let limit = 2.0 * tau / (tau * tau + omega * omega);
        // where nothing turns, eta tau <= 1 is the limit, and there is no cycle to see
        if 1.05 * limit * tau > 1.0 {
            continue;
        }
        games += 1;
        // a thousandth of a nat off the equilibrium
        let start = logits(&game, 1e-3, Some(&goal), &mut rng);
        let task = Task::new(reference).start(start.clone()).tau(tau).spectral_radius(omega);
        let after = |share: f64| {
            let block = json!({"step_size": share * limit});
            let mut omd = solver("omd").expect("registered").build(&block, &task).expect("valid").solver;
            let (mut oracle, mut rng) = (GameOracle::exact(game.clone()), seed::stream(0, "stability", &[]));
            for _ in 0..20_000 {
                omd.step(&mut oracle, &mut rng).expect("finite");
            }
            kl(&goal, omd.policy())
        };
        let (below, above, initial) = (after(0.95), after(1.05), kl(&goal, &start));
        // KL falls or grows by about exp(-+ 0.1 eta tau) a step; above the limit it ends in a cycle of finite size
        assert!(
            below < 1e-3 * initial && above > 10.0 * initial,
            "game {games}: {initial:e} {below:e} {above:e}"
        );
    }
}
