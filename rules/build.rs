//! The texts that the patterns of the rules that ship need, as a list for `src/patterns.rs`: sorted
//! by the patterns' sources. It judges no rule; what it can't read, tests of the crate tell of.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

#[allow(dead_code)]
#[path = "src/limits.rs"]
mod limits;
#[allow(dead_code)]
#[path = "src/outline.rs"]
mod outline;

fn main() {
    println!("cargo::rerun-if-changed=data");
    let mut known: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for entry in fs::read_dir("data").expect("the folder of the rules") {
        let path = entry.expect("an entry of the folder").path();
        if path.extension().is_none_or(|end| end != "toml") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a file of rules");
        let file: toml::Table = match toml::from_str(&text) {
            Ok(file) => file,
            Err(fault) => panic!("{}: {fault}", path.display()),
        };
        let rules = file.get("rule").and_then(toml::Value::as_array);
        for rule in rules.into_iter().flatten() {
            let Some(pattern) = rule.get("pattern").and_then(toml::Value::as_str) else {
                continue;
            };
            let ignore_case = rule.get("ignore_case").and_then(toml::Value::as_bool);
            let source = outline::whole(pattern, ignore_case.unwrap_or_default());
            if let Ok(outline) = outline::outline(&source) {
                known.insert(source, outline.needles);
            }
        }
    }
    let mut list = String::from("&[\n");
    for (source, needles) in known {
        let needles = needles.iter();
        let needles = needles.map(|needle| format!("b\"{}\"", needle.escape_ascii()));
        let needles: Vec<String> = needles.collect();
        list += &format!("    ({source:?}, &[{}]),\n", needles.join(", "));
    }
    list += "]\n";
    let folder = env::var_os("OUT_DIR").expect("cargo gives a folder");
    fs::write(Path::new(&folder).join("needles.rs"), list).expect("a list that can be written");
}
