//! The page of what is played under which rule: findings first, then a drawing, then the tables.

use std::fmt::Write as _;

use crate::document::document;
use crate::error::ReportError;

/// Colours of Okabe and Ito (2008), which colour-blind readers can tell apart.
const COLOURS: [&str; 8] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#757575", "#44337a"];
/// Policies closer than this are one point of the triangle.
const SAME: f64 = 1e-6;
/// Most items that get a colour of their own in bars.
const COLOURED: usize = 7;

/// What a rule plays.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// The rule.
    pub rule: String,
    /// Probabilities, `[n]`.
    pub policy: Vec<f64>,
}

/// The page: `markdown` with findings before the first table, and the drawing between them: a triangle for three items, a bar a
/// rule beyond.
///
/// # Errors
/// [`ReportError::Template`].
pub fn choices(
    title: &str,
    markdown: &str,
    labels: &[String],
    played: &[Played],
) -> Result<String, ReportError> {
    let page = document(title, markdown)?;
    let drawing = if labels.len() == 3 { triangle(labels, played) } else { bars(labels, played) };
    let figure = format!("<figure class=\"choices\">{drawing}</figure>");
    let at = page.find("<div class=\"scroll\"").unwrap_or(page.len());
    Ok(format!("{}{figure}{}", &page[..at], &page[at..]))
}

fn escaped(text: &str) -> String {
    let printable = equipoise_records::text::printable(text);
    printable.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 3).chain("...".chars()).collect()
}

/// A point of the triangle: the policy, the rules that play it, where it is and where its number stands.
struct Point<'a> {
    policy: &'a [f64],
    rules: Vec<&'a str>,
    at: (f64, f64),
    number_at: (f64, f64),
}

/// Corners of the triangle, in the drawing's units.
const CORNERS: [(f64, f64); 3] = [(190.0, 34.0), (24.0, 316.0), (356.0, 316.0)];
/// Width and height of the drawing: of a telephone's screen, so that its text is as large as that of the page.
const SIZE: (f64, f64) = (380.0, 350.0);
/// Radius of a number's disc.
const DISC: f64 = 8.5;

/// Rules that play the same are one point. Numbers that would cover each other are moved apart, each with a line to its point; who they are
/// stands below, as text.
fn triangle(labels: &[String], played: &[Played]) -> String {
    let mut points: Vec<Point<'_>> = Vec::new();
    for one in played {
        let same =
            |other: &&mut Point<'_>| other.policy.iter().zip(&one.policy).all(|(a, b)| (a - b).abs() < SAME);
        match points.iter_mut().find(same) {
            Some(point) => point.rules.push(&one.rule),
            None => {
                let at = |axis: fn(&(f64, f64)) -> f64| -> f64 {
                    one.policy.iter().zip(&CORNERS).map(|(p, corner)| p * axis(corner)).sum()
                };
                let at = (at(|c| c.0), at(|c| c.1));
                points.push(Point { policy: &one.policy, rules: vec![&one.rule], at, number_at: at });
            }
        }
    }
    part(&mut points);
    let mut svg = format!(
        "<svg class=\"triangle\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"Policies in the triangle of three items\" \
         font-family=\"sans-serif\" font-size=\"13\">",
        SIZE.0, SIZE.1
    );
    let outline: Vec<String> = CORNERS.iter().map(|(x, y)| format!("{x},{y}")).collect();
    let _ = write!(
        svg,
        "<polygon points=\"{}\" fill=\"none\" stroke=\"currentColor\" stroke-opacity=\"0.5\"/>",
        outline.join(" ")
    );
    for (corner, label) in labels.iter().enumerate() {
        let (x, y, anchor) = [(190.0, 14.0, "middle"), (4.0, 345.0, "start"), (376.0, 345.0, "end")][corner];
        let _ = write!(
            svg,
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" fill=\"currentColor\">{}</text>",
            escaped(&shortened(label, 24))
        );
    }
    for point in &points {
        let ((x, y), (u, v)) = (point.at, point.number_at);
        if (x - u).hypot(y - v) > 1.0 {
            let _ = write!(
                svg,
                "<line x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{u:.1}\" y2=\"{v:.1}\" stroke=\"currentColor\" stroke-opacity=\"0.4\"/>\
                 <circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2\" fill=\"currentColor\"/>"
            );
        }
    }
    let mut legend = String::from("<ol>");
    for (number, point) in points.iter().enumerate() {
        let (colour, (x, y)) = (COLOURS[number % COLOURS.len()], point.number_at);
        let shares: Vec<String> =
            labels.iter().zip(point.policy).map(|(l, p)| format!("{} {p:.3}", escaped(l))).collect();
        let (rules, shares) = (escaped(&point.rules.join(", ")), shares.join(", "));
        let _ = write!(
            svg,
            "<circle class=\"number\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{DISC}\" fill=\"{colour}\"><title>{rules}: {shares}</title></circle>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"11\" fill=\"#fff\" pointer-events=\"none\">{}</text>",
            y + 4.0,
            number + 1
        );
        let _ =
            write!(legend, "<li><b style=\"background:{colour}\">{}</b>{rules}: {shares}</li>", number + 1);
    }
    svg.push_str("</svg>");
    legend.push_str("</ol>");
    svg + &legend
}

/// Moves numbers apart until none covers another, within the drawing: each pair that is too near goes half the way each, again and again.
fn part(points: &mut [Point<'_>]) {
    let apart = 2.0 * DISC + 1.0;
    for _ in 0..2000 {
        let mut moved = false;
        for i in 0..points.len() {
            for j in i + 1..points.len() {
                let (a, b) = (points[i].number_at, points[j].number_at);
                let (dx, dy) = (b.0 - a.0, b.1 - a.1);
                let distance = dx.hypot(dy);
                if distance >= apart {
                    continue;
                }
                moved = true;
                // two in one place go apart in a direction of their own, so that no three stay on a line
                let turn = (1 + 7 * i + 13 * j) as f64;
                let (ux, uy) =
                    if distance > 1e-9 { (dx / distance, dy / distance) } else { (turn.cos(), turn.sin()) };
                let push = 0.5 * (apart - distance) + 0.01;
                let within = |(x, y): (f64, f64)| {
                    (x.clamp(DISC + 1.0, SIZE.0 - DISC - 1.0), y.clamp(DISC + 18.0, SIZE.1 - DISC - 18.0))
                };
                points[i].number_at = within((a.0 - push * ux, a.1 - push * uy));
                points[j].number_at = within((b.0 + push * ux, b.1 + push * uy));
            }
        }
        if !moved {
            return;
        }
    }
}

/// A bar a rule, cut in proportion to the probabilities; the items that are played most have colours, the others are one grey part.
fn bars(labels: &[String], played: &[Played]) -> String {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    let total = |i: usize| played.iter().map(|one| one.policy[i]).sum::<f64>();
    order.sort_by(|&a, &b| total(b).total_cmp(&total(a)));
    order.truncate(COLOURED);
    let mut out = String::from("<p class=\"names\">");
    let mut named = |colour: &str, name: &str| {
        let _ = write!(out, "<span><i style=\"background:{colour}\"></i>{}</span>", escaped(name));
    };
    order.iter().enumerate().for_each(|(place, &item)| named(COLOURS[place], &shortened(&labels[item], 40)));
    if labels.len() > order.len() {
        named("#c8c8c8", "all others");
    }
    out.push_str("</p>");
    for one in played {
        let rule = escaped(&one.rule);
        let _ = write!(
            out,
            "<div class=\"bar\"><span>{rule}</span><svg viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" role=\"img\" \
             aria-label=\"Probabilities under {rule}\">"
        );
        let mut x = 0.0;
        let mut part = |p: f64, colour: &str, name: &str| {
            let width = 1000.0 * p;
            if width > 0.0 {
                let _ = write!(
                    out,
                    "<rect x=\"{x:.2}\" y=\"0\" width=\"{width:.2}\" height=\"10\" fill=\"{colour}\"><title>{} {p:.4}</title></rect>",
                    escaped(name)
                );
            }
            x += width;
        };
        order.iter().enumerate().for_each(|(k, &i)| part(one.policy[i], COLOURS[k], &labels[i]));
        let rest: f64 = (0..labels.len()).filter(|i| !order.contains(i)).map(|i| one.policy[i]).sum();
        part(rest, "#c8c8c8", "all others");
        out.push_str("</svg></div>");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(n: usize) -> String {
        let labels: Vec<String> = (0..n).map(|i| format!("item <{i}>")).collect();
        let pure = |i: usize| (0..n).map(|j| f64::from(u8::from(i == j))).collect::<Vec<f64>>();
        let played = [
            Played { rule: "borda".into(), policy: pure(0) },
            Played { rule: "minimax".into(), policy: pure(1) },
            Played { rule: "kemeny".into(), policy: pure(1) },
        ];
        choices("T", "# Answer\n\nWho wins.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n", &labels, &played)
            .expect("a page")
    }

    #[test]
    fn the_answer_stands_before_the_drawing_and_the_tables_after_it() {
        for n in [3, 4, 12] {
            let page = page(n);
            let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} in {page}"));
            assert!(at("Who wins.") < at("<svg") && at("<svg") < at("<div class=\"scroll\""));
            assert!(page.contains("item &lt;0&gt;") && !page.contains("item <0>"));
            assert_eq!(page.contains("<polygon"), n == 3);
            assert_eq!(page.contains("all others"), n > COLOURED);
        }
        // two rules at one corner are one point
        assert_eq!(page(3).matches("<circle").count(), 2);
        // every name stands whole in the text, however long
        assert!(page(3).contains("minimax, kemeny: item &lt;0&gt; 0.000"));
    }

    #[test]
    fn numbers_do_not_cover_each_other() {
        // fifty policies in a corner, in the middle and on one edge
        let played: Vec<Played> = (0..50)
            .map(|k| {
                let e = 1e-4 * f64::from(k);
                let policy = match k % 3 {
                    0 => vec![1.0 - 2.0 * e, e, e],
                    1 => vec![0.3 + e, 0.3, 0.4 - e],
                    _ => vec![0.5 - e, 0.5 + e, 0.0],
                };
                Played { rule: format!("rule-{k}"), policy }
            })
            .collect();
        let drawn = triangle(&["a".into(), "b".into(), "c".into()], &played);
        let number = |text: &str, key: &str| -> f64 {
            text.split(key)
                .nth(1)
                .and_then(|t| t.split('"').next())
                .and_then(|t| t.parse().ok())
                .expect("a number")
        };
        let discs: Vec<(f64, f64)> = drawn
            .split("class=\"number\"")
            .skip(1)
            .map(|text| (number(text, "cx=\""), number(text, "cy=\"")))
            .collect();
        assert_eq!(discs.len(), 50);
        for (i, a) in discs.iter().enumerate() {
            assert!(a.0 >= DISC && a.0 <= SIZE.0 - DISC && a.1 >= DISC && a.1 <= SIZE.1 - DISC, "{a:?}");
            for b in &discs[..i] {
                assert!((a.0 - b.0).hypot(a.1 - b.1) >= 2.0 * DISC, "{a:?} {b:?}");
            }
        }
        // lines and legend know all fifty
        assert!(drawn.contains("<line") && drawn.matches("<li>").count() == 50);
    }
}
