//! `omd_step N STEPS`: seconds for STEPS exact OMD steps at N actions, each with its regularised duality gap, on one
//! thread, through the public library. Prints `seconds final_gap`. The peer scripts compare against it.

use std::time::Instant;

use equipoise::core::seed;
use equipoise::env::GameOracle;
use equipoise::eval::{Metric, Truth};
use equipoise::registry::solver;

#[expect(clippy::print_stdout, reason = "a program whose result is its output")]
fn main() {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<u64>().expect("usage: omd_step N STEPS"));
    let (n, steps) = (args.next().expect("N") as usize, args.next().expect("STEPS"));
    let setting = equipoise_benches::setting(n, 0.1);
    let entry = solver("omd").expect("registered");
    let parameters = serde_json::json!({ "step_size": 0.1 });
    let mut solver = entry.build(&parameters, &setting.task).expect("a valid step size").solver;
    let mut oracle = GameOracle::exact(setting.game.clone());
    let mut rng = seed::stream(1, "bench solver", &[]);
    let metric = Metric::named("duality_gap_tau").expect("a metric of the registry");
    let mut gap = f64::NAN;
    let clock = Instant::now();
    for _ in 0..steps {
        solver.step(&mut oracle, &mut rng).expect("a finite step");
        oracle.margins(solver.policy());
        let truth =
            Truth { game: oracle.game(), reference: &setting.task.reference, tau: 0.1, equilibrium: None };
        gap = metric.mean(&truth, solver.policy(), oracle.last_margins());
    }
    println!("{} {gap:e}", clock.elapsed().as_secs_f64());
}
