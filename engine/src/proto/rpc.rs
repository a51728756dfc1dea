//! ONC RPC version 2 (RFC 5531) over UDP and TCP, and what rides on it: port mapper (RFC 1833) and
//! NFS (RFC 1813, RFC 7530): who serves which program, and the name that a client's machine gives
//! itself. It reads no user, no group, no file and no path.
//!
//! ```text
//! over TCP: last fragment and length u32, then as over UDP
//! call      id u32 | 0 | 2 | program u32 | version u32 | procedure u32 | credential | verifier
//! answer    id u32 | 1 | accepted 0 or denied 1 | …
//! ```

use std::fmt::Write;

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::stack_text::{StackText, printable};
use super::{Classifier, Mark, Progress, Segment, Then, Transport, Verdict};
use crate::config::{RPC_CALLS_MAX, RPC_MESSAGES_MAX};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol over UDP.
pub const OVER_UDP: Classifier = Classifier {
    protocol: Protocol::Rpc,
    transport: Transport::Udp,
    ports: PORTS,
    // A call begins with a number that its sender makes up.
    first: super::ANY,
    marks: &[Mark::At(4, &[0])],
    probe: |segment| match Call::parse(segment.bytes) {
        Some(_) => Verdict::Match(Role::Client),
        None => Verdict::Reject,
    },
    session: || Box::new(Session::default()),
};

/// The row of this protocol over TCP.
pub const OVER_TCP: Classifier = Classifier {
    protocol: Protocol::Rpc,
    transport: Transport::Tcp,
    ports: PORTS,
    first: &[LAST_FRAGMENT],
    marks: &[],
    probe: probe_stream,
    session: || {
        Box::new(Session {
            is_framed: true,
            ..Session::default()
        })
    },
};

const PORTS: &[u16] = &[111, 2049];

/// The only fragment of a message begins so, where the message is shorter than 16 MiB.
const LAST_FRAGMENT: u8 = 0x80;
/// What is needed of a call: up to the end of its credential.
const CALL_LEN_MAX: usize = 40 + CREDENTIAL_LEN_MAX as usize;
/// The longest credential, RFC 5531 section 8.2.
const CREDENTIAL_LEN_MAX: u32 = 400;
/// Flavours of credentials: none, system, short, DH, Kerberos (RFC 2695), GSS.
const FLAVOUR_MAX: u32 = 6;
const SYSTEM: u32 = 1;

/// Programs with a name of their own.
const PORTMAP: u32 = 100_000;
const NFS: u32 = 100_003;
const MOUNT: u32 = 100_005;

/// The head of a call.
struct Call<'a> {
    id: u32,
    program: u32,
    version: u32,
    /// The name of the client's machine in a credential of the system's kind.
    machine: Option<&'a [u8]>,
}

impl<'a> Call<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        // Every datagram is asked: the two constants first.
        if bytes.get(4..12)? != [0, 0, 0, 0, 0, 0, 0, 2] {
            return None;
        }
        let mut reader = Reader(bytes);
        let id = reader.u32()?;
        reader.take(8)?;
        let (program, version, procedure) = (reader.u32()?, reader.u32()?, reader.u32()?);
        let flavour = reader.u32()?;
        let len = reader.u32()?;
        let is_flavour = flavour <= FLAVOUR_MAX || (390_000..400_000).contains(&flavour);
        let is_sound = (100_000..0x6000_0000).contains(&program)
            && (1..=10).contains(&version)
            && procedure < 1024
            && is_flavour
            && len <= CREDENTIAL_LEN_MAX
            && len % 4 == 0;
        if !is_sound {
            return None;
        }
        let credential = reader.take(len as usize)?;
        let machine = (flavour == SYSTEM).then(|| {
            let mut reader = Reader(credential);
            reader.u32()?;
            reader.block32()
        });
        Some(Self {
            id,
            program,
            version,
            machine: machine.flatten(),
        })
    }
}

fn probe_stream(segment: &Segment<'_>) -> Verdict {
    let undecided = match segment.cut {
        true => Verdict::Reject,
        false => Verdict::NeedMore,
    };
    let Some((_, message)) = segment.bytes.split_first_chunk::<4>() else {
        return undecided;
    };
    let there = message.get(4..).unwrap_or_default();
    let constants = [0, 0, 0, 0, 0, 0, 0, 2];
    let common = there.len().min(constants.len());
    if there.get(..common) != constants.get(..common) {
        return Verdict::Reject;
    }
    match Call::parse(message) {
        Some(_) => Verdict::Match(Role::Client),
        None if message.len() < CALL_LEN_MAX => undecided,
        None => Verdict::Reject,
    }
}

/// What a conversation has said so far.
#[derive(Default)]
struct Session {
    is_framed: bool,
    /// Calls that wait: their number, program and version; the oldest gives way.
    calls: [Option<(u32, u32, u32)>; RPC_CALLS_MAX],
    next: usize,
    confirmed: bool,
    messages: u16,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let (progress, message) = match self.is_framed {
            false => (Progress::consumed(segment.bytes.len()), segment.bytes),
            true => match fragment(segment) {
                Some(Some(found)) => found,
                Some(None) => return Progress::consumed(0),
                None => {
                    emit(Observation::Malformed);
                    return Progress::DONE;
                }
            },
        };
        self.messages += 1;
        if segment.from == Role::Server {
            self.answer(message, emit);
        } else if let Some(call) = Call::parse(message) {
            self.call(&call, emit);
        }
        match self.messages > RPC_MESSAGES_MAX {
            true => Progress::DONE,
            false => progress,
        }
    }
}

/// The head of a fragment, and how to go on behind it; `Some(None)`: there is not enough of it.
fn fragment<'a>(segment: &Segment<'a>) -> Option<Option<(Progress, &'a [u8])>> {
    let Some((prefix, rest)) = segment.bytes.split_first_chunk::<4>() else {
        return Some(None);
    };
    let len = (u32::from_be_bytes(*prefix) & 0x7fff_ffff) as usize;
    if len < 8 || len >> 24 != 0 {
        return None;
    }
    if rest.len() < len.min(CALL_LEN_MAX) && !segment.cut {
        return Some(None);
    }
    let there = rest.len().min(len);
    let progress = Progress {
        consumed: 4 + there,
        then: match len - there {
            0 => Then::More,
            missing => Then::Skip(missing as u64),
        },
    };
    Some(Some((progress, rest.get(..there)?)))
}

impl Session {
    fn call(&mut self, call: &Call<'_>, emit: Emit<'_>) {
        let at = self.next % RPC_CALLS_MAX;
        if let Some(place) = self.calls.get_mut(at) {
            *place = Some((call.id, call.program, call.version));
        }
        self.next = at + 1;
        let carried = match call.program {
            PORTMAP => Some(Protocol::Portmap),
            NFS => Some(Protocol::Nfs),
            MOUNT => Some(Protocol::Mount),
            _ => None,
        };
        if let Some(carried) = carried {
            emit(Observation::Carries(carried));
        }
        if let Some(machine) = call.machine.and_then(printable) {
            says(Field::RpcMachineName, machine, emit);
        }
    }

    fn answer(&mut self, message: &[u8], emit: Emit<'_>) -> Option<()> {
        let mut reader = Reader(message);
        let (id, kind, state) = (reader.u32()?, reader.u32()?, reader.u32()?);
        if kind != 1 || state > 1 {
            return None;
        }
        let mut calls = self.calls.iter_mut();
        let place = calls.find(|call| call.is_some_and(|(known, ..)| known == id))?;
        let (_, program, version) = place.take()?;
        if !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
        // Accepted, a verifier, and success.
        reader.u32()?;
        reader.block32()?;
        let is_done = state == 0 && reader.u32()? == 0;
        let mut text = StackText::<24>::new();
        let name = match program {
            PORTMAP => "portmap",
            NFS => "nfs",
            MOUNT => "mount",
            _ => return None,
        };
        if is_done && write!(text, "{name} {version}").is_ok() {
            says(Field::RpcProgram, text.as_bytes(), emit);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS, check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    fn call(program: u32) -> Vec<u8> {
        let mut bytes = b"\x12\x34\x56\x78\0\0\0\0\0\0\0\x02".to_vec();
        bytes.extend(program.to_be_bytes());
        bytes.extend(b"\0\0\0\x03\0\0\0\0\0\0\0\x01\0\0\0\x1c");
        bytes.extend(b"\0\0\0\x01\0\0\0\x04ws-7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        bytes.extend(b"\0\0\0\0\0\0\0\0");
        bytes
    }

    const ANSWER: &[u8] = b"\x12\x34\x56\x78\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

    fn framed(message: &[u8]) -> Vec<u8> {
        let len = message.len() as u32 | 0x8000_0000;
        [&len.to_be_bytes()[..], message].concat()
    }

    #[test]
    fn a_server_of_files_and_its_client() {
        let expected = [
            "Carries(Nfs)",
            "sender rpc.auth.machinename=ws-7",
            "confirmed",
            "sender rpc.program=nfs 3",
        ];
        let ask = call(NFS);
        let talk = [(Role::Client, &ask[..]), (Role::Server, ANSWER)];
        assert_eq!(run(&OVER_UDP, &talk), expected);
        let (ask, answer) = (framed(&ask), framed(ANSWER));
        let talk: [(Role, &[u8]); 2] = [(Role::Client, &ask), (Role::Server, &answer)];
        assert_eq!(run(&OVER_TCP, &talk), expected);
        check_cuts(&OVER_TCP, &talk);
    }

    #[test]
    fn an_answer_to_another_call_confirms_nothing() {
        let ask = call(PORTMAP);
        let mut answer = ANSWER.to_vec();
        answer[0] = 9;
        let said = run(&OVER_UDP, &[(Role::Client, &ask), (Role::Server, &answer)]);
        assert_eq!(
            said,
            ["Carries(Portmap)", "sender rpc.auth.machinename=ws-7"]
        );
    }

    #[test]
    fn probes() {
        let ask = call(NFS);
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&OVER_UDP, &ask, PORTS), client);
        assert_eq!(probe(&OVER_TCP, &framed(&ask), PORTS), client);
        let part = probe(&OVER_TCP, &framed(&ask)[..18], PORTS);
        assert_eq!(part, Verdict::NeedMore);
        for (at, value) in [(7, 1), (11, 3), (12, 0xff), (17, 9), (27, 9), (31, 2)] {
            let mut bytes = ask.clone();
            bytes[at] = value;
            assert_eq!(probe(&OVER_UDP, &bytes, PORTS), Verdict::Reject, "{at}");
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            check_any(&OVER_UDP, bytes, usize::MAX);
            check_any(&OVER_TCP, bytes, STREAM_BYTES_MAX);
        });
    }
}
