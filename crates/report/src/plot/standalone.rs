//! A drawing as a file of its own: with its namespace, and with the legend that stands beside it on a page.

use super::Svg;

/// Height of a line of the legend, and its width, in units of the drawing.
const LINE: u32 = 40;
const COLUMN: u32 = 450;
/// Height of a swatch and its width, as [`super::swatch`] draws it.
const SWATCH: (u32, u32) = (64, 24);

/// The drawing with a legend below it: swatches and what they stand for.
pub(crate) fn standalone(svg: &str, legend: &[(&str, String)]) -> Svg {
    let (width, height) = size(svg);
    let columns = (width / COLUMN).max(1);
    let lines = u32::try_from(legend.len()).unwrap_or(u32::MAX).div_ceil(columns);
    let whole = height + if legend.is_empty() { 0 } else { lines * LINE + 16 };
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {whole}\" \
         width=\"{}\" height=\"{}\" font-family=\"sans-serif\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{}\n",
        width / 2,
        whole / 2,
        placed(svg, (0, 0), (width, height)),
    );
    for (k, (swatch, text)) in legend.iter().enumerate() {
        let k = u32::try_from(k).unwrap_or(u32::MAX);
        let (x, y) = ((k % columns) * COLUMN + 24, height + (k / columns) * LINE);
        out.push_str(&placed(swatch, (x, y + 8), SWATCH));
        out.push_str(&format!(
            "\n<text x=\"{}\" y=\"{}\" font-size=\"22\" fill=\"#282828\">{}</text>\n",
            x + SWATCH.0 + 12,
            y + 28,
            super::svg::escape(text)
        ));
    }
    out.push_str("</svg>\n");
    out
}

/// Width and height of a drawing, from its view box.
fn size(svg: &str) -> (u32, u32) {
    let view = svg.split("viewBox=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    let mut numbers = view.split(' ').skip(2).map(|n| n.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// The drawing inside of another.
fn placed(svg: &str, (x, y): (u32, u32), (width, height): (u32, u32)) -> String {
    // the tag ends behind its attributes, in which no such sign stands unescaped
    let body = svg.split_once('>').map_or("", |(_, body)| body);
    let (w, h) = size(svg);
    format!("<svg x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {w} {h}\">{body}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legend_stands_below_the_drawing() {
        let svg = "<svg viewBox=\"0 0 900 640\" width=\"450\" height=\"320\" role=\"img\">\n<g></g></svg>";
        let swatch = "<svg viewBox=\"0 0 64 24\" width=\"32\" height=\"12\"><g></g></svg>";
        let legend = [(swatch, "1 a<b".to_owned()), (swatch, "2 c".to_owned()), (swatch, "3 d".to_owned())];
        let whole = standalone(svg, &legend);
        assert!(whole.contains("xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 900 736\""), "{whole}");
        assert_eq!((whole.matches("<svg").count(), whole.matches("</svg>").count()), (5, 5));
        assert!(whole.contains("1 a&lt;b"));
        assert!(standalone(svg, &[]).contains("viewBox=\"0 0 900 640\" width=\"450\""));
    }
}
