//! Turns observations into debts: it knows who sent the bytes, when, and which rules hold. It
//! knows no protocol.

use medtap_rules::Matcher;
use medtap_table::SubjectFlags;
use medtap_table::vocabulary::{Counter, Protocol};

use crate::counters::Counters;
use crate::device::BindingKey;
use crate::device::claims::Claims;
use crate::device::ledger::{FactId, Ledger, SubjectNote};
use crate::device::memo::Said;
use crate::device::sighting::Times;
use crate::observe::{Observation, Proof, Subject};

/// The two ends of what is being read.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// Who sent it.
    pub sender: BindingKey,
    /// For whom it is.
    pub receiver: BindingKey,
    /// Capture time.
    pub time_ns: u64,
}

/// Where observations become debts.
pub struct Recorder<'a> {
    /// The worker's debts.
    pub ledger: &'a mut Ledger,
    /// The worker's counters.
    pub counters: &'a mut Counters,
    /// The rules that hold.
    pub matcher: &'a Matcher,
    /// The protocol that is being read.
    pub protocol: Option<Protocol>,
}

impl Recorder<'_> {
    /// Takes one observation; gives the fact that it became, if nobody confirmed that yet.
    pub fn record(
        &mut self,
        observation: &Observation<'_>,
        ends: &Ends,
        confirmed: bool,
    ) -> Option<FactId> {
        match *observation {
            Observation::Fact {
                subject,
                field,
                value,
            } => {
                let other;
                let binding = match subject {
                    Subject::Sender | Subject::Reported(_) => &ends.sender,
                    Subject::Receiver => &ends.receiver,
                    Subject::Mac(_) | Subject::Station(_) => {
                        other = binding_of(subject, ends);
                        &other
                    }
                };
                let at = (ends.time_ns, confirmed);
                let said = said(binding, subject);
                self.ledger
                    .fact(said, (field, value), at, self.matcher, self.counters)
            }
            Observation::Fingerprint { field, basis, make } => {
                let fingerprint = self.ledger.fingerprint(field, basis, make);
                let said = Observation::Fact {
                    subject: Subject::Sender,
                    field,
                    value: fingerprint.as_bytes(),
                };
                self.record(&said, ends, confirmed)
            }
            Observation::Event { subject, event } => {
                let binding = binding_of(subject, ends);
                let said = said(&binding, subject);
                self.ledger.event(said, event, ends.time_ns, self.counters);
                None
            }
            Observation::Binding {
                mac,
                address,
                proof,
            } => {
                let (version, address) = match address {
                    std::net::IpAddr::V4(v4) => (4, v4.to_ipv6_mapped().octets()),
                    std::net::IpAddr::V6(v6) => (6, v6.octets()),
                };
                let BindingKey { scope, vlan, .. } = ends.sender;
                let flags = match proof {
                    Proof::Arp => SubjectFlags::ARP,
                    Proof::Nd => SubjectFlags::ND,
                    Proof::Dhcp => SubjectFlags::DHCP,
                };
                // A server's word for a client is no claim of the client's.
                let claims = match proof {
                    Proof::Arp | Proof::Nd => Claims::at(ends.time_ns),
                    Proof::Dhcp => Claims::default(),
                };
                let key = BindingKey::new(scope, vlan, mac, version, address);
                self.flag(key, flags, Some(Times::at(ends.time_ns)), claims);
                None
            }
            Observation::Router => {
                self.flag(ends.sender, SubjectFlags::ROUTER, None, Claims::default());
                None
            }
            Observation::Malformed => {
                let cause = Counter::ParseMalformed;
                self.counters.count_parse_error(cause, self.protocol);
                None
            }
            Observation::Faulty(fault) => {
                let cause = fault.counter();
                self.counters.count_parse_error(cause, self.protocol);
                None
            }
            Observation::PassageEnd => {
                self.ledger.end_passage();
                None
            }
            Observation::Passage { .. }
            | Observation::Confirmed
            | Observation::Encrypted
            | Observation::Carries(_)
            | Observation::Becomes(_)
            | Observation::Suggests(_) => None,
        }
    }

    /// See [`Ledger::again`].
    pub fn again(
        &mut self,
        digest: u64,
        ends: &Ends,
        confirmed: bool,
        told: &mut dyn FnMut(FactId, &mut Counters),
    ) -> bool {
        let at = (ends.time_ns, confirmed);
        let (sender, receiver) = (ends.sender, ends.receiver);
        let counters = &mut *self.counters;
        self.ledger
            .again(digest, (sender, receiver), at, &mut |fact| {
                told(fact, counters)
            })
    }

    /// See [`Ledger::confirm`].
    pub fn confirm(&mut self, fact: FactId) {
        self.ledger.confirm(fact);
    }

    fn flag(&mut self, key: BindingKey, flags: SubjectFlags, times: Option<Times>, claims: Claims) {
        let note = SubjectNote {
            flags,
            times,
            claims,
            packet: u64::MAX,
            ..SubjectNote::default()
        };
        self.ledger.end(&key, &note, self.counters);
    }
}

/// The end that an observation means, or whose report it is.
fn binding_of(subject: Subject<'_>, ends: &Ends) -> BindingKey {
    match subject {
        Subject::Sender | Subject::Reported(_) => ends.sender,
        Subject::Receiver => ends.receiver,
        Subject::Mac(mac) => BindingKey { mac, ..ends.sender }.without_address(),
        Subject::Station(mac) => BindingKey::new(ends.sender.scope, 0, mac, 0, [0; 16]),
    }
}

fn said<'a>(binding: &'a BindingKey, subject: Subject<'a>) -> Said<'a> {
    let reported = match subject {
        Subject::Reported(identifier) => Some(identifier),
        _ => None,
    };
    Said { binding, reported }
}
