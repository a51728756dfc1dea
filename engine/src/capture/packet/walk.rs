//! The walk over the frames of one block, which puts back the VLAN tag that the kernel took off.
//! It believes no offset and reads nothing outside the block.
//!
//! ```text
//! block   version 4 | offset 4 | status 4 | frames 4 | first frame 4 | length 4 | …
//! frame   next 4 | seconds 4 | nanoseconds 4 | captured 4 | on the wire 4 | status 4 |
//!         MAC header 2 | network header 2 | hash 4 | VLAN TCI 4 | VLAN TPID 2 | … (48 bytes)
//! ```

use libc::{TP_STATUS_VLAN_TPID_VALID, TP_STATUS_VLAN_VALID};

use super::ring::HEAD_BYTES;

/// The bytes of a VLAN tag: protocol and control information.
pub(super) const TAG_BYTES: usize = 4;

/// The two MACs, behind which a tag stands.
const MACS_BYTES: usize = 12;

/// The bytes of a frame's header in the block: `struct tpacket3_hdr`.
const HEADER_BYTES: usize = size_of::<libc::tpacket3_hdr>();

/// The tag's protocol where the kernel says none: IEEE 802.1Q.
const TPID_8021Q: u16 = 0x8100;

const NS_PER_S: u64 = 1_000_000_000;

/// One frame of a block, with its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) wire_len: u32,
    pub(super) time_ns: u64,
}

/// Where a walk is within a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// Where the next frame's header begins, in the block's lent bytes.
    offset: usize,
    /// Frames that are left.
    pub(super) left: u32,
}

impl Cursor {
    /// The begin of a block. None when the block is shorter than its own header.
    pub(super) fn new(block: &[u8]) -> Option<Self> {
        let (frames, rest) = block.split_first_chunk()?;
        let first = u32::from_ne_bytes(*rest.first_chunk()?) as usize;
        // What points before the lent bytes points nowhere.
        let offset = first.checked_sub(HEAD_BYTES).unwrap_or(usize::MAX);
        Some(Self {
            offset,
            left: u32::from_ne_bytes(*frames),
        })
    }
}

/// Frames of a block one after the other, up to a number.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    rest: &'a mut [u8],
    cursor: Cursor,
    budget: usize,
    /// Frames handed out.
    pub(super) walked: u64,
    /// Frames that could not be found, since an offset was wrong.
    pub(super) invalid: u64,
}

impl<'a> Walk<'a> {
    /// Goes on at the cursor, for `budget` frames at most.
    pub(super) fn new(block: &'a mut [u8], cursor: Cursor, budget: usize) -> Self {
        let rest = block.get_mut(cursor.offset..).unwrap_or_default();
        Self {
            rest,
            cursor,
            budget,
            walked: 0,
            invalid: 0,
        }
    }

    /// Where the next walk over the same block goes on.
    pub(super) fn cursor(&self) -> Cursor {
        self.cursor
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Packet<'a>;

    #[inline]
    fn next(&mut self) -> Option<Packet<'a>> {
        if self.budget == 0 || self.cursor.left == 0 {
            return None;
        }
        let last = self.cursor.left == 1;
        let Some((packet, step, rest)) = split(std::mem::take(&mut self.rest), last) else {
            // Without the way to the next frame the rest of the block is lost.
            self.invalid += u64::from(self.cursor.left);
            self.cursor.left = 0;
            return None;
        };
        self.rest = rest;
        self.cursor.offset += step;
        self.cursor.left -= 1;
        self.budget -= 1;
        self.walked += 1;
        Some(packet)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.budget.min(self.cursor.left as usize)))
    }
}

/// The frame at the front of `bytes`, the step to the next, and the bytes from there on. The
/// last frame of a block has no next: all that is left is its room.
#[inline]
fn split(bytes: &mut [u8], last: bool) -> Option<(Packet<'_>, usize, &mut [u8])> {
    let next = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
    let step = if last { bytes.len() } else { next };
    let (frame, rest) = bytes.split_at_mut_checked(step)?;
    Some((packet(frame)?, step, rest))
}

/// The frame whose header and bytes are in `room`.
#[inline]
fn packet(room: &mut [u8]) -> Option<Packet<'_>> {
    let header: &[u8; HEADER_BYTES] = room.first_chunk()?;
    let (words, _) = header.as_chunks::<4>();
    let words: &[[u8; 4]; HEADER_BYTES / 4] = words.first_chunk()?;
    let [
        _,
        seconds,
        ns,
        captured,
        wire_len,
        status,
        offsets,
        _,
        tci,
        tpid,
        ..,
    ] = *words;
    let status = u32::from_ne_bytes(status);
    let time_ns =
        u64::from(u32::from_ne_bytes(seconds)) * NS_PER_S + u64::from(u32::from_ne_bytes(ns));
    let wire_len = u32::from_ne_bytes(wire_len);
    let captured = u32::from_ne_bytes(captured) as usize;
    let start = usize::from(u16::from_ne_bytes([offsets[0], offsets[1]]));
    let end = start.checked_add(captured)?;
    if status & TP_STATUS_VLAN_VALID == 0 || captured < MACS_BYTES {
        let bytes: &[u8] = room.get(HEADER_BYTES.max(start)..end)?;
        let wire_len = wire_len.max(bytes.len() as u32);
        return (start >= HEADER_BYTES).then_some(Packet {
            bytes,
            wire_len,
            time_ns,
        });
    }
    let tpid = if status & TP_STATUS_VLAN_TPID_VALID == 0 {
        TPID_8021Q
    } else {
        u16::from_ne_bytes([tpid[0], tpid[1]])
    };
    let start = start
        .checked_sub(TAG_BYTES)
        .filter(|start| *start >= HEADER_BYTES)?;
    let bytes = room.get_mut(start..end)?;
    tag(bytes, tpid, u32::from_ne_bytes(tci) as u16)?;
    let wire_len = wire_len
        .saturating_add(TAG_BYTES as u32)
        .max(bytes.len() as u32);
    Some(Packet {
        bytes,
        wire_len,
        time_ns,
    })
}

/// Moves the two MACs to the front of `bytes`, which are four longer than the frame, and writes
/// the tag behind them.
#[inline]
fn tag(bytes: &mut [u8], tpid: u16, tci: u16) -> Option<()> {
    let (front, _) = bytes.split_first_chunk_mut::<{ MACS_BYTES + TAG_BYTES }>()?;
    front.copy_within(TAG_BYTES.., 0);
    let [a, b] = tpid.to_be_bytes();
    let [c, d] = tci.to_be_bytes();
    *front.last_chunk_mut()? = [a, b, c, d];
    Some(())
}
