//! FDA's product classification, `foiclass.txt`: for each three-letter product code the device
//! class and the flags for implants and for what sustains life. Definitions are left out.

use std::collections::BTreeMap;
use std::io::Read;

use serde::Serialize;

use crate::feeds::lines::{self, Line};
use crate::feeds::refusal::{Refusal, quoted};
use crate::feeds::report::Feed;

/// What the FDA says of one product code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceClass {
    /// What such devices are called.
    pub name: String,
    /// 1 to 3; `None` where it is not classified.
    pub class: Option<u8>,
    /// It is implanted.
    pub implant: bool,
    /// It sustains or supports life.
    pub life_sustaining: bool,
}

/// Every product code.
#[derive(Clone, Debug, Default)]
pub struct Classes(BTreeMap<String, DeviceClass>);

impl Classes {
    /// What is known of a product code, in capitals.
    pub fn get(&self, code: &str) -> Option<&DeviceClass> {
        self.0.get(code)
    }

    /// Product codes that are known.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// None is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Where the columns stand.
struct Columns {
    count: usize,
    code: usize,
    name: usize,
    class: usize,
    implant: usize,
    life: usize,
}

/// Reads the file.
pub fn read(reader: impl Read, feed: &mut Feed) -> Result<Classes, Refusal> {
    let mut classes = Classes::default();
    let mut columns: Option<Columns> = None;
    let mut index = 0;
    lines::read(reader, |line| {
        let Some(columns) = &columns else {
            columns = Some(head(&line)?);
            return Ok(());
        };
        match row(&line, columns) {
            Err(reason) => feed.reject(Some(line.number), index, reason),
            Ok((code, _)) if classes.0.contains_key(&code) => {
                feed.reject(
                    Some(line.number),
                    index,
                    format!("{code} stands there twice"),
                );
            }
            Ok((code, class)) => {
                feed.records += 1;
                classes.0.insert(code, class);
            }
        }
        index += 1;
        Ok(())
    })?;
    if classes.0.is_empty() {
        return Err(Refusal::of_file("it has no product code"));
    }
    feed.source = Some("FDA".to_owned());
    Ok(classes)
}

/// The text of a line; the FDA writes Windows' Western letters.
fn text(line: &Line<'_>) -> Result<String, String> {
    let bytes = line.bytes.ok_or("the line is too long")?;
    Ok(match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| *byte as char).collect(),
    })
}

fn head(line: &Line<'_>) -> Result<Columns, Refusal> {
    let text = text(line)
        .map_err(|reason| Refusal::at(line.number, reason))?
        .to_uppercase();
    let names: Vec<_> = text.split('|').map(str::trim).collect();
    let find = |name: &str| {
        let found = names.iter().position(|found| *found == name);
        found.ok_or_else(|| Refusal::at(line.number, format!("it has no column {name}")))
    };
    Ok(Columns {
        count: names.len(),
        code: find("PRODUCTCODE")?,
        name: find("DEVICENAME")?,
        class: find("DEVICECLASS")?,
        implant: find("IMPLANT_FLAG")?,
        life: find("LIFE_SUSTAIN_SUPPORT_FLAG")?,
    })
}

fn row(line: &Line<'_>, columns: &Columns) -> Result<(String, DeviceClass), String> {
    let text = text(line)?;
    let fields: Vec<_> = text.split('|').map(str::trim).collect();
    if fields.len() != columns.count {
        let (found, count) = (fields.len(), columns.count);
        return Err(format!("it has {found} columns, the head has {count}"));
    }
    let field = |at: usize| fields.get(at).copied().unwrap_or_default();
    let code = field(columns.code);
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(format!(
            "{} is no product code: three capitals",
            quoted(code)
        ));
    }
    let flag = |name: &str, at: usize| match field(at) {
        "Y" => Ok(true),
        "N" | "" => Ok(false),
        other => Err(format!("{name} {} is neither Y nor N", quoted(other))),
    };
    let class = match field(columns.class) {
        "1" => Some(1),
        "2" => Some(2),
        "3" => Some(3),
        // Unclassified, not classified, humanitarian use.
        "U" | "N" | "F" | "f" | "" => None,
        other => return Err(format!("device class {} is not known", quoted(other))),
    };
    let name = field(columns.name).chars().take(200).collect();
    Ok((
        code.to_owned(),
        DeviceClass {
            name,
            class,
            implant: flag("implant flag", columns.implant)?,
            life_sustaining: flag("life-sustain flag", columns.life)?,
        },
    ))
}
