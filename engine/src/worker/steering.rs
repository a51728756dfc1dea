//! Which shard a frame belongs to, for whoever shares frames out among workers. It keeps nothing.

use super::widen;
use crate::capture::Frame;
use crate::config::SHARDS;
use crate::flow::{shard, steer};
use crate::wire::{Headers, Network};

/// The shard of a frame: of the addresses innermost in it, else of its MAC addresses. One that
/// can't be read belongs to the shard of its number.
#[inline(never)]
pub fn shard_of(frame: &Frame<'_>) -> usize {
    match Headers::parse(frame.bytes, frame.wire_len, frame.link) {
        Ok(headers) => shard(steering(&headers)),
        Err(_) => unread(frame),
    }
}

/// The shard of a frame that can't be read.
pub(super) fn unread(frame: &Frame<'_>) -> usize {
    (frame.number % SHARDS as u64) as usize
}

/// What steers a frame that was read.
#[inline(never)]
pub(super) fn steering(headers: &Headers) -> u32 {
    match headers.network {
        Network::None => steer(&widen(headers.src_mac), &widen(headers.dst_mac)),
        _ => steer(&headers.src, &headers.dst),
    }
}
