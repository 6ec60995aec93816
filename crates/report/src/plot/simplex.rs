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

const WIDTH: u32 = 760;
const HEIGHT: u32 = 740;
const LEFT: f64 = 50.0;
const RIGHT: f64 = 710.0;
const BASE: f64 = 660.0;
/// The field is drawn at the middles of a grid with so many steps a side, by arrows of this length.
const GRID: usize = 16;
const ARROW: f64 = 22.0;
/// How far along the path from the start, in units of the drawing, its direction is marked.
const MARKED: [f64; 5] = [60.0, 200.0, 400.0, 800.0, 1600.0];

/// Colour of the field.
const FIELD: RGBColor = RGBColor(196, 202, 210);

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
        drawing.layer("", "where mirror descent moves", |area| field(area, game, setting.tau))?;
        drawing.layer("stroke-linejoin=\"round\"", &plain(method.label), |area| {
            area.draw(&PathElement::new(path.clone(), colour.stroke_width(3)))?;
            heads(area, &path, colour)
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
    caption.push_str(
        ". Grey square: Bradley-Terry's pick. Coloured ring: start; arrow heads: direction; coloured dot: where the method \
         ended.",
    );
    if record.matrix.is_some() {
        caption.push_str(
            " Grey arrows: where mirror descent with a short step moves (the replicator direction, with the pull to the \
             reference where tau is above 0); their length says nothing.",
        );
    }
    if repeated {
        caption.push_str(" First repetition.");
    }
    Ok(Some(Gallery {
        title: "Path of the last iterate".into(),
        rows: vec![figures],
        left_out: Vec::new(),
        caption,
        kind: "simplices",
        shown: Vec::new(),
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

/// Directions over the simplex: `dp_i = p_i (u_i - sum_j p_j u_j)` with `u = P p - tau log(p / mu)`.
fn field(area: &Area<'_>, game: &Game<'_>, tau: f64) -> Drawn {
    let Some(matrix) = &game.record.matrix else { return Ok(()) };
    let mu = &game.record.reference;
    for (i, j) in (0..GRID).flat_map(|i| (0..GRID - i).map(move |j| (i, j))) {
        let share = |k: usize| (k as f64 + 1.0 / 3.0) / GRID as f64;
        let p = [1.0 - share(i) - share(j), share(i), share(j)];
        let pull = |k: usize| if tau > 0.0 { tau * (p[k] / mu[k]).ln() } else { 0.0 };
        let u = [0, 1, 2].map(|k| matrix[k].iter().zip(p).map(|(w, q)| w * q).sum::<f64>() - pull(k));
        let mean: f64 = u.iter().zip(p).map(|(u, q)| u * q).sum();
        let step = [0, 1, 2].map(|k| p[k] * (u[k] - mean));
        let (dx, dy) = (step[1] + step[2] / 2.0, -step[2] * 3_f64.sqrt() / 2.0);
        let length = dx.hypot(dy);
        if length.is_finite() && length > 1e-9 {
            let (x, y) = corner(p);
            let (dx, dy) = (dx / length * ARROW / 2.0, dy / length * ARROW / 2.0);
            let to = (x + dx.round() as i32, y + dy.round() as i32);
            let from = (x - dx.round() as i32, y - dy.round() as i32);
            area.draw(&PathElement::new(vec![from, to], FIELD.stroke_width(2)))?;
            head(area, to, (dx, dy), 6.0, FIELD)?;
        }
    }
    Ok(())
}

/// Arrow heads along a path.
fn heads(area: &Area<'_>, path: &[Pixel], colour: RGBColor) -> Drawn {
    let (mut gone, mut next) = (0.0, 0);
    for step in path.windows(2) {
        let (dx, dy) = (f64::from(step[1].0 - step[0].0), f64::from(step[1].1 - step[0].1));
        gone += dx.hypot(dy);
        if MARKED.get(next).is_some_and(|at| gone >= *at) {
            head(area, step[1], (dx, dy), 13.0, colour)?;
            next = MARKED.iter().position(|at| *at > gone).unwrap_or(MARKED.len());
        }
    }
    Ok(())
}

/// A head with its tip at `at`.
fn head(area: &Area<'_>, at: Pixel, (dx, dy): (f64, f64), size: f64, colour: RGBColor) -> Drawn {
    let length = dx.hypot(dy);
    let (ux, uy) = (dx / length * size, dy / length * size);
    let corner = |along: f64, across: f64| {
        let (x, y) = (along * ux - across * uy, along * uy + across * ux);
        (at.0 + x.round() as i32, at.1 + y.round() as i32)
    };
    area.draw(&Polygon::new(
        vec![corner(0.4, 0.0), corner(-0.8, 0.55), corner(-0.8, -0.55)],
        colour.filled(),
    ))?;
    Ok(())
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
    if let Some(start) = path.first() {
        area.draw(&Circle::new(*start, 15, colour.stroke_width(4)))?;
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
