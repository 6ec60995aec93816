//! Shares of problems solved: within a budget (the empirical distribution of the cost), and within a factor of the
//! cheapest method (the performance profile of Dolan and More, Math. Program. 91, 2002).

use plotters::prelude::*;

use super::axis::Axis;
use super::frame::{Frame, marks};
use super::svg::{Pixel, marker};
use super::{Gallery, Palette, Style, Svg};
use crate::error::ReportError;
use crate::model::number::plain;
use crate::model::profile::{MethodCosts, PerformanceProfile};

/// One method: where its share rises, and how much a problem counts.
struct Stair<'a> {
    style: Style,
    label: &'a str,
    rises: Vec<f64>,
    met: usize,
}

/// Two drawings a panel of methods.
pub(crate) fn shares(profile: &PerformanceProfile<'_>, palette: &Palette) -> Result<Gallery, ReportError> {
    let factors = profile.factors();
    let stairs = |rises: &dyn Fn(usize) -> Vec<f64>| -> Vec<Stair<'_>> {
        let stair = |(i, m): (usize, &MethodCosts<'_>)| Stair {
            style: palette.style(m.key),
            label: profile.methods[i].label,
            rises: rises(i),
            met: m.met(),
        };
        profile.methods.iter().enumerate().map(stair).collect()
    };
    let by_cost = stairs(&|i| profile.methods[i].solved());
    let by_factor = stairs(&|i| factors[i].clone());
    let axis = |stairs: &[Stair<'_>]| {
        let one = std::iter::once(1.0);
        Axis::logarithmic(stairs.iter().flat_map(|s| s.rises.iter().copied()).chain(one), 0.0, 6, false)
    };
    let (cost_axis, factor_axis) = (axis(&by_cost), axis(&by_factor));
    let mut panels: Vec<usize> = by_cost.iter().map(|s| s.style.panel).collect();
    panels.sort_unstable();
    panels.dedup();
    let (mut rows, mut shown_in) = (Vec::new(), Vec::new());
    for panel in panels {
        shown_in.push(by_cost.iter().filter(|s| s.style.panel == panel).map(|s| s.style.key).collect());
        let on = |name: &str, x: &Axis, stairs: &[Stair<'_>]| -> Result<Svg, ReportError> {
            let shown: Vec<&Stair<'_>> = stairs.iter().filter(|s| s.style.panel == panel).collect();
            draw(name, x, &shown)
        };
        rows.push(vec![
            on(profile.unit.name(), &cost_axis, &by_cost)?,
            on("cost as a multiple of the cheapest method's", &factor_axis, &by_factor)?,
        ]);
    }
    let mut caption = format!(
        "Against {}: share of problems solved within a budget; the height at the right edge is the share solved at all, what \
         is missing to 100% is the unsolved share. A curve is flat where its method had used up its steps. Against the \
         cheapest method: share solved at no more than so many times its cost (performance profile); this depends on which \
         methods take part, the other does not. Numbers and colours as in the tables.",
        profile.unit.name()
    );
    let unsolved = profile.unsolved();
    if unsolved > 0 {
        caption.push_str(&format!(" No method solves {unsolved} of the problems: no curve can reach 100%."));
    }
    Ok(Gallery {
        title: "Share of problems solved, against cost and against the cheapest method".into(),
        rows,
        left_out: Vec::new(),
        caption,
        kind: "curves",
        shown: shown_in,
    })
}

fn draw(x_name: &str, x: &Axis, stairs: &[&Stair<'_>]) -> Result<String, ReportError> {
    let what = format!("Share of problems solved against {x_name}");
    let frame = Frame::new(x.clone(), Axis::percent());
    let mut drawing = frame.drawing(&what);
    frame.mesh(&mut drawing, x_name, "share of problems solved")?;
    let mut ends = Vec::new();
    for stair in stairs {
        let line = steps(stair, &frame);
        let end = line[line.len() - 1];
        ends.push((end, stair.style.key, stair.style.colour()));
        drawing.layer("", &format!("{} {}", stair.style.key, plain(stair.label)), |area| {
            let colour = stair.style.colour();
            area.draw(&PathElement::new(line.clone(), colour.stroke_width(4)))?;
            for at in marks(&line, stair.style.slot) {
                marker(area, at, stair.style.slot, colour)?;
            }
            marker(area, end, stair.style.slot, colour)
        })?;
    }
    frame.keys(&mut drawing, &ends)?;
    Ok(drawing.finish(&format!("{what}, horizontal axis logarithmic")))
}

/// The stairs as a line from the left edge to the right one.
fn steps(stair: &Stair<'_>, frame: &Frame) -> Vec<Pixel> {
    let share = |n: usize| frame.y(n as f64 / stair.met.max(1) as f64);
    let mut line = vec![(frame.left, frame.bottom)];
    for (i, rise) in stair.rises.iter().enumerate() {
        line.extend([(frame.x(*rise), share(i)), (frame.x(*rise), share(i + 1))]);
    }
    line.push((frame.right, share(stair.rises.len())));
    line.dedup();
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stairs_end_at_the_share_that_was_solved() {
        let frame = Frame::new(Axis::logarithmic([1.0, 10.0, 100.0], 0.0, 6, false), Axis::percent());
        let style = Palette { per_panel: 8, outside: 0.0 }.style(1);
        let stair = Stair { style, label: "m", rises: vec![1.0, 10.0, 10.0], met: 4 };
        let line = steps(&stair, &frame);
        let Frame { left, right, top, bottom, .. } = frame;
        let quarter = |n: i32| bottom - (f64::from(n) * f64::from(bottom - top) / 4.0).round() as i32;
        assert_eq!(line.first(), Some(&(left, bottom)));
        assert_eq!(line.last(), Some(&(right, quarter(3))));
        let middle = (left + right) / 2;
        assert!(line.contains(&(middle, quarter(1))) && line.contains(&(middle, quarter(3))));
        // it never falls, and never goes back
        assert!(line.windows(2).all(|w| w[1].0 >= w[0].0 && w[1].1 <= w[0].1));
    }
}
