//! SSH (RFC 4253): the identification of both ends, what each offers for the key exchange, as
//! HASSH, and what they agree on. It reads no other line, no packet after the offers, and no user.
//!
//! ```text
//! identification   SSH-2.0-software SP comment CR LF
//! packet           length u32 | padding length u8 | payload | padding
//! offer            20 u8 | cookie 16 | ten lists: length u32, names | follows u8 | 0 u32
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::tls::fingerprint::md5;
use super::{Classifier, Progress, Segment, Then, Transport, Verdict, ports};
use crate::config::{
    SSH_BANNER_BYTES_MAX, SSH_NAMES_MAX, SSH_OFFER_BYTES_MAX, SSH_PACKET_BYTES_MAX,
    SSH_PACKETS_BEFORE_OFFER_MAX, SSH_PREAMBLE_BYTES_MAX,
};
use crate::observe::{Emit, Fingerprint, Observation, Role, Subject, has_fingerprint, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Ssh,
    transport: Transport::Tcp,
    ports: PORTS,
    first: b"S",
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

/// SSH, and NETCONF over it (RFC 6242).
const PORTS: &[u16] = &[22, 830, 2222];

const START: &[u8] = b"SSH-";

/// `SSH_MSG_DISCONNECT` to `SSH_MSG_DEBUG`: RFC 4250, 4.1.2; allowed before the offer.
const MESSAGE_DISCONNECT: u8 = 1;
const MESSAGE_DEBUG: u8 = 4;
/// `SSH_MSG_KEXINIT`, RFC 4253, 7.1.
const MESSAGE_KEXINIT: u8 = 20;

/// The random bytes at the beginning of an offer.
const COOKIE_LEN: usize = 16;

/// Is it SSH? Both ends begin alike: who opened the connection tells the roles, else the ports.
fn probe(segment: &Segment<'_>) -> Verdict {
    match version_of(segment.bytes) {
        Some(Some(_)) => Verdict::Match(ports::role_of_sender(segment, PORTS)),
        Some(None) => Verdict::NeedMore,
        None => Verdict::Reject,
    }
}

/// The protocol's major version and whether it speaks version 2. `Some(None)`: the bytes so far
/// are a beginning. `None`: they are none.
fn version_of(bytes: &[u8]) -> Option<Option<Generation>> {
    const BEGINNINGS: [(&[u8], Generation); 4] = [
        (b"SSH-2.0-", Generation::Two),
        // Speaks both: RFC 4253, 5.1.
        (b"SSH-1.99-", Generation::Two),
        (b"SSH-1.5-", Generation::One),
        (b"SSH-1.3-", Generation::One),
    ];
    if let Some((_, generation)) = BEGINNINGS.iter().find(|(b, _)| bytes.starts_with(b)) {
        return Some(Some(*generation));
    }
    BEGINNINGS
        .iter()
        .any(|(beginning, _)| beginning.starts_with(bytes))
        .then_some(None)
}

/// Version 1 has other packets, which are not read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Generation {
    One,
    Two,
}

/// What one direction waits for.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Banner,
    Offer,
    Over,
}

/// One direction.
#[derive(Default)]
struct Half {
    stage: Stage,
    banner: bool,
    /// Bytes of lines before the identification.
    preamble: usize,
    /// Packets before the offer.
    packets: u8,
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    client: Half,
    server: Half,
    is_version_1: bool,
    encrypted: bool,
    /// The first offer, until the other end's is there.
    offer: Box<[u8]>,
}

/// How a direction goes on after a line or a packet.
enum Step {
    /// This many bytes were used.
    Used(usize),
    /// The line or the packet has not ended.
    Wait,
    /// The bytes contradict the format.
    Broken,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let from = segment.from;
        let step = match self.half(from).stage {
            Stage::Banner => self.line(from, segment.bytes, emit),
            Stage::Offer => self.packet(from, segment.bytes, emit),
            Stage::Over => Step::Used(segment.bytes.len()),
        };
        let consumed = match step {
            Step::Used(consumed) => consumed,
            // Nothing will follow what a capture cut off.
            Step::Wait if segment.cut => {
                self.half(from).stage = Stage::Over;
                0
            }
            Step::Wait => 0,
            Step::Broken => {
                emit(Observation::Malformed);
                return Progress::DONE;
            }
        };
        let then = if self.client.stage == Stage::Over && self.server.stage == Stage::Over {
            Then::Done
        } else if self.half(from).stage == Stage::Over {
            Then::DoneDirection
        } else {
            Then::More
        };
        Progress { consumed, then }
    }

    fn kept_bytes(&self) -> usize {
        self.offer.len()
    }
}

impl Session {
    fn half(&mut self, from: Role) -> &mut Half {
        match from {
            Role::Server => &mut self.server,
            Role::Client | Role::Peer => &mut self.client,
        }
    }

    /// Reads one line: the identification, or one that a server sends before it and that is
    /// nobody's business (RFC 4253, 4.2).
    fn line(&mut self, from: Role, bytes: &[u8], emit: Emit<'_>) -> Step {
        let is_banner = bytes.starts_with(START);
        let limit = if is_banner {
            SSH_BANNER_BYTES_MAX
        } else {
            SSH_PREAMBLE_BYTES_MAX - self.half(from).preamble.min(SSH_PREAMBLE_BYTES_MAX)
        };
        let Some(end) = bytes.iter().take(limit).position(|byte| *byte == b'\n') else {
            return if bytes.len() >= limit {
                Step::Broken
            } else {
                Step::Wait
            };
        };
        let used = end + 1;
        let line = bytes.get(..end).unwrap_or_default();
        if !is_banner {
            self.half(from).preamble += used;
            return match from {
                Role::Server => Step::Used(used),
                _ => Step::Broken,
            };
        }
        let Some(Some(generation)) = version_of(line) else {
            return Step::Broken;
        };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (field, other) = match from {
            Role::Server => (Field::SshServerVersion, self.client.banner),
            _ => (Field::SshClientVersion, self.server.banner),
        };
        says(field, line, emit);
        let half = self.half(from);
        half.banner = true;
        half.stage = Stage::Offer;
        if other {
            emit(Observation::Confirmed);
        }
        // One end that speaks version 1 alone decides it for both.
        if generation == Generation::One {
            self.is_version_1 = true;
        }
        if self.is_version_1 && other {
            self.encrypted(emit);
            self.client.stage = Stage::Over;
            self.server.stage = Stage::Over;
        }
        Step::Used(used)
    }

    /// Reads one packet, which is in clear until keys were exchanged.
    fn packet(&mut self, from: Role, bytes: &[u8], emit: Emit<'_>) -> Step {
        if self.is_version_1 {
            self.half(from).stage = Stage::Over;
            return Step::Used(bytes.len());
        }
        let Some((len, body)) = bytes.split_first_chunk() else {
            return Step::Wait;
        };
        let len = usize::try_from(u32::from_be_bytes(*len)).unwrap_or(usize::MAX);
        if !(2..=SSH_PACKET_BYTES_MAX).contains(&len) {
            return Step::Broken;
        }
        let Some(packet) = body.get(..len) else {
            return Step::Wait;
        };
        let used = size_of::<u32>() + len;
        let Some((&padding, payload)) = packet.split_first() else {
            return Step::Broken;
        };
        let payload = payload
            .len()
            .checked_sub(usize::from(padding))
            .and_then(|len| payload.get(..len))
            .unwrap_or_default();
        match payload.split_first() {
            Some((&MESSAGE_KEXINIT, offer)) => {
                let Some(lists) = lists(offer) else {
                    return Step::Broken;
                };
                let field = match from {
                    Role::Server => Field::SshHasshServer,
                    _ => Field::SshHassh,
                };
                has_fingerprint(field, &hassh_basis(&lists, from), hassh, emit);
                self.encrypted(emit);
                self.half(from).stage = Stage::Over;
                self.agree(from, offer, emit);
                Step::Used(used)
            }
            Some((&MESSAGE_DISCONNECT, _)) => {
                self.half(from).stage = Stage::Over;
                Step::Used(used)
            }
            Some((MESSAGE_DISCONNECT..=MESSAGE_DEBUG, _)) => {
                let half = self.half(from);
                half.packets += 1;
                if half.packets > SSH_PACKETS_BEFORE_OFFER_MAX {
                    return Step::Broken;
                }
                Step::Used(used)
            }
            _ => Step::Broken,
        }
    }

    /// Says of the server what the two offers agree on: it would not have to allow it.
    fn agree(&mut self, from: Role, offer: &[u8], emit: Emit<'_>) {
        let earlier = std::mem::take(&mut self.offer);
        let Some(earlier) = lists(&earlier) else {
            if offer.len() <= SSH_OFFER_BYTES_MAX {
                self.offer = offer.into();
            }
            return;
        };
        let Some(own) = lists(offer) else {
            return;
        };
        let (client, server, subject) = match from {
            Role::Server => (&earlier, &own, Subject::Sender),
            _ => (&own, &earlier, Subject::Receiver),
        };
        for (place, field) in AGREED {
            if let Some(value) = agreed(client[place], server[place]) {
                emit(Observation::Fact {
                    subject,
                    field,
                    value,
                });
            }
        }
    }

    /// An offer for a key exchange says that all after the exchange is encrypted.
    fn encrypted(&mut self, emit: Emit<'_>) {
        if !self.encrypted {
            self.encrypted = true;
            emit(Observation::Encrypted);
        }
    }
}

/// The lists of an offer in their order (RFC 4253, 7.1): key exchanges, host keys, ciphers, MACs,
/// compressions and languages, from the third on one for each direction, the client's first.
fn lists(offer: &[u8]) -> Option<[&[u8]; 10]> {
    let mut rest = offer.get(COOKIE_LEN..)?;
    let mut lists = [&[][..]; 10];
    for list in &mut lists {
        let (len, after) = rest.split_first_chunk()?;
        let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
        (*list, rest) = after.split_at_checked(len)?;
        if !list.iter().all(u8::is_ascii_graphic) {
            return None;
        }
    }
    Some(lists)
}

/// The lists whose agreement is told. Of the ciphers the client's: both directions are alike but
/// by a person's doing. No MAC: it means nothing beside a cipher that authenticates.
const AGREED: [(usize, Field); 3] = [
    (0, Field::SshKex),
    (1, Field::SshHostKey),
    (2, Field::SshCipher),
];

/// The first name of the client's that the server names too: RFC 4253, 7.1.
fn agreed<'a>(client: &'a [u8], server: &[u8]) -> Option<&'a [u8]> {
    names(client).find(|name| !name.is_empty() && names(server).any(|it| it == *name))
}

fn names(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').take(SSH_NAMES_MAX)
}

/// All that the HASSH of a client, or the hasshServer of a server, is made of: the lists of key
/// exchanges, ciphers, MACs and compressions for what the sender sends, with `;` between them.
fn hassh_basis(lists: &[&[u8]; 10], from: Role) -> Vec<u8> {
    let [kex, _, enc_c, enc_s, mac_c, mac_s, zip_c, zip_s, ..] = *lists;
    match from {
        Role::Server => [kex, enc_s, mac_s, zip_s],
        _ => [kex, enc_c, mac_c, zip_c],
    }
    .join(&b';')
}

/// HASSH and hasshServer: the MD5 of the lists.
///
/// HASSH: Copyright (c) 2018, Salesforce.com, BSD 3-Clause.
fn hassh(basis: &[u8]) -> Fingerprint {
    md5(basis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::driver::{Player, check_any, check_cuts, probe as ask, run};

    const C: Role = Role::Client;
    const S: Role = Role::Server;

    /// A packet of these lists, and 0 bytes of padding.
    fn offer(lists: [&str; 10]) -> Vec<u8> {
        let mut payload = [&[MESSAGE_KEXINIT][..], &[0x5a; COOKIE_LEN]].concat();
        for list in lists {
            payload.extend_from_slice(&u32::try_from(list.len()).unwrap().to_be_bytes());
            payload.extend_from_slice(list.as_bytes());
        }
        payload.extend_from_slice(&[0; 5]);
        packet(&payload)
    }

    fn packet(payload: &[u8]) -> Vec<u8> {
        let len = u32::try_from(payload.len() + 5).unwrap().to_be_bytes();
        [&len[..], &[4], payload, &[0; 4]].concat()
    }

    fn any_offer() -> Vec<u8> {
        offer(["a", "k", "b1", "b2", "c1", "c2", "d1", "d2", "", ""])
    }

    const WANTED: [&str; 9] = [
        "sender ssh.server.version=SSH-2.0-OpenSSH_7.9p1 Debian-10+deb10u2",
        "sender ssh.client.version=SSH-2.0-PuTTY_Release_0.74",
        "confirmed",
        // MD5 of "a;b1;c1;d1" and of "a;b2;c2;d2".
        "sender ssh.kex.hassh=dbf251f07b5a0ff032f8ee70c3b5821e",
        "encrypted",
        "sender ssh.kex.hasshserver=5987d41688117472611c35748e2b12b5",
        "sender ssh.kex_algorithms=a",
        "sender ssh.server_host_key_algorithms=k",
        "sender ssh.encryption_algorithms_client_to_server=b1",
    ];

    #[test]
    fn both_ends_identify_and_offer() {
        let offer = any_offer();
        let ignored = packet(&[2, 0, 0, 0, 0]);
        let conversation: [(Role, &[u8]); 5] = [
            (
                S,
                b"Authorised staff only\r\nSSH-2.0-OpenSSH_7.9p1 Debian-10+deb10u2\r\n",
            ),
            (C, b"SSH-2.0-PuTTY_Release_0.74\n"),
            (C, &[&ignored[..], &offer].concat()),
            (S, &offer),
            (S, b"the rest"),
        ];
        assert_eq!(run(&CLASSIFIER, &conversation), WANTED);
        check_cuts(&CLASSIFIER, &conversation);
    }

    #[test]
    fn the_client_chooses_of_what_the_server_has() {
        let lists = |kex, key, cipher| offer([kex, key, cipher, "x", "m", "m", "z", "z", "", ""]);
        let client = lists("k1,k2,k3", "rsa", "c1,c2");
        let server = lists("k3,k2", "dss", "c22,c2");
        let banner = b"SSH-2.0-x\r\n";
        for server_first in [false, true] {
            let mut offers = [(C, &client[..]), (S, &server[..])];
            if server_first {
                offers.reverse();
            }
            let mut conversation = vec![(S, &banner[..]), (C, banner)];
            conversation.extend(offers);
            let said = run(&CLASSIFIER, &conversation);
            let who = if server_first { "receiver" } else { "sender" };
            let wanted = [
                format!("{who} ssh.kex_algorithms=k2"),
                format!("{who} ssh.encryption_algorithms_client_to_server=c2"),
            ];
            assert!(said.ends_with(&wanted), "{said:?}");
        }
    }

    #[test]
    fn an_offer_that_is_too_long_agrees_on_nothing() {
        let long = "a".repeat(SSH_OFFER_BYTES_MAX);
        let long = offer([&long, "k", "b", "b", "c", "c", "d", "d", "", ""]);
        let banner = b"SSH-2.0-x\r\n";
        let said = run(
            &CLASSIFIER,
            &[(S, banner), (C, banner), (C, &long), (S, &any_offer())],
        );
        assert!(said.last().unwrap().contains("hasshserver"), "{said:?}");
    }

    #[test]
    fn version_1_ends_with_the_identification() {
        for (server, client) in [
            (&b"SSH-1.5-1.2.27\n"[..], &b"SSH-1.5-x\n"[..]),
            (b"SSH-1.99-x\n", b"SSH-1.5-x\n"),
            (b"SSH-1.5-x\n", b"SSH-2.0-x\n"),
        ] {
            let mut player = Player::new(&CLASSIFIER);
            player.play(S, server, false);
            player.play(C, client, false);
            assert!(player.done);
            assert_eq!(player.seen[2..], ["confirmed", "encrypted"]);
        }
    }

    #[test]
    fn probe_takes_roles_from_ports() {
        let banner = b"SSH-2.0-x";
        let verdict = |ports| ask(&CLASSIFIER, banner, ports);
        assert_eq!(verdict((22, 50_000)), Verdict::Match(S));
        assert_eq!(verdict((50_000, 22)), Verdict::Match(C));
        assert_eq!(verdict((50_000, 4022)), Verdict::Match(C));
        let verdict = |bytes: &[u8]| ask(&CLASSIFIER, bytes, (1, 2));
        for more in [&b""[..], b"S", b"SSH-", b"SSH-1.99"] {
            assert_eq!(verdict(more), Verdict::NeedMore);
        }
        for none in [&b"SSH-3.0-x"[..], b"SSH_", b"220 ftp", b"\x16\x03"] {
            assert_eq!(verdict(none), Verdict::Reject);
        }
    }

    #[test]
    fn contradictions_end_the_flow() {
        let banner = b"SSH-2.0-x\r\n";
        let cut = |at: usize| {
            let mut bytes = any_offer();
            bytes.truncate(at);
            packet(bytes.get(5..).unwrap_or_default())
        };
        let wild = packet(&[&[20][..], &[0; 16], &[0xff; 40]].concat());
        for bytes in [
            &[0xff; 8][..],
            &[0, 0, 0, 1, 0],
            &packet(&[99]),
            &packet(&[2]).repeat(5),
            &cut(40),
            &wild,
        ] {
            let mut player = Player::new(&CLASSIFIER);
            player.play(C, banner, false);
            player.play(C, bytes, false);
            assert_eq!(player.seen.last().unwrap(), "malformed", "{bytes:?}");
            assert!(player.done);
        }
        let mut player = Player::new(&CLASSIFIER);
        player.play(C, &[&b"SSH-2.0-"[..], &[b'a'; 400]].concat(), false);
        assert_eq!(player.seen, ["malformed"]);
        let mut player = Player::new(&CLASSIFIER);
        for _ in 0..300 {
            player.play(S, b"login as a guest and read this\n", false);
        }
        assert_eq!(player.seen, ["malformed"]);
    }

    #[test]
    fn one_direction_alone_ends() {
        let mut player = Player::new(&CLASSIFIER);
        player.play(C, b"SSH-2.0-x\r\n", false);
        player.play(C, &any_offer(), false);
        player.play(C, b"more", false);
        assert_eq!(player.seen.len(), 3);
        assert_eq!(player.seen.last().unwrap(), "encrypted");
    }

    #[test]
    fn any_bytes() {
        bolero::check!()
            .with_iterations(3_000)
            .with_max_len(2048)
            .for_each(|bytes: &[u8]| {
                check_any(&CLASSIFIER, bytes, SSH_PACKET_BYTES_MAX + 4);
                let _ = lists(bytes).map(|lists| hassh(&hassh_basis(&lists, C)));
                let mut player = Player::new(&CLASSIFIER);
                player.play(C, b"SSH-2.0-x\r\n", false);
                player.play(C, bytes, false);
            });
    }
}
