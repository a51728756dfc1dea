use std::path::PathBuf;

use super::Kind;
use super::store::{Error, Store};

const NOW: &str = "2026-08-17T00:00:00Z";

fn epss(date: &str, probability: &str) -> String {
    format!(
        "#model_version:v5,score_date:{date}T00:00:00+0000\ncve,epss,percentile\n\
         CVE-2024-0001,{probability},0.5\n"
    )
}

struct Site {
    folder: tempfile::TempDir,
    store: Store,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("store"));
        Self { folder, store }
    }

    fn file(&self, name: &str, text: &str) -> Vec<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        vec![path]
    }

    fn probability(&self) -> f64 {
        let feeds = self.store.read().unwrap();
        feeds
            .epss
            .get("CVE-2024-0001".parse().unwrap())
            .unwrap()
            .probability
    }
}

#[test]
fn generations_follow_each_other_and_go_back() {
    let site = Site::new();
    assert_eq!(site.store.current().unwrap(), None);
    assert!(matches!(site.store.manifest(), Err(Error::Missing { .. })));
    let first = site.file("one.csv", &epss("2026-08-16", "0.1"));
    assert_eq!(site.store.import(&first, NOW).unwrap().generation, 1);
    let second = site.file("two.csv", &epss("2026-08-17", "0.2"));
    let imported = site.store.import(&second, NOW).unwrap();
    assert_eq!((imported.generation, imported.added.len()), (2, 1));
    assert_eq!(imported.superseded[0].path, "one.csv");
    assert_eq!(site.probability(), 0.2);
    let manifest = site.store.manifest().unwrap();
    assert_eq!(manifest.feeds.len(), 1);
    assert_eq!(
        (manifest.feeds[0].kind, manifest.feeds[0].path.as_str()),
        (Kind::Epss, "two.csv")
    );
    assert_eq!(site.store.rollback().unwrap(), 1);
    assert_eq!(site.probability(), 0.1);
    assert!(matches!(site.store.rollback(), Err(Error::Missing { .. })));
    // An older file than the one that counts changes nothing but is told.
    let third = site.file("three.csv", &epss("2026-08-01", "0.3"));
    let imported = site.store.import(&third, NOW).unwrap();
    // It says nothing new, so no generation is made of it.
    assert_eq!((imported.generation, imported.superseded.len()), (1, 1));
    assert_eq!(site.probability(), 0.1);
}

#[test]
fn a_bad_import_keeps_the_last_good_one() {
    let site = Site::new();
    let good = site.file("good.csv", &epss("2026-08-16", "0.1"));
    site.store.import(&good, NOW).unwrap();
    let before = site.store.manifest().unwrap();
    for (name, text, reason) in [
        ("nan.csv", epss("2026-08-17", "NaN"), "line 3"),
        (
            "short.json",
            "{\"catalogVersion\": \"1\", \"vulnerabilities\": [".to_owned(),
            "cut short",
        ),
        (
            "version.json",
            "{\"document\": {\"csaf_version\": \"9\"".to_owned(),
            "line 1",
        ),
    ] {
        let bad = site.file(name, &text);
        let error = site.store.import(&bad, NOW).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(reason), "{error}");
        assert_eq!(site.store.manifest().unwrap(), before);
        assert_eq!(site.probability(), 0.1);
    }
    let nothing = site.file("readme.md", "# Nothing\n");
    let empty = Site::new();
    assert!(matches!(
        empty.store.import(&nothing, NOW),
        Err(Error::Nothing)
    ));
    assert!(empty.store.import(&[PathBuf::from("absent")], NOW).is_err());
    assert_eq!(site.store.generations().unwrap(), [1]);
}

#[test]
fn what_was_altered_is_found() {
    let site = Site::new();
    let good = site.file("good.csv", &epss("2026-08-16", "0.1"));
    site.store.import(&good, NOW).unwrap();
    assert_eq!(site.store.verify().unwrap(), []);
    let folder = site.store.folder().unwrap();
    let file = folder.join(&site.store.manifest().unwrap().feeds[0].sha256);
    std::fs::write(file, epss("2026-08-16", "0.9")).unwrap();
    std::fs::write(folder.join("extra"), "x").unwrap();
    let faults = site.store.verify().unwrap();
    let found: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(found, ["extra", "good.csv"]);
}

#[test]
fn bundles_carry_a_generation_and_are_checked() {
    let site = Site::new();
    let good = site.file("good.csv", &epss("2026-08-16", "0.1"));
    site.store.import(&good, NOW).unwrap();
    let bundle = site.folder.path().join("feeds.bundle");
    site.store.write_bundle(&bundle).unwrap();
    let other = Site::new();
    assert_eq!(
        other.store.import_bundle(&bundle, NOW).unwrap().generation,
        1
    );
    assert_eq!(other.probability(), 0.1);
    let bytes = std::fs::read(&bundle).unwrap();
    for cut in [0, 10, 30, bytes.len() / 2, bytes.len() - 12] {
        std::fs::write(&bundle, &bytes[..cut]).unwrap();
        assert!(
            Site::new().store.import_bundle(&bundle, NOW).is_err(),
            "cut at {cut}"
        );
    }
}

#[test]
fn old_generations_are_forgotten() {
    let site = Site::new();
    for day in 10..18 {
        let file = site.file("epss.csv", &epss(&format!("2026-08-{day}"), "0.1"));
        site.store.import(&file, NOW).unwrap();
    }
    assert_eq!(site.store.generations().unwrap(), [4, 5, 6, 7, 8]);
}
