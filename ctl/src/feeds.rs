//! `medtap feeds`: what is known of vulnerabilities, kept on this machine as generations, for
//! sites with and without a network. It opens a connection only in `medtap feeds download`, by the
//! system's `curl`, which knows the site's proxy and authorities.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use medtap_risk::feeds::store::{Error, Store};
use medtap_risk::feeds::{Change, Feed, changes};

use crate::arguments::{FeedsCommand, FeedsDownload, FeedsStore};
use crate::failure::{Code, Exit, Failure};
use crate::render::{self, Cell, Grid, GridOutput, Look, several};

/// The first line of a bundle.
const BUNDLE_MAGIC: &[u8] = b"medtap feeds bundle 1\n";
/// What is fetched where nothing else is asked for: KEV and EPSS change every day.
const DOWNLOADS: [&str; 2] = [
    "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
    "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz",
];
/// Bytes of one file that is fetched.
const DOWNLOAD_BYTES_MAX: u64 = 8 << 30;
/// Seconds until a connection must stand, and until a file must be there.
const CONNECT_SECONDS_MAX: u32 = 30;
const DOWNLOAD_SECONDS_MAX: u32 = 3_600;

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
        FeedsCommand::Import(command) => {
            import(&command.files, &command.store, command.output, exit)
        }
        FeedsCommand::Download(command) => download(command, exit),
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
fn import(
    files: &[PathBuf],
    options: &FeedsStore,
    output: GridOutput,
    exit: &mut Exit,
) -> Result<(), Failure> {
    let store = store(options);
    let current = store.current()?;
    let before = current.map(|_| store.read()).transpose()?;
    let now = jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    let imported = match files {
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
    show(&grid(&imported.added), output, &notes)
}

/// Fetches files, and takes them as the next generation: all, or none.
fn download(command: &FeedsDownload, exit: &mut Exit) -> Result<(), Failure> {
    let asked: Vec<&str> = match command.urls.as_slice() {
        [] => DOWNLOADS.to_vec(),
        urls => urls.iter().map(String::as_str).collect(),
    };
    let folder = tempfile::Builder::new().prefix("medtap-feeds-").tempdir();
    let folder =
        folder.map_err(|error| Failure::io(format!("a temporary folder: {error}"), &error))?;
    for (place, url) in asked.iter().enumerate() {
        // Two addresses may end alike; people know a file by the last part of its name.
        let of_one = folder.path().join(place.to_string());
        let named = |error: std::io::Error| Failure::io(format!("{url}: {error}"), &error);
        std::fs::create_dir(&of_one).map_err(named)?;
        fetch(url, &of_one.join(file_name(url)))?;
    }
    let files = [folder.path().to_owned()];
    import(&files, &command.store, command.output, exit)
}

/// The last part of an address, as a file's name.
fn file_name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let last = path.rsplit('/').next().unwrap_or_default();
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name: String = last.chars().filter(plain).take(100).collect();
    match name.trim_matches('.') {
        "" => "feed".to_owned(),
        name => name.to_owned(),
    }
}

/// True for an address whose answer nobody on the way can change.
fn is_safe(url: &str) -> bool {
    let here = ["http://127.0.0.1", "http://[::1]", "http://localhost"];
    let ends = |rest: &str| rest.is_empty() || rest.starts_with([':', '/']);
    url.starts_with("https://")
        || (here.iter()).any(|host| url.strip_prefix(host).is_some_and(ends))
}

/// Fetches a file.
fn fetch(url: &str, to: &Path) -> Result<(), Failure> {
    if !is_safe(url) {
        return Err(Failure::new(format!(
            "{url}: feeds are fetched over https alone, since on the way anybody could change them"
        )));
    }
    let protocols = match url.starts_with("https://") {
        true => "=https",
        false => "=http",
    };
    let run = Command::new("curl")
        .args([
            "--fail",
            "--silent",
            "--show-error",
            "--location",
            "--proto",
            protocols,
        ])
        .args(["--proto-redir", "=https", "--retry", "2"])
        .args(["--connect-timeout", &CONNECT_SECONDS_MAX.to_string()])
        .args(["--max-time", &DOWNLOAD_SECONDS_MAX.to_string()])
        .args(["--max-filesize", &DOWNLOAD_BYTES_MAX.to_string()])
        .arg("--output")
        .arg(to)
        .args(["--", url])
        .stdin(Stdio::null())
        .output();
    let run = run.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::new(
            "curl is not installed, and fetches the feeds; install it, or give files to medtap \
             feeds import",
        ),
        _ => Failure::io(format!("curl: {error}"), &error),
    })?;
    if run.status.success() && to.is_file() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&run.stderr);
    let said = said.lines().find(|line| !line.trim().is_empty());
    let said = said
        .unwrap_or("it says nothing")
        .trim_start_matches("curl: ");
    Err(Failure::new(format!("{url}: not fetched: {said}")))
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
