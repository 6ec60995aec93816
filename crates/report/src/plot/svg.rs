//! One drawing, made of layers: each is drawn by plotters on the same canvas and becomes a group, which can carry
//! what plotters cannot say (a dash, a tooltip, a class).

use equipoise_records::text::printable;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::error::ReportError;

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Drawn = Result<(), Box<dyn std::error::Error>>;
pub(super) type Pixel = (i32, i32);

/// A drawing under construction.
pub(super) struct Drawing {
    what: String,
    width: u32,
    height: u32,
    layers: String,
}

impl Drawing {
    /// An empty drawing; `what` names it in errors.
    pub(super) fn new(what: &str, width: u32, height: u32) -> Self {
        Self { what: what.to_owned(), width, height, layers: String::new() }
    }

    /// Adds a layer. `attributes` go to its group as they stand; a `title` is shown when the pointer rests on it.
    pub(super) fn layer(
        &mut self,
        attributes: &str,
        title: &str,
        draw: impl FnOnce(&Area<'_>) -> Drawn,
    ) -> Result<(), ReportError> {
        let failed = |e: Box<dyn std::error::Error>| ReportError::Drawing {
            what: self.what.clone(),
            problem: e.to_string(),
        };
        let mut text = String::new();
        {
            let area = SVGBackend::with_string(&mut text, (self.width, self.height)).into_drawing_area();
            draw(&area).map_err(failed)?;
            area.present().map_err(|e| failed(e.into()))?;
        }
        // Only the contents: the drawing has one frame, and its namespace is implied in HTML.
        let body = text.split_once(">\n").map_or("", |(_, rest)| rest);
        let body = body.trim_end().strip_suffix("</svg>").unwrap_or(body).replace(" opacity=\"1\"", "");
        let title =
            if title.is_empty() { String::new() } else { format!("<title>{}</title>", escape(title)) };
        let gap = if attributes.is_empty() { "" } else { " " };
        self.layers.push_str(&format!("<g{gap}{attributes}>{title}\n{body}</g>\n"));
        Ok(())
    }

    /// The drawing, described by `label` for those who cannot see it.
    pub(super) fn finish(self, label: &str) -> String {
        format!(
            "<svg viewBox=\"0 0 {w} {h}\" width=\"{}\" height=\"{}\" role=\"img\" aria-label=\"{}\">\n{}</svg>",
            self.width / 2,
            self.height / 2,
            escape(label),
            self.layers,
            w = self.width,
            h = self.height,
        )
    }
}

/// Text that means only itself, in content and in attributes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// Where a text touches its point.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Left,
    Middle,
    Right,
    /// Turned to read upwards, starting at the point.
    Upwards,
}

/// Height of ordinary text. plotters writes `size / 1.24` into the file: 28 units become 11 CSS pixels.
pub(super) const TEXT: i32 = 28;

/// Draws `text`, vertically centred on `at`.
pub(super) fn text(
    area: &Area<'_>,
    text: &str,
    at: Pixel,
    size: i32,
    colour: RGBColor,
    anchor: Anchor,
) -> Drawn {
    let h = match anchor {
        Anchor::Left | Anchor::Upwards => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::Right => HPos::Right,
    };
    let font = ("sans-serif", size).into_font();
    let font =
        if matches!(anchor, Anchor::Upwards) { font.transform(FontTransform::Rotate270) } else { font };
    let style = font.color(&colour).pos(Pos::new(h, VPos::Center));
    area.draw(&Text::new(printable(text), at, style))?;
    Ok(())
}

/// Half the size of a marker.
const R: i32 = 8;

/// Draws the marker of a slot around `at`.
pub(super) fn marker(area: &Area<'_>, at: Pixel, slot: usize, colour: RGBColor) -> Drawn {
    let moved = |shape: &[Pixel]| shape.iter().map(|(x, y)| (at.0 + x, at.1 + y)).collect::<Vec<_>>();
    let filled = |shape: &[Pixel]| Polygon::new(moved(shape), colour.filled());
    match slot {
        0 => area.draw(&Circle::new(at, R - 1, colour.filled()))?,
        1 => area.draw(&filled(&[(-R, -R), (R, -R), (R, R), (-R, R)]))?,
        2 => area.draw(&filled(&[(0, -R - 2), (R + 1, R - 1), (-R - 1, R - 1)]))?,
        3 => area.draw(&filled(&[(0, -R - 2), (R + 2, 0), (0, R + 2), (-R - 2, 0)]))?,
        4 => area.draw(&filled(&[(0, R + 2), (R + 1, 1 - R), (-R - 1, 1 - R)]))?,
        5 => {
            area.draw(&Circle::new(at, R - 1, WHITE.filled()))?;
            area.draw(&Circle::new(at, R - 1, colour.stroke_width(4)))?;
        }
        6 => area.draw(&Cross::new(at, R - 1, colour.stroke_width(5)))?,
        _ => {
            let (x, y) = at;
            area.draw(&PathElement::new(vec![(x - R, y), (x + R, y)], colour.stroke_width(5)))?;
            area.draw(&PathElement::new(vec![(x, y - R), (x, y + R)], colour.stroke_width(5)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_a_group_without_its_own_frame() {
        let mut drawing = Drawing::new("test", 100, 50);
        drawing
            .layer("class=\"k\"", "a <b>", |area| text(area, "x <y>", (10, 10), TEXT, INK_TEST, Anchor::Left))
            .unwrap();
        let svg = drawing.finish("\"quoted\"");
        assert_eq!(svg.matches("<svg").count(), 1);
        assert_eq!(svg.matches("</svg>").count(), 1);
        assert!(svg.contains("<title>a &lt;b&gt;</title>"));
        assert!(svg.contains("x &lt;y&gt;"));
        assert!(svg.contains("aria-label=\"&quot;quoted&quot;\""));
        assert!(!svg.contains("http"));
    }

    const INK_TEST: RGBColor = RGBColor(0, 0, 0);
}
