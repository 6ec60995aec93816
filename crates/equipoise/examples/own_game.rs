//! A game of one's own from an array: two prompts with three answers each, with labels and weights.
#![allow(clippy::print_stdout, reason = "an example prints its answer")]

use equipoise::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // [contexts, actions, actions]; entries are Pr(row beats column), complements are checked cell by cell
    let p = array![
        [[0.5, 0.8, 0.7], [0.2, 0.5, 0.6], [0.3, 0.4, 0.5]], // one answer beats the others
        [[0.5, 0.9, 0.2], [0.1, 0.5, 0.7], [0.8, 0.3, 0.5]], // a circle
    ];
    let labels = |words: [&str; 3]| words.map(String::from).to_vec();
    let game = Game::from_array(&p)?
        .with_weights(vec![3.0, 1.0])?
        .with_labels(vec![labels(["short", "long", "refusal"]), labels(["rock", "paper", "scissors"])])?;

    // Any policy can be measured, without a run.
    let uniform = Policy::uniform(game.shape());
    let truth = Truth { game: &game, reference: &uniform, tau: 0.0, equilibrium: None };
    println!("gap of the uniform policy: {:.4}", measure(DUALITY_GAP, &truth, &uniform));

    let table = compare(game.clone()).solver("eg-restart").steps(2000).run()?;
    for x in 0..game.contexts() {
        println!("prompt {x} (weight {:.2})", game.weights()[x]);
        for (label, p) in game.labels(x).iter().zip(table.rows[0].policy.probs_at(x)) {
            println!("  {label:<9} {p:.4}");
        }
    }
    assert!(table.rows[0].duality_gap < 1e-9);

    // A slip is refused by context and cell.
    if let Err(refusal) = Game::from_array(&array![[0.5, 0.7], [0.4, 0.5]]) {
        println!("{refusal}");
    }
    Ok(())
}
