//! `K pi` on the packed triangle, with the bytes it must read as throughput.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use equipoise::ndarray::Array1;

fn product(c: &mut Criterion) {
    let mut group = c.benchmark_group("product");
    for n in [10usize, 100, 1000, 4096] {
        let setting = equipoise_benches::setting(n, 0.0);
        let mut out = Array1::zeros(n);
        group.throughput(Throughput::Bytes(8 * (n * (n - 1) / 2) as u64));
        group.bench_with_input(BenchmarkId::from_parameter(n), &n, |b, _| {
            b.iter(|| setting.game.margins(&setting.task.reference, &mut out));
        });
    }
    group.finish();
}

criterion_group!(benches, product);
criterion_main!(benches);
