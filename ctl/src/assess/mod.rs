//! Risk of an inventory: devices become subjects, the risk model judges them, and what it says is
//! written into the inventory. Nothing is weighed here; every number is the policy's.
//!
//! ```text
//! matches    what the feeds say of components, as the model and the JSON want it
//! told       what they, memory and the site say of devices besides
//! edges      what conversations show by who speaks with whom
//! site       the files of the site, as they are read
//! kept       work and scores in the history, from run to run
//! daily      what medtap serve does once a day
//! trend      medtap risk trend       tasks      medtap work assign, accept, ...
//! arguments  what can be typed
//! commands   medtap risk, work, simulate, compliance
//! compliance what can be shown by a framework       purchase  medtap risk model
//! ```

pub mod arguments;
pub mod commands;
pub mod compliance;
pub mod daily;
mod edges;
pub mod kept;
mod matches;
mod purchase;
mod site;
pub mod tasks;
#[cfg(test)]
pub mod tests;
mod told;
mod trend;

use std::collections::{BTreeMap, BTreeSet};

use medtap_inventory::model::{self, Device, Inventory, Time};
use medtap_inventory::people::Judgement;
use medtap_risk::clock::Deadline;
use medtap_risk::clock::remedy::Plan;
use medtap_risk::date::day;
use medtap_risk::feeds::Feeds;
use medtap_risk::feeds::store::Store;
use medtap_risk::matching::{Match, Matcher, Verdicts};
use medtap_risk::score::{Assessment, Case, Exploit, assess_all};
use medtap_risk::work::{self, Item};
use medtap_risk::{Policy, Subject};
use medtap_rules::Rules;
use medtap_table::vocabulary::FindingId;

use crate::arguments::{Assessing, Judging};
use crate::failure::{Code, Exit, Failure};
use crate::render::several;
use crate::report::words;
use crate::subject::{Known, Site, burdens};

pub use site::SiteFiles;

/// Bytes of a file of verdicts.
const VERDICTS_BYTES_MAX: u64 = 16 << 20;
/// Decimal places of scores in outputs.
const SCORE_PLACES: i32 = 2;
/// Of shares.
const SHARE_PLACES: i32 = 4;

/// What risk is judged by.
pub struct Basis {
    /// Every number of the model.
    pub policy: Policy,
    /// What is known of vulnerabilities.
    pub feeds: Feeds,
    /// What people decided about matches.
    pub verdicts: Verdicts,
}

impl Basis {
    /// Reads the files that were named.
    ///
    /// # Errors
    /// When one can't be used. A feed that is refused is said, and the others count.
    pub fn read(options: &Judging, exit: &mut Exit) -> Result<Self, Failure> {
        let policy = match &options.policy {
            Some(path) => Policy::read(path).map_err(|error| Failure::new(error.to_string()))?,
            None => Policy::default(),
        };
        let verdicts = match &options.verdicts {
            Some(path) => read_verdicts(path)?,
            None => Verdicts::default(),
        };
        let feeds = match &options.feeds {
            Some(path) => read_feeds(path, exit)?,
            None => Feeds::default(),
        };
        Ok(Self {
            policy,
            feeds,
            verdicts,
        })
    }
}

impl Basis {
    /// NIST's LEV counts too.
    pub fn uses_lev(&self) -> bool {
        self.policy.exploitation.use_lev >= 0.5
    }

    /// When EPSS said what it says.
    pub fn scored_at(&self) -> Time {
        let seconds = u64::try_from(self.feeds.epss.dated).unwrap_or(0);
        Time(seconds.saturating_mul(1_000_000_000))
    }
}

fn read_verdicts(path: &std::path::Path) -> Result<Verdicts, Failure> {
    let name = path.display();
    let text = crate::files::read_text(path, VERDICTS_BYTES_MAX)?;
    let verdicts = match path
        .extension()
        .is_some_and(|extension| extension == "json")
    {
        true => Verdicts::parse_json(&text),
        false => Verdicts::parse_toml(&text),
    };
    verdicts.map_err(|error| Failure::new(format!("{name}: {error}")))
}

fn read_feeds(path: &std::path::Path, exit: &mut Exit) -> Result<Feeds, Failure> {
    let store = Store::new(path);
    // A store holds generations; anything else is a tree of files.
    let feeds = match path.is_dir() && store.current().is_ok_and(|current| current.is_some()) {
        true => store.read()?,
        false => Feeds::read_path(path).map_err(|error| Failure::new(error.to_string()))?,
    };
    for refused in &feeds.refused {
        let sentence = format!("{}: not taken: {}", refused.path, refused.refusal);
        exit.say(Code::Partial, &sentence);
    }
    if feeds.list.is_empty() {
        let name = path.display();
        return Err(Failure::new(format!(
            "{name}: holds no feed; expected files of KEV, EPSS, CSAF, NVD and the like"
        )));
    }
    Ok(feeds)
}

/// One device, judged.
pub struct Judged {
    /// Its id in the history, where that knows it.
    pub remembered: Option<String>,
    /// As the model sees it.
    pub subject: Subject,
    /// What the feeds say of its components.
    pub matches: Vec<Match>,
    /// Those of them that may be there.
    pub exploits: Vec<Exploit>,
    /// Its score.
    pub assessment: Assessment,
    /// The clocks of its CVEs.
    pub deadlines: Vec<Deadline>,
    /// What can be done about each of its components.
    pub plans: BTreeMap<usize, Plan>,
}

/// An inventory, judged.
pub struct Assessed {
    /// By what.
    pub basis: Basis,
    /// The time that ages are counted to.
    pub as_of: u64,
    /// The devices, in the inventory's order.
    pub devices: Vec<Judged>,
    /// How devices were judged on the days before.
    pub days: Vec<Judgement>,
    /// The devices of each segment, by the segment's name.
    pub segments: BTreeMap<String, Vec<String>>,
}

impl Assessed {
    /// Judges an inventory, and writes into it what came out.
    pub fn new(inventory: &mut Inventory, rules: &Rules, basis: Basis, known: &Known) -> Self {
        let as_of = inventory.as_of.map_or(0, |time| time.0);
        told::contacts(inventory, &basis.feeds.indicators);
        told::remembered(inventory, known);
        edges::add(inventory, known);
        let mut subjects = Site::new(inventory, rules, known).subjects();
        let matcher = Matcher::new(&basis.feeds);
        told::recalls(inventory, &mut subjects, &matcher);
        told::bills(&mut subjects, &matcher);
        let found = found(&subjects, &matcher, &basis.verdicts, as_of);
        drop(matcher);
        let mut exploits: Vec<Vec<Exploit>> = found.iter().map(|m| matches::exploits(m)).collect();
        if basis.uses_lev() {
            matches::likely_exploited(&mut exploits, &basis.feeds, &known.epss);
        }
        let cases: Vec<Case<'_>> = subjects
            .iter()
            .zip(&exploits)
            .map(|(subject, exploits)| Case { subject, exploits })
            .collect();
        // No device, no score: nothing is wrong with an empty inventory here.
        let assessments = assess_all(&cases, &basis.policy, as_of).unwrap_or_default();
        let today = day(as_of);
        let mut devices = Vec::with_capacity(subjects.len());
        let judged = subjects
            .into_iter()
            .zip(found)
            .zip(exploits)
            .zip(assessments);
        for (((subject, matches), exploits), assessment) in judged {
            let deadlines = matches::deadlines(&subject, &matches, &basis.policy, today);
            let plans = matches::plans(&subject, &matches);
            let remembered = known.memory.get(&subject.id);
            devices.push(Judged {
                remembered: remembered.map(|known| known.id.clone()),
                subject,
                matches,
                exploits,
                assessment,
                deadlines,
                plans,
            });
        }
        for (device, judged) in inventory.devices.iter_mut().zip(&devices) {
            fill(device, judged, &basis, today);
        }
        Self {
            basis,
            as_of,
            devices,
            days: known.days.clone(),
            segments: segments(inventory, known),
        }
    }

    /// Every device with its CVEs.
    pub fn cases(&self) -> Vec<Case<'_>> {
        self.devices.iter().map(Judged::case).collect()
    }

    /// Everything that there is to do, what closes most first.
    pub fn work(&self) -> Vec<Item> {
        work::items(self.work_devices(), day(self.as_of))
    }

    fn work_devices(&self) -> impl Iterator<Item = work::Device<'_>> {
        self.devices.iter().map(|judged| work::Device {
            case: judged.case(),
            assessment: &judged.assessment,
            deadlines: &judged.deadlines,
            plans: &judged.plans,
        })
    }
}

/// The devices of each VLAN, network and declared segment.
fn segments(inventory: &Inventory, known: &Known) -> BTreeMap<String, Vec<String>> {
    let mut segments: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for device in &inventory.devices {
        let declared = known.segments(device).map(|(name, _)| name.to_owned());
        let names: BTreeSet<String> = declared.chain(words::segments(device)).collect();
        for name in names.into_iter().filter(|name| name != words::NOWHERE) {
            segments.entry(name).or_default().push(device.id.clone());
        }
    }
    segments
}

impl Judged {
    /// The score as outputs show it.
    pub fn rounded_score(&self) -> Option<f64> {
        self.assessment
            .score
            .map(|score| rounded(score, SCORE_PLACES))
    }

    fn case(&self) -> Case<'_> {
        Case {
            subject: &self.subject,
            exploits: &self.exploits,
        }
    }
}

/// What the feeds and people say of the components of each device.
fn found(
    subjects: &[Subject],
    matcher: &Matcher<'_>,
    verdicts: &Verdicts,
    as_of: u64,
) -> Vec<Vec<Match>> {
    let components: Vec<&[_]> = subjects.iter().map(|s| s.components.as_slice()).collect();
    let today = day(as_of);
    let of_devices = matcher.fleet(&components).into_iter().zip(subjects);
    of_devices
        .map(|(found, subject)| {
            let mut found = found.to_vec();
            let components = &subject.components;
            verdicts.apply(&subject.id, components, &mut found, today);
            found
        })
        .collect()
}

/// Gives the findings of a device the weights of a policy.
fn weigh(device: &mut Device, policy: &Policy) {
    let weight = |id: FindingId| policy.posture.of(id).max(policy.threat.of(id));
    let weights: Vec<Option<f64>> = (device.findings.iter())
        .map(|finding| {
            let weight = FindingId::from_name(&finding.id).map(weight);
            // Told of it, and a weakness of the other end.
            weight.map(|weight| {
                if burdens(device, finding) {
                    weight
                } else {
                    0.0
                }
            })
        })
        .collect();
    for (finding, weight) in device.findings.iter_mut().zip(weights) {
        finding.weight = weight;
    }
}

/// Writes into a device what came out.
fn fill(device: &mut Device, judged: &Judged, basis: &Basis, today: jiff::civil::Date) {
    let policy = &basis.policy;
    for raised in &judged.assessment.raised {
        device.findings.push(model::Finding {
            id: raised.id.name().to_owned(),
            title: raised.id.title().to_owned(),
            confidence: raised.confidence,
            weight: None,
            evidence: raised.evidence.clone(),
            first_seen: None,
            last_seen: None,
        });
    }
    device.findings.sort_by(|a, b| a.id.cmp(&b.id));
    weigh(device, policy);
    device.vulnerabilities = matches::listed(judged, policy, today);
    device.risk = risk(&judged.assessment);
}

fn risk(assessment: &Assessment) -> model::Risk {
    let score = |number: f64| rounded(number, SCORE_PLACES);
    let known = |number: f64| assessment.assessed.then(|| score(number));
    let impact = &assessment.impact;
    model::Risk {
        assessed: assessment.assessed,
        score: assessment.score.map(score),
        low: assessment.low.map(score),
        high: Some(score(assessment.high)),
        band: assessment.band.map(|band| band.name().to_owned()),
        likelihood: assessment
            .assessed
            .then(|| rounded(assessment.likelihood.total, SHARE_PLACES)),
        impact: model::Impact {
            safety: known(impact.safety),
            effectiveness: known(impact.effectiveness),
            data: known(impact.data),
        },
        drivers: assessment
            .drivers
            .iter()
            .filter(|_| assessment.assessed)
            .map(|driver| model::Driver {
                name: driver.name.clone(),
                effect: score(driver.effect),
            })
            .collect(),
    }
}

/// Without the digits that only arithmetic made.
fn rounded(number: f64, places: i32) -> f64 {
    let factor = 10f64.powi(places);
    (number * factor).round() / factor
}

/// Judges the inventory where something was given to judge it by, or where a report wants it. Else
/// findings get their weights and nothing a score: without feeds no vulnerability was looked for,
/// and a number would say that there is none.
pub fn judge(
    inventory: &mut Inventory,
    rules: &Rules,
    basis: Basis,
    known: &Known,
    wanted: bool,
) -> Option<Assessed> {
    if wanted {
        return Some(Assessed::new(inventory, rules, basis, known));
    }
    for device in &mut inventory.devices {
        weigh(device, &basis.policy);
    }
    None
}

/// Judges the inventory where that was asked for.
///
/// # Errors
/// Those of reading what was named.
pub fn where_asked(
    inventory: &mut Inventory,
    rules: &Rules,
    options: &Assessing,
    exit: &mut Exit,
) -> Result<Option<Assessed>, Failure> {
    let basis = Basis::read(&options.judging, exit)?;
    let known = SiteFiles::read(options, exit)?.known(inventory, &basis, exit)?;
    Ok(judge(inventory, rules, basis, &known, options.is_given()))
}

/// Judges the inventory, with the default policy and without feeds where none are named.
///
/// # Errors
/// Those of reading what was named.
pub fn always(
    inventory: &mut Inventory,
    rules: &Rules,
    options: &Assessing,
    exit: &mut Exit,
) -> Result<Assessed, Failure> {
    let basis = Basis::read(&options.judging, exit)?;
    let known = SiteFiles::read(options, exit)?.known(inventory, &basis, exit)?;
    Ok(Assessed::new(inventory, rules, basis, &known))
}

/// What the feeds are, in one sentence.
pub fn described(feeds: &Feeds) -> String {
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for feed in feeds.list.iter().filter(|feed| !feed.superseded) {
        *kinds.entry(feed.kind.name()).or_default() += 1;
    }
    let kinds = kinds.into_iter().map(|(name, count)| match count {
        1 => name.to_owned(),
        count => format!("{name} ({})", several(count, "file")),
    });
    match kinds.collect::<Vec<_>>() {
        kinds if kinds.is_empty() => "no feeds".to_owned(),
        kinds => kinds.join(", "),
    }
}
