//! Pieces of a page of HTML. Markup is written in the program and nowhere else: whatever comes
//! from the wire or a file can only be put in as text, escaped.

use std::fmt::Write;

use crate::render::clean;

/// A page in the making.
#[derive(Default)]
pub struct Html {
    page: String,
}

impl Html {
    /// Markup of the program's own.
    pub fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.page.push_str(markup);
        self
    }

    /// Text of whatever origin, as text of an element or as an attribute in double quotes.
    pub fn text(&mut self, text: &str) -> &mut Self {
        for c in clean(text).chars() {
            match c {
                '&' => self.page.push_str("&amp;"),
                '<' => self.page.push_str("&lt;"),
                '>' => self.page.push_str("&gt;"),
                '"' => self.page.push_str("&quot;"),
                '\'' => self.page.push_str("&#39;"),
                c => self.page.push(c),
            }
        }
        self
    }

    /// An attribute, with a space before it.
    pub fn attribute(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.raw(" ").raw(name).raw("=\"").text(value).raw("\"")
    }

    /// An attribute that is a length or place of a drawing, in tenths at most.
    pub fn place(&mut self, name: &'static str, value: f64) -> &mut Self {
        self.raw(" ").raw(name).raw("=\"");
        let tenths = if value.is_finite() {
            (value * 10.0).round() / 10.0
        } else {
            0.0
        };
        // Writing to a string does not fail. Minus zero is zero.
        let _ = write!(self.page, "{}\"", tenths + 0.0);
        self
    }

    /// An element without attributes that holds a text.
    pub fn element(&mut self, name: &'static str, text: &str) -> &mut Self {
        self.raw("<").raw(name).raw(">").text(text);
        self.raw("</").raw(name).raw(">")
    }

    /// JSON, as the text of a script that is data: no text in it can end the script.
    pub fn json(&mut self, json: &str) -> &mut Self {
        for c in json.chars() {
            match c {
                '<' => self.page.push_str("\\u003c"),
                '>' => self.page.push_str("\\u003e"),
                '&' => self.page.push_str("\\u0026"),
                c => self.page.push(c),
            }
        }
        self
    }

    /// The page.
    pub fn finish(self) -> String {
        self.page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_never_becomes_markup() {
        let mut html = Html::default();
        html.raw("<p").attribute("title", "\" onload='x'").raw(">");
        html.text("<script>alert(1)</script> & \u{202e}\u{1b}");
        html.raw("</p>");
        assert_eq!(
            html.finish(),
            "<p title=\"&quot; onload=&#39;x&#39;\">&lt;script&gt;alert(1)&lt;/script&gt; &amp; \
             \\u{202e}\\u{1b}</p>"
        );
    }

    #[test]
    fn places_are_short_and_finite() {
        let mut html = Html::default();
        html.place("x", 1.0 / 3.0).place("y", -0.01);
        html.place("r", f64::NAN).place("cx", 12.0);
        assert_eq!(html.finish(), " x=\"0.3\" y=\"0\" r=\"0\" cx=\"12\"");
    }

    #[test]
    fn fuzz_text() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let mut html = Html::default();
            html.text(&String::from_utf8_lossy(bytes));
            let text = html.finish();
            assert!(!text.contains(['<', '>', '"', '\'']));
        });
    }

    #[test]
    fn fuzz_json() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let mut html = Html::default();
            html.json(&serde_json::to_string(&text).unwrap());
            let json = html.finish();
            assert!(!json.contains(['<', '>', '&']));
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        });
    }
}
