//! Plots as SVG inside a page: axes, lines, a legend. It knows nothing of what it draws.

use std::fmt::Write;

/// Size of a plot, and the room around its field, in pixels.
const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 170.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 52.0;

/// Colours that differ for most eyes, used in turn.
const COLOURS: [&str; 9] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a5fd3", "#7f8c1f",
    "#a0522d",
];

/// One axis.
pub struct Axis {
    /// What it shows, with its unit.
    pub label: &'static str,
    /// Equal factors are equally far apart.
    pub is_log: bool,
    /// The ends.
    pub range: [f64; 2],
    /// Values with a line and a text.
    pub ticks: Vec<(f64, String)>,
}

/// One line with its points.
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Points by their place on the axes.
    pub points: Vec<(f64, f64)>,
    /// Thin, dashed, without points: what was calculated.
    pub is_calculated: bool,
}

impl Axis {
    /// From zero to a little above the largest value, with round steps.
    pub fn from_zero(label: &'static str, values: impl Iterator<Item = f64>) -> Self {
        let most = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
        let most = if most > 0.0 { most * 1.08 } else { 1.0 };
        let rough = most / 6.0;
        let unit = 10f64.powf(rough.log10().floor());
        let factor = [1.0, 2.0, 5.0]
            .into_iter()
            .find(|factor| factor * unit >= rough);
        let step = factor.unwrap_or(10.0) * unit;
        let digits = (-step.log10().floor()).max(0.0) as usize;
        let count = (most / step).floor() as u32;
        let tick = |number: u32| {
            let value = f64::from(number) * step;
            (value, format!("{value:.digits$}"))
        };
        Self {
            label,
            is_log: false,
            range: [0.0, most],
            ticks: (0..=count).map(tick).collect(),
        }
    }

    /// Whole powers of ten around all values.
    pub fn decades(label: &'static str, values: impl Iterator<Item = f64>) -> Self {
        let (mut low, mut high) = (f64::MAX, f64::MIN);
        for value in values.filter(|value| *value > 0.0) {
            (low, high) = (low.min(value), high.max(value));
        }
        let (low, high) = if low > high { (1.0, 10.0) } else { (low, high) };
        let first = low.log10().floor() as i32;
        let last = (high.log10().ceil() as i32).max(first + 1);
        let tick = |power: i32| {
            let value = 10f64.powi(power);
            (value, format!("{value}"))
        };
        Self {
            label,
            is_log: true,
            range: [10f64.powi(first), 10f64.powi(last)],
            ticks: (first..=last).map(tick).collect(),
        }
    }

    /// Where a value lies, 0 to 1.
    fn place(&self, value: f64) -> f64 {
        let [low, high] = self.range;
        let share = match self.is_log {
            true => (value.max(low) / low).ln() / (high / low).ln(),
            false => (value - low) / (high - low),
        };
        share.clamp(0.0, 1.0)
    }
}

/// Draws series over two axes.
pub fn plot(x: &Axis, y: &Axis, series: &[Series]) -> String {
    let across = |value: f64| LEFT + x.place(value) * (WIDTH - LEFT - RIGHT);
    let up = |value: f64| HEIGHT - BOTTOM - y.place(value) * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">");
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for (value, text) in &x.ticks {
        let at = across(*value);
        line(&mut svg, [at, TOP, at, bottom], "grid", "");
        label(&mut svg, [at, bottom + 18.0], "middle", text);
    }
    for (value, text) in &y.ticks {
        let at = up(*value);
        line(&mut svg, [LEFT, at, right, at], "grid", "");
        label(&mut svg, [LEFT - 8.0, at + 4.0], "end", text);
    }
    label(
        &mut svg,
        [f64::midpoint(LEFT, right), HEIGHT - 10.0],
        "middle",
        x.label,
    );
    let middle = f64::midpoint(TOP, bottom);
    let _ = write!(
        svg,
        "<text x=\"16\" y=\"{middle}\" text-anchor=\"middle\" \
         transform=\"rotate(-90 16 {middle})\">{}</text>",
        escape(y.label)
    );
    for (number, series) in series.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let points = series.points.iter().map(|(a, b)| (across(*a), up(*b)));
        let path = points.clone().map(|(a, b)| format!("{a:.1},{b:.1}"));
        let dashes = if series.is_calculated {
            "stroke-dasharray=\"5 4\" stroke-width=\"1\""
        } else {
            ""
        };
        let _ = write!(
            svg,
            "<polyline points=\"{}\" stroke=\"{colour}\" {dashes}/>",
            path.collect::<Vec<_>>().join(" ")
        );
        if !series.is_calculated {
            for (a, b) in points {
                let _ = write!(
                    svg,
                    "<circle cx=\"{a:.1}\" cy=\"{b:.1}\" r=\"3\" fill=\"{colour}\"/>"
                );
            }
        }
        let at = TOP + 8.0 + 20.0 * number as f64;
        let style = format!("stroke=\"{colour}\" {dashes}");
        line(
            &mut svg,
            [right + 14.0, at, right + 34.0, at],
            "key",
            &style,
        );
        label(&mut svg, [right + 40.0, at + 4.0], "start", &series.name);
    }
    svg + "</svg>"
}

fn line(svg: &mut String, [x1, y1, x2, y2]: [f64; 4], class: &str, style: &str) {
    let _ = write!(
        svg,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" \
         class=\"{class}\" {style}/>"
    );
}

fn label(svg: &mut String, [x, y]: [f64; 2], anchor: &str, text: &str) {
    let text = escape(text);
    let _ = write!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
    );
}

/// Text that no browser takes for anything else.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_steps() {
        let axis = Axis::from_zero("x", [0.3, 2.9].into_iter());
        let texts = axis
            .ticks
            .iter()
            .map(|(_, text)| text.as_str())
            .collect::<Vec<_>>();
        assert_eq!(texts, ["0", "1", "2", "3"]);
        let axis = Axis::decades("y", [4.0, 0.0, 300.0].into_iter());
        assert_eq!(axis.range, [1.0, 1000.0]);
        assert_eq!(axis.place(31.622_776_601_683_79), 0.5);
        assert_eq!((axis.place(0.0), axis.place(1e9)), (0.0, 1.0));
        for empty in [
            Axis::from_zero("x", [].into_iter()),
            Axis::decades("y", [].into_iter()),
        ] {
            assert!(empty.place(1.0).is_finite());
        }
    }

    #[test]
    fn names_stay_text() {
        let axis = || Axis::from_zero("a < b", [1.0].into_iter());
        let series = Series {
            name: "<script>".to_owned(),
            points: vec![(0.5, 0.5)],
            is_calculated: false,
        };
        let svg = plot(&axis(), &axis(), &[series]);
        assert!(svg.contains("&lt;script&gt;") && svg.contains("a &lt; b"));
        assert_eq!(svg.matches('<').count(), svg.matches('>').count());
    }
}
