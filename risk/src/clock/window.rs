//! When a device may be taken out of use: its quietest four hours of the week. It promises
//! nothing: whether a patient needs the device is asked at the bedside.

use std::fmt;

use crate::subject::Usage;

/// Hours of a week.
const HOURS: usize = 168;

/// Hours that a window has.
const LENGTH: usize = 4;

/// The quietest hours of a week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its first hour; 0 is Monday, 00:00 UTC.
    pub start: usize,
    /// Events in it.
    pub events: u64,
    /// The device is in use now.
    pub in_use: bool,
}

impl Window {
    /// The quietest window of a device, the earliest of the week where several are; `None` where
    /// its use was never seen.
    pub fn of(usage: &Usage) -> Option<Self> {
        let hours = usage.hours.as_deref()?;
        if hours.iter().all(|events| *events == 0) {
            return None;
        }
        let events = |start: usize| -> u64 {
            let week = hours.iter().cycle().skip(start).take(LENGTH);
            week.copied().map(u64::from).sum()
        };
        let start = (0..HOURS).min_by_key(|start| events(*start))?;
        Some(Self {
            start,
            events: events(start),
            in_use: usage.in_use.unwrap_or_default(),
        })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let (first, end) = (self.start % HOURS, (self.start + LENGTH) % HOURS);
        let day = DAYS.get(first / 24).copied().unwrap_or_default();
        write!(f, "{day} {:02}:00-{:02}:00 UTC", first % 24, end % 24)?;
        if self.in_use {
            f.write_str("; the device is in use now")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(hours: [u32; HOURS]) -> Option<String> {
        let usage = Usage {
            hours: Some(Box::new(hours)),
            ..Usage::default()
        };
        Window::of(&usage).map(|window| window.to_string())
    }

    #[test]
    fn the_quietest_hours_may_cross_the_end_of_the_week() {
        let mut hours = [5; HOURS];
        for hour in [166, 167, 0, 1] {
            hours[hour] = 1;
        }
        assert_eq!(window(hours).as_deref(), Some("Sun 22:00-02:00 UTC"));
        assert_eq!(
            window([u32::MAX; HOURS]).as_deref(),
            Some("Mon 00:00-04:00 UTC")
        );
        assert_eq!(window([0; HOURS]), None);
        assert_eq!(Window::of(&Usage::default()), None);
    }

    #[test]
    fn a_device_in_use_is_told() {
        let mut hours = [0; HOURS];
        hours[0] = 1;
        let usage = Usage {
            hours: Some(Box::new(hours)),
            in_use: Some(true),
            ..Usage::default()
        };
        let window = Window::of(&usage).expect("a window");
        assert_eq!(
            window.to_string(),
            "Mon 01:00-05:00 UTC; the device is in use now"
        );
    }
}
