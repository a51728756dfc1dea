//! A command set, DICOM PS3.7 annex E: what is asked or answered, of which service. It steps
//! over instance UIDs and comments.
//!
//! Always Implicit VR Little Endian, group 0000 alone, whatever the context's transfer syntax:
//! `group 2 | element 2 | length 4 | value`.

use crate::observe::Fault;

/// Command fields of requests, PS3.7 table E.1-1; an answer has [`RESPONSE`] set.
pub mod field {
    /// C-STORE.
    pub const STORE: u16 = 0x0001;
    /// C-GET.
    pub const GET: u16 = 0x0010;
    /// C-FIND.
    pub const FIND: u16 = 0x0020;
    /// C-MOVE.
    pub const MOVE: u16 = 0x0021;
    /// C-ECHO.
    pub const ECHO: u16 = 0x0030;
    /// N-EVENT-REPORT.
    pub const EVENT_REPORT: u16 = 0x0100;
    /// N-GET.
    pub const GET_ATTRIBUTES: u16 = 0x0110;
    /// N-SET.
    pub const SET: u16 = 0x0120;
    /// N-ACTION.
    pub const ACTION: u16 = 0x0130;
    /// N-CREATE.
    pub const CREATE: u16 = 0x0140;
    /// C-CANCEL: it has no answer.
    pub const CANCEL: u16 = 0x0fff;
}

/// Set in the command field of an answer.
pub const RESPONSE: u16 = 0x8000;

/// The value of (0000,0800) that says that no data set follows.
const NO_DATA_SET: u16 = 0x0101;

/// How an operation ended, PS3.7 annex C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done, perhaps with a warning.
    Success,
    /// More answers follow.
    Pending,
    /// Ended because the asker said so.
    Cancelled,
    /// Failed.
    Failure,
}

/// What a command set says that is of use here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command<'a> {
    /// The command field with [`RESPONSE`] taken off, see [`field`].
    pub field: u16,
    /// True for an answer.
    pub response: bool,
    /// The number of the request: its own, or the one that is answered.
    pub message_id: u16,
    /// A data set follows.
    pub data_set: bool,
    /// How it ended; a request has no status.
    pub status: Status,
    /// The SOP class, affected or requested, without padding; empty if not told.
    pub sop_class: &'a [u8],
    /// Sent because a third node asked for it with C-MOVE.
    pub moved: bool,
}

impl<'a> Command<'a> {
    /// Reads a whole command set, or why it is none: a value may be cut, else its structure is
    /// wrong.
    pub fn parse(mut bytes: &'a [u8]) -> Result<Self, Option<Fault>> {
        let mut field = None;
        let mut own_id = None;
        let mut answered_id = None;
        let mut data_set = None;
        let mut status = Status::Success;
        let mut sop_class: &[u8] = &[];
        let mut moved = false;
        while !bytes.is_empty() {
            let (element, value, rest) = element(bytes)?;
            bytes = rest;
            match element {
                0x0002 | 0x0003 => sop_class = super::super::reported::trim(value),
                0x0100 => field = Some(number(value).ok_or(None)?),
                0x0110 => own_id = Some(number(value).ok_or(None)?),
                0x0120 => answered_id = Some(number(value).ok_or(None)?),
                0x0800 => data_set = Some(number(value).ok_or(None)? != NO_DATA_SET),
                0x0900 => status = status_of(number(value).ok_or(None)?),
                0x1030 => moved = !super::super::reported::trim(value).is_empty(),
                _ => {}
            }
        }
        let field = field.ok_or(None)?;
        let response = field & RESPONSE != 0;
        Ok(Self {
            field: field & !RESPONSE,
            response,
            // C-CANCEL names the request that it ends by the number of an answer.
            message_id: if response {
                answered_id.ok_or(None)?
            } else {
                own_id.or(answered_id).ok_or(None)?
            },
            data_set: data_set.ok_or(None)?,
            status,
            sop_class,
            moved,
        })
    }
}

/// An element's number, its value, and what follows.
type Element<'a> = (u16, &'a [u8], &'a [u8]);

/// The first element of group 0000.
fn element(bytes: &[u8]) -> Result<Element<'_>, Option<Fault>> {
    const CUT: Option<Fault> = Some(Fault::Truncated);
    let (header, rest) = bytes.split_first_chunk::<8>().ok_or(CUT)?;
    let [g0, g1, e0, e1, l0, l1, l2, l3] = *header;
    if [g0, g1] != [0, 0] {
        return Err(None);
    }
    let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    let (value, rest) = rest.split_at_checked(len).ok_or(CUT)?;
    Ok((u16::from_le_bytes([e0, e1]), value, rest))
}

/// The value of a US element.
fn number(value: &[u8]) -> Option<u16> {
    value.first_chunk().copied().map(u16::from_le_bytes)
}

/// PS3.7 annex C and PS3.4: warnings count as done.
fn status_of(status: u16) -> Status {
    match status {
        0x0000 | 0x0001 | 0x0107 | 0x0116 | 0xb000..=0xbfff => Status::Success,
        0xff00 | 0xff01 => Status::Pending,
        0xfe00 => Status::Cancelled,
        _ => Status::Failure,
    }
}

/// The command field in the first bytes of a command set, as far as they go: `None` while it
/// has not come, `Some(None)` where these bytes are no command set.
///
/// A command set begins with (0000,0000), its group length; `fragment_len` is the length of the
/// fragment that holds it whole (`last`) or in part.
pub fn peek(bytes: &[u8], fragment_len: u32, last: bool) -> Option<Option<u16>> {
    const GROUP_LENGTH: [u8; 8] = [0, 0, 0, 0, 4, 0, 0, 0];
    let seen = bytes.len().min(GROUP_LENGTH.len());
    if bytes.get(..seen) != GROUP_LENGTH.get(..seen) {
        return Some(None);
    }
    let (_, group_length, mut rest) = element(bytes).ok()?;
    let group_length = u32::from_le_bytes(*group_length.first_chunk()?);
    let whole = group_length.saturating_add(12);
    let plausible = group_length as usize <= crate::config::DICOM_COMMAND_BYTES_MAX;
    let fits = if last {
        fragment_len == whole
    } else {
        fragment_len <= whole
    };
    if !(plausible && fits) {
        return Some(None);
    }
    loop {
        // Elements ascend: past (0000,0100) there is none.
        if let Some([g0, g1, e0, e1]) = rest.first_chunk()
            && ([*g0, *g1] != [0, 0] || u16::from_le_bytes([*e0, *e1]) > 0x0100)
        {
            return Some(None);
        }
        let (tag, value, after) = element(rest).ok()?;
        if tag == 0x0100 {
            return Some(number(value));
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECHO: &[u8] = b"\x00\x00\x00\x00\x04\x00\x00\x00\x38\x00\x00\x00\
        \x00\x00\x02\x00\x12\x00\x00\x001.2.840.10008.1.1\0\
        \x00\x00\x00\x01\x02\x00\x00\x00\x30\x00\
        \x00\x00\x10\x01\x02\x00\x00\x00\x01\x00\
        \x00\x00\x00\x08\x02\x00\x00\x00\x01\x01";

    #[test]
    fn an_echo_request() {
        assert_eq!(
            Command::parse(ECHO),
            Ok(Command {
                field: field::ECHO,
                response: false,
                message_id: 1,
                data_set: false,
                status: Status::Success,
                sop_class: b"1.2.840.10008.1.1",
                moved: false,
            })
        );
        for cut in 0..ECHO.len() {
            assert!(Command::parse(&ECHO[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn a_peek_proves_or_waits() {
        let len = ECHO.len() as u32;
        assert_eq!(peek(ECHO, len, true), Some(Some(field::ECHO)));
        assert_eq!(peek(ECHO, len + 2, true), Some(None));
        for cut in 0..48 {
            assert_eq!(peek(&ECHO[..cut], len, true), None, "{cut}");
        }
        assert_eq!(peek(&[8, 0, 5, 0], len, true), Some(None));
    }

    #[test]
    fn any_bytes() {
        bolero::check!()
            .with_iterations(2000)
            .for_each(|bytes: &[u8]| {
                let _ = Command::parse(bytes);
                let _ = peek(bytes, bytes.len() as u32, true);
            });
    }
}
