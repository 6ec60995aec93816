//! `restarted_averaging N[,N..] [LIMIT_SECONDS]`: the exact solver against restarted Euclidean averaging (`eg-restart`, arXiv:2105.12715)
//! on random games, on one machine in one run: seconds and products with K until the duality gap of the average first is
//! below 1e-2, 1e-4, 1e-6, 1e-8, and the seconds of the exact answer, for deciding from which size on n^3 is too dear.
//! The step is `0.9 / |K|_2` of a random game, `|K|_2 ~ sqrt(n / 3)` (entries of variance 1/12, semicircle of a skew matrix).

use std::time::Instant;

use equipoise::core::seed;
use equipoise::env::GameOracle;
use equipoise::reference::maximal_lottery;
use equipoise::registry::solver;

#[expect(clippy::print_stdout, reason = "a program whose result is its output")]
fn main() {
    let usage = "usage: restarted_averaging N[,N..] [LIMIT_SECONDS]";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let sizes = arguments.first().expect(usage).split(',').map(|n| n.parse::<usize>().expect(usage));
    let limit = arguments.get(1).map_or(60.0, |l| l.parse().expect(usage));
    println!("{:>6} {:>10} {:>9}  restarted averaging: gap, seconds, products", "n", "exact (s)", "gap");
    for n in sizes {
        let problem = equipoise_benches::problem(n, 0.0);
        let matrix = problem.game.matrix(0);
        let clock = Instant::now();
        let exact = maximal_lottery(&matrix).expect("an equilibrium");
        let seconds = clock.elapsed().as_secs_f64();
        let eta = 0.9 / (n as f64 / 3.0).sqrt();
        let parameters = serde_json::json!({ "step_size": eta });
        let entry = solver("eg-restart").expect("registered");
        let mut solver = entry.build(&parameters, &problem.task).expect("a valid step size").solver;
        let mut oracle = GameOracle::exact(problem.game.clone());
        let mut rng = seed::stream(1, "bench solver", &[]);
        let mut targets = [1e-2, 1e-4, 1e-6, 1e-8].into_iter().peekable();
        let mut reached = Vec::new();
        let (clock, mut products, mut margins) = (Instant::now(), 0u64, vec![0.0; n]);
        let mut gap = f64::INFINITY;
        // the gap is looked at every 8 steps, so that its product does not weigh
        while let Some(&target) = targets.peek()
            && clock.elapsed().as_secs_f64() < limit
        {
            for _ in 0..8 {
                solver.step(&mut oracle, &mut rng).expect("a finite step");
                products += 2;
            }
            matrix.product(solver.policy().probs_slice(), &mut margins);
            gap = 2.0 * margins.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            if gap <= target {
                reached.push(format!("{target:.0e}: {:.2} s, {products}", clock.elapsed().as_secs_f64()));
                targets.next();
            }
        }
        if targets.peek().is_some() {
            reached.push(format!("then {gap:.1e} after {:.0} s, {products}", clock.elapsed().as_secs_f64()));
        }
        println!("{n:>6} {seconds:>10.2} {:>9.1e}  {}", exact.duality_gap, reached.join("; "));
    }
}
