//! What the page says of the risk model's answers: work by role, what can be shown by a
//! framework, and by what all was judged. It names every source, and every one that was refused.

use std::collections::BTreeSet;

use medtap_inventory::model::Inventory;
use medtap_risk::clock;
use medtap_risk::compliance::{Pack, Report};
use medtap_risk::date::day;
use medtap_risk::feeds::Feeds;
use medtap_risk::role::Role;
use medtap_risk::work::{self, Item};

use super::html::Html;
use super::words::spaced;
use crate::assess::Assessed;
use crate::render::{count, several};

/// Items of one role's list; the rest is a number.
const ITEMS_MAX: usize = 30;
/// Devices that are named in one item.
const NAMED_MAX: usize = 6;
/// Feeds of one kind that are listed by themselves; the rest is a number.
const FEEDS_MAX: usize = 5;

/// Feeds that were not taken and that are named.
const REFUSED_MAX: usize = 50;

/// First and last packet.
pub fn window(inventory: &Inventory) -> (u64, u64) {
    let source = &inventory.source;
    let time = |time: Option<medtap_inventory::model::Time>| time.map_or(0, |time| time.0);
    (time(source.first_seen), time(source.last_seen))
}

/// What there is to do, for each role.
pub fn work(html: &mut Html, assessed: &Assessed) {
    html.raw("<h2 id=\"work\">Work lists</h2>\n");
    let items = assessed.work();
    if items.is_empty() {
        html.element("p", "Nothing is to be done that the scores would show.");
        return;
    }
    html.raw("<p>One row is one thing to do, for all devices that it helps, those that close ");
    html.raw("most risk first. A due date is the shortest clock of the vulnerabilities. ");
    html.text(clock::BINDS).raw(".</p>\n");
    let today = day(assessed.as_of);
    for role in Role::ALL {
        let own: Vec<&Item> = work::of_role(&items, role).collect();
        if own.is_empty() {
            continue;
        }
        html.raw("<h3>")
            .text(&capitalised(&spaced(role.name())))
            .raw("</h3>\n");
        list(html, &own, today);
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}

fn list(html: &mut Html, items: &[&Item], today: jiff::civil::Date) {
    html.raw("<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">What to do</th>");
    html.raw("<th scope=\"col\" class=\"number\">Devices</th><th scope=\"col\">Which</th>");
    html.raw("<th scope=\"col\" class=\"number\">Closes (points)</th>");
    html.raw("<th scope=\"col\">Due</th></tr></thead>\n<tbody>\n");
    for item in items.iter().take(ITEMS_MAX) {
        html.raw("<tr><th scope=\"row\">").text(&item.words);
        let cves: BTreeSet<&String> = item.tasks.iter().flat_map(|task| &task.cves).collect();
        if !cves.is_empty() {
            html.raw("<br><small>")
                .text(&several(cves.len() as u64, "CVE"))
                .raw("</small>");
        }
        html.raw("</th><td class=\"number\">")
            .text(&count(item.tasks.len() as u64));
        html.raw("</td><td>");
        for (place, task) in item.tasks.iter().take(NAMED_MAX).enumerate() {
            if place > 0 {
                html.raw(", ");
            }
            html.raw("<a")
                .attribute("href", &format!("#d-{}", task.device));
            html.raw(">").text(&task.name).raw("</a>");
            if let Some(window) = task.window {
                html.raw(" <small>(")
                    .text(&format!("quietest {window}"))
                    .raw(")</small>");
            }
        }
        let more = item.tasks.len().saturating_sub(NAMED_MAX);
        if more > 0 {
            html.text(&format!(" and {} more", count(more as u64)));
        }
        html.raw("</td><td class=\"number\">")
            .text(&format!("{:.1}", item.closes));
        html.raw("</td><td class=\"code\">");
        match item.due {
            Some(due) if item.is_overdue(today) => html.text(&format!("{due}, overdue")),
            Some(due) => html.text(&due.to_string()),
            None => html.raw("no clock runs"),
        };
        html.raw("</td></tr>\n");
    }
    html.raw("</tbody>\n</table></div>\n");
    let more = items.len().saturating_sub(ITEMS_MAX);
    if more > 0 {
        let text = format!("and {} more; the XLSX has all", count(more as u64));
        html.element("p", &text);
    }
}

/// What can be shown by each framework.
pub fn frameworks(html: &mut Html, assessed: &Assessed, inventory: &Inventory) {
    html.raw("<h2 id=\"frameworks\">Evidence by framework</h2>\n");
    html.raw("<p>What the traffic shows for rows of control frameworks, and for which devices it ");
    html.raw("does not. Whether that suffices, people decide; this report decides nothing.</p>\n");
    let reports = assessed.compliance(&Pack::embedded(), window(inventory));
    for report in &reports {
        framework(html, report);
    }
}

fn framework(html: &mut Html, report: &Report) {
    html.raw("<details><summary>");
    html.text(&format!(
        "{} {} ({})",
        report.framework,
        report.version,
        report.status.name()
    ));
    html.raw("</summary>\n<p class=\"quiet\">");
    html.text(&format!(
        "{}.{} Data from {} to {}; enough is seen of {:.0} % of {} devices.",
        report.source,
        match &report.checked {
            Some(checked) => format!(" Numbers and subjects of rows were held against {checked}."),
            None => String::new(),
        },
        report.window.0,
        report.window.1,
        report.coverage * 100.0,
        report.devices
    ));
    html.raw("</p>\n<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Row</th>");
    html.raw("<th scope=\"col\">Asks for</th><th scope=\"col\">Finding</th>");
    html.raw("<th scope=\"col\">Evidence: devices of those asked</th></tr></thead>\n<tbody>\n");
    for row in &report.rows {
        html.raw("<tr><th scope=\"row\">")
            .text(&row.id)
            .raw("</th>");
        html.raw("<td>").text(&row.title);
        if let Some(note) = &row.note {
            html.raw("<br><small>").text(note).raw("</small>");
        }
        html.raw("</td>")
            .element("td", row.finding.words())
            .raw("<td>");
        for (place, shown) in row.shown.iter().enumerate() {
            if place > 0 {
                html.raw("<br>");
            }
            let (devices, asked) = (shown.shown, shown.asked);
            html.text(&format!("{}: {devices} of {asked}", shown.evidence.words()));
        }
        html.raw("</td></tr>\n");
    }
    html.raw("</tbody>\n</table></div>\n</details>\n");
}

/// By what all was judged.
pub fn sources(html: &mut Html, assessed: &Assessed) {
    html.raw("<h2 id=\"sources\">What it was judged by</h2>\n");
    let feeds = &assessed.basis.feeds;
    if feeds.list.is_empty() {
        html.raw("<div class=\"notice\"><p>No feeds of known vulnerabilities were given: only ");
        html.raw("what the traffic itself shows counts. Give some with --feeds.</p></div>\n");
        return;
    }
    html.raw("<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Feed</th>");
    html.raw("<th scope=\"col\">From</th><th scope=\"col\">Version, date</th>");
    html.raw("<th scope=\"col\" class=\"number\">Records</th>");
    html.raw("<th scope=\"col\" class=\"number\">Not taken</th>");
    html.raw("<th scope=\"col\">SHA-256</th></tr></thead>\n<tbody>\n");
    rows(html, feeds);
    html.raw("</tbody>\n</table></div>\n");
    let (urls, hashes) = feeds.indicators.unseen();
    if urls + hashes > 0 {
        let text = format!(
            "Of the indicators {} URLs and {} file hashes are not looked for: paths and files of \
             the traffic are not kept. Addresses and names are.",
            count(urls as u64),
            count(hashes as u64)
        );
        html.element("p", &text);
    }
    if !feeds.refused.is_empty() {
        html.element("h3", "Feeds that were not taken")
            .raw("<ul>\n");
        for refused in feeds.refused.iter().take(REFUSED_MAX) {
            let text = format!("{}: {}", refused.path, refused.refusal);
            html.element("li", &text).raw("\n");
        }
        let more = feeds.refused.len().saturating_sub(REFUSED_MAX);
        if more > 0 {
            let text = format!("and {} more", count(more as u64));
            html.element("li", &text).raw("\n");
        }
        html.raw("</ul>\n");
    }
}

fn rows(html: &mut Html, feeds: &Feeds) {
    let mut last = None;
    let mut listed = 0;
    for feed in &feeds.list {
        listed = if last == Some(feed.kind) {
            listed + 1
        } else {
            0
        };
        last = Some(feed.kind);
        if listed == FEEDS_MAX {
            let all = feeds.list.iter().filter(|other| other.kind == feed.kind);
            let more = all.count().saturating_sub(FEEDS_MAX);
            html.raw("<tr><th scope=\"row\">").text(feed.kind.name());
            html.raw("</th><td colspan=\"5\">");
            html.text(&format!("and {} more files", count(more as u64)));
            html.raw("</td></tr>\n");
        }
        if listed >= FEEDS_MAX {
            continue;
        }
        let superseded = if feed.superseded { " (superseded)" } else { "" };
        html.raw("<tr><th scope=\"row\">")
            .text(feed.kind.name())
            .raw("<br><small>");
        html.text(&format!("{}{superseded}", feed.path))
            .raw("</small></th>");
        html.element("td", feed.source.as_deref().unwrap_or("not stated"));
        let parts = [feed.version.as_deref(), feed.date.as_deref()];
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        html.element("td", &parts.join(", "));
        html.raw("<td class=\"number\">").text(&count(feed.records));
        html.raw("</td><td class=\"number\">")
            .text(&count(feed.rejected));
        html.raw("</td><td><small>")
            .text(&feed.sha256)
            .raw("</small></td></tr>\n");
    }
}
