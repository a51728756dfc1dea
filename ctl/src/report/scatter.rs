//! Known vulnerabilities as points: how likely each is exploited somewhere, against the score of
//! the worst device that may have it. It leaves out those without a probability, and says so,
//! and those of a family alone.

use std::collections::BTreeMap;

use medtap_inventory::model::Device;

use super::bars::legend_of;
use super::html::Html;
use super::words::is_scored;

/// Points that are drawn, those of the highest scores first.
const POINTS_MAX: usize = 2000;
/// Probabilities below are drawn at the edge: 10 to this power.
const EXPONENT_MIN: f64 = -5.0;
/// The plot's edges.
const LEFT: f64 = 44.0;
const RIGHT: f64 = 548.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 270.0;

/// One CVE over all devices.
struct Point {
    epss: f64,
    in_kev: bool,
    devices: usize,
    score: f64,
}

/// Draws the figure, where there is anything to draw.
pub fn figure(html: &mut Html, devices: &[&Device]) {
    let (points, without) = points(devices);
    if points.is_empty() {
        return;
    }
    html.raw("<figure>\n");
    html.element(
        "figcaption",
        "Known vulnerabilities: how likely, and on what",
    );
    let mut note = "Further right: more likely to be exploited somewhere within 30 days (EPSS). \
         Higher: on a device of higher score. Larger: on more devices. Look at the upper right and \
         at those known to be exploited first."
        .to_owned();
    if without > 0 {
        note.push_str(&format!(" {without} without an EPSS value are not drawn."));
    }
    let left_out = points.len().saturating_sub(POINTS_MAX);
    if left_out > 0 {
        note.push_str(&format!(" {left_out} of the lowest scores are not drawn."));
    }
    html.element("p", &note);
    legend_of(
        html,
        &[
            ("very-high", "known to be exploited (KEV)"),
            ("plain", "not in KEV"),
        ],
    );
    html.raw("<svg viewBox=\"0 0 560 310\" width=\"560\" height=\"310\" role=\"img\"");
    let exploited = points.iter().filter(|(_, point)| point.in_kev).count();
    let text = format!("{} vulnerabilities, {exploited} in KEV", points.len());
    html.attribute("aria-label", &text).raw(">\n");
    axes(html);
    for (cve, point) in points.iter().take(POINTS_MAX) {
        let class = match point.in_kev {
            true => "point exploited",
            false => "point",
        };
        html.raw("<circle").attribute("class", class);
        html.place("cx", x(point.epss)).place("cy", y(point.score));
        let radius = 3.0 + (point.devices as f64).sqrt().min(12.0);
        html.place("r", radius).raw("><title>");
        html.text(&format!(
            "{cve}: EPSS {:.5}, {} device(s), highest score {:.0}",
            point.epss, point.devices, point.score
        ));
        html.raw("</title></circle>\n");
    }
    html.raw("</svg>\n</figure>\n");
}

/// The points, those of the highest scores first, and how many CVEs have no probability.
fn points<'a>(devices: &[&'a Device]) -> (Vec<(&'a str, Point)>, usize) {
    let mut points: BTreeMap<&str, Point> = BTreeMap::new();
    let mut without = std::collections::BTreeSet::new();
    for device in devices {
        let mut seen = std::collections::BTreeSet::new();
        for vulnerability in device.vulnerabilities.iter().filter(|one| is_scored(one)) {
            let Some(epss) = vulnerability.epss else {
                without.insert(vulnerability.cve.as_str());
                continue;
            };
            let point = points.entry(&vulnerability.cve).or_insert(Point {
                epss,
                in_kev: vulnerability.in_kev,
                devices: 0,
                score: 0.0,
            });
            point.devices += usize::from(seen.insert(&vulnerability.cve));
            point.score = point.score.max(device.risk.score.unwrap_or(0.0));
        }
    }
    let mut points: Vec<(&str, Point)> = points.into_iter().collect();
    points.sort_by(|(a_cve, a), (b_cve, b)| {
        let by_score = b.score.total_cmp(&a.score);
        by_score
            .then(b.epss.total_cmp(&a.epss))
            .then(a_cve.cmp(b_cve))
    });
    (points, without.len())
}

fn x(epss: f64) -> f64 {
    let exponent = epss.max(f64::MIN_POSITIVE).log10().clamp(EXPONENT_MIN, 0.0);
    LEFT + (exponent - EXPONENT_MIN) / -EXPONENT_MIN * (RIGHT - LEFT)
}

fn y(score: f64) -> f64 {
    BOTTOM - score.clamp(0.0, 100.0) / 100.0 * (BOTTOM - TOP)
}

fn axes(html: &mut Html) {
    for (epss, text) in [
        (0.00001, "0.001 %"),
        (0.0001, "0.01 %"),
        (0.001, "0.1 %"),
        (0.01, "1 %"),
        (0.1, "10 %"),
        (1.0, "100 %"),
    ] {
        html.raw("<line class=\"axis\"").place("x1", x(epss));
        html.place("x2", x(epss)).place("y1", TOP);
        html.place("y2", BOTTOM).raw("/><text class=\"quiet\"");
        let anchor = if epss < 1.0 { "middle" } else { "end" };
        html.attribute("text-anchor", anchor);
        html.place("x", x(epss)).place("y", BOTTOM + 16.0);
        html.raw(">").text(text).raw("</text>\n");
    }
    for score in [0.0, 25.0, 50.0, 75.0, 100.0] {
        html.raw("<line class=\"axis\"").place("x1", LEFT);
        html.place("x2", RIGHT).place("y1", y(score));
        html.place("y2", y(score)).raw("/><text class=\"quiet\"");
        html.raw(" text-anchor=\"end\"").place("x", LEFT - 6.0);
        html.place("y", y(score) + 4.0).raw(">");
        html.text(&format!("{score:.0}")).raw("</text>\n");
    }
    html.raw("<text class=\"quiet\" text-anchor=\"middle\" x=\"296\" y=\"305\">");
    html.raw("EPSS probability</text><text class=\"quiet\" x=\"0\" y=\"12\">score</text>\n");
}
