use std::fs;
use std::path::PathBuf;

use medtap_tests::{relative, root};

/// Unsafe stands in the fences alone, and says why it is sound.
mod fences;
/// Imports point down.
mod floors;
/// What has a name has its line of documentation, its capture, its place.
mod names;
/// Every capture says where it comes from.
mod provenance;
/// Lengths, words, and what a stranger must not read.
mod words;

/// Folders that are not ours to tidy.
const SKIPPED: &[&str] = &["target", ".git"];

/// A file of the tree: its path as messages name it, and its text.
struct Text {
    name: String,
    text: String,
}

/// Every text file of the tree, sorted by name. What is no UTF-8 (captures) is left out.
fn texts() -> Vec<Text> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder that can be read") {
            let path = entry.expect("an entry of the folder").path();
            let last = path.file_name().unwrap_or_default().to_string_lossy();
            if SKIPPED.contains(&last.as_ref()) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if last.ends_with(".table") {
                // Bytes, even where they happen to be text.
            } else if let Ok(text) = fs::read_to_string(&path) {
                let name = relative(&path);
                found.push(Text { name, text });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(found.len() > 100, "the tree is elsewhere");
    found
}

/// Every Rust source.
fn sources() -> Vec<Text> {
    let mut found = texts();
    found.retain(|file| file.name.ends_with(".rs"));
    found
}

fn read(name: &str) -> String {
    let path: PathBuf = root().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Fails with all errors at once.
fn none(errors: &[String]) {
    assert!(errors.is_empty(), "\n{}", errors.join("\n"));
}

/// The code of a line: without its comment.
fn code(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}
