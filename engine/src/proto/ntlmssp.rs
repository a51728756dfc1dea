//! NTLM's security messages ([MS-NLMP]) inside SMB, HTTP, RDP and others: which Windows build a
//! machine says it is, and its own names. It reads no user, no domain of a user, and no answer to
//! a challenge.
//!
//! ```text
//! "NTLMSSP\0" | type u32
//! type 1   flags u32, domain, workstation (each length u16, most u16, at u32), version 8
//! type 2   target name, flags, challenge 8, reserved 8, target info, version
//! type 3   two answers, domain, user, workstation, key, flags, version
//! ```

use std::fmt::Write;

use medtap_table::vocabulary::Field;

use super::stack_text::StackText;
use crate::observe::{Emit, says};

const SIGNATURE: &[u8] = b"NTLMSSP\0";

/// The version is there, [MS-NLMP] 2.2.2.5.
const NEGOTIATE_VERSION: u32 = 0x0200_0000;
/// Names are UTF-16.
const NEGOTIATE_UNICODE: u32 = 1;

/// Names of a target, [MS-NLMP] 2.2.2.1.
const AV_COMPUTER: u16 = 1;
const AV_DOMAIN: u16 = 2;
const AV_DNS_COMPUTER: u16 = 3;
const AV_DNS_DOMAIN: u16 = 4;

/// Pairs that are looked at: seven kinds are defined.
const AV_PAIRS_MAX: usize = 16;

/// Characters of a name, at most: a DNS name's.
const NAME_CHARS_MAX: usize = 255;

/// Reads the first security message in `bytes`, whatever wraps it, and says what its sender says
/// of itself. True if there was one.
pub fn observe(bytes: &[u8], emit: Emit<'_>) -> bool {
    let at = bytes
        .windows(SIGNATURE.len())
        .position(|window| window == SIGNATURE);
    let Some(message) = at.and_then(|at| bytes.get(at..)) else {
        return false;
    };
    let message = Message(message);
    match message.u32(8) {
        Some(1) => {
            let flags = message.u32(12).unwrap_or(0);
            message.version(flags, 32, emit);
        }
        Some(2) => {
            let flags = message.u32(20).unwrap_or(0);
            message.version(flags, 48, emit);
            if let Some(info) = message.block(40) {
                target(info, emit);
            }
        }
        Some(3) => {
            let flags = message.u32(60).unwrap_or(0);
            message.version(flags, 64, emit);
            let name = message.block(44);
            if let Some(name) = name.filter(|_| flags & NEGOTIATE_UNICODE != 0) {
                utf16(Field::NtlmWorkstation, name, emit);
            }
        }
        _ => return false,
    }
    true
}

/// From its signature on.
struct Message<'a>(&'a [u8]);

impl<'a> Message<'a> {
    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = self.0.get(at..)?.first_chunk()?;
        Some(u16::from_le_bytes(*bytes))
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = self.0.get(at..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    }

    /// What the length and the place at `at` point to.
    fn block(&self, at: usize) -> Option<&'a [u8]> {
        let len = usize::from(self.u16(at)?);
        let start = usize::try_from(self.u32(at + 4)?).ok()?;
        self.0.get(start..start.checked_add(len)?)
    }

    /// Major, minor and build. Build 0 is no Windows: Samba says 6.1.0.
    fn version(&self, flags: u32, at: usize, emit: Emit<'_>) {
        let bytes = self.0.get(at..).and_then(<[u8]>::first_chunk::<8>);
        let Some([major, minor, low, high, .., revision]) =
            bytes.filter(|_| flags & NEGOTIATE_VERSION != 0)
        else {
            return;
        };
        let build = u16::from_le_bytes([*low, *high]);
        /// NTLMSSP_REVISION_W2K3, the only one.
        const REVISION: u8 = 15;
        let mut text = StackText::<16>::new();
        if *revision == REVISION && build != 0 && write!(text, "{major}.{minor}.{build}").is_ok() {
            says(Field::NtlmVersion, text.as_bytes(), emit);
        }
    }
}

/// The target's own names.
fn target(mut info: &[u8], emit: Emit<'_>) {
    for _ in 0..AV_PAIRS_MAX {
        let Some(([a, b, c, d], rest)) = info.split_first_chunk::<4>() else {
            return;
        };
        let (id, len) = (u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d]));
        let Some((value, rest)) = rest.split_at_checked(usize::from(len)) else {
            return;
        };
        info = rest;
        let field = match id {
            AV_COMPUTER => Field::NtlmComputer,
            AV_DNS_COMPUTER => Field::NtlmDnsComputer,
            AV_DOMAIN => Field::NtlmDomain,
            AV_DNS_DOMAIN => Field::NtlmDnsDomain,
            0 => return,
            _ => continue,
        };
        utf16(field, value, emit);
    }
}

/// A name in UTF-16, little endian; one with other characters than names have is no name.
fn utf16(field: Field, bytes: &[u8], emit: Emit<'_>) {
    let mut text = StackText::<NAME_CHARS_MAX>::new();
    let units = bytes.as_chunks::<2>().0;
    for unit in units.iter().map(|pair| u16::from_le_bytes(*pair)) {
        let byte = u8::try_from(unit).unwrap_or(0);
        let is_of_names = byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if !is_of_names || !text.push(&[byte]) {
            return;
        }
    }
    if !text.is_empty() {
        says(field, text.as_bytes(), emit);
    }
}

/// Messages for the tests of what carries them.
#[cfg(test)]
pub mod samples {
    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    /// A server's challenge with its names.
    pub fn challenge(version: [u8; 3], computer: &str, dns: &str) -> Vec<u8> {
        let mut info = Vec::new();
        for (id, text) in [(2, "WARD"), (1, computer), (3, dns)] {
            let text = wide(text);
            info.extend([id, 0, text.len() as u8, 0]);
            info.extend(text);
        }
        info.extend([0; 4]);
        let mut out = b"NTLMSSP\0\x02\0\0\0".to_vec();
        out.extend([0, 0, 0, 0, 56, 0, 0, 0]);
        out.extend(0x0280_0001_u32.to_le_bytes());
        out.extend([7; 8]);
        out.extend([0; 8]);
        let len = info.len() as u8;
        out.extend([len, 0, len, 0, 56, 0, 0, 0]);
        let [major, minor, build] = version;
        out.extend([major, minor, build, 0x1d, 0, 0, 0, 15]);
        out.extend(info);
        out
    }

    /// A client's answer with a user and its workstation.
    pub fn authenticate(user: &str, workstation: &str) -> Vec<u8> {
        let (user, workstation) = (wide(user), wide(workstation));
        let mut out = b"NTLMSSP\0\x03\0\0\0".to_vec();
        let end = 72 + user.len() as u8;
        for (len, at) in [(0, 72), (0, 72), (0, 72), (user.len() as u8, 72)] {
            out.extend([len, 0, len, 0, at, 0, 0, 0]);
        }
        let len = workstation.len() as u8;
        out.extend([len, 0, len, 0, end, 0, 0, 0]);
        out.extend([0, 0, 0, 0, end, 0, 0, 0]);
        out.extend(0x0200_0001_u32.to_le_bytes());
        out.extend([10, 0, 0x65, 0x4a, 0, 0, 0, 15]);
        out.extend(user);
        out.extend(workstation);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Observation;

    fn say(bytes: &[u8]) -> Vec<String> {
        let mut said = Vec::new();
        observe(bytes, &mut |seen| {
            if let Observation::Fact { field, value, .. } = seen {
                said.push(format!("{} {}", field.name(), value.escape_ascii()));
            }
        });
        said
    }

    #[test]
    fn a_challenge_tells_the_build_and_names_of_the_server() {
        let message = samples::challenge([6, 1, 0xb1], "FILES-1", "files-1.ward.example");
        assert_eq!(
            say(&[b"wrapped", &message[..]].concat()),
            [
                "ntlmssp.version 6.1.7601",
                "ntlmssp.challenge.target_info.nb_domain_name WARD",
                "ntlmssp.challenge.target_info.nb_computer_name FILES-1",
                "ntlmssp.challenge.target_info.dns_computer_name files-1.ward.example",
            ]
        );
    }

    #[test]
    fn an_answer_tells_its_machine_and_no_user() {
        let message = samples::authenticate("CANARY", "WKS-7");
        assert_eq!(
            say(&message),
            ["ntlmssp.version 10.0.19045", "ntlmssp.auth.hostname WKS-7"]
        );
    }

    #[test]
    fn samba_is_no_windows() {
        let mut message = samples::challenge([6, 1, 0], "a", "b");
        message[48..52].copy_from_slice(&[6, 1, 0, 0]);
        assert!(!say(&message)[0].contains("version"));
    }

    #[test]
    fn every_prefix_and_any_bytes() {
        let message = samples::challenge([6, 1, 0xb1], "FILES-1", "files-1.ward.example");
        for len in 0..message.len() {
            say(&message[..len]);
        }
        bolero::check!().for_each(|bytes: &[u8]| {
            say(&[SIGNATURE, bytes].concat());
        });
    }
}
