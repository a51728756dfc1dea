//! A manufacturer's answers on security (MDS2, HN 1-2019): a spreadsheet saved as CSV, or JSON of
//! our own. It keeps questions and answers; notes and contacts, which name people, are left out.

use std::collections::BTreeMap;
use std::io::Read;

use serde::{Deserialize, Serialize};

use super::document;
use super::limits::TEXT_BYTES_MAX;
use super::refusal::{Refusal, quoted};
use super::report::Feed;

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Yes.
    Yes,
    /// No.
    No,
    /// It does not apply.
    NotApplicable,
    /// A note explains it.
    SeeNote,
}

impl Answer {
    fn parse(text: &str) -> Option<Self> {
        match text.trim().to_lowercase().as_str() {
            "yes" => Some(Self::Yes),
            "no" => Some(Self::No),
            "n/a" | "na" | "not applicable" => Some(Self::NotApplicable),
            "see note" | "see notes" => Some(Self::SeeNote),
            _ => None,
        }
    }
}

/// One question with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answered {
    /// The question, where the file has its text.
    pub question: String,
    /// The answer.
    pub answer: Answer,
}

/// The answers about one model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mds2 {
    /// Who makes it.
    pub manufacturer: String,
    /// The model.
    pub model: String,
    /// Answers by the number of the question, `MPII-1`.
    pub answers: BTreeMap<String, Answered>,
}

impl Mds2 {
    /// The answer to a question.
    pub fn answer(&self, id: &str) -> Option<Answer> {
        self.answers.get(id).map(|answered| answered.answer)
    }

    /// Yes or no to the first question of a section (`AUTH`, `TXCF`) whose text has these words.
    pub fn says(&self, section: &str, words: &[&str]) -> Option<bool> {
        let found = self.answers.iter().find(|(id, answered)| {
            let question = answered.question.to_lowercase();
            let in_section = id.split('-').next() == Some(section);
            in_section && words.iter().all(|word| question.contains(word))
        });
        match found?.1.answer {
            Answer::Yes => Some(true),
            Answer::No => Some(false),
            Answer::NotApplicable | Answer::SeeNote => None,
        }
    }
}

/// Numbers of the questions that tell what the form is about.
const MANUFACTURER: &str = "DOC-1";
const MODEL: &str = "DOC-3";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    #[serde(alias = "mds2_version")]
    mds2: String,
    manufacturer: String,
    model: String,
    answers: Vec<JsonAnswer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonAnswer {
    id: String,
    #[serde(default)]
    question: String,
    answer: String,
}

/// `MPII-1`, `AUTH-1.2`.
fn is_id(text: &str) -> bool {
    let Some((section, number)) = text.split_once('-') else {
        return false;
    };
    (2..=5).contains(&section.len())
        && section.bytes().all(|byte| byte.is_ascii_uppercase())
        && !number.is_empty()
        && number.len() <= 12
        && number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Reads the form, in either shape.
pub fn read(reader: impl Read, is_json: bool, feed: &mut Feed) -> Result<Mds2, Refusal> {
    let found = match is_json {
        true => read_json(reader, feed)?,
        false => read_csv(reader, feed)?,
    };
    if found.manufacturer.is_empty() || found.model.is_empty() {
        let reason = format!("it names no manufacturer ({MANUFACTURER}), or no model ({MODEL})");
        return Err(Refusal::of_file(reason));
    }
    feed.check()?;
    feed.source = Some(found.manufacturer.clone());
    Ok(found)
}

fn read_json(reader: impl Read, feed: &mut Feed) -> Result<Mds2, Refusal> {
    let json: Json = serde_json::from_reader(std::io::BufReader::new(document::bounded(reader)))
        .map_err(|error| Refusal::json(1, &error))?;
    if json.mds2 != "2019" {
        let version = quoted(&json.mds2);
        return Err(Refusal::of_file(format!(
            "its version is {version}, 2019 is read"
        )));
    }
    let mut answers = BTreeMap::new();
    for (index, row) in json.answers.into_iter().enumerate() {
        add(
            feed,
            &mut answers,
            (None, index as u64),
            &row.id,
            &row.question,
            Some(&row.answer),
        );
    }
    feed.version = Some(json.mds2);
    Ok(Mds2 {
        manufacturer: json.manufacturer.trim().to_owned(),
        model: json.model.trim().to_owned(),
        answers,
    })
}

fn read_csv(reader: impl Read, feed: &mut Feed) -> Result<Mds2, Refusal> {
    let mut csv = csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .from_reader(document::bounded(reader));
    let mut found = Mds2 {
        manufacturer: String::new(),
        model: String::new(),
        answers: BTreeMap::new(),
    };
    let mut row = csv::ByteRecord::new();
    let mut index = 0;
    loop {
        let line = csv.position().line();
        let more = csv.read_byte_record(&mut row);
        if !more.map_err(|error| Refusal::at(line, error.to_string()))? {
            break;
        }
        let cells: Vec<String> = row
            .iter()
            .map(|cell| String::from_utf8_lossy(cell).trim().to_owned())
            .collect();
        let Some(at) = cells.iter().position(|cell| is_id(cell)) else {
            continue;
        };
        let id = cells.get(at).map(String::as_str).unwrap_or_default();
        let rest = cells.get(at + 1..).unwrap_or_default();
        let question = rest.first().map(String::as_str).unwrap_or_default();
        let mut values = rest.iter().skip(1).filter(|cell| !cell.is_empty());
        if id.starts_with("DOC-") {
            let value = values.next().cloned().unwrap_or_default();
            match id {
                MANUFACTURER if value.len() <= TEXT_BYTES_MAX => found.manufacturer = value,
                MODEL if value.len() <= TEXT_BYTES_MAX => found.model = value,
                // Contacts and texts.
                _ => {}
            }
            continue;
        }
        let answer = values.find(|cell| Answer::parse(cell).is_some());
        let place = (Some(line), index);
        add(
            feed,
            &mut found.answers,
            place,
            id,
            question,
            answer.map(String::as_str),
        );
        index += 1;
    }
    if found.answers.is_empty() {
        return Err(Refusal::of_file(
            "it has no question of MDS2, such as MPII-1",
        ));
    }
    feed.version = Some("2019".to_owned());
    Ok(found)
}

fn add(
    feed: &mut Feed,
    answers: &mut BTreeMap<String, Answered>,
    (line, index): (Option<u64>, u64),
    id: &str,
    question: &str,
    answer: Option<&str>,
) {
    let Some(text) = answer.filter(|answer| !answer.is_empty()) else {
        feed.skip(line, index, format!("{} is not answered", quoted(id)));
        return;
    };
    let Some(answer) = Answer::parse(text) else {
        let reason = format!("{} is neither Yes, No, N/A nor See Note", quoted(text));
        feed.reject(line, index, reason);
        return;
    };
    if !is_id(id) || question.len() > TEXT_BYTES_MAX {
        feed.reject(
            line,
            index,
            format!("{} is no number of a question", quoted(id)),
        );
        return;
    }
    if answers.contains_key(id) {
        feed.reject(line, index, format!("{} is answered twice", quoted(id)));
        return;
    }
    feed.records += 1;
    let question = question.to_owned();
    answers.insert(id.to_owned(), Answered { question, answer });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feeds::Feeds;

    #[test]
    fn spreadsheets_and_json_say_the_same() {
        let csv = "MDS2 2019,,,\n,DOC-1,Manufacturer Name,Example Medical,\n\
                   ,DOC-3,Device Model,Pump 1,\n,DOC-5,Manufacturer Contact,somebody,\n\
                   ,MPII-1,\"Can it display, transmit, store personal data?\",Yes,__\n\
                   ,TXCF-2,Is it encrypted prior to transmission via a network?,No,Note 1\n\
                   ,AUTH-1,Does the device prevent access?,,\n";
        let json = r#"{"mds2": "2019", "manufacturer": "Example Medical", "model": "Pump 1",
            "answers": [{"id": "MPII-1", "answer": "Yes"},
            {"id": "TXCF-2", "question": "Is it encrypted?", "answer": "no"}]}"#;
        for (name, text) in [("m.csv", csv), ("m.json", json)] {
            let feeds = Feeds::read_bytes([(name, text.as_bytes())]);
            assert_eq!(feeds.refused, []);
            let form = &feeds.mds2[0];
            assert_eq!(
                (form.manufacturer.as_str(), form.model.as_str()),
                ("Example Medical", "Pump 1")
            );
            assert_eq!(form.answer("MPII-1"), Some(Answer::Yes));
            assert_eq!(form.says("TXCF", &["encrypted"]), Some(false));
            assert_eq!(form.answer("DOC-5"), None);
        }
    }

    #[test]
    fn wrong_answers_are_told() {
        let text = r#"{"mds2": "2019", "manufacturer": "m", "model": "x", "answers": [
            {"id": "MPII-1", "answer": "Yes"}, {"id": "MPII-1", "answer": "No"},
            {"id": "MPII-2", "answer": "perhaps"}]}"#;
        let feeds = Feeds::read_bytes([("m.json", text.as_bytes())]);
        let rejects: Vec<_> = feeds.list[0]
            .rejects
            .iter()
            .map(|one| one.reason.as_str())
            .collect();
        assert_eq!(
            rejects,
            [
                "`MPII-1` is answered twice",
                "`perhaps` is neither Yes, No, N/A nor See Note"
            ]
        );
        let text = r#"{"mds2": "2013", "manufacturer": "m", "model": "x", "answers": []}"#;
        assert_eq!(
            Feeds::read_bytes([("m.json", text.as_bytes())])
                .refused
                .len(),
            1
        );
    }
}
