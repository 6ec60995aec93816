//! A page of words: Markdown that this program wrote, as one HTML file in the style of the reports.

use minijinja::context;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::error::ReportError;
use crate::render;

/// The page of a text in Markdown. Markup of HTML in it is shown, not followed, and links and images are their text alone.
///
/// # Errors
/// [`ReportError::Template`].
pub fn document(title: &str, markdown: &str) -> Result<String, ReportError> {
    let plain = |event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::Link { .. } | Tag::Image { .. }) | Event::End(TagEnd::Link | TagEnd::Image) => None,
        other => Some(other),
    };
    let mut body = String::new();
    let text = equipoise_records::text::printable(markdown);
    pulldown_cmark::html::push_html(
        &mut body,
        Parser::new_ext(&text, Options::ENABLE_TABLES).filter_map(plain),
    );
    // a table scrolls by itself
    let body = body
        .replace("<table>", "<div class=\"scroll\" tabindex=\"0\"><table>")
        .replace("</table>", "</table></div>");
    let values = context! {
        title => title,
        style => include_str!("../templates/report.css"),
        script => include_str!("../templates/sort.js"),
        body => body,
    };
    render::html_of("document.html", include_str!("../templates/document.html"), values)
}

#[cfg(test)]
mod tests {
    use super::document;

    #[test]
    fn markdown_becomes_a_page_and_its_html_becomes_text() {
        let text = "# Title\n\n- one: `x`\n\n| a | b |\n|---|---|\n| 1 | <script>alert(1)</script> |\n\n<b>bold</b> \u{1b}[31m\n";
        let page = document("A & B", text).expect("a page");
        assert!(
            page.contains("<title>A &amp; B - Equipoise</title>")
                && page.contains("<li>one: <code>x</code></li>")
        );
        assert!(page.contains("<div class=\"scroll\" tabindex=\"0\"><table>") && page.contains("<td>1</td>"));
        assert!(page.contains("&lt;script&gt;alert(1)") && page.contains("&lt;b&gt;bold"));
        let text = "[x](javascript:alert(1)) ![y](http://a.b/c.png) <http://d.e> [z]\n\n[z]: http://f.g\n";
        let linked = document("t", text).expect("a page");
        let body = &linked[linked.find("<body").expect("a body")..];
        assert!(
            !body.contains("href=\"javascript") && !body.contains("<img") && !body.contains("http://a.b"),
            "{body}"
        );
        assert!(!body.contains("href=\"http://"), "{body}");
        assert!(!page.contains('\u{1b}') && !page.contains("<b>bold"));
    }
}
