//! Where things lie. It reads names, never contents.

use std::fs;
use std::path::{Path, PathBuf};

/// The workspace's folder.
///
/// # Panics
///
/// When this package is not inside a workspace.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("a workspace above").to_owned()
}

/// A path as it is written in messages: from the workspace's folder, with `/`.
pub fn relative(path: &Path) -> String {
    let path = path.strip_prefix(root()).unwrap_or(path);
    path.to_string_lossy().replace('\\', "/")
}

/// Every committed capture, sorted by path.
///
/// # Panics
///
/// When there is none: tests over captures must not pass because nothing is there.
pub fn captures() -> Vec<PathBuf> {
    let mut found = files_below(&root().join("pcaps"));
    found.retain(|path| is_capture(path));
    assert!(!found.is_empty(), "pcaps/ holds no capture");
    found
}

fn is_capture(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str());
    matches!(extension, Some("pcap" | "pcapng" | "cap"))
}

/// Every file below a folder, sorted by path; none where there is no such folder.
///
/// # Panics
///
/// When a folder can't be read.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&folder).expect("a folder that can be read") {
            let path = entry.expect("an entry of the folder").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The folder of facts and foreign captures that is not committed: `MEDTAP_DATA`, or
/// `../shared/data` beside the workspace. None, said on stderr, where it is absent.
pub fn data_folder() -> Option<PathBuf> {
    let folder = match std::env::var_os("MEDTAP_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => root().join("../shared/data"),
    };
    if folder.join("captures").is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no data folder (MEDTAP_DATA)");
    None
}
