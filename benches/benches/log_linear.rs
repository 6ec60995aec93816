//! A step of a log-linear policy with 10^7 features (contexts x actions x dimension) against its two passes over them.
//!
//! A step reads all features twice: for the scores, and for the gradient by the parameters. The bound is what reading those bytes
//! twice costs, measured beside it on one thread and printed first. `passes` is scores, softmax and gradient alone; `step` is `projected`
//! with one inner step of gradient descent, its product with the game and the policy that it ends with, which is the one that the next
//! step begins with: two passes too.

#![expect(clippy::print_stdout, reason = "a program whose result is its output")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use equipoise::core::class_entry::Contexts;
use equipoise::core::cpu::alloc_huge_pages;
use equipoise::core::{PolicyClass, Task, seed};
use equipoise::env::GameOracle;
use equipoise::machine::read_seconds;
use equipoise::policies::policy;
use equipoise::registry::solver;
use equipoise_benches::pool;
use serde_json::json;

const CONTEXTS: usize = 10_000;
const ACTIONS: usize = 16;
const DIMENSION: usize = 63;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn log_linear(c: &mut Criterion) {
    let problem = equipoise_benches::problems(CONTEXTS, ACTIONS, 0.1);
    let reference = problem.task.reference.clone();
    let options = json!({ "features": { "random": { "dimension": DIMENSION } } });
    let contexts = Contexts { reference: reference.clone(), name: "train".into() };
    let class: Arc<dyn PolicyClass> =
        policy("log-linear").expect("registered").bind(&options, &contexts).expect("in range");
    let mut buffer = alloc_huge_pages::<f64>(CONTEXTS * ACTIONS * DIMENSION);
    buffer.iter_mut().enumerate().for_each(|(k, v)| *v = (k % 251) as f64);
    let (theta, mut found) = (vec![0.01; DIMENSION], reference.clone());
    let (mut out, cotangent) = (vec![0.0; DIMENSION], vec![1e-3; CONTEXTS * ACTIONS]);
    let mut passes = move |class: &dyn PolicyClass| {
        class.evaluate(black_box(&theta), &mut found).expect("finite");
        out.fill(0.0);
        class.pull(&theta, &found, black_box(&cotangent), &mut out);
        black_box(&out);
    };
    let parameters = json!({ "target": "omd", "loss": "pairs", "optimiser": { "sgd": { "learning_rate": 0.01 } }, "inner_steps": 1 });
    let task = Task { class: Some(Arc::clone(&class)), ..problem.task.clone() };
    let mut built = solver("projected").expect("registered").build(&parameters, &task).expect("in range");
    let (mut oracle, mut rng) = (GameOracle::exact(problem.game.clone()), seed::stream(1, "bench", &[]));
    let mut step = move || {
        built.solver.step(&mut oracle, &mut rng).expect("a finite step");
    };
    let pool = pool(1);
    // the bound and the two in turn, so that what else the machine does meets all
    let (mut bound, mut two, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    let timed = |of: &mut dyn FnMut()| {
        let clock = Instant::now();
        of();
        clock.elapsed().as_secs_f64()
    };
    for _ in 0..9 {
        // a step is on one thread
        bound.push(pool.install(|| read_seconds(&buffer) + read_seconds(&buffer)));
        two.push(timed(&mut || passes(&*class)));
        whole.push(timed(&mut step));
    }
    let bytes = 2.0 * 8.0 * buffer.len() as f64;
    let [bound, two, whole] = [bound, two, whole].map(median);
    println!(
        "X n d = {:.3e}, {:.1} GB/s read: two passes {:.2} ms; scores and gradient {:.2} ms, {:.2} times; a step of projected \
         {:.2} ms, {:.2} times",
        buffer.len() as f64,
        bytes / bound / 1e9,
        bound * 1e3,
        two * 1e3,
        two / bound,
        whole * 1e3,
        whole / bound,
    );

    let mut group = c.benchmark_group("log_linear");
    group.sample_size(10);
    group.bench_function("passes", |b| b.iter(|| passes(&*class)));
    group.bench_function("step", |b| b.iter(&mut step));
    group.finish();
}

criterion_group!(benches, log_linear);
criterion_main!(benches);
