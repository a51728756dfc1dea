//! The report's page in a real browser: sorted, searched, opened, and looked at for what people
//! with other eyes or other screens need. Shown as ignored where there is no chromium.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::{Arguments, Failed, Trial};
use sha2::{Digest, Sha256};

/// What the page is asked to do, and what must come of it.
const SCRIPT: &str = include_str!("browser.js");
/// Names of the browser.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];
/// Time of the page's own clock that the browser waits.
const BUDGET: &str = "--virtual-time-budget=10000";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let browser = browser();
    let missing = browser.is_none();
    let trial = |name: &str, scheme: &'static str| {
        let browser = browser.clone();
        Trial::test(name, move || page(browser.as_deref(), scheme)).with_ignored_flag(missing)
    };
    let trials = vec![
        trial("light", "--blink-settings=preferredColorScheme=1"),
        trial("dark", "--blink-settings=preferredColorScheme=0"),
    ];
    if missing {
        eprintln!("ignored: there is no {} on the path", BROWSERS.join(", "));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The browser, if there is one.
fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&path).collect::<Vec<_>>();
    let candidates = BROWSERS
        .iter()
        .flat_map(|name| folders.iter().map(move |f| f.join(name)));
    candidates.into_iter().find(|candidate| candidate.is_file())
}

/// Opens the hospital's report, and lets the script act on it.
fn page(browser: Option<&Path>, scheme: &str) -> Result<(), Failed> {
    let browser = browser.ok_or("no browser")?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("report.html");
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pcaps/hospital.pcapng");
    let made = Command::new(env!("CARGO_BIN_EXE_medtap"))
        .arg("analyze")
        .arg(capture)
        .arg("--report")
        .arg(&file)
        .stdout(Stdio::null())
        .status()?;
    if !made.success() {
        return Err("the report was not made".into());
    }
    // The page lets only its own script run: ours has to be let in.
    let hash = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    let text = std::fs::read_to_string(&file)?
        .replace(
            "script-src ",
            &format!("script-src &#39;sha256-{hash}&#39; "),
        )
        .replace("</body>", &format!("<script>{SCRIPT}</script></body>"));
    std::fs::write(&file, text)?;
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
        ])
        .args(["--no-first-run", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync"])
        .arg("--window-size=1300,900")
        .arg(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ))
        .args([scheme, BUDGET, "--dump-dom"])
        .arg(format!("file://{}", file.display()))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()?;
    let dom = String::from_utf8(output.stdout)?;
    let result = dom.split("<pre id=\"result\">").nth(1);
    match result.and_then(|rest| rest.split("</pre>").next()) {
        Some("done") => Ok(()),
        Some(fault) => Err(fault.to_owned().into()),
        None => Err("the script did not come to its end".into()),
    }
}
