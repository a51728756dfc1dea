//! The result of the throughput bench as one page: three plots, the table, and what it ran on. It
//! loads nothing from anywhere.

use std::fmt::Write;

use super::plot::{Axis, Series, escape, plot};
use super::result::{LINES_GBIT, Load, Report, lines, short};

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1c2126; --quiet: #66707a; --grid: #d9dee3; --paper: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --quiet: #9aa4ad; --grid: #3a4148; --paper: #16191c }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 900px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.4em } h2 { font-size: 1.1em; margin-top: 2em }
svg { width: 100%; height: auto } svg text { fill: var(--ink); font-size: 12px }
.grid { stroke: var(--grid) } polyline { fill: none; stroke-width: 2 } .key { stroke-width: 2 }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100% }
th, td { padding: .25em .6em; border-bottom: 1px solid var(--grid); text-align: right }
th:first-child, td:first-child { text-align: left } th { color: var(--quiet); font-weight: 500 }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2em 1em }
dt { color: var(--quiet) } dd { margin: 0 } p { color: var(--quiet) } .wide { overflow-x: auto }
";

/// The page.
pub fn page(report: &Report) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>medtap: throughput</title><style>{STYLE}</style>\
         <h1>Throughput of {}</h1>",
        escape(&report.interface)
    );
    facts(&mut html, report);
    let mut part = |title: &str, svg: String, note: &str| {
        let _ = write!(html, "<h2>{title}</h2>{svg}<p>{note}</p>");
    };
    let sizes = sizes(report);
    if sizes.len() > 1 {
        part(
            "Rate over size",
            over_size(&sizes),
            "Frames a second by their size on the wire, at each loss that is allowed. \
             Dashed: what lines carry, calculated.",
        );
    }
    part(
        "Latency",
        latency(report),
        "From a frame's being sent to its burst's being analysed, at nine tenths of the \
         throughput at no loss, by percentile.",
    );
    part(
        "Loss over offered load",
        loss(report),
        "Every trial. Loads that lose too much were tried again.",
    );
    table(&mut html, report);
    html + "</html>\n"
}

fn facts(html: &mut String, report: &Report) {
    let host = &report.host;
    let driver = format!("{}, {} receive queues", report.driver, report.queues);
    let refused = report.better_modes_refused.join("; ");
    let generator = format!("{}, {}", report.generator, report.generator_mode);
    let trials = format!(
        "{} s each, a load that loses too much up to {} times",
        report.seconds, report.tries
    );
    let processors = format!("{}, {} in all", host.processor, host.processors);
    let rows = [
        ("processors", processors.as_str()),
        ("kernel", &host.kernel),
        ("medtap", &host.version),
        ("driver", &driver),
        ("received by", &report.mode),
        ("not taken", &refused),
        ("generator", &generator),
        ("trials", &trials),
    ];
    html.push_str("<dl>");
    for (name, text) in rows.iter().filter(|(_, text)| !text.is_empty()) {
        let _ = write!(html, "<dt>{name}</dt><dd>{}</dd>", escape(text));
    }
    let _ = write!(html, "<dt>workers</dt><dd>{}</dd></dl>", report.workers);
}

/// The loads that are one size.
fn sizes(report: &Report) -> Vec<&Load> {
    let mut sizes = report.loads.iter().collect::<Vec<_>>();
    sizes.retain(|load| load.name.parse::<u32>().is_ok());
    sizes.sort_by(|a, b| a.frame_bytes.total_cmp(&b.frame_bytes));
    sizes
}

fn over_size(sizes: &[&Load]) -> String {
    let goals = sizes.first().map_or(&[][..], |load| &load.goals);
    let mut series = Vec::new();
    for (at, goal) in goals.iter().enumerate() {
        let point = |load: &&Load| Some((load.frame_bytes, load.goals.get(at)?.rate / 1e6));
        series.push(Series {
            name: format!("loss at most {} %", goal.loss_allowed * 100.0),
            points: sizes.iter().filter_map(point).collect(),
            is_calculated: false,
        });
    }
    let rates = series
        .iter()
        .flat_map(|series| &series.points)
        .map(|point| point.1);
    let y = Axis::from_zero("Mpps", rates.collect::<Vec<_>>().into_iter());
    let bytes = sizes.iter().map(|load| load.frame_bytes);
    let mut x = Axis::decades("bytes of a frame on the wire", bytes.clone());
    x.range = [
        bytes.clone().fold(f64::MAX, f64::min),
        bytes.clone().fold(0.0, f64::max),
    ];
    x.ticks = bytes
        .clone()
        .map(|bytes| (bytes, format!("{bytes:.0}")))
        .collect();
    for gbit in LINES_GBIT {
        // Where a line carries more than there is room for, its curve is left out.
        let at = |bytes: f64| {
            let line = lines(bytes, 0.0)
                .into_iter()
                .find(|line| line.gbit == gbit)?;
            Some((bytes, line.calculated_rate / 1e6)).filter(|point| point.1 <= y.range[1])
        };
        let steps = (0..=60)
            .map(|step| x.range[0] * (x.range[1] / x.range[0]).powf(f64::from(step) / 60.0));
        let points = steps.filter_map(at).collect::<Vec<_>>();
        if points.len() > 1 {
            series.push(Series {
                name: format!("{gbit} GbE, calculated"),
                points,
                is_calculated: true,
            });
        }
    }
    plot(&x, &y, &series)
}

fn latency(report: &Report) -> String {
    /// The last percentile of the axis, and how far from 100 it is.
    const LAST: f64 = 0.01;
    let place = |percentile: f64| 100.0 / (100.0 - percentile).max(LAST);
    let series = report.loads.iter().map(|load| {
        let below = load
            .latency
            .percentiles_ns
            .iter()
            .filter(|(of, _)| *of <= 100.0 - LAST);
        Series {
            name: short(&load.name).to_owned(),
            points: below
                .map(|(of, ns)| (place(*of), *ns as f64 / 1e3))
                .collect(),
            is_calculated: false,
        }
    });
    let series = series.collect::<Vec<_>>();
    let micros = series
        .iter()
        .flat_map(|series| &series.points)
        .map(|point| point.1);
    let y = Axis::decades("microseconds", micros);
    let percentiles = [0.0, 50.0, 90.0, 99.0, 99.9, 99.99];
    let x = Axis {
        label: "percentile",
        is_log: true,
        range: [1.0, place(100.0)],
        ticks: percentiles.map(|of| (place(of), format!("{of}"))).to_vec(),
    };
    plot(&x, &y, &series)
}

fn loss(report: &Report) -> String {
    let series = report.loads.iter().map(|load| Series {
        name: short(&load.name).to_owned(),
        points: load
            .trials
            .iter()
            .map(|point| (point.offered / 1e6, point.loss * 100.0))
            .collect(),
        is_calculated: false,
    });
    let mut series = series.collect::<Vec<_>>();
    for series in &mut series {
        series.points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    let of = |pick: fn(&(f64, f64)) -> f64| {
        let points = series.iter().flat_map(|series| &series.points);
        points.map(pick).collect::<Vec<_>>().into_iter()
    };
    let x = Axis::from_zero("offered, Mpps", of(|point| point.0));
    let y = Axis::from_zero("loss, percent", of(|point| point.1));
    plot(&x, &y, &series)
}

fn table(html: &mut String, report: &Report) {
    html.push_str("<h2>Throughput</h2><div class=\"wide\"><table><tr><th>load<th>bytes");
    for goal in report.loads.first().map_or(&[][..], |load| &load.goals) {
        let _ = write!(html, "<th>Mpps, loss ≤ {} %", goal.loss_allowed * 100.0);
    }
    html.push_str("<th>Gbit/s<th>p50 µs<th>p99 µs<th>p99.9 µs<th>burst</tr>");
    for load in &report.loads {
        let _ = write!(
            html,
            "<tr><td>{}<td>{:.0}",
            escape(&load.name),
            load.frame_bytes
        );
        for goal in &load.goals {
            let mark = if goal.is_limited_by_generator {
                " *"
            } else {
                ""
            };
            let _ = write!(html, "<td>{:.3}{mark}", goal.rate / 1e6);
        }
        let rate = load.goals.first().map_or(0.0, |goal| goal.rate);
        let _ = write!(html, "<td>{:.2}", load.gbit(rate));
        for percentile in [50.0, 99.0, 99.9] {
            let _ = write!(html, "<td>{:.1}", load.latency.at(percentile) as f64 / 1e3);
        }
        let more = if load.burst.is_longest_tried { "+" } else { "" };
        let _ = write!(html, "<td>{}{more}</tr>", load.burst.frames);
    }
    html.push_str(
        "</table></div><p>* the generator offers no more. Burst: frames sent as fast as the \
         generator can of which nothing was lost.</p>\
         <h2>Beside lines, calculated</h2><div class=\"wide\"><table><tr><th>load",
    );
    for gbit in LINES_GBIT {
        let _ = write!(html, "<th>{gbit} GbE, Mpps<th>one core");
    }
    html.push_str("</tr>");
    for load in &report.loads {
        let _ = write!(html, "<tr><td>{}", escape(&load.name));
        for line in &load.lines {
            let (rate, share) = (line.calculated_rate / 1e6, line.calculated_share_percent);
            let _ = write!(html, "<td>{rate:.3}<td>{share:.1} %");
        }
        html.push_str("</tr>");
    }
    html.push_str("</table></div>");
}
