//! Risk as its users meet it: feeds in, scores, lists, reports and exports out.

use std::path::Path;

use serde_json::Value;

use super::program::{Folder, hospital, medtap};

const KEV: &str = r#"{"title":"CISA Catalog of Known Exploited Vulnerabilities",
"catalogVersion":"2026.08.07","dateReleased":"2026-08-07T17:00:00.0000Z","count":1,
"vulnerabilities":[{"cveID":"CVE-2026-1001","vendorProject":"Litware","product":"ChemLine",
"vulnerabilityName":"ChemLine Something","dateAdded":"2026-08-01",
"shortDescription":"Something.","requiredAction":"Mend it.","dueDate":"2026-08-22",
"knownRansomwareCampaignUse":"Unknown","notes":"","cwes":[]}]}"#;

const EPSS: &str = "#model_version:v2025.03.14,score_date:2026-08-16T00:00:00+0000\n\
                    cve,epss,percentile\nCVE-2026-1001,0.5,0.97\n";

/// An advisory about the laboratory's analyser.
const CSAF: &str = r#"{"document":{"category":"csaf_security_advisory","csaf_version":"2.0",
"title":"ChemLine","publisher":{"category":"coordinator","name":"CISA",
"namespace":"https://www.cisa.gov/"},"tracking":{"id":"ICSMA-26-001-01","status":"final",
"version":"1","initial_release_date":"2026-08-01T00:00:00Z",
"current_release_date":"2026-08-01T00:00:00Z","revision_history":[{"number":"1",
"date":"2026-08-01T00:00:00Z","summary":"Initial"}]}},
"product_tree":{"branches":[{"category":"vendor","name":"Litware Diagnostics","branches":[{
"category":"product_name","name":"ChemLine Control","branches":[{
"category":"product_version_range","name":"<3.1",
"product":{"product_id":"P1","name":"ChemLine Control <3.1"}}]}]}]},
"vulnerabilities":[{"cve":"CVE-2026-1001","product_status":{"known_affected":["P1"]},
"remediations":[{"category":"vendor_fix","details":"Update to 3.1.","product_ids":["P1"]}],
"scores":[{"products":["P1"],"cvss_v3":{"version":"3.1","baseScore":9.8,
"baseSeverity":"CRITICAL","vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}]}]}"#;

/// A folder with feeds, and a saved table of the hospital.
pub struct Site {
    pub folder: Folder,
    pub feeds: String,
    pub table: String,
}

impl Site {
    pub fn new() -> Self {
        let folder = Folder::new();
        let feeds = folder.path("feeds");
        std::fs::create_dir(&feeds).unwrap();
        for (name, text) in [("kev", KEV), ("epss", EPSS), ("icsma", CSAF)] {
            std::fs::write(Path::new(&feeds).join(name), text).unwrap();
        }
        let table = folder.path("table");
        let run = medtap(&["analyze", &hospital(), "--save-table", &table]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        Self {
            folder,
            feeds,
            table,
        }
    }

    /// A command over the table and the feeds.
    fn ask(&self, arguments: &[&str]) -> super::program::Run {
        let mut all = arguments.to_vec();
        all.extend(["--table", &self.table, "--feeds", &self.feeds]);
        medtap(&all)
    }
}

fn analyzer(document: &Value) -> Value {
    let devices = document["devices"].as_array().unwrap();
    let found = devices.iter().find(|d| d["category"] == "lab_analyzer");
    found.unwrap().clone()
}

#[test]
fn feeds_make_scores() {
    let site = Site::new();
    let run = medtap(&["analyze", &hospital(), "--feeds", &site.feeds, "-o", "json"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let device = analyzer(&run.json());
    let vulnerability = &device["vulnerabilities"][0];
    assert_eq!(vulnerability["cve"], "CVE-2026-1001");
    assert_eq!(vulnerability["in_kev"], true);
    assert_eq!(vulnerability["epss"], 0.5);
    assert_eq!(vulnerability["epss_model"], "v2025.03.14");
    assert_eq!(vulnerability["remediation"], "vendor_fix: Update to 3.1.");
    let risk = &device["risk"];
    assert_eq!(risk["assessed"], true);
    assert!(risk["score"].as_f64().unwrap() > 10.0, "{risk}");
    assert!(risk["low"].as_f64() <= risk["score"].as_f64());
    assert!(risk["score"].as_f64() <= risk["high"].as_f64());
    let drivers = risk["drivers"].as_array().unwrap();
    assert!(drivers[0]["name"].as_str().unwrap().contains("ChemLine") || drivers.len() > 1);

    let again = medtap(&[
        "analyze",
        &hospital(),
        "--feeds",
        &site.feeds,
        "-o",
        "json",
        "--workers",
        "7",
    ]);
    assert!(again.stdout == run.stdout, "workers change the document");
    let read = site.ask(&["devices", "-o", "json"]);
    assert!(read.stdout == run.stdout, "a saved table reads otherwise");
}

#[test]
fn conditions_see_risk() {
    let site = Site::new();
    let exploited = "vulnerabilities.in_kev = true and category = lab_analyzer";
    let run = site.ask(&["risk", "list", "--fail-on", exploited]);
    let sentence = run.sentence(1);
    assert!(
        sentence.starts_with("1 device matched --fail-on"),
        "{sentence}"
    );
    let run = site.ask(&["devices", "--fail-on", "risk.score > 99", "-o", "csv"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn people_see_risk() {
    let site = Site::new();
    let table = site.ask(&["devices"]).stdout;
    let title = table.lines().next().unwrap();
    assert!(title.contains("RISK"), "{title}");
    let wide = site.ask(&["devices", "-o", "wide"]).stdout;
    assert!(wide.lines().next().unwrap().contains("BAND"));
    assert!(wide.contains("not assessed"));
    let id = analyzer(&site.ask(&["devices", "-o", "json"]).json())["id"].clone();
    let page = site.ask(&["device", id.as_str().unwrap()]).stdout;
    for part in [
        "CVE-2026-1001",
        "known to be exploited",
        "ICSMA-26-001-01",
        "BOD 26-04: ",
        "vendor_fix: Update to 3.1.",
        "driven by",
    ] {
        assert!(page.contains(part), "{part}:\n{page}");
    }
}

#[test]
fn lists() {
    let site = Site::new();
    let list = site.ask(&["risk", "list", "-o", "json"]).json();
    let ranks: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["rank"])
        .collect();
    assert_eq!((ranks[0], ranks.len()), (&Value::from(1), ranks.len()));
    assert_eq!(
        list[0]["category"], "lab_analyzer",
        "the exploited one comes first"
    );
    let work = site
        .ask(&["work", "--role", "biomedical_engineering", "-o", "json"])
        .json();
    let text = work.to_string();
    assert!(
        text.contains("install the fix that the manufacturer approved"),
        "{text}"
    );
    let tasks = site.ask(&["work", "--devices", "-o", "csv"]).stdout;
    assert!(tasks.lines().any(|line| line.contains("CVE-2026-1001")));
    let groups = site.ask(&["risk", "groups", "-o", "json"]).json();
    assert!(groups.as_array().unwrap().len() > 1);
    let effects = site.ask(&["risk", "sensitivity", "-o", "json"]).json();
    assert!(effects[0]["kendall_tau"].as_f64().unwrap() <= 1.0);
    let hygiene = site.ask(&["risk", "hygiene"]);
    assert_eq!(hygiene.code, 0, "{}", hygiene.stderr);
    let rows = site
        .ask(&["compliance", "--pack", "nist", "-o", "json"])
        .json();
    let rows = rows.as_array().unwrap();
    assert!(rows.iter().any(|row| row["row"] == "ID.AM-01"));
    assert!(rows.iter().any(|row| row["finding"] == "not evidenced"));
    let fault = site.ask(&["compliance", "--pack", "no such pack"]);
    assert!(fault.sentence(2).contains("those that ship are"));
}

#[test]
fn simulations() {
    let site = Site::new();
    let run = site.ask(&["simulate", "--patch", "cve-2026-1001", "-o", "json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let row = &run.json()[0];
    assert!(row["after"].as_f64() < row["before"].as_f64(), "{row}");
    let run = site.ask(&[
        "simulate",
        "--segment",
        "10.20.1.11",
        "--peer",
        "10.20.2.10",
    ]);
    assert!(run.stdout.contains("would end: "), "{}", run.stdout);
    for (arguments, part) in [
        (vec!["simulate"], "nothing to simulate"),
        (
            vec!["simulate", "--patch", "CVE-1999-0001"],
            "matched to no device",
        ),
        (vec!["simulate", "--harden", "x"], "is no finding"),
        (vec!["simulate", "--segment", "192.0.2.77"], "no device is"),
    ] {
        let run = site.ask(&arguments);
        assert!(run.sentence(2).contains(part), "{}", run.stderr);
    }
}

#[test]
fn faults_of_what_it_is_judged_by() {
    let site = Site::new();
    let policy = site.folder.file("policy.toml", b"[posture]\nsmbv2 = 0.1\n");
    let run = site.ask(&["devices", "--policy", &policy]);
    let sentence = run.sentence(2);
    assert!(
        sentence.contains("line 2") && sentence.contains("smbv2"),
        "{sentence}"
    );
    let policy = site.folder.file("policy.toml", b"[posture]\nsmbv1 = 1.5\n");
    assert!(
        site.ask(&["risk", "list", "--policy", &policy])
            .sentence(2)
            .contains("line 2")
    );
    let verdicts = site
        .folder
        .file("verdicts.toml", b"[[verdict]]\ncve = \"x\"\n");
    assert_eq!(site.ask(&["devices", "--verdicts", &verdicts]).code, 2);
    let empty = site.folder.path("empty");
    std::fs::create_dir(&empty).unwrap();
    let run = medtap(&["analyze", &hospital(), "--feeds", &empty]);
    assert!(run.sentence(2).contains("holds no feed"));

    // One that is damaged is said, and the others count.
    let cut = &EPSS.as_bytes()[..EPSS.len() - 12];
    std::fs::write(Path::new(&site.feeds).join("epss"), cut).unwrap();
    let run = site.ask(&["devices", "-o", "json"]);
    assert!(run.sentence(4).contains("not taken"), "{}", run.stderr);
    let device = analyzer(&run.json());
    assert_eq!(device["vulnerabilities"][0]["in_kev"], true);
    assert_eq!(device["vulnerabilities"][0]["epss"], Value::Null);
}

#[test]
fn reports_are_the_same_twice() {
    let site = Site::new();
    for format in ["html", "xlsx", "csv", "json", "zip"] {
        let files = ["a", "b"].map(|name| site.folder.path(&format!("{name}.{format}")));
        for file in &files {
            let run = site.ask(&["report", file]);
            assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        }
        let [one, other] = files.map(|file| std::fs::read(file).unwrap());
        assert!(one.len() > 1_000 && one == other, "{format}");
    }
    let page = site.folder.path("c.html");
    let run = medtap(&[
        "analyze",
        &hospital(),
        "--feeds",
        &site.feeds,
        "--report",
        &page,
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let page = std::fs::read_to_string(page).unwrap();
    let saved = std::fs::read_to_string(site.folder.path("a.html")).unwrap();
    assert!(page == saved, "a saved table reports otherwise");
    assert!(page.contains("CVE-2026-1001") && page.contains("id=\"work\""));
    let run = site.ask(&["report", &site.folder.path("a.pdf")]);
    assert!(run.sentence(2).contains("expected a name that ends in"));
}

#[test]
fn exports() {
    let site = Site::new();
    for (format, part) in [
        ("cyclonedx", "\"specVersion\": \"1.6\""),
        ("csaf", "\"category\": \"csaf_vex\""),
        ("stix", "\"type\": \"bundle\""),
        ("ocsf", "\"class_uid\":5001"),
        ("servicenow", "correlation_id,"),
        ("nuvolo", "External ID,"),
    ] {
        let run = site.ask(&["export", "--format", format]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        assert!(run.stdout.contains(part), "{format}");
        assert!(run.stdout.contains("CVE-2026-1001"), "{format}");
        let file = site.folder.path("export");
        let run = site.ask(&["export", "--format", format, "--to", &file]);
        assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    }
    let run = medtap(&["export", "--format", "csaf", "--table", &site.table]);
    assert!(run.sentence(2).contains("needs at least one"));
}

/// Patient data and names of persons come out nowhere here either.
#[test]
fn no_report_names_a_person() {
    let site = Site::new();
    let mut all = Vec::new();
    for name in ["a.html", "a.csv", "a.json"] {
        let file = site.folder.path(name);
        site.ask(&["report", &file]);
        all.push(std::fs::read_to_string(&file).unwrap());
    }
    for format in ["cyclonedx", "csaf", "stix", "ocsf", "servicenow", "nuvolo"] {
        all.push(site.ask(&["export", "--format", format]).stdout);
    }
    all.push(site.ask(&["work", "--devices", "-o", "csv"]).stdout);
    for text in all {
        assert!(text.len() > 500 && !text.to_ascii_lowercase().contains("canary"));
    }
}

/// Generations of feeds: taken whole, shown, proved, taken back, carried.
#[test]
fn feeds_are_kept() {
    let site = Site::new();
    let (store, bundle) = (site.folder.path("store"), site.folder.path("bundle"));
    let ask = |arguments: &[&str]| {
        let mut all = vec!["feeds"];
        all.extend_from_slice(arguments);
        all.extend(["--store", &store]);
        medtap(&all)
    };
    assert_eq!(ask(&["list"]).code, 2, "a store that has nothing");
    let run = ask(&["import", &site.feeds]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout
            .contains("generation 1 counts now: 3 files added"),
        "{}",
        run.stdout
    );
    let list = ask(&["list", "-o", "json"]).json();
    assert_eq!(list.as_array().unwrap().len(), 3);
    assert!(
        ask(&["verify"])
            .stdout
            .contains("are as they were imported")
    );

    // What is kept is judged by like the folder that it came from.
    let kept = [
        "devices",
        "--table",
        &site.table,
        "--feeds",
        &store,
        "-o",
        "json",
    ];
    assert!(medtap(&kept).stdout == site.ask(&["devices", "-o", "json"]).stdout);

    let bad = site.folder.file("bad", &KEV.as_bytes()[..KEV.len() / 2]);
    assert_eq!(ask(&["import", &bad]).code, 2);
    assert!(
        ask(&["list"])
            .stdout
            .contains("generation 1 of 1 generation")
    );
    let newer = KEV
        .replace("2026-08-07T", "2026-08-09T")
        .replace("1001", "1002");
    let newer = site.folder.file("newer", newer.as_bytes());
    let run = ask(&["import", &newer]);
    assert!(
        run.stdout
            .contains("CVE-2026-1002 is now known to be exploited"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("CVE-2026-1001 left the catalogue"),
        "{}",
        run.stdout
    );
    assert!(
        ask(&["rollback"])
            .stdout
            .contains("generation 1 counts now")
    );

    assert_eq!(ask(&["bundle", &bundle]).code, 0);
    let other = site.folder.path("other");
    let run = medtap(&["feeds", "import", &bundle, "--store", &other]);
    assert!(
        run.stdout.contains("3 files added"),
        "{} {}",
        run.stdout,
        run.stderr
    );
}

/// Feeds come over a connection that nobody on the way can change, all of them or none.
#[test]
fn feeds_are_downloaded() {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            let (status, body) = match first.split(' ').nth(1) {
                Some("/feeds/kev.json?day=1") => ("200 OK", KEV),
                Some("/epss") => ("200 OK", EPSS),
                _ => ("404 Not Found", ""),
            };
            let len = body.len();
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {len}\r\n");
            write!(stream, "{head}Connection: close\r\n\r\n{body}").unwrap();
        }
    });
    let folder = Folder::new();
    let store = folder.path("store");
    let download = |urls: &[&str]| {
        let mut all = vec!["feeds", "download", "--store", &store];
        all.extend(urls);
        medtap(&all)
    };
    let (kev, epss) = (
        format!("{host}/feeds/kev.json?day=1"),
        format!("{host}/epss"),
    );
    let run = download(&[&kev, &format!("{host}/none")]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("/none: not fetched: "),
        "{}",
        run.stderr
    );
    assert!(!Path::new(&store).exists(), "nothing is kept");
    let run = download(&["http://192.0.2.1/kev.json"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("over https alone"), "{}", run.stderr);
    let run = download(&[&kev, &epss]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.contains("kev.json"), "{}", run.stdout);
    assert!(
        run.stdout
            .contains("generation 1 counts now: 2 files added"),
        "{}",
        run.stdout
    );
}

const MDS2: &str = r#"{"mds2":"2019","manufacturer":"Litware Diagnostics",
"model":"ChemLine Control","answers":[{"id":"MPII-1","question":"Does it maintain or transmit it?",
"answer":"Yes"}]}"#;

const SBOM: &str = r#"{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,
"metadata":{"component":{"type":"device","name":"ChemLine Control","version":"3.0.8",
"supplier":{"name":"Litware Diagnostics"}}},"components":[{"type":"library","name":"zlib",
"version":"1.2.11","bom-ref":"a"}]}"#;

#[test]
fn a_model_before_it_is_bought() {
    let site = Site::new();
    let mds2 = site.folder.file("mds2.json", MDS2.as_bytes());
    let sbom = site.folder.file("sbom.json", SBOM.as_bytes());
    let ask = |arguments: &[&str]| {
        let mut all = vec![
            "risk",
            "model",
            "--feeds",
            &site.feeds,
            "--as-of",
            "2026-11-24",
        ];
        all.extend_from_slice(arguments);
        medtap(&all)
    };
    let both = [
        "--mds2",
        &mds2,
        "--sbom",
        &sbom,
        "--category",
        "lab_analyzer",
    ];
    let run = ask(&both);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    for part in [
        "Litware Diagnostics ChemLine Control (lab analyzer)",
        "in a segment of its own",
        "known to be exploited: CVE-2026-1001",
        "before buying: ",
    ] {
        assert!(run.stdout.contains(part), "{part}:\n{}", run.stdout);
    }
    let mut json = both.to_vec();
    json.extend(["-o", "json"]);
    let places = ask(&json).json();
    let score = |place: usize| places[place]["score"].as_f64().unwrap();
    assert!(score(0) < score(5), "{places}");
    assert!(ask(&[]).sentence(2).contains("expected --mds2 FILE"));
    assert!(
        ask(&["--mds2", &sbom])
            .sentence(2)
            .contains("is no MDS2 form")
    );
    assert_eq!(ask(&["--sbom", &sbom, "--category", "toaster"]).code, 2);
}

/// A history, a spreadsheet and declarations are joined into what is judged.
#[test]
fn what_the_site_knows_is_joined() {
    let site = Site::new();
    let history = site.folder.path("history.db");
    let added = medtap(&["history", "add", &hospital(), "--history", &history]);
    assert_eq!(added.code, 0, "{}", added.stderr);
    let id = |document: &Value| analyzer(document)["id"].as_str().unwrap().to_owned();
    let plain = site.ask(&["devices", "-o", "json"]).json();
    let wanted = id(&plain);
    let by = ["--history", &history, "--who", "biomed", "--why", "known"];
    let run = medtap(&[&["approval", "baseline"][..], &by].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = medtap(&[&["approval", "reject", &wanted][..], &by].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);

    let controls = site.folder.file(
        "site.toml",
        format!(
            "[[control]]\nid = \"FW-1\"\nkind = \"segmentation\"\ndevices = [\"{wanted}\"]\n\
             owner = \"network\"\nsince = \"2020-01-01\"\nexpires = \"2021-01-01\"\n\
             [[control]]\nid = \"FW-2\"\nkind = \"segmentation\"\n\
             devices = [\"no such thing\"]\nowner = \"network\"\n\
             since = \"2020-01-01\"\nexpires = \"2099-01-01\"\n"
        )
        .as_bytes(),
    );
    let run = site.ask(&[
        "devices",
        "-o",
        "json",
        "--history",
        &history,
        "--controls",
        &controls,
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let text = "control FW-2 is for no device that was seen (no such thing)";
    assert!(run.stderr.contains(text), "{}", run.stderr);
    let device = analyzer(&run.json());
    let ids: Vec<&str> = device["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["id"].as_str().unwrap())
        .collect();
    assert!(ids.contains(&"not_approved"), "{ids:?}");
    assert!(ids.contains(&"control_expired"), "{ids:?}");
    let score = |device: &Value| device["risk"]["score"].as_f64().unwrap();
    assert!(score(&device) > score(&analyzer(&plain)));

    let broken = site.folder.file("broken.toml", b"[[control]]\nid = 1\n");
    let run = site.ask(&["risk", "list", "--controls", &broken]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("line 2"), "{}", run.stderr);
    let missing = site.folder.path("missing.db");
    let run = site.ask(&["risk", "list", "--history", &missing]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("there is no history"), "{}", run.stderr);
}

/// Work is kept in the history: it has an owner and an acceptance, closes itself when what it was
/// for is gone, and opens again.
#[test]
fn work_is_kept_between_runs() {
    let site = Site::new();
    let history = site.folder.path("history.db");
    let added = medtap(&["history", "add", &hospital(), "--history", &history]);
    assert_eq!(added.code, 0, "{}", added.stderr);
    let rows = |arguments: &[&str]| -> Vec<Value> {
        let mut all = vec!["work", "--history", &history, "-o", "json"];
        all.extend(arguments);
        let run = site.ask(&all);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.json().as_array().unwrap().clone()
    };
    let of = |rows: &[Value], column: &str| -> Option<String> {
        let mut patches = rows.iter().filter(|row| {
            let fix = row["fix"].as_str().unwrap_or_default();
            fix.starts_with("patch:") && fix.contains("CHEMLINE")
        });
        Some(patches.next()?[column].as_str()?.to_owned())
    };
    let first = rows(&["--devices"]);
    let fix = of(&first, "fix").expect("the analyser is to be patched");
    assert_eq!(of(&first, "state").as_deref(), Some("open"));
    let by = [
        "--history",
        &history,
        "--who",
        "risk manager",
        "--why",
        "a fix is coming",
    ];
    let step = |arguments: &[&str]| {
        let mut all = vec!["work"];
        all.extend(arguments);
        all.extend(by);
        medtap(&all)
    };
    let run = step(&["assign", &fix, "--owner", "laboratory"]);
    assert_eq!(
        (run.code, run.stderr.ends_with("assigned on 1 device\n")),
        (0, true),
        "{}",
        run.stderr
    );
    let run = step(&["accept", &fix, "--until", "2099-01-01"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for (arguments, text) in [
        (
            &["accept", &fix, "--until", "2020-01-01"][..],
            "which is not after",
        ),
        (&["accept", &fix, "--until", "soon"][..], "expected a day"),
        (&["close", &fix][..], "closes itself when traffic shows"),
        (
            &["withdraw", "patch:nothing"][..],
            "is no work that is kept",
        ),
    ] {
        let run = step(arguments);
        assert_eq!(run.code, 2, "{arguments:?}");
        assert!(run.stderr.contains(text), "{arguments:?}: {}", run.stderr);
    }
    let accepted = rows(&["--state", "accepted"]);
    assert_eq!(accepted.len(), 1);
    assert_eq!(of(&accepted, "owner").as_deref(), Some("laboratory"));
    assert_eq!(of(&accepted, "approver").as_deref(), Some("risk manager"));
    assert_eq!(
        of(&accepted, "accepted_until").as_deref(),
        Some("2099-01-01")
    );
    assert_eq!(step(&["withdraw", &fix]).code, 0);

    // The advisory is gone, so nothing is to be patched; then it is there again.
    let advisory = Path::new(&site.feeds).join("icsma");
    let away = site.folder.path("icsma");
    std::fs::rename(&advisory, &away).unwrap();
    assert_eq!(of(&rows(&["--devices"]), "fix"), None);
    let closed = rows(&["--state", "closed"]);
    assert_eq!(of(&closed, "closed_by").as_deref(), Some("medtap"));
    std::fs::rename(&away, &advisory).unwrap();
    assert_eq!(
        of(&rows(&["--devices"]), "state").as_deref(),
        Some("reopened")
    );
    let audit = medtap(&["approval", "audit", "--history", &history, "-o", "json"]).json();
    let acts: Vec<&str> = audit
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["subject"].as_str().unwrap().starts_with(&fix))
        .map(|entry| entry["new"].as_str().unwrap())
        .collect();
    assert_eq!(acts, ["laboratory", "2099-01-01", "", "closed", "reopened"]);

    let trend = |arguments: &[&str]| {
        let mut all = vec!["risk", "trend", "--history", &history];
        all.extend(arguments);
        medtap(&all)
    };
    let days = trend(&["-o", "json"]).json();
    assert_eq!(days.as_array().unwrap().len(), 1);
    assert_eq!(days[0]["kev_cves"], 1.0);
    assert!(days[0]["points"].as_f64().unwrap() > 10.0);
    let run = trend(&["--since", "2099-01-01"]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("keeps no scores of these days"),
        "{}",
        run.stderr
    );
    // A later day, by another EPSS: an event, and devices that moved.
    let epss = EPSS
        .replace("v2025.03.14", "v2026.06.15")
        .replace(",0.5,", ",0.9,");
    std::fs::write(Path::new(&site.feeds).join("epss"), epss).unwrap();
    let run = site.ask(&[
        "risk",
        "list",
        "--history",
        &history,
        "--as-of",
        "2027-01-01",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let days = trend(&["-o", "json"]).json();
    assert_eq!(days[1]["events"], "EPSS model v2025.03.14 -> v2026.06.15");
    let run = trend(&["--devices"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    // What was judged later is not undone by an older run.
    let run = site.ask(&["work", "--history", &history]);
    assert!(
        run.stderr.contains("was judged at 2027-01-01"),
        "{}",
        run.stderr
    );
    let page = site.folder.path("page.html");
    let run = site.ask(&["report", &page, "--history", &history]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("Risk over time") && page.contains("2027-01-01 (changed)"));
}

/// A segment is named as it is seen, or as the site declares it.
#[test]
fn a_segment_is_simulated_by_its_name() {
    let site = Site::new();
    let declared = site.folder.file(
        "site.toml",
        b"[[segment]]\nname = \"everything\"\nsubnets = [\"0.0.0.0/0\"]\n",
    );
    let all = ["simulate", "--controls", &declared, "-o", "json"];
    let run = site.ask(&[&all[..], &["--segment", "everything"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = site.ask(&[&all[..], &["--segment", "everythin"]].concat());
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("no device is everythin"),
        "{}",
        run.stderr
    );
}

/// The bill of a model's software adds its parts to the devices of that model, and to no others.
#[test]
fn a_bill_is_of_one_model() {
    let site = Site::new();
    let bill = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{
"timestamp":"2026-01-01T00:00:00Z","supplier":{"name":"Litware Diagnostics"},
"component":{"type":"device","name":"ChemLine Control"}},"components":[{"type":"library",
"name":"zlib","version":"1.2.8","cpe":"cpe:2.3:a:zlib:zlib:1.2.8:*:*:*:*:*:*:*"}]}"#;
    let nvd = r#"{"resultsPerPage":1,"startIndex":0,"totalResults":1,"format":"NVD_CVE",
"version":"2.0","timestamp":"2026-08-16T00:00:00.000","vulnerabilities":[{"cve":{
"id":"CVE-2026-2002","published":"2026-01-01T00:00:00.000",
"lastModified":"2026-01-02T00:00:00.000","vulnStatus":"Analyzed",
"descriptions":[{"lang":"en","value":"x"}],"metrics":{},"configurations":[{"nodes":[{
"operator":"OR","negate":false,"cpeMatch":[{"vulnerable":true,
"criteria":"cpe:2.3:a:zlib:zlib:*:*:*:*:*:*:*:*","versionEndExcluding":"1.3"}]}]}]}}]}"#;
    for (name, text) in [("bill", bill), ("nvd", nvd)] {
        std::fs::write(Path::new(&site.feeds).join(name), text).unwrap();
    }
    let run = site.ask(&["devices", "-o", "json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let document = run.json();
    let has = |device: &Value| {
        let listed = device["vulnerabilities"].as_array().unwrap();
        let mut parts = listed.iter().filter(|one| one["cve"] == "CVE-2026-2002");
        parts.next().map(|one| one["component"].clone())
    };
    assert_eq!(has(&analyzer(&document)), Some("zlib zlib 1.2.8".into()));
    let devices = document["devices"].as_array().unwrap();
    assert_eq!(devices.iter().filter_map(has).count(), 1);
}
