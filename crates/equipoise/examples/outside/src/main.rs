//! What a crate of your own needs to bring a solver, a game and an oracle to Equipoise: a dependency on `equipoise`, and no
//! other. Prints a table, draws a plot into the terminal, and holds each row against the rules of the registered ones.
//!
//! ```sh
//! cargo run --release --manifest-path crates/equipoise/examples/outside/Cargo.toml
//! ```

mod majority;
mod noisy_scores;
mod plot;
mod slow_start;

use equipoise::audit::{check_claim_about, suite};
use equipoise::claims::{Claim, Quantity, Unit};
use equipoise::conformance::{OracleCase, check_game, check_oracle, check_solver};
use equipoise::core::seed;
use equipoise::eval::audit::Form;
use equipoise::prelude::*;
use majority::Majority;

/// What is said of the solver, to be tested on the games of the audit.
const CLAIM: Claim = Claim {
    id: "slow-start-average",
    solver: "slow-start",
    statement: "gap(average) <= 2 (D / (eta T) + eta / 8) + 2 / T: the Hedge bound, and one short step",
    source: "this example",
    game: Aim::Original,
    iterate: Iterate::Average,
    quantity: Quantity::Metric(DUALITY_GAP),
    unit: Unit::Step,
    noisy: false,
    start_perturbation: None,
    parameters: |_| json!({ "step_size": 0.2 }),
    steps: 500,
    form: Form::Bound(|f, t| 2.0 * (f.radius / (f.eta * t) + f.eta / 8.0) + 2.0 / t),
    hypotheses: &[],
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // the game, from its row: the same block could stand in YAML
    let game = noisy_scores::ENTRY.build(&json!({ "actions": 6 }), &mut seed::stream(3, "game", &[]))?;

    // the solver, from its row, beside registered ones; the oracle is a vote of five noisy judges
    let table = compare(game)
        .tau(0.05)
        .with("slow-start", &slow_start::ENTRY)
        .with("slow-start, short", (&slow_start::ENTRY, json!({ "step_size": 0.05 })))
        .solvers(["nash-md", "egpo"])
        .oracle(|game, rng| Majority::new(game.clone(), rng, 5))
        .steps(400)
        .run()?;
    println!("{table}");
    println!("{}", plot::against_queries(&table));

    // what registered rows must do, these do
    check_solver(&slow_start::ENTRY)?;
    check_game(&noisy_scores::ENTRY)?;
    check_oracle(&OracleCase {
        name: "majority".into(),
        build: Box::new(|game, rng| Box::new(Majority::new(game.clone(), rng, 5))),
        unbiased: false, // a majority exaggerates
    })?;
    println!("conformance: solver, game and oracle keep the rules");

    // the audit: the claim on every game of the suite
    for instance in suite(CLAIM.game, 0) {
        let finding = check_claim_about(&slow_start::ENTRY, &CLAIM, &instance)?;
        println!("{:<36} {:<6} slack {:?}", instance.name, finding.judged.verdict.name(), finding.judged.slack);
        assert_eq!(finding.judged.verdict.name(), "PASS");
    }
    Ok(())
}
