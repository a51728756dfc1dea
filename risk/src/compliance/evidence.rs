//! What can be shown of a device, question by question. It judges no framework: which question
//! serves which row is the packs' to say.

use medtap_table::vocabulary::{Class, FindingId};
use serde::Deserialize;

use crate::clock::remedy::is_clinical;
use crate::policy::THREATS;
use crate::score::Exploit;
use crate::work::Device;

/// A question that traffic, feeds or the hospital's books answer for every device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// It is seen, and its kind is known.
    HardwareInventory,
    /// A version of what runs on it is known.
    SoftwareInventory,
    /// With whom it speaks is recorded.
    NetworkFlows,
    /// Its DHCP exchanges were seen.
    Leases,
    /// It has a score, so a place in the order.
    RiskScore,
    /// What it would do to patients, care and data is graded on what is in sight.
    Impact,
    /// What patient data it handles is known.
    PatientData,
    /// Its owner, location and maintenance are in the books.
    LifeCycle,
    /// Its components were compared with what is known of vulnerabilities.
    Vulnerabilities,
    /// Each of its CVEs has a clock and a plan.
    Response,
    /// Nothing on it is overdue.
    Timeliness,
    /// Enough of its traffic is seen.
    Monitoring,
    /// It shows no sign of an attack that is open.
    NoOpenThreat,
    /// It is kept apart: not reached from the internet, from user segments, or by plain IT.
    Segmentation,
    /// What it sends is encrypted well, as far as it is seen.
    Encryption,
    /// Nobody was seen to log on with a default, shown or missing credential.
    Authentication,
    /// Its system is supported.
    SupportedSoftware,
    /// Somebody approved it.
    Approval,
    /// Of a medical device: the manufacturer's MDS2 is at hand.
    Mds2,
    /// Of a medical device: a bill of its software is at hand.
    Sbom,
    /// Of a medical device with CVEs: its manufacturer says what to do about each component.
    ManufacturersWord,
}

impl Evidence {
    /// Every question.
    pub const ALL: [Self; 21] = [
        Self::HardwareInventory,
        Self::SoftwareInventory,
        Self::NetworkFlows,
        Self::Leases,
        Self::RiskScore,
        Self::Impact,
        Self::PatientData,
        Self::LifeCycle,
        Self::Vulnerabilities,
        Self::Response,
        Self::Timeliness,
        Self::Monitoring,
        Self::NoOpenThreat,
        Self::Segmentation,
        Self::Encryption,
        Self::Authentication,
        Self::SupportedSoftware,
        Self::Approval,
        Self::Mds2,
        Self::Sbom,
        Self::ManufacturersWord,
    ];

    /// What it shows, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::HardwareInventory => "devices that are seen and whose kind is known",
            Self::SoftwareInventory => "devices with a known version of what runs on them",
            Self::NetworkFlows => "devices whose conversations are recorded",
            Self::Leases => "devices whose DHCP exchanges were seen",
            Self::RiskScore => "devices with a score",
            Self::Impact => "devices whose impact is graded on what is in sight",
            Self::PatientData => "devices of which it is known what patient data they handle",
            Self::LifeCycle => "devices with owner, location and maintenance in the books",
            Self::Vulnerabilities => "devices whose components were compared with vulnerabilities",
            Self::Response => "devices each of whose CVEs has a clock and a plan",
            Self::Timeliness => "devices on which nothing is overdue",
            Self::Monitoring => "devices of which enough traffic is seen",
            Self::NoOpenThreat => "devices without an open sign of an attack",
            Self::Segmentation => "devices kept apart from the internet, users and plain IT",
            Self::Encryption => "devices that were seen to send nothing weakly protected",
            Self::Authentication => "devices without a default, shown or missing credential",
            Self::SupportedSoftware => "devices whose system is supported",
            Self::Approval => "devices that somebody approved",
            Self::Mds2 => "medical devices whose MDS2 is at hand",
            Self::Sbom => "medical devices with a bill of their software",
            Self::ManufacturersWord => "medical devices whose manufacturer says what to do",
        }
    }

    /// The answer for a device; `None` where it is not asked. What was not seen is no yes.
    pub fn of(self, device: &Device<'_>, overdue: bool) -> Option<bool> {
        let (subject, assessment) = (device.case.subject, device.assessment);
        let (sight, reach, upkeep) = (&subject.sight, &subject.reach, &subject.upkeep);
        let seen = sight.assessable && !reach.coverage_low;
        let medical = subject.category.class() == Class::Medical;
        let free_of = |ids: &[FindingId]| {
            let mut shown = subject.findings.iter().map(|finding| finding.id);
            seen && !shown.any(|id| ids.contains(&id))
        };
        use FindingId as F;
        match self {
            Self::HardwareInventory => Some(sight.identified),
            Self::SoftwareInventory => {
                let known = |component: &crate::subject::Component| component.version.is_some();
                Some(subject.components.iter().any(known))
            }
            Self::NetworkFlows => Some(!subject.peers.is_empty()),
            Self::Leases => Some(sight.leases),
            Self::RiskScore => Some(assessment.assessed),
            Self::Impact => Some(seen && !subject.usage.obscured && !subject.data.obscured),
            Self::PatientData => Some(seen && !subject.data.obscured),
            Self::LifeCycle => {
                let owned = upkeep.owner.is_some() && upkeep.location.is_some();
                Some(owned && upkeep.maintenance_due.is_some())
            }
            Self::Vulnerabilities => Some(!subject.components.is_empty()),
            Self::Response => has_cves(device).then(|| has_response(device)),
            Self::Timeliness => Some(!overdue),
            Self::Monitoring => Some(seen),
            Self::NoOpenThreat => {
                let open = (subject.threats.iter())
                    .any(|threat| threat.closed.is_none() && THREATS.contains(&threat.id));
                Some(seen && !open)
            }
            Self::Segmentation => {
                let reached = reach.answered_public || reach.talks_public;
                Some(seen && !reached && !reach.from_user_segment && !reach.shares_vlan_with_it)
            }
            Self::Encryption => Some(free_of(&[
                F::CleartextClinical,
                F::CleartextCredential,
                F::TelnetLogin,
                F::RshLogin,
                F::FtpLogin,
                F::WeakTls,
                F::WeakSsh,
                F::CertificateWeak,
                F::CertificateExpired,
            ])),
            Self::Authentication => Some(free_of(&[
                F::DefaultCredential,
                F::CleartextCredential,
                F::AnonymousBind,
                F::SnmpDefaultCommunity,
                F::RshLogin,
            ])),
            Self::SupportedSoftware => Some(free_of(&[F::EndOfSupport]) && knows_system(device)),
            Self::Approval => Some(upkeep.approved == Some(true)),
            Self::Mds2 => medical.then_some(upkeep.mds2 == Some(true)),
            Self::Sbom => medical.then_some(upkeep.sbom == Some(true)),
            Self::ManufacturersWord => {
                let asked = is_clinical(subject.category) && has_cves(device);
                asked.then(|| has_plans(device))
            }
        }
    }
}

/// What runs on it is known: only then silence about its support says something.
fn knows_system(device: &Device<'_>) -> bool {
    use crate::subject::ComponentKind::{Firmware, OperatingSystem};
    let mut components = device.case.subject.components.iter();
    components.any(|component| matches!(component.kind, OperatingSystem | Firmware))
}

/// The CVEs that are more than listed.
fn cves<'a>(device: &Device<'a>) -> impl Iterator<Item = &'a Exploit> {
    device.case.exploits.iter().filter(|one| one.is_scored())
}

fn has_cves(device: &Device<'_>) -> bool {
    cves(device).next().is_some()
}

fn has_plans(device: &Device<'_>) -> bool {
    cves(device).all(|exploit| device.plans.contains_key(&exploit.component))
}

fn has_response(device: &Device<'_>) -> bool {
    let timed = |cve: &String| device.deadlines.iter().any(|one| one.cve == *cve);
    has_plans(device) && cves(device).all(|exploit| timed(&exploit.cve))
}
