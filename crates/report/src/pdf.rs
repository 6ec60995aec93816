//! Drawings as PDF: svg2pdf converts them, with the letters they use of a font of this machine.

use std::sync::Arc;

use svg2pdf::usvg::fontdb::{Database, Family, Query};
use svg2pdf::usvg::{Options, Tree};
use svg2pdf::{ConversionOptions, PageOptions};

use crate::error::ReportError;

/// Sans-serif fonts of the common systems, the metrics of Helvetica first.
const PREFERRED: [&str; 7] =
    ["Helvetica", "Arial", "Liberation Sans", "Nimbus Sans", "DejaVu Sans", "Noto Sans", "Segoe UI"];

/// The fonts that text is set in.
pub(crate) struct Fonts(Arc<Database>);

impl Fonts {
    /// Those installed here.
    ///
    /// # Errors
    /// No font is installed: text would silently be left out.
    pub(crate) fn of_this_machine() -> Result<Self, ReportError> {
        let mut fonts = Database::new();
        fonts.load_system_fonts();
        Self::chosen(fonts)
    }

    fn chosen(mut fonts: Database) -> Result<Self, ReportError> {
        let has = |name: &&str| {
            fonts.query(&Query { families: &[Family::Name(name)], ..Query::default() }).is_some()
        };
        let any =
            || fonts.faces().next().and_then(|face| face.families.first()).map(|(name, _)| name.clone());
        let family = PREFERRED.into_iter().find(has).map(str::to_owned).or_else(any);
        fonts.set_sans_serif_family(family.ok_or(ReportError::NoFont)?);
        Ok(Self(Arc::new(fonts)))
    }

    /// The drawing `what` as a page of its own size.
    ///
    /// # Errors
    /// The library's, which names what it cannot convert.
    pub(crate) fn pdf(&self, what: &str, svg: &str) -> Result<Vec<u8>, ReportError> {
        let failed = |problem: String| ReportError::Drawing { what: what.to_owned(), problem };
        let options = Options {
            fontdb: Arc::clone(&self.0),
            font_family: "sans-serif".to_owned(),
            ..Options::default()
        };
        let tree = Tree::from_str(svg, &options).map_err(|e| failed(e.to_string()))?;
        svg2pdf::to_pdf(&tree, ConversionOptions::default(), PageOptions::default())
            .map_err(|e| failed(e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_font_nothing_is_written() {
        let refused = Fonts::chosen(Database::new()).err().unwrap().to_string();
        assert!(refused.contains("no font") && refused.contains("--figures svg"), "{refused}");
    }

    #[test]
    fn a_page_has_the_size_of_its_drawing() {
        let Ok(fonts) = Fonts::of_this_machine() else { return }; // a machine without fonts: the test above
        let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 900 640\" width=\"450\" height=\"320\">\
                   <text x=\"9\" y=\"99\" font-family=\"sans-serif\">duality gap</text></svg>";
        let page = fonts.pdf("test", svg).unwrap();
        let text = String::from_utf8_lossy(&page);
        assert!(text.starts_with("%PDF-"));
        assert!(text.contains("/MediaBox [0 0 450 320]"), "{text}");
        assert!(
            text.contains("/FontFile") && text.contains("/ToUnicode"),
            "letters are embedded and can be searched"
        );
        let broken = fonts.pdf("cut", "<svg").unwrap_err().to_string();
        assert!(broken.contains("cut"), "{broken}");
    }
}
