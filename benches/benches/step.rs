//! One step of every registered solver with the exact gap of its last iterate, at n = 10, 100, 1000.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use equipoise::core::seed;
use equipoise::env::GameOracle;
use equipoise::eval::{Metric, Truth};
use equipoise::registry::solvers;
use serde_json::Value;

fn step(c: &mut Criterion) {
    let mut group = c.benchmark_group("step_and_gap");
    group.sample_size(20);
    let gap = Metric::named("duality_gap_tau").expect("a metric of the registry");
    for n in [10usize, 100, 1000] {
        let mut problem = equipoise_benches::problem(n, 0.1);
        problem.task.horizon = Some(1000);
        for entry in solvers() {
            // fits solve an n x n system a step: a different order of work, timed where it is used
            if n > 100 && !entry.cost.contains("quer") {
                continue;
            }
            let Ok(mut built) = entry.build(&Value::Null, &problem.task) else { continue };
            let mut oracle = GameOracle::exact(problem.game.clone());
            let mut rng = seed::stream(1, "bench solver", &[]);
            group.bench_with_input(BenchmarkId::new(entry.name, n), &n, |b, _| {
                b.iter(|| {
                    built.solver.step(&mut oracle, &mut rng).expect("a finite step");
                    oracle.margins(built.solver.policy());
                    let truth = Truth {
                        game: oracle.game(),
                        reference: &problem.task.reference,
                        tau: problem.task.tau,
                        equilibrium: None,
                    };
                    gap.mean(&truth, built.solver.policy(), oracle.last_margins())
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, step);
criterion_main!(benches);
