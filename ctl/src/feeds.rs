//! `medtap feeds`: what is known of vulnerabilities, kept on this machine as generations, for
//! sites with and without a network. It downloads nothing: files are given to it.

use std::io::Read;
use std::path::Path;

use medtap_risk::feeds::store::{Error, Store};
use medtap_risk::feeds::{Change, Feed, changes};

use crate::arguments::{FeedsCommand, FeedsStore};
use crate::failure::{Code, Exit, Failure};
use crate::render::{self, Cell, Grid, GridOutput, Look, several};

/// The first line of a bundle.
const BUNDLE_MAGIC: &[u8] = b"medtap feeds bundle 1\n";
/// Changes that are told one by one after an import.
const CHANGES_MAX: usize = 20;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match &error {
            Error::Io { source, .. } => Self::io(error.to_string(), source),
            _ => Self::new(error.to_string()),
        }
    }
}

/// `medtap feeds`.
pub fn run(command: &FeedsCommand, exit: &mut Exit) -> Result<(), Failure> {
    match command {
        FeedsCommand::Import(command) => import(command, exit),
        FeedsCommand::List(command) => {
            let store = store(&command.store);
            let manifest = store.manifest()?;
            let note = format!(
                "generation {} of {}, imported {}",
                manifest.generation,
                several(store.generations()?.len() as u64, "generation"),
                manifest.imported
            );
            show(&grid(&manifest.feeds), command.output, &[note])
        }
        FeedsCommand::Verify(command) => verify(&store(command), exit),
        FeedsCommand::Rollback(command) => {
            let generation = store(command).rollback()?;
            say(&format!("generation {generation} counts now"))
        }
        FeedsCommand::Bundle(command) => {
            let manifest = store(&command.store).write_bundle(&command.file)?;
            let files = several(manifest.feeds.len() as u64, "file");
            say(&format!(
                "generation {}, {files}: {}",
                manifest.generation,
                command.file.display()
            ))
        }
    }
}

fn store(options: &FeedsStore) -> Store {
    Store::new(&options.store)
}

/// Takes files, folders or a bundle as the next generation, and tells what changed.
fn import(command: &crate::arguments::FeedsImport, exit: &mut Exit) -> Result<(), Failure> {
    let store = store(&command.store);
    let current = store.current()?;
    let before = current.map(|_| store.read()).transpose()?;
    let now = jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    let imported = match command.files.as_slice() {
        [file] if is_bundle(file) => store.import_bundle(file, &now)?,
        files => store.import(files, &now)?,
    };
    for stranger in &imported.strangers {
        let text = format!("{}: is no feed: {}", stranger.path, stranger.reason);
        exit.say(Code::Done, &text);
    }
    let generation = imported.generation;
    let mut notes = vec![match current == Some(generation) {
        true => format!("nothing is new: generation {generation} counts as before"),
        false => format!(
            "generation {generation} counts now: {} added, {} already said by newer ones",
            several(imported.added.len() as u64, "file"),
            several(imported.superseded.len() as u64, "file"),
        ),
    }];
    if let Some(before) = before {
        let changes = changes(&before, &store.read()?);
        notes.extend(changes.iter().take(CHANGES_MAX).map(told));
        let more = changes.len().saturating_sub(CHANGES_MAX);
        if more > 0 {
            notes.push(format!("and {}", several(more as u64, "more change")));
        }
    }
    show(&grid(&imported.added), command.output, &notes)
}

fn is_bundle(path: &Path) -> bool {
    let mut first = vec![0; BUNDLE_MAGIC.len()];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut first));
    read.is_ok() && first == BUNDLE_MAGIC
}

fn told(change: &Change) -> String {
    match change {
        Change::KevAdded { cve } => format!("{cve} is now known to be exploited"),
        Change::KevLeft { cve } => format!("{cve} left the catalogue of exploited ones"),
        Change::EpssModel { from, to } => format!(
            "EPSS scores come from another model ({to}, before {from}): they do not compare"
        ),
    }
}

fn verify(store: &Store, exit: &mut Exit) -> Result<(), Failure> {
    let faults = store.verify()?;
    for fault in &faults {
        exit.say(Code::Partial, &format!("{}: {}", fault.path, fault.reason));
    }
    let manifest = store.manifest()?;
    let files = several(manifest.feeds.len() as u64, "file");
    match faults.len() {
        0 => say(&format!(
            "generation {}: all of {files} are as they were imported",
            manifest.generation
        )),
        _ => Ok(()),
    }
}

/// One row a file.
pub fn grid<'a>(feeds: impl IntoIterator<Item = &'a Feed>) -> Grid {
    let row = |feed: &Feed| -> Vec<Cell> {
        vec![
            feed.kind.name().into(),
            feed.path.as_str().into(),
            feed.source.as_deref().into(),
            feed.version.as_deref().into(),
            feed.date.as_deref().into(),
            feed.records.into(),
            feed.rejected.into(),
            feed.superseded.into(),
            feed.bytes.into(),
            feed.sha256.as_str().into(),
        ]
    };
    Grid {
        name: "feeds",
        columns: vec![
            "feed",
            "file",
            "source",
            "version",
            "date",
            "records",
            "rejected",
            "superseded",
            "bytes",
            "sha256",
        ],
        rows: feeds.into_iter().map(row).collect(),
    }
}

fn show(grid: &Grid, output: GridOutput, notes: &[String]) -> Result<(), Failure> {
    let look = Look::of_stdout();
    render::print(|out| {
        if !grid.rows.is_empty() || output != GridOutput::Table {
            grid.write(output, look, out)?;
        }
        if output == GridOutput::Table {
            for note in notes {
                writeln!(out, "{}", render::clean(note))?;
            }
        }
        Ok(())
    })
}

fn say(sentence: &str) -> Result<(), Failure> {
    render::print(|out| writeln!(out, "{}", render::clean(sentence)))
}
