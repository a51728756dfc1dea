//! Exports of the hospital, held against the public schemas of their formats by validators that are
//! not ours. One whose validator is not installed is shown as ignored.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};

/// What a script ends with where its validator is missing.
const MISSING: i32 = 77;

/// Formats, and the script that checks each.
const FORMATS: [(&str, &[&str]); 4] = [
    ("cyclonedx", &["python3", "exports.py", "cyclonedx"]),
    ("stix", &["python3", "exports.py", "stix"]),
    ("ocsf", &["python3", "exports.py", "ocsf"]),
    ("csaf", &["node", "exports.mjs"]),
];

/// An advisory about the hospital's analyser.
const ADVISORY: &str = r#"{"document":{"category":"csaf_security_advisory","csaf_version":"2.0",
"title":"x","publisher":{"category":"coordinator","name":"CISA","namespace":"https://cisa.gov/"},
"tracking":{"id":"ICSMA-26-001-01","status":"final","version":"1",
"initial_release_date":"2026-08-01T00:00:00Z","current_release_date":"2026-08-01T00:00:00Z",
"revision_history":[]}},"product_tree":{"branches":[{"category":"vendor",
"name":"Litware Diagnostics","branches":[{"category":"product_name","name":"ChemLine Control",
"branches":[{"category":"product_version_range","name":"<3.1","product":{"product_id":"P1",
"name":"ChemLine Control <3.1"}}]}]}]},"vulnerabilities":[{"cve":"CVE-2026-1001",
"product_status":{"known_affected":["P1"]},"remediations":[{"category":"vendor_fix",
"details":"Update to 3.1.","product_ids":["P1"]}]}]}"#;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = tempfile::tempdir().expect("a folder");
    let trials = FORMATS.iter().map(|(format, script)| {
        let file = exported(folder.path(), format);
        let checked = file.and_then(|file| check(script, &file));
        let missing = checked
            .as_ref()
            .is_ok_and(|output| output.status.code() == Some(MISSING));
        if missing {
            eprintln!("ignored: no validator of {format} is installed");
        }
        Trial::test(*format, move || judged(checked)).with_ignored_flag(missing)
    });
    let trials = trials.collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The hospital in a format.
fn exported(folder: &Path, format: &str) -> Result<PathBuf, Failed> {
    let (table, feeds) = (folder.join("table"), folder.join("feeds.json"));
    std::fs::write(&feeds, ADVISORY)?;
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pcaps/hospital.pcapng");
    let file = folder.join(format);
    let medtap = || {
        let mut medtap = Command::new(env!("CARGO_BIN_EXE_medtap"));
        medtap.stdout(Stdio::null());
        medtap
    };
    let read = medtap()
        .arg("analyze")
        .arg(capture)
        .arg("--save-table")
        .arg(&table)
        .status()?;
    let written = medtap()
        .args(["export", "--format", format, "--to"])
        .arg(&file)
        .arg("--table")
        .arg(&table)
        .arg("--feeds")
        .arg(&feeds)
        .status()?;
    match read.success() && written.success() {
        true => Ok(file),
        false => Err("the export was not made".into()),
    }
}

fn check(script: &[&str], file: &Path) -> Result<Output, Failed> {
    let [program, name, rest @ ..] = script else {
        return Err("no script".into());
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name);
    let run = Command::new(program)
        .arg(script)
        .args(rest)
        .arg(file)
        .output();
    match run {
        // Without the interpreter there is no validator either.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Command::new("sh")
            .args(["-c", &format!("exit {MISSING}")])
            .output()?),
        run => Ok(run?),
    }
}

fn judged(checked: Result<Output, Failed>) -> Result<(), Failed> {
    let output = checked?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let also = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{said}{also}").into()),
    }
}
