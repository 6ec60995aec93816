//! What a crate of your own needs to bring a solver, a game, an oracle and a preference model to Equipoise: a dependency on `equipoise`, and no
//! other. Prints a table, draws a plot into the terminal, and holds each row against the rules of the registered ones.
//!
//! ```sh
//! cargo run --release --manifest-path crates/equipoise/examples/outside/Cargo.toml
//! ```

mod majority;
mod noisy_scores;
mod plot;
mod slow_start;
mod smoothed;

use equipoise::audit::{check_claim_about, suite};
use equipoise::claims::{Claim, Expected, Quantity, Source, Standing, Unit, step_size};
use equipoise::conformance::{OracleCase, check_game, check_oracle, check_solver};
use equipoise::core::seed;
use equipoise::eval::audit::Form;
use equipoise::models::conformance::check_model;
use equipoise::models::{Counts, ModelData};
use equipoise::prelude::*;
use majority::Majority;

/// What is said of the solver, to be tested on the games of the audit.
const CLAIM: Claim = Claim {
    id: "slow-start-average",
    solver: "slow-start",
    statement: "gap(average) <= 2 (D / (eta T) + eta / 8) + 2 / T: the Hedge bound, and one short step",
    citation: "this example",
    source: Source::Derived,
    standing: Standing::Theorem,
    expected: Expected::Pass,
    game: Aim::Original,
    iterate: Iterate::Average,
    quantity: Quantity::Metric(DUALITY_GAP),
    unit: Unit::Step,
    noisy: false,
    start_perturbation: None,
    parameters: |_| json!({ "step_size": 0.2 }),
    fixed: &[],
    step: step_size,
    steps: 500,
    form: Form::Bound(|f, t| 2.0 * (f.radius / (f.eta * t) + f.eta / 8.0) + 2.0 / t),
    hypotheses: &[],
};

/// Three answers that beat each other in a circle.
const VOTES: &[u8] = b"item_a,item_b,outcome,weight\nx,y,a,7\nx,y,b,3\ny,z,a,6\ny,z,b,2\nz,x,a,9\nz,x,b,4\n";

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

    // the preference model, fitted to votes: what it says is a game like any other
    let votes = equipoise::data::parse_comparisons("votes.csv".as_ref(), VOTES, &Selection::default())?;
    let labels = votes.labels.clone();
    let fitted =
        smoothed::ENTRY.fit(&ModelData::Counts(Counts::from(votes)), &json!({ "smoothing": 0.5 }))?;
    println!(
        "{} says that {} beats {} with probability {:.3}",
        fitted.model,
        labels[0],
        labels[1],
        fitted.prob(0, 1)
    );
    let nash = compare(fitted.game()?).solvers(["omwu", "bradley-terry"]).steps(5000).run()?;
    println!("{nash}");

    // what registered rows must do, these do
    check_solver(&slow_start::ENTRY)?;
    check_game(&noisy_scores::ENTRY)?;
    check_oracle(&OracleCase {
        name: "majority".into(),
        build: Box::new(|game, rng| Box::new(Majority::new(game.clone(), rng, 5))),
        unbiased: false, // a majority exaggerates
    })?;
    check_model(&smoothed::ENTRY)?;
    println!("conformance: solver, game, oracle and model keep the rules");

    // the audit: the claim on every game of the suite
    for instance in suite(CLAIM.game, None, 0) {
        let finding = check_claim_about(&slow_start::ENTRY, &CLAIM, &instance);
        println!(
            "{:<36} {:<6} slack {:?}",
            instance.name,
            finding.judged.verdict.name(),
            finding.judged.slack
        );
        assert_eq!(finding.judged.verdict.name(), "PASS");
    }
    Ok(())
}
