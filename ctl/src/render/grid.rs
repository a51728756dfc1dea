//! Lists that are no devices: named columns and rows of plain cells, for people and programs. It
//! cuts text to the terminal's width and nowhere else.

use std::io::{self, Write};

use medtap_inventory::model::Time;
use serde_json::{Map, Number, Value};

use super::text::{clean, fit, width};
use super::{Look, csv, json};

/// Columns between two columns.
const GAP: usize = 2;
/// A column is never narrower.
const WIDTH_MIN: usize = 6;
/// Width with which a column of names still says enough, and one of sentences.
const ENOUGH: usize = 16;
const ENOUGH_SENTENCE: usize = 44;
/// Whole numbers that a floating-point number holds exactly.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// How a list is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum GridOutput {
    /// For people
    Table,
    /// For programs: a list of objects, one JSON document
    Json,
    /// For spreadsheets
    Csv,
}

/// A value of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Text, of whatever origin.
    Text(String),
    /// A number.
    Number(f64),
    /// Yes or no.
    Truth(bool),
    /// Not known.
    Empty,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

/// A score as it is shown: what lies below its hundredths is noise of the sums.
pub fn hundredths(score: f64) -> f64 {
    (score * 100.0).round() / 100.0
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Number(number as f64)
    }
}

impl From<usize> for Cell {
    fn from(number: usize) -> Self {
        Self::Number(number as f64)
    }
}

impl From<bool> for Cell {
    fn from(truth: bool) -> Self {
        Self::Truth(truth)
    }
}

impl From<Time> for Cell {
    fn from(time: Time) -> Self {
        Self::Text(time.to_string())
    }
}

impl From<jiff::civil::Date> for Cell {
    fn from(date: jiff::civil::Date) -> Self {
        Self::Text(date.to_string())
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

impl Cell {
    /// As text; nothing where it is not known.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Truth(true) => "yes".to_owned(),
            Self::Truth(false) => "no".to_owned(),
            Self::Empty => String::new(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Text(text) => Value::String(text.clone()),
            Self::Number(number) if number.fract() == 0.0 && number.abs() < WHOLE_MAX => {
                Value::from(*number as i64)
            }
            Self::Number(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
            Self::Truth(truth) => Value::Bool(*truth),
            Self::Empty => Value::Null,
        }
    }
}

/// A table with a name and named columns.
pub struct Grid {
    /// Its name: of a sheet, and of a file.
    pub name: &'static str,
    /// The names of its columns.
    pub columns: Vec<&'static str>,
    /// Its rows, each with as many cells as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

/// Columns that people miss least, the first of them first: left out where there is no room.
const LEFT_OUT: &[&str] = &[
    "exception_devices",
    "data_from",
    "data_to",
    "coverage_percent",
    "note",
    "fix",
    "first_devices",
    "owners",
    "cves",
    "overdue",
    "framework",
    "device_id",
    "unit",
    "low",
    "quietest_window",
    "roles",
    "worst_device",
    "points",
    "high",
    "category",
];

impl Grid {
    /// Writes it as it was asked for.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, output: GridOutput, look: Look, out: &mut dyn Write) -> io::Result<()> {
        match output {
            GridOutput::Table => self.text(look, out),
            GridOutput::Json => self.json(out),
            GridOutput::Csv => self.csv(out),
        }
    }

    /// As comma-separated values.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut rows = csv::Rows::begin(out, self.columns.iter().copied())?;
        for row in &self.rows {
            rows.row(row.iter().map(Cell::text))?;
        }
        rows.end()
    }

    /// As a list of objects.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn json(&self, out: &mut dyn Write) -> io::Result<()> {
        let object = |row: &Vec<Cell>| {
            let fields = self.columns.iter().zip(row);
            let fields = fields.map(|(name, cell)| ((*name).to_owned(), cell.json()));
            Value::Object(fields.collect::<Map<_, _>>())
        };
        let list: Vec<Value> = self.rows.iter().map(object).collect();
        json::pretty(&list, out)
    }

    /// For people: columns side by side, cut to the terminal where there is no room.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn text(&self, look: Look, out: &mut dyn Write) -> io::Result<()> {
        let titles: Vec<String> = self.columns.iter().map(|name| title(name)).collect();
        let rows: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| row.iter().map(shown).collect())
            .collect();
        let mut widths: Vec<usize> = titles.iter().map(|title| width(title)).collect();
        for row in &rows {
            for (own, cell) in widths.iter_mut().zip(row) {
                *own = (*own).max(width(cell));
            }
        }
        let kept = self.kept(&widths, look.width);
        let of_kept = kept.iter().filter_map(|place| widths.get(*place));
        widths = of_kept.copied().collect();
        let names = kept.iter().filter_map(|place| self.columns.get(*place));
        let least: Vec<usize> = names.map(|name| enough(name)).collect();
        shrink(&mut widths, &least, look.width);
        let line = |cells: &[String]| {
            let cells = kept.iter().filter_map(|place| cells.get(*place));
            let cells = cells.zip(&widths).map(|(cell, width)| fit(cell, *width));
            let line = cells.collect::<Vec<_>>().join(&" ".repeat(GAP));
            line.trim_end().to_owned()
        };
        writeln!(out, "{}", look.bold(&line(&titles)))?;
        rows.iter()
            .try_for_each(|row| writeln!(out, "{}", line(row)))
    }
}

impl Grid {
    /// The places of the columns that are shown.
    fn kept(&self, widths: &[usize], room: usize) -> Vec<usize> {
        let says = |place: &usize| {
            let mut cells = self.rows.iter().filter_map(|row| row.get(*place));
            cells.any(|cell| *cell != Cell::Empty && *cell != Cell::Text(String::new()))
        };
        let mut kept: Vec<usize> = (0..self.columns.len()).filter(says).collect();
        for name in LEFT_OUT {
            let least = kept.iter().map(|place| {
                let width = widths.get(*place).copied().unwrap_or(0);
                let enough = self.columns.get(*place).map_or(ENOUGH, |name| enough(name));
                width.min(enough) + GAP
            });
            if least.sum::<usize>() <= room + GAP {
                break;
            }
            kept.retain(|place| self.columns.get(*place) != Some(name));
        }
        kept
    }
}

/// Width with which a column still says enough.
fn enough(name: &str) -> usize {
    match name {
        "what_to_do" | "asks_for" | "evidence" | "driver" => ENOUGH_SENTENCE,
        _ => ENOUGH,
    }
}

fn title(name: &str) -> String {
    name.replace('_', " ").to_uppercase()
}

/// Numbers with one digit behind the point at most: people compare, they do not compute.
fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Number(number) if number.fract() != 0.0 => format!("{number:.1}"),
        other => clean(&other.text()).into_owned(),
    }
}

/// Takes from the widest until all fit: first down to what says enough, then from any.
fn shrink(widths: &mut [usize], least: &[usize], room: usize) {
    let gaps = GAP * widths.len().saturating_sub(1);
    let mut floor: Vec<usize> = least.to_vec();
    while widths.iter().sum::<usize>() + gaps > room {
        let above = widths.iter_mut().zip(&floor);
        let above = above.filter(|(width, floor)| **width > (**floor).max(WIDTH_MIN));
        match above.map(|(width, _)| width).max() {
            Some(widest) => *widest -= 1,
            None if floor.iter().all(|floor| *floor == 0) => return,
            None => floor.fill(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        Grid {
            name: "sample",
            columns: vec!["device_id", "score", "exploited", "name"],
            rows: vec![
                vec!["a".into(), 45.83.into(), true.into(), "=1+1".into()],
                vec![
                    "b".into(),
                    Cell::Empty,
                    false.into(),
                    "\u{1b}[2J long name".into(),
                ],
            ],
        }
    }

    fn written(output: GridOutput, width: usize) -> String {
        let look = Look {
            width,
            colour: false,
        };
        let mut out = Vec::new();
        grid().write(output, look, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn three_ways() {
        assert_eq!(
            written(GridOutput::Table, 80),
            "DEVICE ID  SCORE  EXPLOITED  NAME\n\
             a          45.8   yes        =1+1\n\
             b                 no         \\u{1b}[2J long name\n"
        );
        assert_eq!(
            written(GridOutput::Csv, 80),
            "device_id,score,exploited,name\na,45.83,yes,'=1+1\nb,,no,\\u{1b}[2J long name\n"
        );
        let json: Value = serde_json::from_str(&written(GridOutput::Json, 80)).unwrap();
        assert_eq!(json[0]["score"], 45.83);
        assert_eq!(json[0]["exploited"], true);
        assert_eq!(json[1]["score"], Value::Null);
    }

    #[test]
    fn a_table_fits() {
        for columns in 40..60 {
            let text = written(GridOutput::Table, columns);
            assert!(text.lines().all(|line| width(line) <= columns), "{text}");
        }
    }
}
