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

/// Fails unless both say the same, times apart.
pub fn same_devices(live: &Value, offline: &Value) {
    let mut differences = Vec::new();
    compare("", live, offline, &mut differences);
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
