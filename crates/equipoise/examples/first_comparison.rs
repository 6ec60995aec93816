//! A first comparison: which methods reach the Nash policy, and what does it cost?
#![allow(clippy::print_stdout, reason = "an example prints its answer")]

use equipoise::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Three answers that beat each other in a circle, unevenly: entries are Pr(row beats column).
    let p = array![[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]];

    // tau > 0 regularises the game towards the reference (here uniform), as alignment methods do.
    let table = compare(Game::from_array(&p)?)
        .tau(0.05)
        .solvers(["nash-md", "inpo", "egpo", "bradley-terry"])
        .steps(5000)
        .run()?;
    println!("{table}");
    println!("exact equilibrium: {:.4}", table.equilibrium.probs());

    // Each row keeps its whole trace: when was the regularised gap first below 1e-4, and after how many queries?
    for row in &table.rows {
        match row.series(Iterate::Last, DUALITY_GAP_TAU).find(|point| point.value < 1e-4) {
            Some(point) => println!("{:<14} 1e-4 after {} queries", row.solver, point.cost.queries),
            None => println!("{:<14} never below 1e-4", row.solver),
        }
    }
    assert!(table.row("egpo").is_some_and(|row| row.duality_gap_tau < 1e-10));
    Ok(())
}
