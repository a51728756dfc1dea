//! The report's page in a real browser: sorted, searched, opened, and looked at for what people
//! with other eyes or other screens need. Shown as ignored where there is no chromium.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What the page is asked to do, and what must come of it.
const SCRIPT: &str = include_str!("browser.js");
/// Names of the browser.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];
/// Time of the page's own clock that the browser waits.
const BUDGET: &str = "--virtual-time-budget=10000";

const LIGHT: &str = "--blink-settings=preferredColorScheme=1";
/// Copies of the hospital's 24 devices that make more than 10,000.
const COPIES: usize = 420;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let browser = browser();
    let missing = browser.is_none();
    let trial = |name: &str, scheme: &'static str, copies| {
        let browser = browser.clone();
        let run = move || page(browser.as_deref(), scheme, copies);
        Trial::test(name, run).with_ignored_flag(missing)
    };
    let trials = vec![
        trial("light", LIGHT, 1),
        trial("dark", "--blink-settings=preferredColorScheme=0", 1),
        trial("many", LIGHT, COPIES),
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

/// The page with every device so many times, each with an id of its own; what opens under the rows
/// is there for the first ones alone.
fn multiplied(page: &str, copies: usize) -> Result<String, Failed> {
    let (head, rest) = page
        .split_once("id=\"data\">")
        .ok_or("the page has no data")?;
    let (data, tail) = rest.split_once("</script>").ok_or("the data has no end")?;
    let mut data: Value = serde_json::from_str(data)?;
    let columns = data["columns"].as_object_mut().ok_or("no columns")?;
    for column in columns.values_mut() {
        let column = column.as_array_mut().ok_or("no column")?;
        let one = column.clone();
        for _ in 1..copies {
            column.extend(one.iter().cloned());
        }
    }
    let ids = columns["id"].as_array().map_or(0, Vec::len);
    let (first, texts) = (ids / copies, data["texts"].as_array().map_or(0, Vec::len));
    for place in first..ids {
        data["columns"]["id"][place] = (texts + place - first).into();
        let texts = data["texts"].as_array_mut().ok_or("no texts")?;
        texts.push(format!("copy-{place}").into());
    }
    let data = data.to_string().replace('<', "\\u003c");
    Ok(format!("{head}id=\"data\">{data}</script>{tail}"))
}

/// Opens the hospital's report, and lets the script act on it.
fn page(browser: Option<&Path>, scheme: &str, copies: usize) -> Result<(), Failed> {
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
    let text = multiplied(&std::fs::read_to_string(&file)?, copies)?
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
