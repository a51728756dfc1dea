//! Windows: which products a version and build of it can be, from `data/windows.toml`. Several
//! products share a build; all of them are told, never one.

use std::sync::LazyLock;

use serde::Deserialize;

use super::names::words;
use crate::subject::{Component, ComponentKind};

/// The builds that are known.
static BUILDS: LazyLock<Vec<Build>> = LazyLock::new(|| {
    let file = toml::from_str::<File>(include_str!("../../data/windows.toml"));
    file.map(|file| file.build).unwrap_or_default()
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    build: Vec<Build>,
}

/// A build of Windows NT, and what it was sold as.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Build {
    nt: String,
    build: u32,
    /// Service pack in CPE's spelling; `-` for none, `*` where the build does not tell.
    update: String,
    products: Vec<Sold>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sold {
    /// Names in CPE, each with its version there: `r2`, `1809`, or `-`.
    cpe: Vec<(String, String)>,
    /// Words that tell it from others: `["2008", "r2"]`.
    words: Vec<String>,
    /// Its release, where it has several: `22h2`.
    release: Option<String>,
    #[serde(default)]
    server: bool,
}

/// One product that a component can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Name in CPE.
    pub cpe: &'static str,
    /// Version in CPE: `r2`, `1809`, or `-`.
    pub label: &'static str,
    /// Service pack in CPE's spelling; `*` where it is not known.
    pub update: String,
    /// `10.0.17763` or, where the revision is known, `10.0.17763.1234`.
    pub version: String,
    /// The revision, and so the patch level, is known.
    pub patch_known: bool,
    /// The build is known, or the product is one of few.
    pub build_known: bool,
}

/// True for a component that is a Windows.
pub fn is_windows(component: &Component) -> bool {
    let words = words(&component.product);
    component.kind == ComponentKind::OperatingSystem
        && match words.as_slice() {
            [first, second, ..] if first == "microsoft" => second == "windows",
            [first, ..] => first == "windows",
            [] => false,
        }
        // Windows CE has no build of NT.
        && !words.iter().any(|word| word == "ce" || word == "compact" || word == "mobile")
}

/// What a component that is a Windows can be.
pub fn resolve(component: &Component) -> Vec<Windows> {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    let (version, build) = (text(&component.version), text(&component.build));
    let said = Said::of(component, &version, &build);
    let mut found = Vec::new();
    for row in BUILDS.iter().filter(|row| said.agrees(row)) {
        let Some(update) = said.update(row) else {
            continue;
        };
        let version = match said.revision {
            Some(revision) => format!("{}.{}.{revision}", row.nt, row.build),
            None => format!("{}.{}", row.nt, row.build),
        };
        for sold in row.products.iter().filter(|sold| said.names(sold)) {
            found.extend(sold.cpe.iter().map(|(cpe, label)| Windows {
                cpe,
                label,
                update: update.clone(),
                version: version.clone(),
                patch_known: said.build.is_some() && said.revision.is_some(),
                build_known: said.tells_build(row, sold),
            }));
        }
    }
    found
}

/// What a component says of its Windows.
struct Said {
    nt: Option<String>,
    build: Option<u32>,
    revision: Option<u32>,
    service_pack: Option<String>,
    /// Words of its name that tell products apart, without `server`.
    words: Vec<String>,
    server: bool,
    releases: Vec<String>,
}

impl Said {
    fn of(component: &Component, version: &str, build: &str) -> Self {
        let all = words(&format!("{} {version} {build}", component.product));
        let (nt, number, revision) = numbers(version, build);
        let sold = || BUILDS.iter().flat_map(|row| &row.products);
        let mut told = words(&component.product);
        told.retain(|word| sold().any(|sold| sold.words.contains(word)));
        told.sort();
        told.dedup();
        let is_release = |word: &String| sold().any(|sold| sold.release.as_ref() == Some(word));
        Self {
            nt,
            build: number,
            revision,
            service_pack: service_pack(&all),
            words: told,
            server: all.iter().any(|word| word == "server"),
            releases: all
                .iter()
                .filter(|word| is_release(word))
                .cloned()
                .collect(),
        }
    }

    fn agrees(&self, row: &Build) -> bool {
        self.build.is_none_or(|build| build == row.build)
            && self.nt.as_ref().is_none_or(|nt| *nt == row.nt)
    }

    /// The service pack, where build and words agree on it.
    fn update(&self, row: &Build) -> Option<String> {
        match &self.service_pack {
            Some(pack) => (row.update == "*" || row.update == *pack).then(|| pack.clone()),
            None if self.build.is_some() => Some(row.update.clone()),
            None => Some("*".to_owned()),
        }
    }

    fn names(&self, sold: &Sold) -> bool {
        let mut words: Vec<_> = sold.words.clone();
        words.sort();
        let release = sold.release.as_ref();
        (self.words.is_empty() || self.words == words)
            && (!self.server || sold.server)
            && (self.releases.is_empty()
                || release.is_some_and(|release| self.releases.contains(release)))
    }

    fn tells_build(&self, row: &Build, sold: &Sold) -> bool {
        self.build.is_some()
            || !self.releases.is_empty()
            || (sold.release.is_none()
                && (!self.words.is_empty() || (self.nt.is_some() && row.nt != "10.0")))
    }
}

/// NT version, build and revision, as far as they are told.
fn numbers(version: &str, build: &str) -> (Option<String>, Option<u32>, Option<u32>) {
    let mut numbers = Vec::new();
    let all = format!("{version} {build}");
    for word in all.split(|c: char| !c.is_ascii_digit() && c != '.') {
        let parts: Vec<u32> = word
            .split('.')
            .filter_map(|part| part.parse().ok())
            .collect();
        if !parts.is_empty() {
            numbers.push(parts);
        }
    }
    let (mut nt, mut number, mut revision) = (None, None, None);
    for parts in numbers {
        match parts.as_slice() {
            [major @ 4..=10, minor @ 0..=3] => nt = Some(format!("{major}.{minor}")),
            [major @ 4..=10, minor @ 0..=3, build, rest @ ..] => {
                nt = Some(format!("{major}.{minor}"));
                // Samba says build 0; so does who does not know.
                number = Some(*build).filter(|build| *build > 0);
                revision = rest.first().copied();
            }
            [build @ 1_000..=99_999] if is_build(*build) => number = Some(*build),
            [build @ 1_000..=99_999, of_build] if is_build(*build) => {
                (number, revision) = (Some(*build), Some(*of_build));
            }
            _ => {}
        }
    }
    (nt, number, revision)
}

fn is_build(number: u32) -> bool {
    BUILDS.iter().any(|row| row.build == number)
}

/// `sp1` where a service pack is named.
fn service_pack(said: &[String]) -> Option<String> {
    let digit = |word: &String| word.len() == 1 && word.chars().all(|c| c.is_ascii_digit());
    let mut pairs = said.windows(2);
    let spelled = pairs.find_map(|pair| match pair {
        [word, number] if (word == "pack" || word == "sp") && digit(number) => Some(number),
        _ => None,
    });
    match spelled {
        Some(number) => Some(format!("sp{number}")),
        None => said
            .iter()
            .find(|word| matches!(word.as_bytes(), [b's', b'p', b'1'..=b'9']))
            .cloned(),
    }
}
