//! Which end is the server where a protocol's first bytes look the same from both ends. A guess
//! for the roles only: it never decides which protocol it is.

use crate::observe::Role;

/// The role of a sender, from the sender's and the receiver's port: the end on a well-known port
/// of the protocol is the server, else the end on the lower port is. Where the ports say
/// nothing, the sender is taken for the server.
pub(super) fn role_of_sender((sender, receiver): (u16, u16), known: &[u16]) -> Role {
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

    #[test]
    fn known_ports_come_before_low_ports() {
        assert_eq!(role_of_sender((22, 1000), &[22]), Role::Server);
        assert_eq!(role_of_sender((8443, 700), &[8443]), Role::Server);
        assert_eq!(role_of_sender((700, 8443), &[8443]), Role::Client);
        assert_eq!(role_of_sender((40_000, 700), &[443]), Role::Client);
        assert_eq!(role_of_sender((700, 40_000), &[443]), Role::Server);
    }
}
