//! A sweep of step sizes to a figure: gap against queries, one line a step size. Writes `sweep.csv` and `sweep.svg` into the
//! folder given as the first argument, or into the system's temporary folder.
#![allow(clippy::print_stdout, reason = "an example prints its answer")]

use std::path::PathBuf;

use equipoise::prelude::*;
use plotters::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let game = Game::from_array(&array![[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]])?;

    // One comparison a step size: tables of several can be put behind each other.
    let steps = [0.05, 0.2, 0.5, 1.0];
    let egpo = solver("egpo").ok_or("egpo is registered")?;
    let sweep = steps.iter().fold(compare(game).tau(0.05).steps(2000), |sweep, eta| {
        sweep.with(&format!("egpo, eta = {eta}"), (egpo, json!({ "step_size": eta })))
    });
    let table = sweep.run()?;
    println!("{table}");
    std::fs::write(folder.join("sweep.csv"), table.to_csv())?;

    let figure = folder.join("sweep.svg");
    let root = SVGBackend::new(&figure, (640, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(10)
        .x_label_area_size(35)
        .y_label_area_size(60)
        .build_cartesian_2d((1f64..4000.0).log_scale(), (1e-16..1.0).log_scale())?;
    chart.configure_mesh().x_desc("win-rate queries").y_desc("regularised duality gap").draw()?;
    for (k, row) in table.rows.iter().enumerate() {
        let points = row.series(Iterate::Last, DUALITY_GAP_TAU).filter(|p| p.cost.queries > 0);
        let points = points.map(|p| (p.cost.queries as f64, p.value.max(1e-16)));
        let colour = Palette99::pick(k).to_rgba();
        chart
            .draw_series(LineSeries::new(points, colour))?
            .label(row.solver.clone())
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 15, y)], colour));
    }
    chart.configure_series_labels().border_style(BLACK).draw()?;
    root.present()?;
    println!("{}", figure.display());
    Ok(())
}
