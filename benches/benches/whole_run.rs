//! A whole run through the driving loop: 1000 EGPO steps, both gaps at every step, log-spaced records.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use equipoise::RunOptions;
use equipoise::eval::{Limits, METRICS, Metric, Schedule};
use equipoise::registry::solver;
use serde_json::Value;

fn whole_run(c: &mut Criterion) {
    let mut group = c.benchmark_group("run_1000_steps");
    group.sample_size(10);
    let entry = solver("egpo").expect("registered");
    let metrics: Vec<&'static Metric> = METRICS.iter().filter(|m| !m.needs_equilibrium).collect();
    for n in [10usize, 100] {
        let problem = equipoise_benches::problem(n, 0.1);
        let (limits, schedule) = (Limits::steps(1000), Schedule::Log);
        group.bench_with_input(BenchmarkId::new("egpo", n), &n, |b, _| {
            b.iter(|| {
                let options = RunOptions::new(&limits, &schedule, &metrics);
                let mut oracle = problem.exact_oracle();
                problem
                    .run(entry, &Value::Null, &mut oracle, &options, &mut |_| true)
                    .expect("default parameters")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, whole_run);
criterion_main!(benches);
