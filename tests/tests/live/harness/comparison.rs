//! Whether two inventories say the same, times apart. It says where they differ.

use serde_json::Value;

/// Left out of the comparison. Times: the engine stamps a frame when it takes it, the recorder
/// when the system saw it. What is counted by hour, since an hour may end between the two. The
/// names and number of captures, which a live table has none of.
const LEFT_OUT: [&str; 6] = [
    "as_of",
    "first_seen",
    "last_seen",
    "busiest_hour",
    "quietest_window",
    "files",
];

/// Where a stack's marks come from: SYN, its answer and a third segment, in this order. Over
/// several queues they may come in another one, and then this opening is not counted.
const OPENINGS: [&str; 2] = ["tcp.syn.signature", "tcp.syn_ack.signature"];

/// Fails unless both say the same, times apart; with several queues, the number of openings too.
pub fn same_devices(live: &Value, offline: &Value, queues: u32) {
    let mut differences = Vec::new();
    let (mut live, mut offline) = (live.clone(), offline.clone());
    if queues > 1 {
        uncount_openings(&mut live);
        uncount_openings(&mut offline);
    }
    compare("", &live, &offline, &mut differences);
    assert!(
        differences.is_empty(),
        "live and offline differ in {} places:\n{}",
        differences.len(),
        differences
            .iter()
            .take(40)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
}

/// Leaves out how often a stack's marks were seen.
fn uncount_openings(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let field = members.get("field").and_then(Value::as_str);
            if field.is_some_and(|field| OPENINGS.contains(&field)) {
                members.remove("count");
            }
            members.values_mut().for_each(uncount_openings);
        }
        Value::Array(items) => items.iter_mut().for_each(uncount_openings),
        _ => {}
    }
}

fn compare(path: &str, live: &Value, offline: &Value, differences: &mut Vec<String>) {
    match (live, offline) {
        (Value::Object(live), Value::Object(offline)) => {
            let mut keys: Vec<_> = live.keys().chain(offline.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys
                .into_iter()
                .filter(|key| !LEFT_OUT.contains(&key.as_str()))
            {
                let none = Value::String("(absent)".to_owned());
                let live = live.get(key).unwrap_or(&none);
                let offline = offline.get(key).unwrap_or(&none);
                compare(&format!("{path}.{key}"), live, offline, differences);
            }
        }
        (Value::Array(live), Value::Array(offline)) if live.len() == offline.len() => {
            for (place, (live, offline)) in live.iter().zip(offline).enumerate() {
                compare(&format!("{path}[{place}]"), live, offline, differences);
            }
        }
        _ if live == offline => {}
        _ => differences.push(format!("{path}: live {live}, offline {offline}")),
    }
}
