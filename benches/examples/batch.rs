//! `batch CONTEXTS ACTIONS [TAU]`: seconds to solve that many random games exactly, and the largest memory the process
//! took beside what the games take. Prints one JSON object.

use std::time::Instant;

use equipoise::core::{Policy, sample, seed};
use equipoise::env::{Game, PreferenceMatrix};
use equipoise::reference::game_equilibrium;

/// Largest resident memory so far, in bytes; `None` where the system does not tell.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| 1024 * kib)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [contexts, actions] = [0, 1].map(|i| arguments.get(i).map_or(Ok(5), |a| a.parse::<usize>()));
    let (contexts, actions) = (contexts?, actions?);
    let tau = arguments.get(2).map_or(Ok(0.0), |a| a.parse::<f64>())?;
    let mut rng = seed::stream(1, "bench batch", &[]);
    let mut draws = vec![0.0; actions * actions];
    let game = Game::new((0..contexts).map(|_| {
        draws.iter_mut().for_each(|d| *d = sample::uniform(&mut rng) - 0.5);
        PreferenceMatrix::from_margins(actions, |i, j| draws[i * actions + j]).expect("margins in range")
    }))?;
    let reference = Policy::uniform(game.shape());
    let before = peak_bytes();
    let start = Instant::now();
    let policy = game_equilibrium(&game, &reference, tau)?;
    let seconds = start.elapsed().as_secs_f64();
    let input = 8 * (contexts * actions * (actions - 1) / 2) as u64;
    #[allow(clippy::print_stdout, reason = "an example prints its result")]
    {
        println!(
            "{}",
            serde_json::json!({
                "contexts": contexts, "actions": actions, "tau": tau, "seconds": seconds, "input_bytes": input,
                "policy_bytes": 16 * policy.shape().len(),
                "more_peak_bytes": peak_bytes().zip(before).map(|(after, before)| after - before),
            })
        );
    }
    Ok(())
}
