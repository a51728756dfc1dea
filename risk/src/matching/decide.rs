//! All statements about one component and one vulnerability, weighed against each other: whose
//! word counts, and what follows. The rules are these, in this order:
//!
//! 1. Within one document, what can be compared decides: a range in another scheme adds nothing.
//! 2. A statement without an end yields to one of another kind of feed that has one and excludes
//!    the version.
//! 3. "Not affected" and "fixed" for this version win over the word of a lesser source, and over
//!    the same source where they are newer or name the version itself.
//! 4. Otherwise the surest match counts.

use std::cmp::Reverse;

use super::Applicability;
use super::evaluate::Finding;
use crate::feeds::{Claim, Claims, Kind, Status};

/// Statements that a match shows.
pub const EVIDENCE_MAX: usize = 4;

/// What follows.
pub struct Decision<'a> {
    /// The statement that decided.
    pub finding: Finding<'a>,
    /// How sure it is.
    pub applicability: Applicability,
    /// Somebody is still looking into it.
    pub under_investigation: bool,
    /// The statements that it rests on, the deciding one first.
    pub evidence: Vec<&'a Claim>,
}

/// How much a source's word weighs.
fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::OpenVex | Kind::CsafVex => 2,
        Kind::Csaf => 1,
        _ => 0,
    }
}

/// Weighs the statements about one vulnerability. `None` where none speaks of this component.
pub fn decide<'a>(claims: &'a Claims, findings: &[Finding<'a>]) -> Option<Decision<'a>> {
    let document = |finding: &Finding<'_>| claims.document_of(finding.claim.document);
    let kind = |finding: &Finding<'_>| document(finding).map(|document| document.kind);
    let comparable_elsewhere = |finding: &Finding<'_>| {
        findings.iter().any(|other| {
            other.claim.document == finding.claim.document && (other.outside || other.decisive)
        })
    };
    let excluded_elsewhere = |finding: &Finding<'_>| {
        findings.iter().any(|other| {
            other.outside
                && other.bounded
                && other.claim.status == Status::Affected
                && kind(other) != kind(finding)
        })
    };
    let speaks = |finding: &&Finding<'a>| {
        let incomparable = finding.unknown && comparable_elsewhere(finding);
        let vague = !finding.bounded && excluded_elsewhere(finding);
        !(finding.outside || incomparable || vague)
    };
    let speaking: Vec<Finding<'a>> = findings.iter().filter(speaks).copied().collect();
    let weight = |finding: &Finding<'_>| {
        let document = document(finding);
        let rank = document.map_or(0, |document| rank(document.kind));
        let updated = document.map_or(0, |document| document.updated);
        (rank, finding.named, updated)
    };
    let clears = |finding: &&Finding<'_>| {
        matches!(finding.claim.status, Status::Fixed | Status::NotAffected) && finding.decisive
    };
    let harms = |finding: &&Finding<'_>| {
        matches!(
            finding.claim.status,
            Status::Affected | Status::UnderInvestigation
        )
    };
    let clearing = speaking
        .iter()
        .filter(clears)
        .max_by_key(|finding| weight(finding));
    let surest = speaking.iter().filter(harms).max_by_key(|finding| {
        let text = claims
            .stated(finding.claim.versions)
            .map(|stated| Reverse(&*stated.text));
        (finding.applicability, weight(finding), text)
    });
    let contradicts = |finding: &Finding<'_>, clearing: &Finding<'_>| {
        finding.decisive && weight(finding) >= weight(clearing)
    };
    let cleared = clearing.filter(|clearing| {
        !speaking
            .iter()
            .filter(harms)
            .any(|finding| contradicts(finding, clearing))
    });
    let under_investigation = speaking
        .iter()
        .any(|finding| finding.claim.status == Status::UnderInvestigation);
    let (finding, applicability) = match (cleared, surest) {
        (Some(finding), _) => match finding.claim.status {
            Status::Fixed => (finding, Applicability::Fixed),
            _ => (finding, Applicability::NotAffected),
        },
        (None, Some(finding)) => (finding, finding.applicability),
        (None, None) => return None,
    };
    let mut evidence: Vec<&Finding<'a>> = speaking.iter().collect();
    evidence.sort_by_key(|other| {
        let text = claims
            .stated(other.claim.versions)
            .map(|stated| &*stated.text);
        let decides = std::ptr::eq(*other, finding);
        let (rank, named, updated) = weight(other);
        (
            !decides,
            Reverse(other.applicability),
            Reverse((rank, named, updated)),
            text,
        )
    });
    Some(Decision {
        finding: *finding,
        applicability,
        under_investigation: under_investigation && applicability.is_there(),
        evidence: evidence.into_iter().map(|finding| finding.claim).collect(),
    })
}
