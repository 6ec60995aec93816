//! Shares of problems solved: within a budget (the empirical distribution of the cost), and within a factor of the
//! cheapest method (the performance profile of Dolan and More, Math. Program. 91, 2002).

use plotters::prelude::*;

use super::axis::Axis;
use super::curves::{marks, place};
use super::svg::{Anchor, Area, Drawing, Drawn, Pixel, TEXT, marker, text};
use super::{FAINT, GREY, Gallery, INK, Palette, Style, Svg};
use crate::error::ReportError;
use crate::model::number::plain;
use crate::model::profile::{MethodCosts, PerformanceProfile};

const WIDTH: u32 = 900;
const HEIGHT: u32 = 640;
const LEFT: i32 = 116;
const TOP: i32 = 16;
const RIGHT: i32 = WIDTH as i32 - 44;
const BOTTOM: i32 = HEIGHT as i32 - 84;

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
    let mut drawing = Drawing::new(&what, WIDTH, HEIGHT);
    drawing.layer("", "", |area| mesh(area, x_name, x))?;
    let mut ends = Vec::new();
    for stair in stairs {
        let line = steps(stair, x);
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
    let labels = place(&ends, RIGHT, TOP, BOTTOM);
    drawing.layer("class=\"keys\"", "", |area| {
        for (at, key, colour) in labels {
            text(area, &key.to_string(), at, TEXT + 2, colour, Anchor::Left)?;
        }
        Ok(())
    })?;
    Ok(drawing.finish(&format!("{what}, horizontal axis logarithmic")))
}

fn mesh(area: &Area<'_>, x_name: &str, x: &Axis) -> Drawn {
    let mut chart = ChartBuilder::on(area)
        .margin_top(TOP)
        .margin_right(WIDTH as i32 - RIGHT)
        .x_label_area_size(HEIGHT as i32 - BOTTOM)
        .y_label_area_size(LEFT)
        .build_cartesian_2d(x.clone(), 0.0..1.0)?;
    let label = ("sans-serif", TEXT).into_font().color(&INK);
    chart
        .configure_mesh()
        .bold_line_style(FAINT.stroke_width(2))
        .light_line_style(TRANSPARENT)
        .axis_style(GREY.stroke_width(2))
        .label_style(label.clone())
        .axis_desc_style(label)
        .y_labels(6)
        .y_label_formatter(&|share: &f64| format!("{:.0}%", 100.0 * share))
        .x_desc(x_name)
        .y_desc("share of problems solved")
        .draw()?;
    Ok(())
}

/// The stairs as a line from the left edge to the right one.
fn steps(stair: &Stair<'_>, x: &Axis) -> Vec<Pixel> {
    let at_x = |v: f64| LEFT + (x.at(v) * f64::from(RIGHT - LEFT)).round() as i32;
    let at_y = |n: usize| {
        let share = n as f64 / stair.met.max(1) as f64;
        BOTTOM - (share * f64::from(BOTTOM - TOP)).round() as i32
    };
    let mut line = vec![(LEFT, BOTTOM)];
    for (i, rise) in stair.rises.iter().enumerate() {
        let (px, before, after) = (at_x(*rise), at_y(i), at_y(i + 1));
        line.extend([(px, before), (px, after)]);
    }
    line.push((RIGHT, at_y(stair.rises.len())));
    line.dedup();
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stairs_end_at_the_share_that_was_solved() {
        let x = Axis::logarithmic([1.0, 10.0, 100.0], 0.0, 6, false);
        let style = Palette { per_panel: 8, outside: 0.0 }.style(1);
        let stair = Stair { style, label: "m", rises: vec![1.0, 10.0, 10.0], met: 4 };
        let line = steps(&stair, &x);
        let quarter = |n: i32| BOTTOM - (f64::from(n) * f64::from(BOTTOM - TOP) / 4.0).round() as i32;
        assert_eq!(line.first(), Some(&(LEFT, BOTTOM)));
        assert_eq!(line.last(), Some(&(RIGHT, quarter(3))));
        assert!(
            line.contains(&((LEFT + RIGHT) / 2, quarter(1)))
                && line.contains(&((LEFT + RIGHT) / 2, quarter(3)))
        );
        // it never falls, and never goes back
        assert!(line.windows(2).all(|w| w[1].0 >= w[0].0 && w[1].1 <= w[0].1));
    }
}
