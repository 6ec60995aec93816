use equipoise::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // three answers that beat each other in a circle, unevenly: entries are Pr(row beats column)
    let p = array![[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]];
    let game = Game::single(PreferenceMatrix::new(p.view())?);

    let table = compare(game).solvers(["mwu", "omwu", "egpo", "bradley-terry"]).steps(20_000).run()?;
    println!("{table}");

    let egpo = &table.rows[2];
    assert!(egpo.duality_gap < 1e-6); // extragradient reaches the Nash policy
    let bt = &table.rows[3];
    assert!(bt.duality_gap > 0.05); // one rating per answer does not
    Ok(())
}
