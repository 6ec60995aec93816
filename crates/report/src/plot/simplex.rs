//! The path of the last iterate over the simplex of three actions: one triangle a method.
//!
//! Barycentric: action 0 bottom left, action 1 bottom right, action 2 on top; a point is the mean of the corners,
//! weighted with the policy.

use plotters::prelude::*;

use super::svg::{Anchor, Area, Drawing, Drawn, Pixel, TEXT, text};
use super::{COLOURS, FAINT, GREY, Gallery, INK, Palette};
use crate::error::ReportError;
use crate::model::group::{Game, Method, Setting, final_policy};
use crate::model::number::{action, clipped, plain, short};

const WIDTH: u32 = 480;
const HEIGHT: u32 = 500;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 440.0;
const BASE: f64 = 440.0;

/// Triangles for a game of one context and three actions; `None` for others or if no path was recorded.
pub(crate) fn simplex(
    game: &Game<'_>,
    setting: &Setting<'_>,
    palette: &Palette,
) -> Result<Option<Gallery>, ReportError> {
    let record = game.record;
    if record.n != 3 || record.contexts != 1 {
        return Ok(None);
    }
    let mut figures = Vec::new();
    let mut repeated = false;
    for method in &setting.methods {
        let path = recorded_path(method);
        if path.is_empty() {
            continue;
        }
        repeated |= method.runs.len() > 1;
        let what = format!("path of {} over the simplex", plain(method.label));
        let mut drawing = Drawing::new(&what, WIDTH, HEIGHT);
        let colour = palette.style(method.key).colour();
        drawing.layer("", "", |area| triangle(area, &record.labels))?;
        drawing.layer("stroke-linejoin=\"round\"", &plain(method.label), |area| {
            area.draw(&PathElement::new(path.clone(), colour.stroke_width(2)))?;
            Ok(())
        })?;
        drawing.layer("", "", |area| landmarks(area, game, setting, &path, colour))?;
        drawing.layer("", "", |area| {
            let title = format!("{} {}", method.key, clipped(method.label, 30));
            text(area, &title, (WIDTH as i32 / 2, 18), TEXT + 2, INK, Anchor::Middle)
        })?;
        figures.push(drawing.finish(&what));
    }
    if figures.is_empty() {
        return Ok(None);
    }
    let mut caption =
        "Each corner always plays one action. Open circle: reference. Black diamond: Nash".to_owned();
    if setting.tau > 0.0 {
        caption.push_str(&format!("; open diamond: equilibrium for tau = {}", short(setting.tau)));
    }
    caption.push_str(". Grey square: Bradley-Terry's pick. Coloured dot: where the method ended.");
    if repeated {
        caption.push_str(" First repetition.");
    }
    Ok(Some(Gallery {
        title: "Path of the last iterate".into(),
        rows: vec![figures],
        left_out: Vec::new(),
        caption,
        kind: "simplices",
    }))
}

fn corner(p: [f64; 3]) -> Pixel {
    let height = (RIGHT - LEFT) * 3_f64.sqrt() / 2.0;
    let x = LEFT + (RIGHT - LEFT) * (p[1] + p[2] / 2.0);
    (x.round() as i32, (BASE - height * p[2]).round() as i32)
}

fn point(policy: &[f64]) -> Pixel {
    corner([policy[0], policy[1], policy[2]])
}

/// The recorded path and the end of the first repetition.
fn recorded_path(method: &Method<'_>) -> Vec<Pixel> {
    let run = method.first();
    let mut points: Vec<[f64; 3]> = run.path.iter().flatten().map(|p| [p.p0, p.p1, p.p2]).collect();
    if let Some(end) = final_policy(&run.record.final_policy, 3) {
        points.push([end[0], end[1], end[2]]);
    }
    let finite = points.into_iter().filter(|p| p.iter().all(|x| x.is_finite()));
    let mut pixels: Vec<Pixel> = finite.map(corner).collect();
    pixels.dedup();
    pixels
}

fn triangle(area: &Area<'_>, labels: &[String]) -> Drawn {
    for i in 1..4 {
        let s = f64::from(i) / 4.0;
        for (a, b) in [
            ([1.0 - s, s, 0.0], [1.0 - s, 0.0, s]),
            ([0.0, 1.0 - s, s], [s, 1.0 - s, 0.0]),
            ([s, 0.0, 1.0 - s], [0.0, s, 1.0 - s]),
        ] {
            area.draw(&PathElement::new(vec![corner(a), corner(b)], FAINT.stroke_width(1)))?;
        }
    }
    let corners = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(corner);
    area.draw(&PathElement::new(vec![corners[0], corners[1], corners[2], corners[0]], GREY.stroke_width(2)))?;
    let below = corners[0].1 + 30;
    text(area, &clipped(&action(&labels[0]), 15), (8, below), TEXT, INK, Anchor::Left)?;
    text(area, &clipped(&action(&labels[1]), 15), (WIDTH as i32 - 8, below), TEXT, INK, Anchor::Right)?;
    text(
        area,
        &clipped(&action(&labels[2]), 30),
        (corners[2].0, corners[2].1 - 26),
        TEXT,
        INK,
        Anchor::Middle,
    )
}

fn landmarks(
    area: &Area<'_>,
    game: &Game<'_>,
    setting: &Setting<'_>,
    path: &[Pixel],
    colour: RGBColor,
) -> Drawn {
    let record = game.record;
    let diamond = |(x, y): Pixel, r: i32| vec![(x, y - r), (x + r, y), (x, y + r), (x - r, y)];
    let reference = point(&record.reference);
    area.draw(&Circle::new(reference, 9, WHITE.filled()))?;
    area.draw(&Circle::new(reference, 9, INK.stroke_width(3)))?;
    if let Some(facts) = &record.facts {
        if let Some(i) = record.labels.iter().position(|l| *l == facts.bt_favourite) {
            let mut favourite = [0.0; 3];
            favourite[i] = 1.0;
            let (x, y) = corner(favourite);
            area.draw(&Rectangle::new([(x - 10, y - 10), (x + 10, y + 10)], GREY.filled()))?;
        }
        area.draw(&Polygon::new(diamond(point(&facts.nash), 14), COLOURS[6].filled()))?;
    }
    for e in record.equilibria.iter().filter(|e| e.tau > 0.0 && e.tau.total_cmp(&setting.tau).is_eq()) {
        let shape = diamond(point(&e.policy), 14);
        area.draw(&Polygon::new(shape.clone(), WHITE.filled()))?;
        let closed = shape.iter().chain(&shape[..1]).copied().collect::<Vec<_>>();
        area.draw(&PathElement::new(closed, INK.stroke_width(3)))?;
    }
    if let Some(end) = path.last() {
        area.draw(&Circle::new(*end, 9, WHITE.filled()))?;
        area.draw(&Circle::new(*end, 7, colour.filled()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_the_mean_of_the_corners() {
        let corners = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(corner);
        let (x, y) = corner([1.0 / 3.0; 3]);
        assert!((3 * x - corners.iter().map(|c| c.0).sum::<i32>()).abs() <= 2);
        assert!((3 * y - corners.iter().map(|c| c.1).sum::<i32>()).abs() <= 2);
    }
}
