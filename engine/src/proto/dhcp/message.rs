//! The message of BOOTP and DHCP, RFC 951 and RFC 2131 section 2, and its options, RFC 2132. It
//! checks the form alone, and gives no value for an option that contradicts itself.
//!
//! ```text
//!   0   op │ htype │ hlen │ hops        12  ciaddr    28  chaddr (16)    108  file (128)
//!   4   xid                             16  yiaddr    44  sname (64)     236  magic cookie
//!   8   secs │ flags                    20  siaddr                       240  options
//!                                       24  giaddr
//! ```

use std::net::Ipv4Addr;

use crate::observe::MacAddr;

/// Bytes before the options: BOOTP's fixed part and the cookie.
pub const FIXED_LEN: usize = 240;

/// Options follow, RFC 2132 section 2.
const MAGIC_COOKIE: [u8; 4] = [99, 130, 83, 99];

/// The longest that one option's value can be, in bytes; longer ones come in pieces (RFC 3396).
pub const PIECE_LEN_MAX: usize = 255;

/// The longest value that is put together from pieces, in bytes.
pub const VALUE_LEN_MAX: usize = 512;

/// Padding and the end of the options, RFC 2132 section 3.
const PAD: u8 = 0;
const END: u8 = 255;

/// Options also fill `file` (1), `sname` (2) or both (3), RFC 2132 section 9.3.
const OVERLOAD: u8 = 52;

/// From a client (1) or a server (2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// BOOTREQUEST.
    Request,
    /// BOOTREPLY.
    Reply,
}

/// A message that has its fixed part and its cookie.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    fixed: &'a [u8; FIXED_LEN],
    /// The areas that hold options, in the order that RFC 3396 section 5 gives.
    areas: [&'a [u8]; 3],
}

impl<'a> Message<'a> {
    /// Checks the fixed part: the operation, a length of the hardware address that fits, and
    /// the cookie.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (fixed, options) = bytes.split_first_chunk::<FIXED_LEN>()?;
        let [op, htype, hlen, hops, ..] = *fixed;
        let ethernet = !matches!(htype, 1 | 6) || hlen == 6;
        let sound = matches!(op, 1 | 2) && htype != 0 && hlen <= 16 && hops <= 16 && ethernet;
        (sound && fixed.ends_with(&MAGIC_COOKIE)).then(|| Self {
            fixed,
            areas: areas(fixed, options),
        })
    }

    /// Who speaks.
    pub fn op(&self) -> Op {
        match self.fixed[0] {
            1 => Op::Request,
            _ => Op::Reply,
        }
    }

    /// The identifier that the client chose for this exchange.
    pub fn xid(&self) -> u32 {
        u32::from(self.address(4))
    }

    /// The address that the client already has and uses.
    pub fn ciaddr(&self) -> Ipv4Addr {
        self.address(12)
    }

    /// "Your" address: what the server gives the client.
    pub fn yiaddr(&self) -> Ipv4Addr {
        self.address(16)
    }

    /// The relay agent that first took the request on, or 0.
    pub fn giaddr(&self) -> Ipv4Addr {
        self.address(24)
    }

    /// The client's hardware address, where it is one of IEEE 802.
    pub fn chaddr(&self) -> Option<MacAddr> {
        let [_, htype, hlen, ..] = *self.fixed;
        let mac = *self.fixed.get(28..34)?.first_chunk()?;
        (matches!(htype, 1 | 6) && hlen == 6).then_some(mac)
    }

    fn address(&self, at: usize) -> Ipv4Addr {
        let bytes = self.fixed.get(at..).and_then(|bytes| bytes.first_chunk());
        Ipv4Addr::from(*bytes.unwrap_or(&[0; 4]))
    }

    /// True if every option of every area lies inside it. What a capture cut off is not missed.
    pub fn options_are_sound(&self, cut: bool) -> bool {
        let [main, file, sname] = self.areas;
        (cut || ends_well(main)) && ends_well(file) && ends_well(sname)
    }

    /// The value of an option, put together from its pieces.
    ///
    /// A value is split where it has to be: after 255 bytes, or at the end of an area. Devices
    /// also send an option twice; the same value is taken once, and two values are none.
    pub fn option<'v>(&self, code: u8, buffer: &'v mut [u8; VALUE_LEN_MAX]) -> Option<&'v [u8]> {
        let (mut len, mut found, mut goes_on) = (0, false, false);
        for area in self.areas {
            for piece in pieces(area).filter(|piece| piece.code == code) {
                if found && !goes_on {
                    if buffer.get(..len)? != piece.value {
                        return None;
                    }
                    continue;
                }
                let end = len + piece.value.len();
                buffer.get_mut(len..end)?.copy_from_slice(piece.value);
                (len, found) = (end, true);
                goes_on = piece.value.len() == PIECE_LEN_MAX || piece.last;
            }
        }
        buffer.get(..len).filter(|_| found)
    }

    /// The value of an option of exactly one byte.
    pub fn byte_option(&self, code: u8) -> Option<u8> {
        match self.option(code, &mut [0; VALUE_LEN_MAX])? {
            [byte] => Some(*byte),
            _ => None,
        }
    }

    /// The value of an option that is one address.
    pub fn address_option(&self, code: u8) -> Option<Ipv4Addr> {
        let value = <[u8; 4]>::try_from(self.option(code, &mut [0; VALUE_LEN_MAX])?);
        value.ok().map(Ipv4Addr::from)
    }
}

/// One option as it stands in its area.
struct Piece<'a> {
    code: u8,
    value: &'a [u8],
    /// Nothing but the end of the area follows.
    last: bool,
}

/// The options of one area, up to its end or to the first that does not fit.
fn pieces(mut area: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    std::iter::from_fn(move || {
        loop {
            match *area {
                [PAD, ref rest @ ..] => area = rest,
                [] | [END, ..] => return None,
                [code, len, ref rest @ ..] => {
                    let (value, rest) = rest.split_at_checked(usize::from(len))?;
                    area = rest;
                    let last = matches!(rest, [] | [END, ..]);
                    return Some(Piece { code, value, last });
                }
                [_] => return None,
            }
        }
    })
}

/// The areas of a message that hold options; one that option overload does not name holds none.
fn areas<'a>(fixed: &'a [u8; FIXED_LEN], options: &'a [u8]) -> [&'a [u8]; 3] {
    let overload = match pieces(options).find(|piece| piece.code == OVERLOAD) {
        Some(Piece { value: [how], .. }) => *how,
        _ => 0,
    };
    let area = |bit: u8, range: std::ops::Range<usize>| match overload & bit {
        0 => &[][..],
        _ => fixed.get(range).unwrap_or_default(),
    };
    [options, area(1, 108..236), area(2, 44..108)]
}

/// True if the area ends with END, or exactly behind its last option: some devices leave out END.
fn ends_well(mut area: &[u8]) -> bool {
    loop {
        match *area {
            [] | [END, ..] => return true,
            [PAD, ref rest @ ..] => area = rest,
            [_, len, ref rest @ ..] => match rest.get(usize::from(len)..) {
                Some(rest) => area = rest,
                None => return false,
            },
            [_] => return false,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A message of a client 00:1b:2c:03:04:05 or to it, with these options.
    pub fn message(op: u8, yiaddr: [u8; 4], options: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; FIXED_LEN];
        bytes[..8].copy_from_slice(&[op, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef]);
        bytes[16..20].copy_from_slice(&yiaddr);
        bytes[28..34].copy_from_slice(&[0x00, 0x1b, 0x2c, 3, 4, 5]);
        bytes[236..].copy_from_slice(&MAGIC_COOKIE);
        bytes.extend_from_slice(options);
        bytes
    }

    fn option(bytes: &[u8], code: u8) -> Option<Vec<u8>> {
        let message = Message::parse(bytes)?;
        message
            .option(code, &mut [0; VALUE_LEN_MAX])
            .map(<[u8]>::to_vec)
    }

    #[test]
    fn reads_the_fixed_part() {
        let bytes = message(1, [10, 0, 0, 9], b"\x35\x01\x01\xff");
        let message = Message::parse(&bytes).unwrap();
        assert_eq!((message.op(), message.xid()), (Op::Request, 0xdead_beef));
        assert_eq!(message.yiaddr(), Ipv4Addr::new(10, 0, 0, 9));
        assert_eq!(message.chaddr(), Some([0x00, 0x1b, 0x2c, 3, 4, 5]));
        assert_eq!(message.byte_option(53), Some(1));
        for (at, value) in [(0, 3), (1, 0), (2, 5), (2, 17), (236, 98)] {
            let mut bad = bytes.clone();
            bad[at] = value;
            assert!(Message::parse(&bad).is_none());
        }
    }

    #[test]
    fn options_are_stepped_through() {
        let bytes = message(1, [0; 4], b"\0\0\x0c\x02ab\0\x35\x01\x01\xff\x0c\x01z");
        assert_eq!(option(&bytes, 12), Some(b"ab".to_vec()));
        assert_eq!(option(&bytes, 60), None);
        let sound = |options: &[u8]| {
            let bytes = message(1, [0; 4], options);
            Message::parse(&bytes).unwrap().options_are_sound(false)
        };
        assert!(sound(b"\x0c\x02ab\xff"));
        assert!(sound(b"\x0c\x02ab"));
        assert!(sound(b""));
        assert!(!sound(b"\x0c\x03ab"));
        assert!(!sound(b"\x0c"));
    }

    #[test]
    fn an_option_in_pieces_is_put_together() {
        let long = [&[60, 255][..], &[b'x'; 255], &[60, 2], b"yz", &[255]].concat();
        let value = option(&message(1, [0; 4], &long), 60).unwrap();
        assert_eq!((value.len(), value.last()), (257, Some(&b'z')));
        let three = [&long[..257], &long[..257], &long[..257]].concat();
        assert_eq!(
            option(&message(1, [0; 4], &three), 60),
            None,
            "over the limit"
        );
    }

    #[test]
    fn an_option_sent_twice_counts_once_or_not_at_all() {
        let same = message(1, [0; 4], b"\x0c\x01a\x35\x01\x01\x0c\x01a\xff");
        assert_eq!(option(&same, 12), Some(b"a".to_vec()));
        let two = message(1, [0; 4], b"\x0c\x01a\x35\x01\x01\x0c\x01b\xff");
        assert_eq!(option(&two, 12), None);
    }

    #[test]
    fn overloaded_areas_are_read_in_order() {
        let mut bytes = message(2, [0; 4], b"\x34\x01\x03\x0c\x02ab\xff");
        bytes[44..49].copy_from_slice(b"\x0c\x01e\xff\0");
        bytes[108..112].copy_from_slice(b"\x0c\x02cd");
        bytes[112] = END;
        assert_eq!(option(&bytes, 12), Some(b"abcde".to_vec()));
        bytes[242] = 1;
        assert_eq!(option(&bytes, 12), Some(b"abcd".to_vec()));
        bytes[242] = 0;
        assert_eq!(option(&bytes, 12), Some(b"ab".to_vec()));
    }

    #[test]
    fn any_bytes() {
        bolero::check!()
            .with_iterations(500)
            .with_max_len(600)
            .for_each(|options: &[u8]| {
                for overload in [&[][..], &[OVERLOAD, 1, 3]] {
                    let bytes = message(1, [0; 4], &[overload, options].concat());
                    let message = Message::parse(&bytes).unwrap();
                    message.options_are_sound(false);
                    for code in 0..=255 {
                        message.option(code, &mut [0; VALUE_LEN_MAX]);
                    }
                }
            });
    }
}
