//! SMB, versions 1 to 3 ([MS-CIFS], [MS-SMB], [MS-SMB2]; ports 445 and 139): the dialect that both
//! ends speak, the system a server names, NTLM's build and machine names, and that a server let
//! somebody into one of Windows' administrative shares. It reads no user, no other share, no path,
//! no file.
//!
//! ```text
//! frame   0 u8 | length u24 | message             RFC 1002 section 4.3.1, [MS-SMB2] 2.1
//! SMB 1   FF 'S' 'M' 'B' | command u8 | status u32 | flags u8 | … 32 bytes | words | bytes
//! SMB 2   FE 'S' 'M' 'B' | 64 u16 | … | status u32 | command u16 | … flags u32 … | body
//! SMB 3   FD 'S' 'M' 'B' | encrypted, or FC 'S' 'M' 'B' | compressed: neither is opened
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::stack_text::{StackText, printable};
use super::{Classifier, Progress, Segment, Then, Transport, Verdict, ntlmssp, ports};
use crate::config::{SMB_MESSAGE_BYTES_MAX, SMB_MESSAGES_MAX};
use crate::observe::{Emit, Observation, Role, both, refuses_logon, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Smb,
    transport: Transport::Tcp,
    ports: PORTS,
    // A message, or NetBIOS asking for a session first.
    first: &[FRAME_MESSAGE, FRAME_REQUEST],
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

const PORTS: &[u16] = &[445, 139];

/// Kinds of frames, RFC 1002 section 4.3.1.
const FRAME_MESSAGE: u8 = 0;
const FRAME_REQUEST: u8 = 0x81;
const FRAME_KEEP_ALIVE: u8 = 0x85;
const FRAME_HEADER_LEN: usize = 4;

const SMB1: &[u8; 4] = b"\xffSMB";
const SMB2: &[u8; 4] = b"\xfeSMB";
const SMB3_ENCRYPTED: &[u8; 4] = b"\xfdSMB";
const SMB3_COMPRESSED: &[u8; 4] = b"\xfcSMB";

const SMB1_HEADER_LEN: usize = 32;
const SMB1_NEGOTIATE: u8 = 0x72;
const SMB1_SESSION_SETUP: u8 = 0x73;
const SMB1_TREE_CONNECT: u8 = 0x75;
const SMB2_HEADER_LEN: usize = 64;
const SMB2_NEGOTIATE: u16 = 0;
const SMB2_SESSION_SETUP: u16 = 1;
const SMB2_TREE_CONNECT: u16 = 3;

/// Shares that Windows has for administrators alone: its own folder and the first drive.
const ADMINISTRATIVE: [&str; 2] = [r"\ADMIN$", r"\C$"];

/// What kind of message the first bytes are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Generation {
    One,
    Two,
    Encrypted,
    Compressed,
}

/// What a message is for, as far as that matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Command {
    Negotiate,
    SessionSetup,
    TreeConnect,
    Other,
}

/// A message, as much of it as there is.
struct Message<'a> {
    generation: Generation,
    bytes: &'a [u8],
}

impl<'a> Message<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let generation = match bytes.first_chunk::<4>()? {
            SMB1 => Generation::One,
            SMB2 => Generation::Two,
            SMB3_ENCRYPTED => Generation::Encrypted,
            SMB3_COMPRESSED => Generation::Compressed,
            _ => return None,
        };
        Some(Self { generation, bytes })
    }

    /// Sent by the server: a flag of either header.
    fn is_response(&self) -> Option<bool> {
        match self.generation {
            Generation::One => self.bytes.get(9).map(|flags| flags & 0x80 != 0),
            Generation::Two => self.bytes.get(16).map(|flags| flags & 1 != 0),
            Generation::Encrypted | Generation::Compressed => None,
        }
    }

    fn command(&self) -> Option<Command> {
        Some(match self.generation {
            Generation::One => match *self.bytes.get(4)? {
                SMB1_NEGOTIATE => Command::Negotiate,
                SMB1_SESSION_SETUP => Command::SessionSetup,
                SMB1_TREE_CONNECT => Command::TreeConnect,
                _ => Command::Other,
            },
            _ => match self.u16(12)? {
                SMB2_NEGOTIATE => Command::Negotiate,
                SMB2_SESSION_SETUP => Command::SessionSetup,
                SMB2_TREE_CONNECT => Command::TreeConnect,
                _ => Command::Other,
            },
        })
    }

    /// The dialect that a negotiation's answer chose: of version 1 all are one, [MS-SMB2] 2.2.4
    /// names the others. FFFF is none, 02FF only says that a second negotiation follows.
    fn dialect(&self) -> Option<&'static [u8]> {
        if self.generation == Generation::One {
            let place = self.u16(SMB1_HEADER_LEN + 1)?;
            return (place != u16::MAX).then_some(b"1");
        }
        Some(match self.u16(SMB2_HEADER_LEN + 4)? {
            0x0202 => b"2.0.2",
            0x0210 => b"2.1",
            0x0300 => b"3.0",
            0x0302 => b"3.0.2",
            0x0311 => b"3.1.1",
            _ => return None,
        })
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = self.bytes.get(at..)?.first_chunk()?;
        Some(u16::from_le_bytes(*bytes))
    }

    /// The number that an answer repeats: [MS-CIFS] 2.2.3.1, [MS-SMB2] 2.2.1.2.
    fn number(&self) -> Option<u64> {
        match self.generation {
            Generation::One => self.u16(30).map(u64::from),
            _ => {
                let bytes = self.bytes.get(24..)?.first_chunk()?;
                Some(u64::from_le_bytes(*bytes))
            }
        }
    }

    /// The answer to a log-on that succeeded as somebody, not as a guest or as nobody: [MS-CIFS]
    /// 2.2.4.53.2, [MS-SMB2] 2.2.6.
    fn lets_in(&self) -> bool {
        let at = match self.generation {
            Generation::One => SMB1_HEADER_LEN + 1 + 4,
            _ => SMB2_HEADER_LEN + 2,
        };
        self.status() == Some(0) && self.u16(at).is_some_and(|flags| flags & 3 == 0)
    }

    /// A question for one of the shares that are for administrators alone: [MS-CIFS] 2.2.4.55.1,
    /// [MS-SMB2] 2.2.9.
    fn asks_administrative(&self) -> bool {
        let unicode = match self.generation {
            Generation::One => self.u16(10).is_some_and(|flags| flags & 0x8000 != 0),
            _ => true,
        };
        let width = if unicode { 2 } else { 1 };
        self.share().is_some_and(|path| {
            let ends = |share: &&str| ends_with(path, share, width);
            ADMINISTRATIVE.iter().any(ends)
        })
    }

    /// The path of a share that is asked for.
    fn share(&self) -> Option<&'a [u8]> {
        if self.generation != Generation::One {
            let (at, len) = (
                self.u16(SMB2_HEADER_LEN + 4)?,
                self.u16(SMB2_HEADER_LEN + 6)?,
            );
            return self.bytes.get(usize::from(at)..)?.get(..usize::from(len));
        }
        let words = usize::from(*self.bytes.get(SMB1_HEADER_LEN)?);
        let password = usize::from(self.u16(SMB1_HEADER_LEN + 1 + 6)?);
        let mut at = SMB1_HEADER_LEN + 1 + 2 * words + 2 + password;
        let unicode = self.u16(10)? & 0x8000 != 0;
        if !unicode {
            let path = self.bytes.get(at..)?;
            return path.split(|byte| *byte == 0).next();
        }
        // Text in UTF-16 begins at an even place of the message.
        at += at % 2;
        let path = self.bytes.get(at..)?;
        let end = path.chunks_exact(2).position(|unit| unit == [0, 0])?;
        path.get(..2 * end)
    }

    fn status(&self) -> Option<u32> {
        let at = if self.generation == Generation::One {
            5
        } else {
            8
        };
        let bytes = self.bytes.get(at..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    }
}

/// Results of a log-on that fails by its account, [MS-ERREF] 2.3.1: no such user, wrong password,
/// failure, restrictions, hours, workstation, expired, disabled, account expired, must change,
/// locked.
const fn refuses(status: u32) -> bool {
    matches!(
        status,
        0xc000_0064 | 0xc000_006a | 0xc000_006d
            ..=0xc000_0072 | 0xc000_0193 | 0xc000_0224 | 0xc000_0234
    )
}

/// Whether a text of characters of so many bytes, the low one first, ends with an ASCII text, in
/// capitals or not.
fn ends_with(text: &[u8], end: &str, width: usize) -> bool {
    let at = text.len().checked_sub(end.len() * width);
    let last = at.and_then(|at| text.get(at..)).unwrap_or_default();
    let mut units = last.chunks_exact(width).zip(end.bytes());
    !last.is_empty()
        && units.all(|(unit, byte)| match unit {
            [low, high @ ..] => {
                low.eq_ignore_ascii_case(&byte) && high.iter().all(|high| *high == 0)
            }
            [] => false,
        })
}

fn probe(segment: &Segment<'_>) -> Verdict {
    let undecided = match segment.cut {
        true => Verdict::Reject,
        false => Verdict::NeedMore,
    };
    let Some((head, rest)) = segment.bytes.split_first_chunk::<FRAME_HEADER_LEN>() else {
        return undecided;
    };
    if head[0] == FRAME_REQUEST {
        // Two encoded names of 34 bytes: as exact as a message's own head.
        let fits = head[1..] == [0, 0, 68] && rest.first().is_none_or(|byte| *byte == 32);
        return match (fits, rest.is_empty()) {
            (true, false) => Verdict::Match(Role::Client),
            (true, true) => undecided,
            (false, _) => Verdict::Reject,
        };
    }
    if rest.len() < 4 {
        let could = [SMB1, SMB2, SMB3_ENCRYPTED, SMB3_COMPRESSED]
            .iter()
            .any(|magic| magic.starts_with(rest));
        return if could { undecided } else { Verdict::Reject };
    }
    match Message::parse(rest) {
        Some(message) => match message.is_response() {
            Some(true) => Verdict::Match(Role::Server),
            Some(false) => Verdict::Match(Role::Client),
            None => Verdict::Match(ports::role_of_sender(segment, PORTS)),
        },
        None => Verdict::Reject,
    }
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    confirmed: bool,
    asked: bool,
    /// Somebody logged on, by a name.
    logged_on: bool,
    /// The question for an administrative share that has no answer yet.
    administrative: Option<u64>,
    /// Messages read: what tells of identity comes at the start.
    messages: u16,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let Some((head, rest)) = segment.bytes.split_first_chunk::<FRAME_HEADER_LEN>() else {
            return Progress::consumed(0);
        };
        let len = usize::from(head[1]) << 16 | usize::from(head[2]) << 8 | usize::from(head[3]);
        match head[0] {
            FRAME_MESSAGE => {}
            FRAME_REQUEST..=FRAME_KEEP_ALIVE if len <= 68 => return skip(rest.len(), len),
            _ => {
                emit(Observation::Malformed);
                return Progress::DONE;
            }
        }
        // Only the beginning of a message is read: wait for that much of it.
        let wanted = len.min(SMB_MESSAGE_BYTES_MAX);
        if rest.len() < wanted && !segment.cut {
            return Progress::consumed(0);
        }
        let Some(message) = Message::parse(rest.get(..wanted).unwrap_or(rest)) else {
            emit(Observation::Malformed);
            return Progress::DONE;
        };
        self.messages += 1;
        if self.message(&message, emit) || self.messages > SMB_MESSAGES_MAX {
            return Progress::DONE;
        }
        skip(rest.len(), len)
    }
}

/// Past this frame, whether or not all of it is there.
fn skip(there: usize, len: usize) -> Progress {
    let here = len.min(there);
    let missing = (len - here) as u64;
    Progress {
        consumed: FRAME_HEADER_LEN + here,
        then: match missing {
            0 => Then::More,
            missing => Then::Skip(missing),
        },
    }
}

impl Session {
    /// Reads one message; true if nothing more will come that is read.
    fn message(&mut self, message: &Message<'_>, emit: Emit<'_>) -> bool {
        match (message.generation, message.is_response()) {
            (Generation::Encrypted, _) => {
                emit(Observation::Encrypted);
                true
            }
            // What tells of identity comes before anything is compressed.
            (Generation::Compressed, _) => true,
            (_, Some(false)) => {
                self.asked = true;
                let command = message.command();
                if command == Some(Command::SessionSetup) {
                    ntlmssp::observe(message.bytes, emit);
                } else if command == Some(Command::TreeConnect) && message.asks_administrative() {
                    self.administrative = message.number();
                }
                false
            }
            (_, Some(true)) => {
                if self.asked && !self.confirmed {
                    self.confirmed = true;
                    emit(Observation::Confirmed);
                }
                self.response(message, emit)
            }
            (_, None) => {
                emit(Observation::Malformed);
                true
            }
        }
    }

    /// True at the end of what is read.
    fn response(&mut self, message: &Message<'_>, emit: Emit<'_>) -> bool {
        match message.command() {
            Some(Command::Negotiate) => {
                if let Some(dialect) = message.dialect() {
                    both(Field::SmbDialect, dialect, emit);
                }
                false
            }
            Some(Command::SessionSetup) => {
                ntlmssp::observe(message.bytes, emit);
                if message.generation == Generation::One {
                    native(message, emit);
                }
                if message.status().is_some_and(refuses) {
                    refuses_logon(emit);
                }
                self.logged_on |= message.lets_in();
                // As a guest or as nobody: no share for administrators is opened.
                message.status() == Some(0) && !self.logged_on
            }
            Some(Command::TreeConnect) if self.logged_on => {
                let asked = self
                    .administrative
                    .is_some_and(|asked| message.number() == Some(asked));
                if asked && message.status() == Some(0) {
                    says(Field::SmbAdministration, b"accepted", emit);
                }
                asked
            }
            // A conversation that was picked up after the log-on has nothing more to say.
            Some(_) | None => !self.logged_on,
        }
    }
}

/// NativeOS and NativeLanMan of a server's answer, [MS-CIFS] 2.2.4.53.2 and [MS-SMB] 2.2.4.6.2:
/// behind the security blob, where there is one. A client's are behind its user's name: unread.
fn native(message: &Message<'_>, emit: Emit<'_>) {
    let words = message.bytes.get(SMB1_HEADER_LEN).copied().unwrap_or(0);
    // The answer of the older form has no blob.
    let blob = match words {
        4 => message.u16(SMB1_HEADER_LEN + 1 + 6).map(usize::from),
        3 => Some(0),
        _ => None,
    };
    let unicode = message.u16(10).is_some_and(|flags| flags & 0x8000 != 0);
    let Some(blob) = blob else { return };
    let mut at = SMB1_HEADER_LEN + 1 + 2 * usize::from(words) + 2 + blob;
    // Text in UTF-16 begins at an even place of the message.
    if unicode {
        at += at % 2;
    }
    let Some(mut rest) = message.bytes.get(at..) else {
        return;
    };
    for field in [Field::SmbNativeOs, Field::SmbNativeLanManager] {
        let mut text = StackText::<64>::new();
        let size = if unicode { 2 } else { 1 };
        loop {
            let Some((unit, after)) = rest.split_at_checked(size) else {
                return;
            };
            rest = after;
            match unit {
                [0] | [0, 0] => break,
                [byte] | [byte, 0] if byte.is_ascii_graphic() || *byte == b' ' => {
                    if !text.push(&[*byte]) {
                        return;
                    }
                }
                _ => return,
            }
        }
        if let Some(text) = printable(text.as_bytes()) {
            says(field, text, emit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    fn frame(message: &[u8]) -> Vec<u8> {
        let len = message.len();
        let mut out = vec![0, (len >> 16) as u8, (len >> 8) as u8, len as u8];
        out.extend(message);
        out
    }

    fn smb1(command: u8, flags: u8, unicode: bool, rest: &[u8]) -> Vec<u8> {
        let mut out = SMB1.to_vec();
        out.push(command);
        out.extend([0; 4]);
        out.push(flags);
        out.extend([0, if unicode { 0x80 } else { 0 }]);
        out.resize(SMB1_HEADER_LEN, 0);
        out.extend(rest);
        frame(&out)
    }

    fn smb2(command: u16, response: bool, body: &[u8]) -> Vec<u8> {
        let mut out = SMB2.to_vec();
        out.extend([64, 0, 0, 0, 0, 0, 0, 0]);
        out.extend(command.to_le_bytes());
        out.extend([0, 0, u8::from(response)]);
        out.resize(SMB2_HEADER_LEN, 0);
        out.extend(body);
        frame(&out)
    }

    #[test]
    fn version_1_is_told_of_both_with_the_server_s_system() {
        let ask = smb1(SMB1_NEGOTIATE, 0x18, false, b"\0\x0c\0\x02NT LM 0.12\0");
        let choose = smb1(SMB1_NEGOTIATE, 0x98, false, &[17, 0, 0, 3]);
        // A user's name stands where a client's system would be looked for.
        let log_on = smb1(
            SMB1_SESSION_SETUP,
            0x18,
            false,
            b"\x0d\0\0CANARY\0Windows 5.1\0",
        );
        let text = "Windows 5.1\0Windows 2000 LAN Manager\0WARD\0";
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        // Three words, and a pad before the text: 32 + 1 + 6 + 2 is odd.
        let mut rest = vec![3, 0xff, 0, 0, 0, 0, 0, 0x40, 0, 0];
        rest.extend(wide);
        let welcome = smb1(SMB1_SESSION_SETUP, 0x98, true, &rest);
        let conversation = [
            (Role::Client, &ask[..]),
            (Role::Server, &choose[..]),
            (Role::Client, &log_on[..]),
            (Role::Server, &welcome[..]),
        ];
        assert_eq!(
            run(&CLASSIFIER, &conversation),
            [
                "confirmed",
                "sender smb.dialect=1",
                "receiver smb.dialect=1",
                "sender smb.native_os=Windows 5.1",
                "sender smb.native_lanman=Windows 2000 LAN Manager",
            ]
        );
        check_cuts(&CLASSIFIER, &conversation);
    }

    #[test]
    fn version_3_tells_dialect_build_and_names() {
        let ask = smb2(SMB2_NEGOTIATE, false, &[36, 0]);
        let choose = smb2(SMB2_NEGOTIATE, true, &[65, 0, 1, 0, 0x11, 3]);
        let challenge = ntlmssp::samples::challenge([10, 0, 0x65], "PACS-1", "pacs-1.example");
        let challenge = smb2(SMB2_SESSION_SETUP, true, &challenge);
        let answer = ntlmssp::samples::authenticate("CANARY", "CT-7");
        let answer = smb2(SMB2_SESSION_SETUP, false, &answer);
        let conversation = [
            (Role::Client, &ask[..]),
            (Role::Server, &choose[..]),
            (Role::Server, &challenge[..]),
            (Role::Client, &answer[..]),
        ];
        let seen = run(&CLASSIFIER, &conversation);
        assert_eq!(
            seen[..4],
            [
                "confirmed",
                "sender smb.dialect=3.1.1",
                "receiver smb.dialect=3.1.1",
                "sender ntlmssp.version=10.0.7525",
            ]
        );
        assert!(!seen.concat().contains("CANARY"));
    }

    /// [MS-SMB2] 2.2.42: size when opened, algorithm, flags, and where the rest begins.
    #[test]
    fn a_compressed_message_is_named_and_left_shut() {
        let read = frame(b"\xfcSMB\x50\0\x10\0\x02\0\0\0\0\0\0\0CANARY");
        let role = Verdict::Match(Role::Server);
        assert_eq!(probe(&CLASSIFIER, &read, (445, 50_000)), role);
        let nothing: [&str; 0] = [];
        assert_eq!(run(&CLASSIFIER, &[(Role::Server, &read)]), nothing);
        let none = frame(b"\xfbSMB\x50\0\x10\0\x02\0\0\0\0\0\0\0");
        assert_eq!(probe(&CLASSIFIER, &none, (445, 50_000)), Verdict::Reject);
        check_cuts(&CLASSIFIER, &[(Role::Server, &read)]);
    }

    #[test]
    fn a_log_on_that_fails_is_an_obstacle() {
        let ask = smb2(SMB2_NEGOTIATE, false, &[36, 0]);
        let log_on = smb2(SMB2_SESSION_SETUP, false, &[25, 0]);
        let answer = |status: u32| {
            let mut answer = smb2(SMB2_SESSION_SETUP, true, &[9, 0]);
            answer[4 + 8..4 + 12].copy_from_slice(&status.to_le_bytes());
            answer
        };
        // More is asked for; then the account is not what it should be.
        let (more, wrong) = (answer(0xc000_0016), answer(0xc000_006d));
        let seen = run(
            &CLASSIFIER,
            &[
                (Role::Client, &ask),
                (Role::Client, &log_on),
                (Role::Server, &more),
                (Role::Client, &log_on),
                (Role::Server, &wrong),
            ],
        );
        assert_eq!(
            seen,
            [
                "confirmed",
                "Event { subject: Sender, event: LogonRefused }",
                "Event { subject: Receiver, event: LogonRefused }",
            ]
        );
    }

    /// A log-on, a question for a share, and its answer; the flags and the status of the answers.
    fn connects(share: &str, guest: u8, status: u8) -> Vec<String> {
        let log_on = smb2(SMB2_SESSION_SETUP, false, &[25, 0]);
        let welcome = smb2(SMB2_SESSION_SETUP, true, &[9, 0, guest, 0]);
        let path: Vec<u8> = share.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut body = vec![
            9,
            0,
            0,
            0,
            SMB2_HEADER_LEN as u8 + 8,
            0,
            path.len() as u8,
            0,
        ];
        body.extend(path);
        let ask = smb2(SMB2_TREE_CONNECT, false, &body);
        let mut answer = smb2(SMB2_TREE_CONNECT, true, &[16, 0]);
        answer[4 + 8] = status;
        let conversation = [
            (Role::Client, &log_on[..]),
            (Role::Server, &welcome[..]),
            (Role::Client, &ask[..]),
            (Role::Server, &answer[..]),
        ];
        check_cuts(&CLASSIFIER, &conversation);
        run(&CLASSIFIER, &conversation)
    }

    #[test]
    fn an_administrative_share_that_opens_is_told_of_the_server() {
        let opened = "sender smb.administration=accepted";
        for share in [r"\\10.0.0.7\C$", r"\\ws7\admin$"] {
            assert_eq!(connects(share, 0, 0), ["confirmed", opened], "{share}");
        }
        // Another share, a guest, nobody, and one that may not.
        for (share, guest, status) in [
            (r"\\ws7\IPC$", 0, 0),
            (r"\\ws7\notC$", 0, 0),
            (r"\\ws7\C$", 1, 0),
            (r"\\ws7\C$", 2, 0),
            (r"\\ws7\C$", 0, 0x22),
        ] {
            assert_eq!(connects(share, guest, status), ["confirmed"], "{share}");
        }
    }

    #[test]
    fn an_administrative_share_of_version_1() {
        let log_on = smb1(SMB1_SESSION_SETUP, 0x18, false, b"\0\0\0");
        let welcome = smb1(
            SMB1_SESSION_SETUP,
            0x98,
            false,
            &[3, 0xff, 0, 0, 0, 0, 0, 0, 0],
        );
        let ask = |unicode: bool| {
            let text = "\\\\WS7\\C$\0";
            let path: Vec<u8> = match unicode {
                true => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                false => text.bytes().collect(),
            };
            let words = [4, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
            let rest = [&words[..], &path, b"A:\0"].concat();
            smb1(SMB1_TREE_CONNECT, 0x18, unicode, &rest)
        };
        let answer = smb1(SMB1_TREE_CONNECT, 0x98, false, &[3, 0xff]);
        for unicode in [false, true] {
            let seen = run(
                &CLASSIFIER,
                &[
                    (Role::Client, &log_on),
                    (Role::Server, &welcome),
                    (Role::Client, &ask(unicode)),
                    (Role::Server, &answer),
                ],
            );
            assert_eq!(
                seen,
                ["confirmed", "sender smb.administration=accepted"],
                "{unicode}"
            );
        }
    }

    #[test]
    fn a_dialect_that_nobody_takes_is_not_spoken() {
        let ask = smb1(SMB1_NEGOTIATE, 0x18, false, b"\0");
        let refuse = smb1(SMB1_NEGOTIATE, 0x98, false, &[1, 0xff, 0xff, 0, 0]);
        let seen = run(
            &CLASSIFIER,
            &[(Role::Client, &ask), (Role::Server, &refuse)],
        );
        assert_eq!(seen, ["confirmed"]);
    }

    #[test]
    fn encrypted_messages_end_the_reading() {
        let message = frame(&[&SMB3_ENCRYPTED[..], &[0; 60]].concat());
        assert_eq!(run(&CLASSIFIER, &[(Role::Client, &message)]), ["encrypted"]);
    }

    #[test]
    fn probes() {
        let ask = smb2(SMB2_NEGOTIATE, false, &[36, 0]);
        let answer = smb2(SMB2_NEGOTIATE, true, &[65, 0]);
        let ports = (50_000, 9_000);
        assert_eq!(
            probe(&CLASSIFIER, &ask, ports),
            Verdict::Match(Role::Client)
        );
        assert_eq!(
            probe(&CLASSIFIER, &answer, ports),
            Verdict::Match(Role::Server)
        );
        assert_eq!(probe(&CLASSIFIER, &ask[..6], ports), Verdict::NeedMore);
        for bytes in [
            &b"\0\0\0\x10\xffSMC"[..],
            b"\x81\0\0\x44\x21",
            b"\0\0\0\x10GET ",
        ] {
            assert_eq!(probe(&CLASSIFIER, bytes, ports), Verdict::Reject);
        }
        let session = [&b"\x81\0\0\x44\x20"[..], &[b'C'; 67]].concat();
        assert_eq!(
            probe(&CLASSIFIER, &session, ports),
            Verdict::Match(Role::Client)
        );
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX));
    }
}
