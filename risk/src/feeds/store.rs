//! Where a site keeps its feeds: a folder of generations. An import reads everything together
//! first; only if nothing is refused does it become the next generation, by one rename. A bad
//! import changes nothing. It downloads nothing: files are given to it.
//!
//! ```text
//! <folder>/current                     the number of the generation that counts
//! <folder>/generation-000007/manifest.json
//! <folder>/generation-000007/<sha256>  the files, as they were given
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::limits::{BUNDLE_BYTES_MAX, FILES_MAX, GENERATIONS_MAX, MANIFEST_BYTES_MAX};
use super::report::Feed;
use super::{Error as ReadError, Feeds, Refused, digest, tree};

/// Version of the manifest and of the bundle.
const VERSION: u32 = 1;
/// The first line of a bundle.
const BUNDLE_MAGIC: &[u8] = b"medtap feeds bundle 1\n";
/// The name of the file that says which generation counts.
const CURRENT: &str = "current";
/// The name of a generation's list of files.
const MANIFEST: &str = "manifest.json";

/// Why the store could not do what was asked. What was there stays.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder of the store.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What was to be imported can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Files of the import were refused.
    #[error("{}", refused_words(.0))]
    Refused(Vec<Refused>),
    /// The import holds no feed.
    #[error("there is no feed in what was given; nothing was changed")]
    Nothing,
    /// The store has no generation, or not the one asked for.
    #[error("the store {} has no {what}", path.display())]
    Missing {
        /// The store.
        path: PathBuf,
        /// What it has not.
        what: String,
    },
    /// The store was altered behind its back.
    #[error("{}: {reason}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

fn refused_words(refused: &[Refused]) -> String {
    let first = refused.iter().take(10);
    let lines = first.map(|one| format!("{}: {}", one.path, one.refusal));
    let lines = lines.collect::<Vec<_>>().join("; ");
    format!(
        "{} files are refused, nothing was changed: {lines}",
        refused.len()
    )
}

/// What a generation holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this structure.
    pub version: u32,
    /// The number of the generation.
    pub generation: u32,
    /// When it was made, as the caller said.
    pub imported: String,
    /// Its files.
    pub feeds: Vec<Feed>,
}

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// The generation that counts now.
    pub generation: u32,
    /// Files that were added.
    pub added: Vec<Feed>,
    /// Files that say nothing that newer ones do not say, and were left out.
    pub superseded: Vec<Feed>,
    /// Given files that are no feeds, with what they seem to be.
    pub strangers: Vec<super::Stranger>,
}

/// What is wrong with a generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Which file.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}

/// A folder of generations.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// The store in a folder, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The number of the generation that counts; `None` for a store that has none.
    pub fn current(&self) -> Result<Option<u32>, Error> {
        let path = self.folder.join(CURRENT);
        match fs::read_to_string(&path) {
            Ok(text) => match text.trim().parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(broken(&path, "it is no number of a generation")),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Io { path, source }),
        }
    }

    /// The generations that are kept, the oldest first.
    pub fn generations(&self) -> Result<Vec<u32>, Error> {
        let mut found = Vec::new();
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            Err(source) => return Err(self.io(source)),
        };
        for entry in entries {
            let name = entry.map_err(|source| self.io(source))?.file_name();
            let number = name
                .to_str()
                .and_then(|name| name.strip_prefix("generation-"));
            found.extend(number.and_then(|number| number.parse::<u32>().ok()));
        }
        found.sort_unstable();
        Ok(found)
    }

    /// What the generation that counts holds.
    pub fn manifest(&self) -> Result<Manifest, Error> {
        self.manifest_of(self.counting()?)
    }

    /// The folder of the generation that counts: what `--feeds` takes.
    pub fn folder(&self) -> Result<PathBuf, Error> {
        Ok(self.generation(self.counting()?))
    }

    /// Reads the generation that counts.
    pub fn read(&self) -> Result<Feeds, Error> {
        let manifest = self.manifest()?;
        let mut feeds = Feeds::read_path(&self.generation(manifest.generation))?;
        for feed in &mut feeds.list {
            let known = manifest
                .feeds
                .iter()
                .find(|known| known.sha256 == feed.sha256);
            if let Some(known) = known {
                feed.path.clone_from(&known.path);
            }
        }
        // The manifest lies there too.
        feeds.strangers.retain(|stranger| stranger.path != MANIFEST);
        Ok(feeds)
    }

    /// Adds files and folder trees to what there is, as a new generation. `now` is kept as the
    /// time of the import.
    pub fn import(&self, paths: &[PathBuf], now: &str) -> Result<Imported, Error> {
        self.import_files(tree::files(paths)?, now)
    }

    /// Adds files by the names that people know them by.
    fn import_files(&self, given: Vec<(String, PathBuf)>, now: &str) -> Result<Imported, Error> {
        fs::create_dir_all(&self.folder).map_err(|source| self.io(source))?;
        let _lock = Lock::take(&self.folder)?;
        let work = tempfile::Builder::new()
            .prefix(".import-")
            .tempdir_in(&self.folder);
        let work = work.map_err(|source| self.io(source))?;
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        let old = self
            .current()?
            .map(|number| self.manifest_of(number))
            .transpose()?;
        for feed in old.iter().flat_map(|old| &old.feeds) {
            let from = self.generation(self.counting()?).join(&feed.sha256);
            link(&from, &work.path().join(&feed.sha256))?;
            names.insert(feed.sha256.clone(), feed.path.clone());
        }
        for (name, path) in given {
            let refuse = |refusal| {
                let path = name.clone();
                Error::Refused(vec![Refused { path, refusal }])
            };
            let (sha256, _) = digest(&path).map_err(refuse)?;
            let to = work.path().join(&sha256);
            if !to.exists() {
                fs::copy(&path, &to).map_err(|source| Error::Io { path, source })?;
            }
            names.entry(sha256).or_insert(name);
        }
        self.settle(work, &names, old.as_ref(), now)
    }

    /// Reads what lies in a work folder together, and makes it the next generation.
    fn settle(
        &self,
        work: tempfile::TempDir,
        names: &BTreeMap<String, String>,
        old: Option<&Manifest>,
        now: &str,
    ) -> Result<Imported, Error> {
        let mut feeds = Feeds::read_path(work.path())?;
        let named = |path: &mut String| {
            if let Some(name) = names.get(path.as_str()) {
                path.clone_from(name);
            }
        };
        feeds
            .refused
            .iter_mut()
            .for_each(|one| named(&mut one.path));
        feeds
            .strangers
            .iter_mut()
            .for_each(|one| named(&mut one.path));
        if !feeds.refused.is_empty() {
            return Err(Error::Refused(feeds.refused));
        }
        let mut list = std::mem::take(&mut feeds.list);
        list.iter_mut().for_each(|one| named(&mut one.path));
        if list.is_empty() {
            return Err(Error::Nothing);
        }
        list.sort_by(|one, other| (&one.path, &one.sha256).cmp(&(&other.path, &other.sha256)));
        let (superseded, kept): (Vec<_>, Vec<_>) = list.into_iter().partition(|one| one.superseded);
        let is_kept = |name: &str| kept.iter().any(|one| one.sha256 == name);
        for name in names.keys().filter(|name| !is_kept(name)) {
            let path = work.path().join(name);
            fs::remove_file(&path).map_err(|source| Error::Io { path, source })?;
        }
        let known = |one: &&Feed| {
            let old = old.into_iter().flat_map(|old| &old.feeds);
            !old.into_iter().any(|old| old.sha256 == one.sha256)
        };
        let added: Vec<_> = kept.iter().filter(known).cloned().collect();
        // A generation that says what the last one says would only push an older one out.
        if let Some(old) = old.filter(|old| old.feeds == kept) {
            return Ok(Imported {
                generation: old.generation,
                added,
                superseded,
                strangers: feeds.strangers,
            });
        }
        let generation = self.generations()?.last().map_or(1, |last| last + 1);
        let manifest = Manifest {
            version: VERSION,
            generation,
            imported: now.to_owned(),
            feeds: kept,
        };
        self.publish(work, &manifest)?;
        Ok(Imported {
            generation,
            added,
            superseded,
            strangers: feeds.strangers,
        })
    }

    /// Renames a work folder into place, then lets it count.
    fn publish(&self, work: tempfile::TempDir, manifest: &Manifest) -> Result<(), Error> {
        let path = work.path().join(MANIFEST);
        let text = serde_json::to_vec_pretty(manifest);
        let text = text.map_err(|error| broken(&path, &error.to_string()))?;
        write_synced(&path, &text)?;
        let to = self.generation(manifest.generation);
        let from = work.keep();
        if let Err(source) = fs::rename(&from, &to) {
            let _ = fs::remove_dir_all(&from);
            return Err(Error::Io { path: to, source });
        }
        self.count(manifest.generation)?;
        self.forget_old()
    }

    /// Lets a generation count, by one rename.
    fn count(&self, generation: u32) -> Result<(), Error> {
        let path = self.folder.join(CURRENT);
        let next = self.folder.join(".current");
        write_synced(&next, format!("{generation}\n").as_bytes())?;
        fs::rename(&next, &path).map_err(|source| Error::Io { path, source })?;
        // The rename itself is made to last.
        let folder = File::open(&self.folder).and_then(|folder| folder.sync_all());
        folder.map_err(|source| self.io(source))
    }

    /// Removes the oldest generations beyond those that are kept.
    fn forget_old(&self) -> Result<(), Error> {
        let all = self.generations()?;
        let current = self.current()?;
        let spare = all.len().saturating_sub(GENERATIONS_MAX);
        for number in all
            .iter()
            .take(spare)
            .filter(|number| Some(**number) != current)
        {
            let path = self.generation(*number);
            fs::remove_dir_all(&path).map_err(|source| Error::Io { path, source })?;
        }
        Ok(())
    }

    /// Goes back to the generation before the one that counts, which stays.
    pub fn rollback(&self) -> Result<u32, Error> {
        let _lock = Lock::take(&self.folder)?;
        let counting = self.counting()?;
        let before = self
            .generations()?
            .into_iter()
            .rfind(|number| *number < counting);
        let before = before.ok_or_else(|| self.missing("generation before the current one"))?;
        self.manifest_of(before)?;
        self.count(before)?;
        Ok(before)
    }

    /// Compares every file of the generation that counts with its digest.
    pub fn verify(&self) -> Result<Vec<Fault>, Error> {
        let manifest = self.manifest()?;
        let folder = self.generation(manifest.generation);
        let mut faults = Vec::new();
        for feed in &manifest.feeds {
            let reason = match digest(&folder.join(&feed.sha256)) {
                Ok((sha256, _)) if sha256 == feed.sha256 => continue,
                Ok(_) => "it was altered since its import".to_owned(),
                Err(refusal) => refusal.to_string(),
            };
            let path = feed.path.clone();
            faults.push(Fault { path, reason });
        }
        let entries = fs::read_dir(&folder).map_err(|source| self.io(source))?;
        for entry in entries {
            let name = entry.map_err(|source| self.io(source))?.file_name();
            let name = name.to_string_lossy().into_owned();
            let known = name == MANIFEST || manifest.feeds.iter().any(|one| one.sha256 == name);
            if !known {
                let reason = "it is not in the manifest".to_owned();
                faults.push(Fault { path: name, reason });
            }
        }
        faults.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(faults)
    }

    /// Writes the generation that counts as one file, for a site without a network.
    pub fn write_bundle(&self, to: &Path) -> Result<Manifest, Error> {
        let manifest = self.manifest()?;
        let folder = self.generation(manifest.generation);
        let parent = match to.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let io = |source| Error::Io {
            path: to.to_owned(),
            source,
        };
        let mut file = tempfile::NamedTempFile::new_in(parent).map_err(io)?;
        file.write_all(BUNDLE_MAGIC).map_err(io)?;
        let mut packer = GzEncoder::new(&mut file, Compression::fast());
        let text = serde_json::to_vec(&manifest).map_err(|error| broken(to, &error.to_string()))?;
        put(&mut packer, &text).map_err(io)?;
        for feed in &manifest.feeds {
            let path = folder.join(&feed.sha256);
            let mut from = File::open(&path).map_err(|source| Error::Io { path, source })?;
            packer.write_all(&feed.bytes.to_le_bytes()).map_err(io)?;
            io::copy(&mut from, &mut packer).map_err(io)?;
        }
        packer.finish().map_err(io)?;
        file.persist(to).map_err(|error| io(error.error))?;
        Ok(manifest)
    }

    /// Imports a bundle: every file in it must have the digest that its manifest states.
    pub fn import_bundle(&self, path: &Path, now: &str) -> Result<Imported, Error> {
        let io = |source| Error::Io {
            path: path.to_owned(),
            source,
        };
        let mut file = io::BufReader::new(File::open(path).map_err(io)?);
        let mut magic = vec![0; BUNDLE_MAGIC.len()];
        file.read_exact(&mut magic).map_err(io)?;
        if magic != BUNDLE_MAGIC {
            return Err(broken(path, "it is no bundle of feeds"));
        }
        let mut bundle = GzDecoder::new(file).take(BUNDLE_BYTES_MAX);
        let text = take(&mut bundle, MANIFEST_BYTES_MAX).map_err(io)?;
        let manifest = read_manifest(path, &text)?;
        fs::create_dir_all(&self.folder).map_err(|source| self.io(source))?;
        let work = tempfile::Builder::new()
            .prefix(".bundle-")
            .tempdir_in(&self.folder);
        let work = work.map_err(|source| self.io(source))?;
        let mut given = Vec::new();
        for feed in &manifest.feeds {
            if !is_digest(&feed.sha256) {
                return Err(broken(path, "its manifest has a digest that is none"));
            }
            let mut length = [0; 8];
            bundle.read_exact(&mut length).map_err(io)?;
            let to = work.path().join(&feed.sha256);
            let mut file = File::create(&to).map_err(io)?;
            let length = u64::from_le_bytes(length);
            let copied = io::copy(&mut (&mut bundle).take(length), &mut file).map_err(io)?;
            let (sha256, _) = digest(&to).map_err(|refusal| broken(path, &refusal.reason))?;
            if copied != length || sha256 != feed.sha256 {
                let reason = format!("{} is cut short, or was altered", feed.path);
                return Err(broken(path, &reason));
            }
            given.push((feed.path.clone(), to));
        }
        self.import_files(given, now)
    }

    fn generation(&self, number: u32) -> PathBuf {
        self.folder.join(format!("generation-{number:06}"))
    }

    fn counting(&self) -> Result<u32, Error> {
        self.current()?.ok_or_else(|| self.missing("feeds yet"))
    }

    fn missing(&self, what: &str) -> Error {
        Error::Missing {
            path: self.folder.clone(),
            what: what.to_owned(),
        }
    }

    fn io(&self, source: io::Error) -> Error {
        Error::Io {
            path: self.folder.clone(),
            source,
        }
    }

    fn manifest_of(&self, number: u32) -> Result<Manifest, Error> {
        let path = self.generation(number).join(MANIFEST);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(self.missing(&format!("generation {number}")));
            }
            Err(source) => return Err(Error::Io { path, source }),
        };
        let mut text = Vec::new();
        let read = file.take(MANIFEST_BYTES_MAX).read_to_end(&mut text);
        read.map_err(|source| Error::Io {
            path: path.clone(),
            source,
        })?;
        read_manifest(&path, &text)
    }
}

fn read_manifest(path: &Path, text: &[u8]) -> Result<Manifest, Error> {
    let manifest: Manifest =
        serde_json::from_slice(text).map_err(|error| broken(path, &error.to_string()))?;
    if manifest.version != VERSION || manifest.feeds.len() > FILES_MAX {
        return Err(broken(
            path,
            "its version is another one, or it has too many files",
        ));
    }
    Ok(manifest)
}

fn broken(path: &Path, reason: &str) -> Error {
    Error::Broken {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A second name for the same content, or a copy where the file system has no second names.
fn link(from: &Path, to: &Path) -> Result<(), Error> {
    let made = fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(|_| ()));
    made.map_err(|source| Error::Io {
        path: from.to_owned(),
        source,
    })
}

fn write_synced(path: &Path, text: &[u8]) -> Result<(), Error> {
    let written = File::create(path).and_then(|mut file| {
        file.write_all(text)?;
        file.sync_all()
    });
    written.map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })
}

fn put(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(&(bytes.len() as u64).to_le_bytes())?;
    to.write_all(bytes)
}

fn take(from: &mut impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut length = [0; 8];
    from.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > most {
        return Err(io::Error::other("its manifest is too long"));
    }
    let mut bytes = Vec::new();
    from.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// One import at a time: a lock on the folder, given back when the process ends, however it does.
struct Lock(#[expect(dead_code, reason = "it holds the lock while it is open")] File);

impl Lock {
    fn take(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(".lock");
        let file = File::create(&path).and_then(|file| {
            file.lock()?;
            Ok(file)
        });
        match file {
            Ok(file) => Ok(Self(file)),
            Err(source) => Err(Error::Io { path, source }),
        }
    }
}
