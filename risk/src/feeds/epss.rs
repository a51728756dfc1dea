//! FIRST's exploit prediction scores: the daily CSV with its line of model version and date. A
//! probability outside 0–1 is refused, never clipped.

use std::io::Read;
use std::sync::Arc;

use hashbrown::HashMap;
use serde::Serialize;

use super::cve::CveId;
use super::lines::{self, Line};
use super::refusal::{Refusal, quoted};
use super::report::Feed;
use super::when;

/// What the model says of one CVE.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Epss {
    /// Probability of exploitation within 30 days, 0–1. The only number that enters arithmetic.
    pub probability: f64,
    /// Share of CVEs scored the same or lower, 0–1. For display.
    pub percentile: f64,
    /// The model's version, as the file states it.
    #[serde(serialize_with = "when::shown")]
    pub model: Arc<str>,
    /// The day of the score.
    #[serde(serialize_with = "when::shown")]
    pub date: Arc<str>,
}

/// The scores of one day, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Scores {
    /// The model's version, as the file states it.
    pub model: Arc<str>,
    /// The day of the scores.
    pub date: Arc<str>,
    /// The same, seconds since the epoch.
    pub dated: i64,
    scores: HashMap<CveId, (f64, f64)>,
}

impl Scores {
    /// What is known of a CVE.
    pub fn get(&self, cve: CveId) -> Option<Epss> {
        let (probability, percentile) = *self.scores.get(&cve)?;
        Some(Epss {
            probability,
            percentile,
            model: Arc::clone(&self.model),
            date: Arc::clone(&self.date),
        })
    }

    /// CVEs with a score.
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// Nothing is known.
    pub fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }
}

/// What the lines before the first score say.
#[derive(Default)]
struct Head {
    model: Option<String>,
    date: Option<String>,
    columns: Option<[usize; 3]>,
}

/// Reads one day.
pub fn read(reader: impl Read, feed: &mut Feed) -> Result<Scores, Refusal> {
    let mut head = Head::default();
    let mut scores = Scores::default();
    let mut index = 0;
    lines::read(reader, |line| {
        let Some(columns) = head.columns else {
            return head.take(&line);
        };
        let row = line.bytes.ok_or("the line is too long".to_owned());
        match row.and_then(|row| score(row, columns)) {
            Err(reason) => feed.reject(Some(line.number), index, reason),
            Ok((cve, score)) => match scores.scores.entry(cve) {
                hashbrown::hash_map::Entry::Occupied(_) => {
                    feed.reject(
                        Some(line.number),
                        index,
                        format!("{cve} stands there twice"),
                    );
                }
                hashbrown::hash_map::Entry::Vacant(place) => {
                    place.insert(score);
                    feed.records += 1;
                }
            },
        }
        index += 1;
        Ok(())
    })?;
    let missing = |what: &str| {
        Refusal::of_file(format!(
            "it has no {what}: the first line is `#model_version:…,score_date:…`"
        ))
    };
    let model = head.model.ok_or_else(|| missing("model_version"))?;
    let date = head.date.ok_or_else(|| missing("score_date"))?;
    scores.dated = when::seconds(&date)
        .ok_or_else(|| Refusal::of_file(format!("score_date {} is no time", quoted(&date))))?;
    if scores.is_empty() {
        return Err(feed
            .check()
            .err()
            .unwrap_or_else(|| Refusal::of_file("it has no score")));
    }
    scores.model = model.as_str().into();
    scores.date = when::day(scores.dated).into();
    feed.source = Some("FIRST".to_owned());
    feed.version = Some(model);
    feed.date = Some(date);
    Ok(scores)
}

impl Head {
    fn take(&mut self, line: &Line<'_>) -> Result<(), Refusal> {
        let text = line.bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| Refusal::at(line.number, "the head is no text"))?;
        if let Some(comment) = text.strip_prefix('#') {
            for part in comment.trim_matches('"').split(',') {
                match part.trim().split_once(':') {
                    Some(("model_version", value)) => self.model = Some(value.trim().to_owned()),
                    Some(("score_date", value)) => self.date = Some(value.trim().to_owned()),
                    _ => {}
                }
            }
            return Ok(());
        }
        let names: Vec<_> = text
            .split(',')
            .map(|name| name.trim().trim_matches('"'))
            .collect();
        let column = |wanted: &str| names.iter().position(|name| *name == wanted);
        let found = (column("cve"), column("epss"), column("percentile"));
        let (Some(cve), Some(epss), Some(percentile)) = found else {
            let reason = "the columns `cve`, `epss` and `percentile` are expected";
            return Err(Refusal::at(line.number, reason));
        };
        self.columns = Some([cve, epss, percentile]);
        Ok(())
    }
}

fn score(row: &[u8], [cve, epss, percentile]: [usize; 3]) -> Result<(CveId, (f64, f64)), String> {
    let row = std::str::from_utf8(row).map_err(|_| "the line is no text".to_owned())?;
    let column = |at: usize| {
        let text = row
            .split(',')
            .nth(at)
            .map(|text| text.trim().trim_matches('"'));
        text.ok_or_else(|| "the line is cut short".to_owned())
    };
    let cve = column(cve)?
        .parse::<CveId>()
        .map_err(|error| error.to_string())?;
    let share = |name: &str, text: &str| {
        let value = text
            .parse::<f64>()
            .ok()
            .filter(|value| (0.0..=1.0).contains(value));
        value.ok_or_else(|| format!("{name} {} is not between 0 and 1", quoted(text)))
    };
    let probability = share("epss", column(epss)?)?;
    let percentile = share("percentile", column(percentile)?)?;
    Ok((cve, (probability, percentile)))
}
