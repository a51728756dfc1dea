//! Utilisation by hour of the week: seven rows of twenty-four. It shows counts of what was done,
//! and says nothing of hours that nobody watched.

use medtap_inventory::model::Device;

use super::html::Html;

/// Hours of a day, days of a week.
const HOURS: usize = 24;
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Colours, from nothing to the most.
const LEVELS: usize = 5;
const CLASSES: [&str; LEVELS] = ["heat-0", "heat-1", "heat-2", "heat-3", "heat-4"];
/// Side of a square, with its gap.
const SIDE: f64 = 20.0;
const GAP: f64 = 2.0;
/// Room for the names of days and hours.
const LEFT: f64 = 34.0;
const TOP: f64 = 18.0;
/// Every so many hours are written out.
const HOUR_STEP: usize = 3;

/// What devices did, by hour of the week from Monday 00:00 UTC.
pub fn sum<'a>(devices: impl Iterator<Item = &'a Device>) -> Vec<u64> {
    let mut sums = vec![0u64; HOURS * DAYS.len()];
    for activity in devices.flat_map(|device| device.activity.values()) {
        for (sum, number) in sums.iter_mut().zip(&activity.hours) {
            *sum = sum.saturating_add(*number);
        }
    }
    sums
}

/// Draws the map; `name` is what it is of.
pub fn draw(html: &mut Html, name: &str, hours: &[u64]) {
    let most = hours.iter().copied().max().unwrap_or(0);
    html.raw("<svg viewBox=\"0 0 516 162\" width=\"516\" height=\"162\" role=\"img\"");
    html.attribute("aria-label", &format!("{name}: {}", described(hours)));
    html.raw(">\n");
    for hour in (0..HOURS).step_by(HOUR_STEP) {
        html.raw("<text class=\"quiet\"");
        html.place("x", LEFT + hour as f64 * SIDE);
        html.raw(" y=\"12\">")
            .text(&format!("{hour:02}"))
            .raw("</text>");
    }
    for (day, name) in DAYS.iter().enumerate() {
        let top = TOP + day as f64 * SIDE;
        html.raw("<text class=\"quiet\" x=\"0\"")
            .place("y", top + 13.0);
        html.raw(">").text(name).raw("</text>\n");
        for hour in 0..HOURS {
            let count = hours.get(day * HOURS + hour).copied().unwrap_or(0);
            html.raw("<rect").attribute("class", class(count, most));
            html.place("x", LEFT + hour as f64 * SIDE).place("y", top);
            html.place("width", SIDE - GAP).place("height", SIDE - GAP);
            html.raw(" rx=\"2\">");
            if count > 0 {
                let text = format!("{name} {hour:02}:00 UTC: {count}");
                html.element("title", &text);
            }
            html.raw("</rect>");
        }
    }
    html.raw("</svg>\n");
}

/// The colour of a count: nothing has its own, the rest by share of the most.
fn class(count: u64, most: u64) -> &'static str {
    let steps = (LEVELS - 1) as u64;
    let level = match (count, most) {
        (0, _) | (_, 0) => 0,
        (count, most) => u128::from(count) * u128::from(steps) / u128::from(most) + 1,
    };
    let level = usize::try_from(level).unwrap_or(LEVELS).min(LEVELS - 1);
    CLASSES.get(level).copied().unwrap_or("heat-0")
}

/// The map in words.
pub fn described(hours: &[u64]) -> String {
    let most = hours.iter().copied().enumerate().max_by_key(|&(hour, n)| {
        // The first of several.
        (n, std::cmp::Reverse(hour))
    });
    let Some((hour, count)) = most.filter(|(_, count)| *count > 0) else {
        return "nothing was seen".to_owned();
    };
    let used = hours.iter().filter(|count| **count > 0).count();
    let day = DAYS.get(hour / HOURS).copied().unwrap_or("");
    let hour = hour % HOURS;
    format!("something was done in {used} of 168 hours, most on {day} {hour:02}:00 UTC ({count})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_from_nothing_to_the_most() {
        let classes = [0, 1, 25, 50, 75, 100].map(|count| class(count, 100));
        assert_eq!(
            classes,
            ["heat-0", "heat-1", "heat-2", "heat-3", "heat-4", "heat-4"]
        );
        assert_eq!(class(0, 0), "heat-0");
        assert_eq!(class(u64::MAX, u64::MAX), "heat-4");
    }

    #[test]
    fn words_say_what_squares_show() {
        let mut hours = vec![0; 168];
        assert_eq!(described(&hours), "nothing was seen");
        hours[25] = 7;
        hours[30] = 7;
        assert_eq!(
            described(&hours),
            "something was done in 2 of 168 hours, most on Tue 01:00 UTC (7)"
        );
    }
}
