//! Services at ports that are registered for one medical system whose messages no public document
//! describes: that one may be there, once both ends have spoken. It reads no byte, so it proves
//! nothing; any protocol that knows the bytes comes first.
//!
//! | port | registered as | the end that asks | the end that answers |
//! |---|---|---|---|
//! | TCP 3613 | `alaris-disc` | an infusion pump's unit | the server of the pumps |
//! | UDP 4077 | `ascomalarm` | a system of alarms | the same |

use medtap_table::vocabulary::{Field, Protocol};

use super::{ANY, Classifier, Mark, Progress, Segment, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, Subject};

/// Alaris Device Discovery (IANA).
pub const ALARIS_DISC: Classifier = Classifier {
    protocol: Protocol::AlarisDisc,
    transport: Transport::Tcp,
    ports: &[ALARIS_DISC_PORT],
    first: ANY,
    marks: &[Mark::Port],
    probe: |segment| probe(segment, ALARIS_DISC_PORT),
    session: || Box::new(Session::new(Protocol::AlarisDisc, Field::AlarisDiscRole)),
};

/// Ascom IP Alarming (IANA).
pub const ASCOMALARM: Classifier = Classifier {
    protocol: Protocol::Ascomalarm,
    transport: Transport::Udp,
    ports: &[ASCOMALARM_PORT],
    first: ANY,
    marks: &[Mark::Port],
    probe: |segment| probe(segment, ASCOMALARM_PORT),
    session: || Box::new(Session::new(Protocol::Ascomalarm, Field::AscomalarmRole)),
};

const ALARIS_DISC_PORT: u16 = 3613;
const ASCOMALARM_PORT: u16 = 4077;

/// One end is at the port, and the other is not. Who opens a connection from it by chance is no
/// server.
fn probe(segment: &Segment<'_>, port: u16) -> Verdict {
    let role = match segment.ports {
        (src, dst) if src == dst => return Verdict::Reject,
        (_, dst) if dst == port => Role::Client,
        (src, _) if src == port => Role::Server,
        _ => return Verdict::Reject,
    };
    match segment.from == role || segment.from == Role::Peer {
        true => Verdict::Possible(role),
        false => Verdict::Reject,
    }
}

/// One conversation.
struct Session {
    protocol: Protocol,
    field: Field,
    asked: bool,
    answered: bool,
}

impl Session {
    const fn new(protocol: Protocol, field: Field) -> Self {
        Self {
            protocol,
            field,
            asked: false,
            answered: false,
        }
    }

    fn tell(&self, subject: Subject<'_>, value: &[u8], emit: Emit<'_>) {
        emit(Observation::Fact {
            subject,
            field: self.field,
            value,
        });
    }
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let is_told = self.asked && self.answered;
        match segment.from {
            Role::Server => self.answered = true,
            Role::Client | Role::Peer => self.asked = true,
        }
        if self.asked && self.answered && !is_told {
            let (client, server) = match segment.from {
                Role::Server => (Subject::Receiver, Subject::Sender),
                Role::Client | Role::Peer => (Subject::Sender, Subject::Receiver),
            };
            emit(Observation::Suggests(self.protocol));
            self.tell(client, b"client", emit);
            self.tell(server, b"server", emit);
        }
        Progress::consumed(segment.bytes.len())
    }

    fn gap(&mut self, _: Role, _: u64) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, check_datagrams, probe as ask};
    use super::super::replay::whole;
    use super::*;
    use Role::{Client, Server};

    #[test]
    fn both_ends_have_to_speak() {
        let one = whole(ALARIS_DISC.session, &[(Client, b"\x01\x02")]);
        assert_eq!(one, [""; 0]);
        let talk = [(Client, &b"\x01"[..]), (Server, b"\x02"), (Client, b"\x03")];
        let said = [
            "Suggests(AlarisDisc)",
            "client alaris_disc.role=client",
            "server alaris_disc.role=server",
        ];
        assert_eq!(whole(ALARIS_DISC.session, &talk), said);
        let said = whole(ASCOMALARM.session, &talk);
        assert_eq!(said[2], "server ascomalarm.role=server");
    }

    #[test]
    fn the_port_is_the_servers() {
        for (ports, expected) in [
            ((50_000, 3613), Verdict::Possible(Client)),
            ((3613, 50_000), Verdict::Possible(Server)),
            ((3613, 3613), Verdict::Reject),
            ((50_000, 3614), Verdict::Reject),
        ] {
            assert_eq!(ask(&ALARIS_DISC, b"x", ports), expected, "{ports:?}");
        }
        // The end that opened the connection had this port by chance.
        let segment = Segment {
            bytes: b"x",
            from: Client,
            time_ns: 0,
            ports: (3613, 80),
            cut: false,
        };
        assert_eq!((ALARIS_DISC.probe)(&segment), Verdict::Reject);
    }

    #[test]
    fn any_bytes() {
        bolero::check!()
            .with_iterations(1000)
            .for_each(|input: &[u8]| {
                check_any(&ALARIS_DISC, input, 0);
                check_datagrams(&ASCOMALARM, input);
            });
    }
}
