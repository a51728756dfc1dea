//! Which feed a file is, by its content alone: names and folders mean nothing. It reads the
//! beginning of a file and believes no more than the reader of that feed will check.

use super::limits::DEPTH_MAX;
use super::report::Kind;

/// Bytes of a value that are looked at.
const VALUE_BYTES_MAX: usize = 128;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognised {
    /// A feed.
    Feed(Kind),
    /// Something else, in words.
    Other(&'static str),
}

/// Recognises a file by its beginning.
pub fn recognise(beginning: &[u8]) -> Recognised {
    let text = beginning.trim_ascii_start();
    match text.first() {
        None => Recognised::Other("it is empty"),
        Some(b'{' | b'[') => of_json(text),
        Some(_) => of_lines(text),
    }
}

fn of_lines(text: &[u8]) -> Recognised {
    let end = text
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(text.len());
    let line = String::from_utf8_lossy(text.get(..end).unwrap_or_default());
    let line = line.replace('"', "").to_lowercase();
    let columns: Vec<&str> = line.split(',').map(str::trim).collect();
    let has = |name: &str| columns.contains(&name);
    if line.starts_with("#model_version") || (has("cve") && has("epss")) {
        Recognised::Feed(Kind::Epss)
    } else if has("cveid") && has("vendorproject") {
        Recognised::Feed(Kind::KevCsv)
    } else if line.contains('|') && line.split('|').any(|name| name.trim() == "productcode") {
        Recognised::Feed(Kind::FdaClasses)
    } else if line.contains("mds2") || String::from_utf8_lossy(text).contains("MPII-1") {
        Recognised::Feed(Kind::Mds2)
    } else {
        Recognised::Other("it is no feed that is known")
    }
}

fn of_json(text: &[u8]) -> Recognised {
    let members = members(text);
    let find = |depth: usize, key: &str| {
        members
            .iter()
            .find(|member| member.depth == depth && member.key == key)
            .map(|member| member.value.as_str())
    };
    let has = |depth: usize, key: &str| find(depth, key).is_some();
    let kind = if has(1, "$schema") && (has(1, "$defs") || has(1, "definitions")) {
        return Recognised::Other("it is a JSON schema");
    } else if has(1, "document") && has(2, "csaf_version") {
        match find(2, "category") {
            Some("csaf_vex") => Kind::CsafVex,
            _ => Kind::Csaf,
        }
    } else if has(1, "catalogVersion") || (has(1, "vulnerabilities") && has(3, "cveID")) {
        Kind::KevJson
    } else if find(1, "dataType") == Some("CVE_RECORD") || has(1, "cveMetadata") {
        Kind::CveRecord
    } else if find(1, "format") == Some("NVD_CVE")
        || (has(1, "vulnerabilities") && has(3, "cve") && has(4, "vulnStatus"))
    {
        Kind::Nvd
    } else if find(1, "@context").is_some_and(|context| context.contains("openvex")) {
        Kind::OpenVex
    } else if find(1, "bomFormat") == Some("CycloneDX") {
        Kind::CycloneDx
    } else if has(1, "spdxVersion") {
        Kind::Spdx
    } else if find(1, "type") == Some("bundle") {
        Kind::Stix
    } else if has(1, "mds2") || has(1, "mds2_version") {
        Kind::Mds2
    } else if has(1, "results")
        && [
            "product_res_number",
            "res_event_number",
            "recall_number",
            "cfres_id",
        ]
        .iter()
        .any(|key| has(3, key))
    {
        Kind::FdaRecalls
    } else {
        return Recognised::Other("it is no feed that is known");
    };
    Recognised::Feed(kind)
}

/// A member of an object, where it stands, and the beginning of its value if that is a text.
struct Member {
    depth: usize,
    key: String,
    value: String,
}

/// The members near the top of a document that may end anywhere. Arrays count as levels too.
fn members(text: &[u8]) -> Vec<Member> {
    let mut found: Vec<Member> = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    let mut last: Option<String> = None;
    let mut key: Option<(usize, String)> = None;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => {
                // The first text of a list may stand for it, that of an object does not.
                key = key.filter(|_| byte == b'[');
                depth += 1;
                if depth > DEPTH_MAX {
                    break;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let rest = text.get(at..).unwrap_or_default();
                let length = text_length(rest);
                let kept = rest.get(..length.min(VALUE_BYTES_MAX)).unwrap_or_default();
                let kept = String::from_utf8_lossy(kept).into_owned();
                at += length + 1;
                if let Some((depth, key)) = key.take()
                    && let Some(member) = found.last_mut()
                    && member.depth == depth
                    && member.key == key
                {
                    member.value.clone_from(&kept);
                }
                last = Some(kept);
            }
            b':' => {
                if let Some(name) = last.take()
                    && depth <= 4
                {
                    key = Some((depth, name.clone()));
                    let value = String::new();
                    found.push(Member {
                        depth,
                        key: name,
                        value,
                    });
                }
            }
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => key = None,
        }
    }
    found
}

/// Bytes up to the closing quote.
fn text_length(text: &[u8]) -> usize {
    let mut escaped = false;
    let end = text.iter().position(|byte| match byte {
        _ if escaped => {
            escaped = false;
            false
        }
        b'\\' => {
            escaped = true;
            false
        }
        byte => *byte == b'"',
    });
    end.unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feeds_by_their_content() {
        for (text, kind) in [
            (
                "#model_version:v5,score_date:2026-08-16\ncve,epss,percentile\n",
                Kind::Epss,
            ),
            ("cveID,vendorProject,product\n", Kind::KevCsv),
            (
                "REVIEW_PANEL|MEDICALSPECIALTY|PRODUCTCODE|DEVICENAME\n",
                Kind::FdaClasses,
            ),
            (r#"{"catalogVersion": "1"}"#, Kind::KevJson),
            (
                r#"{"vulnerabilities": [{"cveID": "CVE-2017-0144""#,
                Kind::KevJson,
            ),
            (
                r#"{"document": {"category": "x", "csaf_version": "2.0"}"#,
                Kind::Csaf,
            ),
            (
                r#"{"document": {"csaf_version": "2.0", "category": "csaf_vex"}"#,
                Kind::CsafVex,
            ),
            (r#"{"resultsPerPage": 1, "format": "NVD_CVE"}"#, Kind::Nvd),
            (
                r#"{"vulnerabilities":[{"cve":{"id":"CVE-1","vulnStatus":"Analyzed""#,
                Kind::Nvd,
            ),
            (r#"{"dataType": "CVE_RECORD"}"#, Kind::CveRecord),
            (
                r#"{"@context": "https://openvex.dev/ns/v0.2.0"}"#,
                Kind::OpenVex,
            ),
            (r#"{"bomFormat": "CycloneDX"}"#, Kind::CycloneDx),
            (r#"{"spdxVersion": "SPDX-2.3"}"#, Kind::Spdx),
            (r#"{"type": "bundle", "id": "bundle--1"}"#, Kind::Stix),
            (
                r#"{"meta": {}, "results": [{"cfres_id": "1"#,
                Kind::FdaRecalls,
            ),
        ] {
            assert_eq!(recognise(text.as_bytes()), Recognised::Feed(kind), "{text}");
        }
    }

    #[test]
    fn others_are_told() {
        for text in [
            "",
            "# A title\n",
            "{}",
            "[]",
            "{\"a\": \"catalogVersion\"}",
            "\x00\x01",
        ] {
            assert!(
                matches!(recognise(text.as_bytes()), Recognised::Other(_)),
                "{text}"
            );
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let _ = recognise(bytes);
        });
    }
}
