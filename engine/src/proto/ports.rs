//! Which end is the server where a protocol's first bytes look the same from both ends. A guess
//! for the roles only: it never decides which protocol it is.

use super::Segment;
use crate::observe::Role;

/// The role of a sender: as the opening of the connection tells it. Where that was not seen, the
/// end on a well-known port of the protocol is the server, else the end on the lower port is;
/// where the ports say nothing, the sender is taken for the server.
pub(super) fn role_of_sender(segment: &Segment<'_>, known: &[u16]) -> Role {
    if segment.from != Role::Peer {
        return segment.from;
    }
    let (sender, receiver) = segment.ports;
    let server = match (known.contains(&sender), known.contains(&receiver)) {
        (true, false) => true,
        (false, true) => false,
        _ => sender <= receiver,
    };
    if server { Role::Server } else { Role::Client }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role_of_sender(ports: (u16, u16), known: &[u16]) -> Role {
        super::role_of_sender(&segment(Role::Peer, ports), known)
    }

    fn segment(from: Role, ports: (u16, u16)) -> Segment<'static> {
        Segment {
            bytes: b"",
            from,
            time_ns: 0,
            ports,
            cut: false,
        }
    }

    #[test]
    fn the_opening_comes_before_any_port() {
        let segment = segment(Role::Client, (22, 50_000));
        assert_eq!(super::role_of_sender(&segment, &[22]), Role::Client);
    }

    #[test]
    fn known_ports_come_before_low_ports() {
        assert_eq!(role_of_sender((22, 1000), &[22]), Role::Server);
        assert_eq!(role_of_sender((8443, 700), &[8443]), Role::Server);
        assert_eq!(role_of_sender((700, 8443), &[8443]), Role::Client);
        assert_eq!(role_of_sender((40_000, 700), &[443]), Role::Client);
        assert_eq!(role_of_sender((700, 40_000), &[443]), Role::Server);
    }
}
