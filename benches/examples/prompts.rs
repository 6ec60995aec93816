//! `prompts [CONTEXTS [ACTIONS [STEPS [THREADS [plain]]]]]` (default 1,000,000 prompts of 8 responses, 100 steps, 2 threads):
//! EGPO on that many random games at once through the driving loop, both exact gaps at every step, log-spaced records of
//! the last and the average iterate; in groups of contexts that stay in cache, or (`plain`) every step in all contexts. Prints one JSON
//! object: seconds, the same a step and game beside what that costs where all is in cache, the memory the process took, and what
//! its parts take, beside the read bandwidth measured just before.

use std::sync::Arc;
use std::time::Instant;

use equipoise::core::blocks::BLOCK;
use equipoise::core::{BuildError, Policy, Task, sample, seed};
use equipoise::env::{Game, PreferenceMatrix};
use equipoise::eval::{Iterate, KeepRunning, Limits, Metric, Schedule};
use equipoise::registry::solver;
use equipoise::{Problem, RunOptions, RunResult};
use serde_json::json;

/// A line of the process's own status, in bytes: `VmHWM`, the largest resident memory so far, or `VmRSS`; 0 where the
/// system does not tell.
fn resident(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find(|l| l.starts_with(line)).and_then(|l| l.split_whitespace().nth(1));
    1024 * found.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0)
}

/// Random games and a random reference.
fn problem(contexts: usize, actions: usize) -> Result<Problem, Box<dyn std::error::Error>> {
    let mut rng = seed::stream(1, "bench prompts", &[]);
    let mut draws = vec![0.0; actions * actions];
    let game = Arc::new(Game::new((0..contexts).map(|_| {
        draws.iter_mut().for_each(|d| *d = sample::uniform(&mut rng) - 0.5);
        PreferenceMatrix::from_margins(actions, |i, j| draws[i * actions + j]).expect("margins in range")
    }))?);
    let logits = (0..game.shape().len()).map(|_| sample::uniform(&mut rng)).collect();
    let reference = Policy::from_logits(game.shape(), logits)?;
    Ok(Problem::new(game, Task::new(reference).tau(0.1)))
}

/// Seconds of a run, and its result.
fn timed(problem: &Problem, steps: u64, in_groups: bool) -> Result<(f64, RunResult), BuildError> {
    let metrics = ["duality_gap", "duality_gap_tau"].map(|m| Metric::named(m).expect("registered"));
    let (limits, schedule) = (Limits::steps(steps), Schedule::Log);
    let options = RunOptions {
        in_groups: in_groups.then_some(KeepRunning(&|_| true)),
        ..RunOptions::new(&limits, &schedule, &metrics)
    };
    let egpo = solver("egpo").expect("registered");
    let mut oracle = problem.exact_oracle();
    let clock = Instant::now();
    let result = problem.run(egpo, &json!({ "step_size": 0.5 }), &mut oracle, &options, &mut |_| true)?;
    Ok((clock.elapsed().as_secs_f64(), result))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |k: usize, default: usize| arguments.get(k).map_or(Ok(default), |a| a.parse::<usize>());
    let (contexts, actions, steps, threads) =
        (number(0, 1_000_000)?, number(1, 8)?, number(2, 100)?, number(3, 2)?);
    let in_groups = arguments.get(4).is_none_or(|word| word != "plain");
    let pool = equipoise_benches::pool(threads);
    let bandwidth = pool.install(equipoise::machine::read_bandwidth);
    // a few contexts, on a core of its own each: what a step costs where nothing comes from beyond its own cache
    let few = (BLOCK / 16 / actions).max(1);
    let each: Vec<f64> = pool.broadcast(|_| {
        let problem = problem(few, actions).expect("as below");
        equipoise_benches::pool(1).install(|| {
            let mut rounds = [(); 5].map(|()| timed(&problem, steps as u64, false).expect("as below").0);
            rounds.sort_by(f64::total_cmp);
            rounds[2] / (few * steps) as f64
        })
    });
    let in_cache = each.iter().sum::<f64>() / (each.len() * threads) as f64;
    let problem = problem(contexts, actions)?;
    let with_game = resident("VmRSS");
    let (seconds, result) = pool.install(|| timed(&problem, steps as u64, in_groups))?;
    let each = seconds / (contexts * steps) as f64;
    let packed = 8 * (contexts * actions * (actions - 1) / 2) as u64;
    let peak = resident("VmHWM");
    let vectors = 8 * problem.game.shape().len();
    let trace = &result.outcome.trace;
    let last = |metric: &str| {
        trace.iter().rfind(|p| p.iterate == Iterate::Last && p.metric == metric).map(|p| p.value)
    };
    #[allow(clippy::print_stdout, reason = "an example prints its result")]
    {
        println!(
            "{:#}",
            json!({
                "contexts": contexts, "actions": actions, "steps": steps, "threads": threads,
                "in_groups": in_groups,
                "seconds": seconds,
                "ns_a_step_and_game": 1e9 * each,
                "ns_a_step_and_game_in_cache": 1e9 * in_cache,
                "over_in_cache": each / in_cache,
                "solver_seconds": result.outcome.elapsed.as_secs_f64(),
                "records": trace.iter().filter(|p| p.iterate == Iterate::Best).count() / 2,
                "duality_gap": last("duality_gap"), "duality_gap_tau": last("duality_gap_tau"),
                "bandwidth_gb_per_s": bandwidth / 1e9,
                "packed_bytes": packed,
                "vector_bytes": vectors,
                "resident_with_game_and_reference": with_game,
                "peak_bytes": peak,
                "peak_over_packed": peak as f64 / packed as f64,
                "vectors_beside_the_packed_games": (peak - packed) as f64 / vectors as f64,
            })
        );
    }
    Ok(())
}
