//! A judge as the oracle: a closure answers, and the runs are still measured against the true game.
#![allow(clippy::print_stdout, reason = "an example prints its answer")]

use equipoise::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let p = array![[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]];
    let game = Game::from_array(&p)?;

    // A judge may be anything that compares two actions: a model behind a network, a table of votes. This one knows the true
    // win rates, but prefers the longer answer (the one with the larger index) by ten points.
    let judge = move |_context: usize, left: usize, right: usize| -> f64 {
        let bias = if left > right { 0.1 } else { -0.1 };
        (p[[left, right]] + bias).clamp(0.0, 1.0)
    };

    let methods = ["omwu", "egpo"];
    let honest = compare(game.clone()).solvers(methods).steps(5000).run()?;
    let judged = compare(game).judge(judge).solvers(methods).steps(5000).run()?;
    println!("exact oracle\n{honest}\nbiased judge, gaps in the true game\n{judged}");
    // what the bias costs, measured where the judge cannot see it
    assert!(honest.rows[0].duality_gap < 1e-6 && judged.rows[0].duality_gap > 0.05);
    // every comparison that the judge made is charged: 6 ordered pairs a query
    assert_eq!(judged.rows[1].cost.duels, 6 * judged.rows[1].cost.queries);
    Ok(())
}
