//! One statement of a feed against one component: does it speak of it, and how surely. It weighs
//! no statements against each other.

use super::Applicability;
use super::index::{Candidate, Entry, Index};
use crate::feeds::versions::{Containment, Version, Versions};
use crate::feeds::{Claim, Kind, NONE, Part, Product, Stated, Status};
use crate::subject::{Component, ComponentKind};

/// How surely a statement speaks of a component.
#[derive(Clone, Copy, Debug)]
pub struct Finding<'a> {
    /// The statement.
    pub claim: &'a Claim,
    /// What follows if it is believed.
    pub applicability: Applicability,
    /// The component's version is told, and named or in the range.
    pub decisive: bool,
    /// The statement names this version itself.
    pub named: bool,
    /// The version lies outside: the statement says nothing about it.
    pub outside: bool,
    /// The version's place can't be told.
    pub unknown: bool,
    /// The statement has ends that a version can lie beyond.
    pub bounded: bool,
    /// It holds under a condition that traffic does not show.
    pub conditional: bool,
}

/// Judges a statement. `None` where it is about something else.
pub fn evaluate<'a>(
    index: &'a Index,
    parts: &[Candidate<'_>],
    subject: &Candidate<'_>,
    entry: &Entry,
    claim: &'a Claim,
) -> Option<Finding<'a>> {
    let product = index.claims.products().get(claim.product as usize)?;
    let stated = index.claims.stated(claim.versions)?;
    let component = subject.component;
    if !is_of_kind(component.kind, product.part) || other_processor(component, product) {
        return None;
    }
    let mut conditional = claim.conditional || entry.conditional;
    conditional |= !runs_on_target(parts, product)?;
    match condition(index, parts, subject, claim.condition) {
        Held::Yes => {}
        Held::Unknown => conditional = true,
        Held::No => return None,
    }
    let document = index.claims.document_of(claim.document)?;
    let advisory = matches!(document.kind, Kind::Csaf | Kind::CsafVex | Kind::OpenVex);
    let place = match subject.windows.is_empty() {
        true => of_version(subject, stated, advisory),
        false => of_windows(subject, product, stated)?,
    };
    let mut applicability = place.applicability;
    if conditional {
        applicability = applicability.min(Applicability::ModelVersionUnknown);
    }
    if entry.family {
        applicability = Applicability::FamilyOnly;
    }
    if claim.status == Status::Affected
        && place.named
        && advisory
        && applicability == Applicability::ExactVersionInRange
    {
        applicability = Applicability::KnownAffected;
    }
    Some(Finding {
        claim,
        applicability,
        decisive: place.decisive && !conditional && !entry.family,
        named: place.named,
        outside: place.outside,
        unknown: place.unknown,
        bounded: stated.versions.is_bounded(),
        conditional,
    })
}

/// Where a version stands to what is stated.
struct Place {
    applicability: Applicability,
    decisive: bool,
    named: bool,
    outside: bool,
    unknown: bool,
}

impl Place {
    fn new(applicability: Applicability) -> Self {
        Self {
            applicability,
            decisive: applicability > Applicability::ModelVersionUnknown,
            named: false,
            outside: false,
            unknown: false,
        }
    }

    fn outside() -> Self {
        Self {
            outside: true,
            ..Self::new(Applicability::NotAffected)
        }
    }
}

fn of_version(subject: &Candidate<'_>, stated: &Stated, advisory: bool) -> Place {
    let contained = match (&stated.versions, &subject.version) {
        // An advisory that says "all versions" means it; a record of NVD may not know better.
        (Versions::All, None) if !advisory => Containment::Unknown,
        (Versions::All, _) => Containment::Inside,
        (_, None) => Containment::Unknown,
        (versions, Some(version)) => versions.contains(version),
    };
    let sure = match subject.backported {
        true => Applicability::OsBuildPatchUnknown,
        false => Applicability::ExactVersionInRange,
    };
    match contained {
        Containment::Named => Place {
            named: true,
            ..Place::new(sure)
        },
        Containment::Inside => Place::new(sure),
        Containment::Outside => Place::outside(),
        Containment::Unknown => Place {
            unknown: true,
            ..Place::new(Applicability::ModelVersionUnknown)
        },
    }
}

/// The best place that any of the products that the component can be has.
fn of_windows(subject: &Candidate<'_>, product: &Product, stated: &Stated) -> Option<Place> {
    let mut best: Option<Place> = None;
    let mut named_here = false;
    for windows in subject
        .windows
        .iter()
        .filter(|windows| windows.cpe == &*product.name)
    {
        named_here = true;
        let sure = match windows.build_known {
            true => Applicability::OsBuildPatchUnknown,
            false => Applicability::FamilyOnly,
        };
        let labelled = |said: &str, own: &str| said.is_empty() || said == own;
        let place = match &stated.label {
            Some((version, update)) => {
                let update_agrees =
                    windows.update == "*" || labelled(&update.to_lowercase(), &windows.update);
                match labelled(&version.to_lowercase(), windows.label) && update_agrees {
                    true => Place::new(sure),
                    false => Place::outside(),
                }
            }
            None => match Version::parse(&windows.version) {
                Some(version) => match stated.versions.contains(&version) {
                    Containment::Outside => Place::outside(),
                    Containment::Unknown => Place::new(sure),
                    _ if windows.patch_known => Place::new(Applicability::ExactVersionInRange),
                    _ => Place::new(sure),
                },
                None => Place::new(sure),
            },
        };
        if best
            .as_ref()
            .is_none_or(|best| best.applicability < place.applicability)
        {
            best = Some(place);
        }
    }
    match (best, named_here) {
        (None, false) => None,
        (best, _) => best,
    }
}

/// An operating system is no application, and an application no hardware.
fn is_of_kind(kind: ComponentKind, part: Part) -> bool {
    match kind {
        ComponentKind::OperatingSystem => matches!(part, Part::Any | Part::System),
        ComponentKind::Application => !matches!(part, Part::Hardware),
        ComponentKind::Device | ComponentKind::Firmware => true,
    }
}

/// Processors by the words for them.
const PROCESSORS: &[(&str, &[&str])] = &[
    ("x64", &["x64", "amd64", "x86_64", "x86-64", "64-bit"]),
    ("x86", &["x86", "i386", "i486", "i586", "i686", "32-bit"]),
    ("arm64", &["arm64", "aarch64"]),
    ("arm", &["arm", "armv7", "armv7l", "armv6l", "armhf"]),
    ("itanium", &["itanium", "ia64"]),
];

fn processor(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
    words.find_map(|word| {
        let found = PROCESSORS.iter().find(|(_, names)| names.contains(&word));
        found.map(|(name, _)| *name)
    })
}

/// Both tell a processor, and not the same.
fn other_processor(component: &Component, product: &Product) -> bool {
    let Some(wanted) = product.target_hardware.as_deref().and_then(processor) else {
        return false;
    };
    let texts = [
        component.build.as_deref(),
        component.version.as_deref(),
        Some(&component.product),
    ];
    let mut found = texts.into_iter().flatten().filter_map(processor);
    found.next().is_some_and(|found| found != wanted)
}

/// Whether the software that a product needs below it was seen: `Some(false)` where nothing is
/// known of it, `None` where another one was seen.
fn runs_on_target(parts: &[Candidate<'_>], product: &Product) -> Option<bool> {
    let Some(wanted) = product.target_software.as_deref() else {
        return Some(true);
    };
    let known = [
        "windows",
        "linux",
        "linux_kernel",
        "macos",
        "mac_os_x",
        "android",
        "iphone_os",
        "ios",
    ];
    if !known.contains(&wanted) {
        return Some(false);
    }
    let wanted = match wanted {
        "linux_kernel" => "linux",
        "mac_os_x" => "macos",
        "ios" => "iphone_os",
        other => other,
    };
    let mut told = false;
    for part in parts {
        let words = part.component.product.to_lowercase().replace(' ', "_");
        let mut systems = ["windows", "linux", "macos", "android", "iphone_os"].into_iter();
        let system = systems.find(|system| words.contains(system));
        if part.component.kind == ComponentKind::OperatingSystem && system.is_some() {
            told = true;
            if system == Some(wanted) {
                return Some(true);
            }
        }
    }
    (!told).then_some(false)
}

/// Whether a condition is met.
enum Held {
    Yes,
    Unknown,
    No,
}

/// Looks for what must also be there. What is not seen may still be there; an operating system
/// that is seen excludes others.
fn condition(index: &Index, parts: &[Candidate<'_>], subject: &Candidate<'_>, number: u32) -> Held {
    let groups = match number {
        NONE => return Held::Yes,
        number => index.claims.condition_of(number),
    };
    let mut held = Held::Yes;
    for group in groups.into_iter().flatten() {
        let mut unknown = false;
        let mut met = false;
        for platform in group {
            match platform_held(index, parts, subject, platform.product, platform.versions) {
                Held::Yes => met = true,
                Held::Unknown => unknown = true,
                Held::No => {}
            }
        }
        match (met, unknown) {
            (true, _) => {}
            (false, true) => held = Held::Unknown,
            (false, false) => return Held::No,
        }
    }
    held
}

fn platform_held(
    index: &Index,
    parts: &[Candidate<'_>],
    subject: &Candidate<'_>,
    product: u32,
    versions: u32,
) -> Held {
    let Some(product) = index.claims.products().get(product as usize) else {
        return Held::Unknown;
    };
    let keys = index.keys_of(product);
    let Some(stated) = index.claims.stated(versions) else {
        return Held::Unknown;
    };
    let mut another_system = false;
    for part in parts.iter().chain([subject]) {
        let labels = part
            .windows
            .iter()
            .filter(|windows| windows.cpe == &*product.name);
        let labels: Vec<_> = labels.map(|windows| windows.label).collect();
        if !labels.is_empty() {
            let Some((version, _)) = &stated.label else {
                return Held::Unknown;
            };
            let met = version.is_empty() || labels.contains(&&**version);
            return if met { Held::Yes } else { Held::No };
        }
        if part.keys.iter().any(|key| keys.contains(key)) {
            let contained = match (&stated.versions, &part.version) {
                (Versions::All | Versions::Unstated, _) => return Held::Yes,
                (versions, Some(version)) => versions.contains(version),
                (_, None) => Containment::Unknown,
            };
            return match contained {
                Containment::Named | Containment::Inside => Held::Yes,
                Containment::Unknown => Held::Unknown,
                Containment::Outside => Held::No,
            };
        }
        another_system |= part.component.kind == ComponentKind::OperatingSystem
            && (part.component.vendor.is_some() || !part.windows.is_empty());
    }
    match product.part == Part::System && another_system {
        true => Held::No,
        false => Held::Unknown,
    }
}
