//! `maximal_lottery GAME.npy [REPETITIONS]`: median seconds of the exact solver on the games of a file, through the
//! public library, and of one LU of the same size for comparison, on one thread. Prints one JSON object a game: `n`,
//! `seconds`, `lu_seconds`, `duality_gap`, `method`, `support`, `unique`. The peer scripts compare against it.

use std::path::Path;
use std::time::Instant;

use equipoise::data::read_matrix;
use equipoise::reference::maximal_lottery;
use faer::Mat;

fn median(repetitions: usize, mut run: impl FnMut()) -> f64 {
    let mut seconds: Vec<f64> = (0..repetitions)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[repetitions / 2]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = arguments.first().ok_or("usage: maximal_lottery GAME.npy [REPETITIONS]")?;
    let repetitions = arguments.get(1).map_or(Ok(1), |r| r.parse())?;
    let game = read_matrix(Path::new(path))?;
    for x in 0..game.contexts() {
        let matrix = game.matrix(x);
        let n = matrix.n();
        let found = maximal_lottery(&matrix)?;
        let seconds = median(repetitions, || drop(maximal_lottery(&matrix)));
        let shifted = Mat::from_fn(n, n, |i, j| matrix.margin(i, j) + f64::from(u8::from(i == j)));
        let lu_seconds = median(repetitions, || drop(shifted.partial_piv_lu()));
        #[allow(clippy::print_stdout, reason = "an example prints its result")]
        {
            println!(
                "{}",
                serde_json::json!({
                    "n": n, "seconds": seconds, "lu_seconds": lu_seconds, "duality_gap": found.duality_gap,
                    "method": found.method.name(), "support": found.support.len(), "unique": found.unique,
                })
            );
        }
    }
    Ok(())
}
