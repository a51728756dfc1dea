use std::path::PathBuf;

use super::*;

/// The folder of real feeds, where it is there.
fn data() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("MEDTAP_DATA")?).join("feeds");
    folder.is_dir().then_some(folder)
}

/// Real snapshots are taken to the last record: as many as each file says itself.
#[test]
fn real_snapshots_import_completely() {
    let Some(folder) = data() else {
        return;
    };
    let feeds = Feeds::read_path(&folder).unwrap();
    assert_eq!(feeds.refused, []);
    let of = |kind: Kind| feeds.list.iter().filter(move |feed| feed.kind == kind);
    for feed in &feeds.list {
        assert_eq!(feed.rejects, [], "{}", feed.path);
        assert_eq!(feed.skips, [], "{}", feed.path);
    }
    let kev = of(Kind::KevJson).next().unwrap();
    assert_eq!(
        (kev.records, kev.stated, kev.superseded),
        (1_662, Some(1_662), false)
    );
    let old = of(Kind::KevCsv).next().unwrap();
    assert_eq!((old.records, old.superseded), (1_404, true));
    assert_eq!(feeds.kev.entries.len(), 1_662);
    assert_eq!(of(Kind::Epss).next().unwrap().records, 360_142);
    assert_eq!(&*feeds.epss.model, "unstated");
    assert_eq!(of(Kind::Csaf).count(), 144);
    assert_eq!(of(Kind::Csaf).map(|feed| feed.records).sum::<u64>(), 433);
    assert_eq!(of(Kind::FdaClasses).next().unwrap().records, 6_162);
    let ventilator = feeds.classes.get("BTL").unwrap();
    assert_eq!(
        (ventilator.class, ventilator.life_sustaining),
        (Some(2), true)
    );
    assert_eq!(feeds.strangers.len(), 1, "the catalogue's schema");
    assert!(of(Kind::Csaf).all(|feed| !feed.superseded));
}

/// A second opinion: CVEs of the medical advisories, joined by others with EPSS and KEV.
#[test]
fn scores_and_catalogue_agree_with_the_answers() {
    let Some(folder) = data() else {
        return;
    };
    let answers = folder.join("../answers/icsma_cve_epss_kev.tsv");
    let feeds = Feeds::read(&[folder.join("kev"), folder.join("epss"), folder.join("csaf")]);
    let feeds = feeds.unwrap();
    let text = std::fs::read_to_string(answers).unwrap();
    let (mut rows, mut exploited) = (0, 0);
    for row in text.lines().skip(1) {
        let columns: Vec<_> = row.split('\t').collect();
        let cve: CveId = columns[0].parse().unwrap();
        assert_eq!(
            feeds.kev.entries.contains_key(&cve),
            columns[1] == "1",
            "{cve}"
        );
        exploited += u32::from(columns[1] == "1");
        let epss = feeds.epss.get(cve);
        let told = columns[2].parse::<f64>().ok();
        assert_eq!(epss.map(|epss| epss.probability), told, "{cve}");
        rows += 1;
    }
    assert_eq!((rows, exploited), (705, 20));
    let stated = feeds.claims.all().iter().map(|claim| claim.cve);
    let exploited = stated.filter(|cve| feeds.kev.entries.contains_key(cve));
    let exploited = exploited.collect::<std::collections::BTreeSet<_>>();
    assert!(!exploited.is_empty());
    for cve in &exploited {
        assert!(
            text.lines()
                .any(|row| row.starts_with(&format!("{cve}\t1\t"))),
            "{cve}"
        );
    }
}

/// The order and the names of the files do not matter.
#[test]
fn order_and_names_do_not_matter() {
    let epss = |day: u32, probability: &str| {
        format!(
            "#model_version:v{day},score_date:2026-08-{day}\ncve,epss,percentile\n\
             CVE-2024-0001,{probability},0.5\n"
        )
    };
    let (old, new) = (epss(10, "0.1"), epss(11, "0.2"));
    let orders = [[("a", &old), ("b", &new)], [("a", &new), ("b", &old)]];
    for files in orders {
        let feeds = Feeds::read_bytes(files.map(|(name, text)| (name, text.as_bytes())));
        assert_eq!(&*feeds.epss.model, "v11");
        let superseded = feeds.list.iter().filter(|feed| feed.superseded);
        let superseded: Vec<_> = superseded.map(|feed| feed.version.as_deref()).collect();
        assert_eq!(superseded, [Some("v10")]);
    }
    let [before, after] = [&old, &new].map(|text| Feeds::read_bytes([("f", text.as_bytes())]));
    let model = |text: &str| text.to_owned();
    let change = Change::EpssModel {
        from: model("v10"),
        to: model("v11"),
    };
    assert_eq!(changes(&before, &after), [change]);
    assert_eq!(changes(&before, &before), []);
}
