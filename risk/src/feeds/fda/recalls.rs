//! openFDA's device recalls and enforcement reports, as JSON. It keeps what was recalled, by whom,
//! why and since when; addresses and distribution lists are left out.

use std::collections::BTreeMap;
use std::io::Read;

use serde::{Deserialize, Serialize};

use crate::feeds::limits::DETAILS_CHARS_MAX;
use crate::feeds::records;
use crate::feeds::refusal::{Refusal, quoted};
use crate::feeds::report::Feed;
use crate::feeds::when;

/// One recall of one product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recall {
    /// FDA's number, `Z-1234-2025`.
    pub number: String,
    /// The day that the firm began it.
    pub initiated: String,
    /// `I`, `II`, `III`: how dangerous it is, where it is classified.
    pub class: Option<String>,
    /// It goes on.
    pub open: bool,
    /// The product code, where it is told.
    pub product_code: Option<String>,
    /// Who recalls.
    pub firm: String,
    /// What, cut.
    pub product: String,
    /// Why, cut.
    pub reason: String,
}

/// Every recall, by number.
#[derive(Clone, Debug, Default)]
pub struct Recalls(pub(in crate::feeds) BTreeMap<String, Recall>);

impl Recalls {
    /// All of them, by number.
    pub fn iter(&self) -> impl Iterator<Item = &Recall> {
        self.0.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes those of another file. Of two about the same number the open, longer one stays.
    pub(in crate::feeds) fn merge(&mut self, other: Self) {
        for (number, recall) in other.0 {
            let rank = |recall: &Recall| {
                let told = recall.class.is_some();
                (
                    told,
                    recall.open,
                    recall.product.clone(),
                    recall.reason.clone(),
                )
            };
            let old = self.0.get(&number);
            if old.is_none_or(|old| rank(&recall) > rank(old)) {
                self.0.insert(number, recall);
            }
        }
    }
}

#[derive(Deserialize)]
struct Row {
    #[serde(alias = "recall_number")]
    product_res_number: Option<String>,
    #[serde(alias = "recall_initiation_date")]
    event_date_initiated: Option<String>,
    classification: Option<String>,
    #[serde(alias = "status")]
    recall_status: Option<String>,
    product_code: Option<String>,
    recalling_firm: Option<String>,
    product_description: Option<String>,
    reason_for_recall: Option<String>,
}

impl Row {
    fn recall(self) -> Result<Recall, String> {
        let short = |text: String| text.chars().take(DETAILS_CHARS_MAX).collect::<String>();
        let number = self.product_res_number.unwrap_or_default();
        if number.is_empty() || number.len() > 40 {
            return Err(format!("{} is no number of a recall", quoted(&number)));
        }
        let date = self.event_date_initiated.unwrap_or_default();
        let spelled = match date.len() {
            8 => [date.get(..4), date.get(4..6), date.get(6..)]
                .map(Option::unwrap_or_default)
                .join("-"),
            _ => date.clone(),
        };
        let initiated = when::date(&spelled)
            .ok_or_else(|| format!("the date {} is none", quoted(&date)))?
            .to_string();
        let class = self
            .classification
            .as_deref()
            .and_then(|class| class.strip_prefix("Class "));
        let status = self.recall_status.unwrap_or_default().to_lowercase();
        let firm = self.recalling_firm.unwrap_or_default();
        let product = self.product_description.unwrap_or_default();
        if firm.trim().is_empty() || product.trim().is_empty() {
            return Err("it names no firm, or no product".to_owned());
        }
        Ok(Recall {
            number,
            initiated,
            class: class
                .filter(|class| matches!(*class, "I" | "II" | "III"))
                .map(str::to_owned),
            open: !(status.contains("terminated") || status.contains("completed")),
            product_code: self.product_code.filter(|code| code.len() == 3),
            firm: short(firm),
            product: short(product),
            reason: short(self.reason_for_recall.unwrap_or_default()),
        })
    }
}

/// Reads one file.
pub fn read(reader: impl Read, feed: &mut Feed) -> Result<Recalls, Refusal> {
    let mut recalls = Recalls::default();
    let head = records::read(reader, "results", |record| {
        let row = serde_json::from_slice::<Row>(record.bytes);
        let row = row.map_err(|error| Refusal::json(1, &error).reason);
        match row.and_then(Row::recall) {
            Err(reason) => feed.reject(Some(record.line), record.index, reason),
            Ok(recall) if recalls.0.contains_key(&recall.number) => {
                let reason = format!("{} stands there twice", recall.number);
                feed.reject(Some(record.line), record.index, reason);
            }
            Ok(recall) => {
                feed.records += 1;
                recalls.0.insert(recall.number.clone(), recall);
            }
        }
    })?;
    let updated = head.get("meta").and_then(|meta| meta.get("last_updated"));
    feed.date = updated
        .and_then(serde_json::Value::as_str)
        .map(str::to_owned);
    feed.source = Some("openFDA".to_owned());
    Ok(recalls)
}
