//! A whole run through the driving loop: 1000 EGPO steps, both gaps at every step, log-spaced records.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use equipoise::Conduct;
use equipoise::eval::{Limits, METRICS, Metric, Schedule};
use equipoise::registry::solver;
use serde_json::Value;

fn whole_run(c: &mut Criterion) {
    let mut group = c.benchmark_group("run_1000_steps");
    group.sample_size(10);
    let entry = solver("egpo").expect("registered");
    let metrics: Vec<&'static Metric> = METRICS.iter().filter(|m| !m.needs_equilibrium).collect();
    for n in [10usize, 100] {
        let setting = equipoise_benches::setting(n, 0.1);
        let (limits, schedule) = (Limits::steps(1000), Schedule::Log);
        group.bench_with_input(BenchmarkId::new("egpo", n), &n, |b, _| {
            b.iter(|| {
                let conduct = Conduct::exact(&limits, &schedule, &metrics);
                setting.run(entry, &Value::Null, &conduct, &mut |_| true).expect("default parameters")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, whole_run);
criterion_main!(benches);
