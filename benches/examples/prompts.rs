//! `prompts [CONTEXTS [ACTIONS [STEPS [THREADS]]]]` (default 1,000,000 prompts of 8 responses, 100 steps, 2 threads):
//! EGPO on that many random games at once through the driving loop, both exact gaps at every step, log-spaced records of
//! the last and the average iterate. Prints one JSON object: seconds, the memory the process took, and what its parts
//! take, beside the read bandwidth measured just before.

use std::sync::Arc;
use std::time::Instant;

use equipoise::core::{Policy, Task, sample, seed};
use equipoise::env::{Game, PreferenceMatrix};
use equipoise::eval::{Iterate, Limits, Metric, Schedule};
use equipoise::registry::solver;
use equipoise::{Problem, RunOptions};

/// A line of the process's own status, in bytes: `VmHWM`, the largest resident memory so far, or `VmRSS`; 0 where the
/// system does not tell.
fn resident(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find(|l| l.starts_with(line)).and_then(|l| l.split_whitespace().nth(1));
    1024 * found.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |k: usize, default: usize| arguments.get(k).map_or(Ok(default), |a| a.parse::<usize>());
    let (contexts, actions, steps, threads) =
        (number(0, 1_000_000)?, number(1, 8)?, number(2, 100)?, number(3, 2)?);
    let pool = equipoise_benches::pool(threads);
    let bandwidth = pool.install(equipoise::machine::read_bandwidth);
    let mut rng = seed::stream(1, "bench prompts", &[]);
    let mut draws = vec![0.0; actions * actions];
    let game = Arc::new(Game::new((0..contexts).map(|_| {
        draws.iter_mut().for_each(|d| *d = sample::uniform(&mut rng) - 0.5);
        PreferenceMatrix::from_margins(actions, |i, j| draws[i * actions + j]).expect("margins in range")
    }))?);
    let logits = (0..game.shape().len()).map(|_| sample::uniform(&mut rng)).collect();
    let reference = Policy::from_logits(game.shape(), logits)?;
    let with_game = resident("VmRSS");
    let problem = Problem::new(game.clone(), Task::new(reference).tau(0.1));
    let metrics = ["duality_gap", "duality_gap_tau"].map(|m| Metric::named(m).expect("registered"));
    let (limits, schedule) = (Limits::steps(steps as u64), Schedule::Log);
    let options = RunOptions::new(&limits, &schedule, &metrics);
    let parameters = serde_json::json!({ "step_size": 0.5 });
    let clock = Instant::now();
    let egpo = solver("egpo").expect("registered");
    let mut oracle = problem.exact_oracle();
    let result = pool.install(|| problem.run(egpo, &parameters, &mut oracle, &options, &mut |_| true))?;
    let seconds = clock.elapsed().as_secs_f64();
    let packed = 8 * (contexts * actions * (actions - 1) / 2) as u64;
    let peak = resident("VmHWM");
    let last = |metric: &str| {
        result
            .outcome
            .trace
            .iter()
            .rfind(|p| p.iterate == Iterate::Last && p.metric == metric)
            .map(|p| p.value)
    };
    #[allow(clippy::print_stdout, reason = "an example prints its result")]
    {
        println!(
            "{:#}",
            serde_json::json!({
                "contexts": contexts, "actions": actions, "steps": steps, "threads": threads,
                "seconds": seconds,
                "solver_seconds": result.outcome.elapsed.as_secs_f64(),
                "records": result.outcome.trace.iter().filter(|p| p.iterate == Iterate::Best).count() / 2,
                "duality_gap": last("duality_gap"), "duality_gap_tau": last("duality_gap_tau"),
                "bandwidth_gb_per_s": bandwidth / 1e9,
                "packed_bytes": packed,
                "vector_bytes": 8 * game.shape().len(),
                "resident_with_game_and_reference": with_game,
                "peak_bytes": peak,
                "peak_over_packed": peak as f64 / packed as f64,
                "vectors_beside_the_packed_games": (peak - packed) as f64 / (8 * game.shape().len()) as f64,
            })
        );
    }
    Ok(())
}
