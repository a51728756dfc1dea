//! The files below the paths that were asked for, in one order. Links are not followed: a tree of
//! feeds can't lead out of itself.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use super::Error;
use super::limits::{FILES_MAX, FOLDERS_DEPTH_MAX};

/// Every regular file with the name that reports use: the path as it was asked for, and what lies
/// below it with `/`. Hidden files and folders are left out.
pub fn files(paths: &[PathBuf]) -> Result<Vec<(String, PathBuf)>, Error> {
    let mut found = Vec::new();
    for path in paths {
        let metadata = fs::metadata(path).map_err(|error| failed(path, &error.to_string()))?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = name.to_string_lossy().into_owned();
        if metadata.is_dir() {
            walk(path, "", 0, &mut found)?;
        } else {
            found.push((name, path.clone()));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// What changes when a file comes, goes or is written again below the paths: lengths and times of
/// all of them, and no content.
pub fn stamp(paths: &[PathBuf]) -> Result<u64, Error> {
    let mut hasher = DefaultHasher::new();
    for (name, path) in files(paths)? {
        name.hash(&mut hasher);
        // One that is gone by now comes back with another stamp.
        if let Ok(metadata) = fs::metadata(&path) {
            metadata.len().hash(&mut hasher);
            metadata.modified().ok().hash(&mut hasher);
        }
    }
    Ok(hasher.finish())
}

fn failed(path: &Path, reason: &str) -> Error {
    Error::Path {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

fn walk(
    folder: &Path,
    prefix: &str,
    depth: usize,
    found: &mut Vec<(String, PathBuf)>,
) -> Result<(), Error> {
    if depth > FOLDERS_DEPTH_MAX {
        let reason = format!("folders lie more than {FOLDERS_DEPTH_MAX} deep");
        return Err(failed(folder, &reason));
    }
    let entries = fs::read_dir(folder).map_err(|error| failed(folder, &error.to_string()))?;
    for entry in entries {
        let entry = entry.map_err(|error| failed(folder, &error.to_string()))?;
        let last = entry.file_name().to_string_lossy().into_owned();
        let kind = entry
            .file_type()
            .map_err(|error| failed(folder, &error.to_string()))?;
        if last.starts_with('.') {
            continue;
        }
        let name = format!("{prefix}{last}");
        if kind.is_dir() {
            walk(&entry.path(), &format!("{name}/"), depth + 1, found)?;
        } else if kind.is_file() {
            if found.len() >= FILES_MAX {
                return Err(failed(
                    folder,
                    &format!("there are more than {FILES_MAX} files"),
                ));
            }
            found.push((name, entry.path()));
        }
    }
    Ok(())
}
