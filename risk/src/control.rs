//! Whether a compensating control may count: it has an owner, it has not ended, and traffic does
//! not contradict it. It proves no control: traffic that was not seen proves nothing.

use std::collections::BTreeSet;
use std::fmt;

use crate::subject::{Control, ControlKind, Nanoseconds, Peer, Service, Subject};

/// What is to be said of a control now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Enough was seen, and nothing contradicts it. It counts.
    Holds,
    /// Traffic cannot tell: too little was seen, or it is no matter of traffic. It counts, but
    /// never in the high score.
    Unchecked,
    /// Traffic contradicts it. It does not count, and is a finding.
    Violated {
        /// Who was seen, and on which service.
        evidence: String,
    },
    /// It ended. It does not count.
    Expired,
    /// Nobody answers for it. It does not count.
    Unowned,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds => f.write_str("holds: nothing that was seen contradicts it"),
            Self::Unchecked => f.write_str("unchecked: traffic cannot tell whether it holds"),
            Self::Violated { evidence } => write!(f, "violated: {evidence}"),
            Self::Expired => f.write_str("expired: it does not count"),
            Self::Unowned => f.write_str("without an owner: it does not count"),
        }
    }
}

/// A control and its standing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked<'a> {
    /// The control.
    pub control: &'a Control,
    /// What is to be said of it.
    pub standing: Standing,
}

impl Checked<'_> {
    /// It counts; `surely`: also in the high score.
    pub fn counts(&self, surely: bool) -> bool {
        match self.standing {
            Standing::Holds => true,
            Standing::Unchecked => !surely,
            _ => false,
        }
    }
}

/// Every control of a device with its standing.
pub fn check(subject: &Subject, as_of: Nanoseconds) -> Vec<Checked<'_>> {
    let standing = |control| Checked {
        control,
        standing: standing(subject, control, as_of),
    };
    subject.controls.iter().map(standing).collect()
}

fn standing(subject: &Subject, control: &Control, as_of: Nanoseconds) -> Standing {
    if control.owner.trim().is_empty() {
        return Standing::Unowned;
    }
    if control.expires <= as_of {
        return Standing::Expired;
    }
    let seen = (subject.peers.iter()).filter(|peer| peer.last_seen >= control.since);
    let stranger = match &control.kind {
        ControlKind::Segmentation { peers } => {
            let allowed: BTreeSet<&str> = peers.iter().map(String::as_str).collect();
            seen.into_iter().find(|peer| !peer.is_one_of(&allowed))
        }
        ControlKind::Proxy { service, through } => {
            let allowed = BTreeSet::from([through.as_str()]);
            let mut served = seen.filter(|peer| peer.serves && peer.service.meets(service));
            served.find(|peer| !peer.is_one_of(&allowed))
        }
        ControlKind::VirtualPatch { .. } => return Standing::Unchecked,
    };
    match stranger {
        Some(peer) => Standing::Violated {
            evidence: format!("speaks with {}{}", peer.id, on(&peer.service)),
        },
        None if subject.reach.coverage_low => Standing::Unchecked,
        None => Standing::Holds,
    }
}

impl Peer {
    /// One of its names is among `names`.
    pub fn is_one_of(&self, names: &BTreeSet<&str>) -> bool {
        names.contains(self.id.as_str())
            || (self.names.iter()).any(|name| names.contains(name.as_str()))
    }
}

impl Service {
    /// Both speak the same protocol, or the same port.
    pub fn meets(&self, other: &Self) -> bool {
        let same_protocol = self.protocol.is_some() && self.protocol == other.protocol;
        same_protocol || (self.port.is_some() && self.port == other.port)
    }
}

/// ` on smb port 445`, as far as it is known.
fn on(service: &Service) -> String {
    match (service.protocol, service.port) {
        (Some(protocol), Some(port)) => format!(" on {} port {port}", protocol.name()),
        (Some(protocol), None) => format!(" on {}", protocol.name()),
        (None, Some(port)) => format!(" on port {port}"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use medtap_table::vocabulary::{Category, Protocol};

    fn subject(kind: ControlKind) -> Subject {
        let mut subject = Subject::new("pump", Category::InfusionPump);
        subject.controls.push(Control {
            id: "C-1".into(),
            kind,
            owner: "network engineering".into(),
            since: 100,
            expires: 1_000,
        });
        subject
    }

    fn peer(id: &str, port: u16, seen: Nanoseconds) -> Peer {
        Peer {
            id: id.into(),
            names: vec!["vlan 20".into()],
            service: Service {
                protocol: Some(Protocol::Http),
                port: Some(port),
            },
            serves: true,
            first_seen: seen,
            last_seen: seen,
        }
    }

    fn of(subject: &Subject, as_of: Nanoseconds) -> Standing {
        check(subject, as_of).remove(0).standing
    }

    #[test]
    fn a_stranger_violates_a_segmentation() {
        let mut subject = subject(ControlKind::Segmentation {
            peers: vec!["gateway".into()],
        });
        assert_eq!(of(&subject, 500), Standing::Holds);
        subject.peers.push(peer("gateway", 80, 400));
        subject.peers.push(peer("laptop", 80, 50));
        assert_eq!(of(&subject, 500), Standing::Holds, "seen before it began");
        subject.peers.push(peer("laptop", 8080, 400));
        assert_eq!(
            of(&subject, 500).to_string(),
            "violated: speaks with laptop on http port 8080"
        );
    }

    #[test]
    fn a_segment_is_allowed_by_its_name() {
        let mut subject = subject(ControlKind::Segmentation {
            peers: vec!["vlan 20".into()],
        });
        subject.peers.push(peer("any", 80, 400));
        assert_eq!(of(&subject, 500), Standing::Holds);
    }

    #[test]
    fn only_the_proxy_may_speak_with_the_service() {
        let service = Service {
            protocol: None,
            port: Some(80),
        };
        let mut subject = subject(ControlKind::Proxy {
            service,
            through: "proxy".into(),
        });
        subject.peers.push(peer("proxy", 80, 400));
        subject.peers.push(peer("other", 443, 400));
        assert_eq!(of(&subject, 500), Standing::Holds);
        subject.peers.push(peer("other", 80, 400));
        assert!(matches!(of(&subject, 500), Standing::Violated { .. }));
    }

    #[test]
    fn what_ended_or_nobody_owns_does_not_count() {
        let mut subject = subject(ControlKind::VirtualPatch { cves: Vec::new() });
        assert_eq!(of(&subject, 999), Standing::Unchecked);
        assert_eq!(of(&subject, 1_000), Standing::Expired);
        subject.controls[0].owner = " ".into();
        assert_eq!(of(&subject, 999), Standing::Unowned);
        assert!(!check(&subject, 999)[0].counts(false));
    }

    #[test]
    fn little_coverage_leaves_it_unchecked() {
        let mut subject = subject(ControlKind::Segmentation { peers: Vec::new() });
        subject.reach.coverage_low = true;
        assert_eq!(of(&subject, 500), Standing::Unchecked);
        assert!(check(&subject, 500)[0].counts(false));
        assert!(!check(&subject, 500)[0].counts(true));
    }
}
