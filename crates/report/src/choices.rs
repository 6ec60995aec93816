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

/// Rules that play the same stand at one point.
fn triangle(labels: &[String], played: &[Played]) -> String {
    let corners = [(360.0, 40.0), (60.0, 500.0), (660.0, 500.0)];
    let mut svg = String::from(
        "<svg viewBox=\"0 0 1000 560\" role=\"img\" aria-label=\"Policies in the triangle of three items\" \
         style=\"max-width:60rem;width:100%\" font-family=\"sans-serif\" font-size=\"15\">",
    );
    let outline: Vec<String> = corners.iter().map(|(x, y)| format!("{x},{y}")).collect();
    let _ = write!(
        svg,
        "<polygon points=\"{}\" fill=\"none\" stroke=\"currentColor\" stroke-opacity=\"0.5\"/>",
        outline.join(" ")
    );
    for ((x, y), label) in corners.iter().zip(labels) {
        let y = if *y < 100.0 { y - 12.0 } else { y + 24.0 };
        let _ = write!(
            svg,
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" fill=\"currentColor\">{}</text>",
            escaped(&shortened(label, 30))
        );
    }
    let mut points: Vec<(&Played, Vec<&str>)> = Vec::new();
    for one in played {
        let same = |other: &&mut (&Played, Vec<&str>)| {
            other.0.policy.iter().zip(&one.policy).all(|(a, b)| (a - b).abs() < SAME)
        };
        match points.iter_mut().find(same) {
            Some((_, rules)) => rules.push(&one.rule),
            None => points.push((one, vec![&one.rule])),
        }
    }
    for (number, (one, rules)) in points.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let at = |axis: fn(&(f64, f64)) -> f64| -> f64 {
            one.policy.iter().zip(&corners).map(|(p, corner)| p * axis(corner)).sum()
        };
        let (x, y) = (at(|c| c.0), at(|c| c.1));
        let shares: Vec<String> =
            labels.iter().zip(&one.policy).map(|(l, p)| format!("{} {p:.3}", escaped(l))).collect();
        let _ = write!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"7\" fill=\"{colour}\"><title>{}: {}</title></circle>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"11\" fill=\"#fff\">{}</text>",
            escaped(&rules.join(", ")),
            shares.join(", "),
            y + 4.0,
            number + 1
        );
        // at most 26 lines stand beside the triangle
        if number < 26 {
            let line = 40.0 + 20.0 * number as f64;
            let _ = write!(
                svg,
                "<text x=\"700\" y=\"{line}\" font-size=\"13\" fill=\"{colour}\">{} {}</text>",
                number + 1,
                escaped(&shortened(&rules.join(", "), 42))
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

/// A bar a rule, cut in proportion to the probabilities; the items that are played most have colours, the others are one grey part.
fn bars(labels: &[String], played: &[Played]) -> String {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    let total = |i: usize| played.iter().map(|one| one.policy[i]).sum::<f64>();
    order.sort_by(|&a, &b| total(b).total_cmp(&total(a)));
    order.truncate(COLOURED);
    let height = 60 + 22 * played.len() + 20;
    let mut svg = format!(
        "<svg viewBox=\"0 0 1000 {height}\" role=\"img\" aria-label=\"Probabilities of the items under each rule\" \
         style=\"max-width:60rem;width:100%\" font-family=\"sans-serif\" font-size=\"13\">"
    );
    for (place, &item) in order.iter().enumerate() {
        let (x, y) = (180 + 200 * (place % 4), 16 + 20 * (place / 4));
        let _ = write!(
            svg,
            "<rect x=\"{x}\" y=\"{}\" width=\"12\" height=\"12\" fill=\"{}\"/><text x=\"{}\" y=\"{y}\" fill=\"currentColor\">{}</text>",
            y - 11,
            COLOURS[place],
            x + 18,
            escaped(&shortened(&labels[item], 24))
        );
    }
    if labels.len() > order.len() {
        let (x, y) = (180 + 200 * (order.len() % 4), 16 + 20 * (order.len() / 4));
        let _ = write!(
            svg,
            "<rect x=\"{x}\" y=\"{}\" width=\"12\" height=\"12\" fill=\"#c8c8c8\"/><text x=\"{}\" y=\"{y}\" fill=\"currentColor\">all others</text>",
            y - 11,
            x + 18
        );
    }
    for (row, one) in played.iter().enumerate() {
        let y = 60 + 22 * row;
        let _ = write!(
            svg,
            "<text x=\"170\" y=\"{}\" text-anchor=\"end\" fill=\"currentColor\">{}</text>",
            y + 12,
            escaped(&one.rule)
        );
        let mut x = 180.0;
        let mut part = |p: f64, colour: &str, name: &str| {
            let width = 800.0 * p;
            if width > 0.0 {
                let _ = write!(
                    svg,
                    "<rect x=\"{x:.2}\" y=\"{y}\" width=\"{width:.2}\" height=\"16\" fill=\"{colour}\"><title>{} {p:.4}</title></rect>",
                    escaped(name)
                );
            }
            x += width;
        };
        order.iter().enumerate().for_each(|(k, &i)| part(one.policy[i], COLOURS[k], &labels[i]));
        let rest: f64 = (0..labels.len()).filter(|i| !order.contains(i)).map(|i| one.policy[i]).sum();
        part(rest, "#c8c8c8", "all others");
    }
    svg.push_str("</svg>");
    svg
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
            assert!(at("Who wins.") < at("<svg viewBox") && at("<svg viewBox") < at("<div class=\"scroll\""));
            assert!(page.contains("item &lt;0&gt;") && !page.contains("item <0>"));
            assert_eq!(page.contains("<polygon"), n == 3);
            assert_eq!(page.contains("all others"), n > COLOURED);
        }
        // two rules at one corner are one point
        assert_eq!(page(3).matches("<circle").count(), 2);
        assert!(page(3).contains("minimax, kemeny"));
    }
}
