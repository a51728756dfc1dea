//! What kind of device it is: what rules say of its values, and what its part in the network
//! shows. Agreeing evidence adds up, the strongest sum wins; a maker alone is no evidence.

use std::collections::{BTreeMap, BTreeSet};

use medtap_table::Fact;
use medtap_table::vocabulary::{Attribute, Category, Field};

use super::values::together;

/// Below this, a category is a guess and not told.
const CONFIDENCE_MIN: u8 = 25;
/// It forwards packets.
const ROUTES: u8 = 90;
/// What it says at least of which kind it is that forwards.
const SURE_OF_KIND: u8 = 50;
/// It stores objects and answers queries for them.
const ARCHIVES: u8 = 60;
/// It queries for objects and receives them, and gives none to others.
const READS: u8 = 70;
/// It reports several devices.
const REPORTS_SEVERAL: u8 = 80;
/// It reports one device, which it is not.
const REPORTS_ONE: u8 = 45;
/// Several send messages to it.
const COLLECTS_MESSAGES: u8 = 45;
/// It receives messages from others and sends some itself.
const PASSES_MESSAGES_ON: u8 = 50;
/// It tells of admissions.
const TELLS_ADMISSIONS: u8 = 35;
/// It tells of itself as laboratory equipment.
const IS_EQUIPMENT: u8 = 70;
/// It hands out addresses or answers for names.
const SERVES_NETWORK: u8 = 50;
/// It serves several general protocols.
const SERVES_SEVERAL: u8 = 30;
/// What its own images say of a device, at least: more than any part that it plays besides.
const OWN_MODALITY: u8 = 95;

/// What is known of a device besides its facts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Part {
    /// It forwards packets for others.
    pub routes: bool,
    /// A host that is the equipment which it reports.
    pub originates: bool,
    /// It is laboratory equipment that speaks of itself.
    pub is_analyzer: bool,
    /// It has no address: others report it.
    pub reported: bool,
    /// Devices that it reports by HL7.
    pub reports: usize,
    /// Devices that send HL7 messages to it.
    pub senders: usize,
    /// HTTP, TLS and SSH, as far as it serves them to others.
    pub serves: usize,
}

/// A category with how sure it is.
pub fn decide(facts: &[&Fact<'_>], part: &Part) -> (Category, u8) {
    let mut evidence = Evidence::default();
    let roles = texts(facts, Field::DicomRole);
    evidence.read(facts, part, &roles);
    evidence.structure(facts, part, &roles);
    evidence.sum(part)
}

#[derive(Default)]
struct Evidence<'a> {
    /// What each value of a field says, once.
    said: BTreeMap<(Category, Field, &'a str), u8>,
    /// What its part shows.
    shown: Vec<(Category, u8)>,
}

/// A kind of imaging equipment.
fn is_imaging(category: Category) -> bool {
    use Category as C;
    matches!(
        category,
        C::Ct
            | C::Mr
            | C::Xray
            | C::Ultrasound
            | C::Mammography
            | C::NuclearMedicine
            | C::Radiotherapy
            | C::Endoscopy
            | C::Ecg
    )
}

/// Equipment whose work is to forward.
const FORWARDING: [Category; 4] = [
    Category::Switch,
    Category::Router,
    Category::AccessPoint,
    Category::Firewall,
];

/// Which of these something that forwards says most surely that it is; a router, where it is not
/// sure of one.
fn forwarding(voices: &BTreeMap<Category, Vec<u8>>) -> Category {
    let sums = FORWARDING.map(|kind| {
        let said = voices.get(&kind).cloned().unwrap_or_default();
        (together(said), kind)
    });
    let most = sums.iter().map(|(sum, _)| *sum).max().unwrap_or_default();
    let mut best = sums.iter().filter(|(sum, _)| *sum == most);
    match (best.next(), best.next()) {
        (Some((_, kind)), None) if most >= SURE_OF_KIND => *kind,
        _ => Category::Router,
    }
}

fn texts<'a>(facts: &[&'a Fact<'a>], field: Field) -> BTreeSet<&'a str> {
    let of_field = facts.iter().filter(|fact| fact.field == field);
    of_field.map(|fact| &*fact.raw).collect()
}

/// True where one of the roles is played.
fn plays(roles: &BTreeSet<&str>, any: &[&str]) -> bool {
    any.iter().any(|role| roles.contains(role))
}

impl<'a> Evidence<'a> {
    fn read(&mut self, facts: &[&'a Fact<'a>], part: &Part, roles: &BTreeSet<&str>) {
        let passes_on = plays(roles, &["forwarder", "query_scp", "move_scp", "get_scp"]);
        let reads = is_reading(roles);
        for fact in facts {
            if fact.attribute != Attribute::Category || fact.value_cut {
                continue;
            }
            let Some(category) = Category::from_name(&fact.value) else {
                continue;
            };
            // What it passes on, or is sent, is of others.
            let foreign =
                fact.field == Field::DicomSopClass && (passes_on || roles.contains("storage_scp"));
            // Receiving images does not make an archive of what reads them.
            let receives = reads && fact.field == Field::DicomRole && category == Category::Pacs;
            // The parts that a modality plays in DICOM besides making images.
            let besides =
                part.originates && fact.field == Field::DicomRole && category != Category::Modality;
            if !(foreign || receives || besides) {
                let known = self
                    .said
                    .entry((category, fact.field, &*fact.raw))
                    .or_default();
                *known = (*known).max(fact.confidence);
            }
        }
    }

    fn structure(&mut self, facts: &[&Fact<'_>], part: &Part, roles: &BTreeSet<&str>) {
        if part.routes || part.reported {
            return;
        }
        if !part.originates {
            self.images(roles);
        }
        self.messages(&texts(facts, Field::Hl7Role), part);
        let has = |field| facts.iter().any(|fact| fact.field == field);
        if has(Field::DhcpServer) || has(Field::DnsServer) {
            self.shown.push((Category::Server, SERVES_NETWORK));
        }
        if part.serves > 1 {
            self.shown.push((Category::Server, SERVES_SEVERAL));
        }
    }

    fn images(&mut self, roles: &BTreeSet<&str>) {
        let stores = roles.contains("storage_scp");
        if stores && plays(roles, &["query_scp", "move_scp", "get_scp"]) {
            self.shown.push((Category::Pacs, ARCHIVES));
        } else if is_reading(roles) {
            self.shown.push((Category::Workstation, READS));
        }
    }

    fn messages(&mut self, roles: &BTreeSet<&str>, part: &Part) {
        let sends = roles.iter().any(|role| role.ends_with("_sender"));
        let receives = roles.iter().any(|role| role.ends_with("_receiver"));
        if part.is_analyzer {
            self.shown.push((Category::LabAnalyzer, IS_EQUIPMENT));
        } else if part.reports > 0 {
            let several = part.reports > 1;
            let confidence = if several {
                REPORTS_SEVERAL
            } else {
                REPORTS_ONE
            };
            self.shown.push((Category::DeviceGateway, confidence));
        }
        if sends && receives {
            self.shown
                .push((Category::InterfaceEngine, PASSES_MESSAGES_ON));
        } else if receives && part.senders > 1 {
            self.shown
                .push((Category::InterfaceEngine, COLLECTS_MESSAGES));
        }
        if roles.contains("adt_sender") && !receives {
            self.shown.push((Category::Emr, TELLS_ADMISSIONS));
        }
    }

    fn sum(self, part: &Part) -> (Category, u8) {
        let mut voices: BTreeMap<Category, Vec<u8>> = BTreeMap::new();
        let said = self
            .said
            .into_iter()
            .map(|((category, ..), confidence)| (category, confidence));
        for (category, confidence) in said.chain(self.shown) {
            voices.entry(category).or_default().push(confidence);
        }
        // That it is some modality agrees with the one kind that it can be.
        let mut kinds = voices
            .keys()
            .copied()
            .filter(|category| is_imaging(*category));
        if let (Some(kind), None) = (kinds.next(), kinds.next())
            && let Some(modality) = voices.remove(&Category::Modality)
        {
            voices.entry(kind).or_default().extend(modality);
        }
        if part.routes {
            let kind = forwarding(&voices);
            voices.entry(kind).or_default().push(ROUTES);
        }
        let sums = voices.into_iter().map(|(category, confidences)| {
            let sum = together(confidences);
            let own = part.originates && is_imaging(category) && sum >= OWN_MODALITY - 10;
            (category, if own { sum.max(OWN_MODALITY) } else { sum })
        });
        // Ties go to the category with the smaller number: the more medical one.
        let best = sums.max_by_key(|&(category, sum)| (sum, std::cmp::Reverse(category)));
        best.filter(|best| best.1 >= CONFIDENCE_MIN)
            .unwrap_or((Category::Unknown, 0))
    }
}

/// It looks for images and receives them, and gives none to others.
fn is_reading(roles: &BTreeSet<&str>) -> bool {
    roles.contains("storage_scp")
        && plays(roles, &["query_scu", "move_scu"])
        && !plays(roles, &["query_scp", "move_scp", "get_scp", "worklist_scp"])
}
