//! Bars: a table whose middle column is drawn, so that who can't see it reads the numbers. It
//! counts nothing itself.

use super::html::Html;

/// Length of the longest bar in the drawing's own units.
const BAR_LENGTH: f64 = 1000.0;

/// A row of bars: a name, and parts that stand beside each other.
pub struct Bar {
    /// What it is of.
    pub label: String,
    /// Class of the style sheet, what the part is, how much.
    pub parts: Vec<(&'static str, &'static str, f64)>,
    /// What stands at its end.
    pub total: String,
}

/// A part of a bar for the legend: class and name.
pub type Part = (&'static str, &'static str);

/// What the columns of a table of bars are called.
pub struct Titles {
    /// The figure.
    pub caption: &'static str,
    /// How to read it.
    pub note: String,
    /// The names on the left.
    pub label: &'static str,
    /// The number on the right.
    pub total: &'static str,
}

/// Draws rows of bars as a figure.
pub fn figure(html: &mut Html, titles: &Titles, legend: &[Part], bars: &[Bar]) {
    html.raw("<figure>\n");
    html.element("figcaption", titles.caption);
    html.element("p", &titles.note);
    legend_of(html, legend);
    html.raw("<table class=\"bars\">\n<thead><tr><th scope=\"col\">");
    html.text(titles.label);
    html.raw("</th><td></td><th scope=\"col\" class=\"number\">");
    html.text(titles.total).raw("</th></tr></thead>\n<tbody>\n");
    let sum = |bar: &Bar| bar.parts.iter().map(|(_, _, amount)| amount).sum::<f64>();
    let longest = bars.iter().map(sum).fold(0.0, f64::max);
    for bar in bars {
        html.raw("<tr><th scope=\"row\"")
            .attribute("title", &bar.label);
        html.raw(">").text(&bar.label).raw("</th><td>");
        draw(html, bar, longest);
        html.raw("</td><td class=\"number\">").text(&bar.total);
        html.raw("</td></tr>\n");
    }
    html.raw("</tbody>\n</table>\n</figure>\n");
}

fn draw(html: &mut Html, bar: &Bar, longest: f64) {
    let said: Vec<String> = bar
        .parts
        .iter()
        .filter(|(_, _, amount)| *amount > 0.0)
        .map(|(_, what, amount)| format!("{what} {amount:.0}"))
        .collect();
    html.raw(
        "<svg viewBox=\"0 0 1000 14\" height=\"14\" preserveAspectRatio=\"none\" role=\"img\"",
    );
    html.attribute("aria-label", &said.join(", ")).raw(">");
    let mut left = 0.0;
    for (class, what, amount) in &bar.parts {
        let length = match longest > 0.0 {
            true => amount / longest * BAR_LENGTH,
            false => 0.0,
        };
        if length <= 0.0 {
            continue;
        }
        html.raw("<rect").attribute("class", class).place("x", left);
        html.place("width", length).raw(" y=\"1\" height=\"12\"");
        html.raw(" vector-effect=\"non-scaling-stroke\"><title>");
        html.text(&format!("{}: {what} {amount:.0}", bar.label));
        html.raw("</title></rect>");
        left += length;
    }
    html.raw("</svg>");
}

/// Says what each colour means.
pub fn legend_of(html: &mut Html, legend: &[Part]) {
    if legend.is_empty() {
        return;
    }
    html.raw("<ul class=\"legend\">");
    for (class, name) in legend {
        html.raw("<li><svg width=\"12\" height=\"12\" aria-hidden=\"true\"><rect");
        html.attribute("class", class);
        html.raw(" x=\"1\" y=\"1\" width=\"10\" height=\"10\"/></svg>");
        html.text(name).raw("</li>");
    }
    html.raw("</ul>\n");
}
