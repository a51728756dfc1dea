//! The map of segments: which parts of the network hold what, and which talk to each other. It
//! shows what was seen; that two segments do not talk here proves no wall between them.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use medtap_inventory::model::{Device, Peer};

use super::html::Html;
use super::words::{Band, NOWHERE, segments};
use crate::render::bytes;

/// Segments that are drawn by themselves; the smaller ones are one together.
const SEGMENTS_MAX: usize = 14;
/// Where those are.
const OTHERS: &str = "other segments";
/// The drawing, and a segment in it.
const WIDTH: f64 = 960.0;
const HEIGHT_MIN: f64 = 160.0;
const HEIGHT_MAX: f64 = 560.0;
const NODE_WIDTH: f64 = 170.0;
const NODE_HEIGHT: f64 = 62.0;

/// A part of the network.
#[derive(Default)]
struct Segment {
    devices: u64,
    medical: u64,
    worst: Option<Band>,
}

/// Bytes between two segments, the smaller name first.
type Links = BTreeMap<(String, String), u64>;

/// Draws the figure.
pub fn figure(html: &mut Html, devices: &[&Device]) {
    let (segments, links) = count(devices);
    if segments.is_empty() {
        return;
    }
    html.raw("<figure class=\"whole\">\n");
    html.element("figcaption", "Map of segments");
    html.element(
        "p",
        "A box is a VLAN, or a network of addresses where no VLAN was seen; its frame has the \
         colour of the worst band in it. A line means that devices of both exchanged packets, \
         thicker for more. No line is no proof of a wall.",
    );
    let names: Vec<&String> = segments.keys().collect();
    let height = match names.len() {
        0..=2 => HEIGHT_MIN,
        3..=6 => (HEIGHT_MIN + HEIGHT_MAX) / 2.0,
        _ => HEIGHT_MAX,
    };
    html.raw("<svg")
        .place("width", WIDTH)
        .place("height", height);
    html.attribute("viewBox", &format!("0 0 {WIDTH} {height}"));
    let text = format!("{} segments, {} connections", names.len(), links.len());
    html.raw(" role=\"img\"").attribute("aria-label", &text);
    html.raw(">\n");
    let center = |name: &str| {
        let place = names.iter().position(|other| *other == name).unwrap_or(0);
        place_of(place, names.len(), height)
    };
    for ((a, b), volume) in &links {
        let ((x1, y1), (x2, y2)) = (center(a), center(b));
        html.raw("<line class=\"link\"").place("x1", x1);
        html.place("y1", y1).place("x2", x2).place("y2", y2);
        let thick = (*volume as f64).max(1.0).log10().clamp(1.0, 12.0);
        html.place("stroke-width", thick).raw("><title>");
        html.text(&format!("{a} and {b}: {}", bytes(*volume)));
        html.raw("</title></line>\n");
    }
    for (name, segment) in &segments {
        node(html, name, segment, center(name));
    }
    html.raw("</svg>\n");
    numbers(html, &segments, &links);
    html.raw("</figure>\n");
}

/// Places on an ellipse, from the left on.
fn place_of(place: usize, all: usize, height: f64) -> (f64, f64) {
    let (x, y) = (WIDTH / 2.0, height / 2.0);
    if all == 1 {
        return (x, y);
    }
    let angle = TAU * place as f64 / all as f64 + TAU / 2.0;
    let across = x - NODE_WIDTH / 2.0 - 8.0;
    let up = y - NODE_HEIGHT / 2.0 - 8.0;
    (x + across * angle.cos(), y + up * angle.sin())
}

fn node(html: &mut Html, name: &str, segment: &Segment, (x, y): (f64, f64)) {
    let band = segment.worst.map_or("", Band::class);
    html.raw("<rect")
        .attribute("class", &format!("node {band}"));
    html.place("x", x - NODE_WIDTH / 2.0)
        .place("y", y - NODE_HEIGHT / 2.0);
    html.place("width", NODE_WIDTH).place("height", NODE_HEIGHT);
    html.raw(" rx=\"6\"/>\n");
    let medical = match segment.medical {
        0 => "no medical device".to_owned(),
        number => format!("{number} medical"),
    };
    let devices = crate::render::several(segment.devices, "device");
    let lines = [
        (crate::render::fit(name, 24), -10.0, "title"),
        (devices, 7.0, "quiet"),
        (medical, 22.0, "quiet"),
    ];
    for (text, down, class) in lines {
        html.raw("<text text-anchor=\"middle\"")
            .attribute("class", class);
        html.place("x", x).place("y", y + down).raw(">");
        html.text(text.trim()).raw("</text>\n");
    }
}

/// The same as a table.
fn numbers(html: &mut Html, segments: &BTreeMap<String, Segment>, links: &Links) {
    if links.is_empty() {
        return;
    }
    html.raw("<details><summary>Who talks to whom</summary>\n<table>\n<thead><tr>");
    html.raw("<th scope=\"col\">Segment</th><th scope=\"col\">Devices</th>");
    html.raw("<th scope=\"col\">Exchanges packets with</th></tr></thead>\n<tbody>\n");
    for (name, segment) in segments {
        let with = links.iter().filter_map(|((a, b), volume)| {
            let other = match name {
                name if name == a => b,
                name if name == b => a,
                _ => return None,
            };
            Some(format!("{other} ({})", bytes(*volume)))
        });
        html.raw("<tr><th scope=\"row\">").text(name).raw("</th>");
        html.element("td", &segment.devices.to_string());
        html.element("td", &with.collect::<Vec<_>>().join(", "));
        html.raw("</tr>\n");
    }
    html.raw("</tbody>\n</table>\n</details>\n");
}

/// The segments and their links; the smallest are put together when there are too many.
fn count(devices: &[&Device]) -> (BTreeMap<String, Segment>, Links) {
    let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
    for name in devices.iter().flat_map(|device| segments(device)) {
        *sizes.entry(name).or_default() += 1;
    }
    let mut by_size: Vec<(&String, &usize)> = sizes.iter().collect();
    by_size.sort_by(|(a, x), (b, y)| y.cmp(x).then(a.cmp(b)));
    let kept: Vec<&str> = by_size
        .iter()
        .take(match sizes.len() {
            all if all > SEGMENTS_MAX => SEGMENTS_MAX - 1,
            all => all,
        })
        .map(|(name, _)| name.as_str())
        .collect();
    let drawn = |name: String| match kept.contains(&name.as_str()) {
        true => name,
        false => OTHERS.to_owned(),
    };
    let home = |device: &Device| drawn(segments(device).swap_remove(0));
    let mut found: BTreeMap<String, Segment> = BTreeMap::new();
    let mut homes: BTreeMap<&str, String> = BTreeMap::new();
    for device in devices {
        homes.insert(&device.id, home(device));
        let mut names: Vec<String> = segments(device).into_iter().map(drawn).collect();
        names.dedup();
        for name in names {
            let segment = found.entry(name).or_default();
            let band = Band::of(&device.risk);
            segment.devices += 1;
            segment.medical += u64::from(device.class == "medical");
            segment.worst = Some(segment.worst.map_or(band, |worst| worst.min(band)));
        }
    }
    let mut links = Links::new();
    for device in devices {
        let later = |peer: &&Peer| peer.id.as_str() > device.id.as_str();
        for peer in device.peers.iter().filter(later) {
            let ends = (homes.get(device.id.as_str()), homes.get(peer.id.as_str()));
            let (Some(a), Some(b)) = ends else { continue };
            if a != b && a != NOWHERE && b != NOWHERE {
                let pair = (a.min(b).clone(), a.max(b).clone());
                let volume = links.entry(pair).or_default();
                *volume = volume.saturating_add(peer.bytes);
            }
        }
    }
    (found, links)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;

    #[test]
    fn small_segments_are_put_together() {
        let mut device = samples::scanner();
        device.vlans = (1..=40).collect();
        let (segments, links) = count(&[&device]);
        assert_eq!(segments.len(), SEGMENTS_MAX);
        assert!(segments.contains_key(OTHERS) && links.is_empty());
    }

    #[test]
    fn every_place_is_inside() {
        for all in 1..=SEGMENTS_MAX {
            for place in 0..all {
                let (x, y) = place_of(place, all, HEIGHT_MAX);
                assert!((0.0..=WIDTH).contains(&(x - NODE_WIDTH / 2.0)));
                assert!((0.0..=WIDTH).contains(&(x + NODE_WIDTH / 2.0)));
                assert!((0.0..=HEIGHT_MAX).contains(&(y - NODE_HEIGHT / 2.0)));
                assert!((0.0..=HEIGHT_MAX).contains(&(y + NODE_HEIGHT / 2.0)));
            }
        }
    }
}
