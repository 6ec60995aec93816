//! Ratings from comparisons, and the question whether one rating an item is enough.
#![allow(clippy::print_stdout, reason = "an example prints its answer")]

use std::path::Path;

use equipoise::data::{Selection, parse_comparisons};
use equipoise::models::intransitivity::{Measure, inspect};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Three models that beat each other in a circle, and one that loses to all. `read_comparisons` takes a path.
    let mut csv = String::from("item_a,item_b,outcome\n");
    for (a, b, wins, losses) in [
        ("ada", "bo", 80, 20),
        ("bo", "cy", 75, 25),
        ("cy", "ada", 70, 30),
        ("ada", "di", 90, 10),
        ("bo", "di", 85, 15),
        ("cy", "di", 88, 12),
    ] {
        csv.push_str(&format!("{a},{b},a\n").repeat(wins));
        csv.push_str(&format!("{a},{b},b\n").repeat(losses));
    }
    let data = parse_comparisons(Path::new("battles.csv"), csv.as_bytes(), &Selection::default())?;

    // Bradley-Terry with errors, the maximal lottery, and tests of intransitivity against data drawn from the fit.
    let found = inspect(&data, 199, 7, &|| ())?;
    let nash = found.nash.as_ref().ok_or("of few items there is a lottery")?;
    println!("{:<6} {:>9} {:>7}", "item", "strength", "nash");
    for (i, label) in data.labels.iter().enumerate() {
        println!("{label:<6} {:>9.3} {:>7.3}", found.bradley_terry.log_strength[i], nash.policy[i]);
    }
    let energy = found.statistic(Measure::CyclicEnergy);
    println!("cyclic energy {:.3}, p-value {:?}, verdict {:?}", energy.value, energy.p_value, found.verdict);
    // one rating an item cannot explain these data
    assert!(energy.p_value.is_some_and(|p| p < 0.05));
    Ok(())
}
