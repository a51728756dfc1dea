//! One direction of a TCP conversation, put in order (RFC 9293): out of order, overlap,
//! retransmission, pick-up in the middle, holes that the capture never filled. It holds back a
//! bounded number of bytes and never waits for ever; what a byte means is not its business.

use std::collections::BTreeMap;

use crate::config::{GAP_WAIT_NS, STREAM_BYTES_MAX, STREAM_SEGMENTS_MAX};

/// What the stream gives next.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Every byte in order that was not consumed, the new ones at the end.
    Bytes(&'a [u8]),
    /// This many bytes are missing and will not come.
    Gap(u64),
}

/// How the reader goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Bytes that are not needed again, then bytes after them that need not be shown.
    Consumed(usize, u64),
    /// Nothing more is wanted of this direction.
    Stop,
}

/// What a segment did to the stream, for the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// All of its bytes had been seen before.
    pub retransmission: bool,
    /// Holes given up.
    pub gaps: u32,
    /// Bytes of those holes.
    pub gap_bytes: u64,
    /// It was dropped, or bytes held back were, because the limit was reached.
    pub refused: bool,
    /// A hole was given up at once that might have been filled.
    pub hurried: bool,
}

/// A segment as the wire gave it.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Sequence number of its first byte (of the byte after SYN, where it carries SYN).
    pub seq: u32,
    /// What was captured of it.
    pub bytes: &'a [u8],
    /// Its length as sent.
    pub wire_len: u32,
    /// Capture time, nanoseconds.
    pub time_ns: u64,
    /// It does not wait for what is missing before it: there is no time to keep it.
    pub hurried: bool,
}

/// One direction. Positions are 64-bit offsets from the first byte seen, so that sequence
/// numbers may wrap.
#[derive(Debug, Default)]
pub struct Stream {
    begun: bool,
    stopped: bool,
    /// Sequence number of position `seen`.
    seen_seq: u32,
    /// The highest position that any segment reached.
    seen: u64,
    /// Everything below was given to the reader, or skipped.
    next: u64,
    /// Bytes before `next` that the reader left.
    kept: Vec<u8>,
    /// Segments ahead of a hole, by position: bytes, and the length as sent.
    ahead: BTreeMap<u64, (Box<[u8]>, u64)>,
    ahead_bytes: usize,
    /// Since when there is a hole.
    hole_ns: u64,
}

impl Stream {
    /// Says where the stream begins: the sequence number after SYN.
    pub fn begin(&mut self, seq: u32) {
        if !self.begun {
            self.begun = true;
            self.seen_seq = seq;
        }
    }

    /// True after the reader stopped; then nothing is kept.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Wants nothing more and keeps nothing.
    pub fn stop(&mut self) {
        self.stopped = true;
        self.kept = Vec::new();
        self.ahead.clear();
        self.ahead_bytes = 0;
    }

    /// True while segments wait for what is missing before them.
    pub fn has_hole(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Bytes held back.
    pub fn held_bytes(&self) -> usize {
        self.kept.capacity() + self.ahead_bytes
    }

    /// Takes a segment; `read` gets the pieces that it completes, in order.
    pub fn push(
        &mut self,
        arrival: &Arrival<'_>,
        read: &mut dyn FnMut(Piece<'_>) -> Reply,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        if self.stopped || arrival.wire_len == 0 {
            return outcome;
        }
        self.begin(arrival.seq);
        // The distance from the highest byte seen, as a signed number: nearer than half the
        // space either way, whatever the wraps before it.
        let distance = i64::from(arrival.seq.wrapping_sub(self.seen_seq) as i32);
        let Some(start) = self.seen.checked_add_signed(distance) else {
            outcome.retransmission = true;
            return outcome;
        };
        let end = start + u64::from(arrival.wire_len);
        if end <= self.seen && end <= self.next {
            outcome.retransmission = true;
            return outcome;
        }
        if end > self.seen {
            self.seen_seq = arrival.seq.wrapping_add(arrival.wire_len);
            self.seen = end;
        }
        if start <= self.next {
            self.deliver(start, arrival.bytes, end, read, &mut outcome);
            self.drain(read, &mut outcome);
        } else if arrival.hurried {
            self.give_up_before(start, read, &mut outcome);
            if !self.stopped {
                self.deliver(start, arrival.bytes, end, read, &mut outcome);
                self.drain(read, &mut outcome);
            }
        } else {
            self.hold(start, arrival, &mut outcome);
            if arrival.time_ns.saturating_sub(self.hole_ns) > GAP_WAIT_NS {
                self.skip_hole(read, &mut outcome);
            }
        }
        outcome
    }

    /// The peer acknowledged everything up to this sequence number: a hole below it will not be
    /// filled any more, the capture missed it.
    pub fn acknowledged(&mut self, ack: u32, read: &mut dyn FnMut(Piece<'_>) -> Reply) -> Outcome {
        let mut outcome = Outcome::default();
        if self.ahead.is_empty() || self.stopped {
            return outcome;
        }
        let distance = i64::from(ack.wrapping_sub(self.seen_seq) as i32);
        let Some(position) = self.seen.checked_add_signed(distance) else {
            return outcome;
        };
        while let Some((&first, _)) = self.ahead.first_key_value() {
            if first > position || self.stopped {
                break;
            }
            self.skip_hole(read, &mut outcome);
        }
        outcome
    }

    /// Shows what was kept once more: the reader has learnt how to read it.
    pub fn reread(&mut self, read: &mut dyn FnMut(Piece<'_>) -> Reply) {
        let kept = std::mem::take(&mut self.kept);
        if !kept.is_empty() && !self.stopped {
            self.show(&kept, read, &mut Outcome::default());
        }
    }

    /// Gives up every hole: the conversation is over.
    pub fn finish(&mut self, read: &mut dyn FnMut(Piece<'_>) -> Reply) -> Outcome {
        let mut outcome = Outcome::default();
        while !self.ahead.is_empty() && !self.stopped {
            self.skip_hole(read, &mut outcome);
        }
        outcome
    }

    fn hold(&mut self, start: u64, arrival: &Arrival<'_>, outcome: &mut Outcome) {
        if self.ahead.is_empty() {
            self.hole_ns = arrival.time_ns;
        }
        let full = self.ahead.len() >= STREAM_SEGMENTS_MAX
            || self.ahead_bytes + arrival.bytes.len() > STREAM_BYTES_MAX;
        if full {
            outcome.refused = true;
            return;
        }
        // The first copy of a byte wins; a longer copy of the same start replaces a shorter one.
        let longer = self
            .ahead
            .get(&start)
            .is_none_or(|old| old.0.len() < arrival.bytes.len());
        if longer {
            let held = (arrival.bytes.into(), u64::from(arrival.wire_len));
            if let Some((old, _)) = self.ahead.insert(start, held) {
                self.ahead_bytes -= old.len();
            }
            self.ahead_bytes += arrival.bytes.len();
        }
    }

    /// Gives up the hole before the first segment held, and goes on from there.
    fn skip_hole(&mut self, read: &mut dyn FnMut(Piece<'_>) -> Reply, outcome: &mut Outcome) {
        let Some((&first, _)) = self.ahead.first_key_value() else {
            return;
        };
        if first > self.next {
            self.lose(first - self.next, read, outcome);
            self.next = self.next.max(first);
        }
        self.drain(read, outcome);
    }

    /// Gives up every hole before this position.
    #[cold]
    fn give_up_before(
        &mut self,
        start: u64,
        read: &mut dyn FnMut(Piece<'_>) -> Reply,
        outcome: &mut Outcome,
    ) {
        outcome.hurried = true;
        while let Some((&first, _)) = self.ahead.first_key_value() {
            if first >= start || self.stopped {
                break;
            }
            self.skip_hole(read, outcome);
        }
        if start > self.next && !self.stopped {
            self.lose(start - self.next, read, outcome);
            self.next = self.next.max(start);
        }
    }

    /// Tells the reader of missing bytes. What it had kept cannot be completed any more.
    fn lose(&mut self, n: u64, read: &mut dyn FnMut(Piece<'_>) -> Reply, outcome: &mut Outcome) {
        outcome.gaps += 1;
        outcome.gap_bytes += n;
        let kept = self.kept.len() as u64;
        self.kept.clear();
        self.apply(read(Piece::Gap(n + kept)));
    }

    fn drain(&mut self, read: &mut dyn FnMut(Piece<'_>) -> Reply, outcome: &mut Outcome) {
        while let Some(entry) = self.ahead.first_entry() {
            if *entry.key() > self.next || self.stopped {
                break;
            }
            let (start, (bytes, wire_len)) = entry.remove_entry();
            self.ahead_bytes -= bytes.len();
            self.deliver(start, &bytes, start + wire_len, read, outcome);
        }
    }

    /// Gives the part of a segment that is new. `start` is at most `next`.
    fn deliver(
        &mut self,
        start: u64,
        bytes: &[u8],
        end: u64,
        read: &mut dyn FnMut(Piece<'_>) -> Reply,
        outcome: &mut Outcome,
    ) {
        if end <= self.next {
            return;
        }
        let known = (self.next - start) as usize;
        let new = bytes.get(known..).unwrap_or(&[]);
        let missing = end - start.max(self.next) - new.len() as u64;
        self.next = end - missing;
        if !new.is_empty() {
            self.show(new, read, outcome);
        }
        if missing > 0 && !self.stopped && self.next < end {
            // The capture cut the segment short: these bytes will not come.
            self.next = end;
            self.lose(missing, read, outcome);
        }
    }

    /// Shows new bytes after those that were kept, until the reader consumes no more.
    fn show(
        &mut self,
        new: &[u8],
        read: &mut dyn FnMut(Piece<'_>) -> Reply,
        outcome: &mut Outcome,
    ) {
        let mut held = std::mem::take(&mut self.kept);
        let from_held = !held.is_empty();
        if from_held {
            held.extend_from_slice(new);
        }
        let bytes: &[u8] = if from_held { &held } else { new };
        let mut at = 0;
        while at < bytes.len() && !self.stopped {
            let shown = &bytes[at..];
            let reply = read(Piece::Bytes(shown));
            let consumed = match reply {
                Reply::Consumed(n, skip) => {
                    let n = n.min(shown.len());
                    let left = (shown.len() - n) as u64;
                    let at_once = skip.min(left);
                    self.apply(Reply::Consumed(0, skip - at_once));
                    n + at_once as usize
                }
                Reply::Stop => {
                    self.stop();
                    return;
                }
            };
            if consumed == 0 {
                break;
            }
            at += consumed;
        }
        let rest = bytes.len() - at;
        if rest > STREAM_BYTES_MAX {
            outcome.refused = true;
            self.stop();
        } else if rest > 0 {
            if from_held {
                held.drain(..at);
                self.kept = held;
            } else {
                held.extend_from_slice(&new[at..]);
                self.kept = held;
            }
        } else {
            held.clear();
            self.kept = held;
        }
    }

    fn apply(&mut self, reply: Reply) {
        match reply {
            Reply::Consumed(_, skip) => self.next = self.next.saturating_add(skip),
            Reply::Stop => self.stop(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that notes everything and consumes all.
    fn run(segments: &[(u32, &[u8])]) -> (Vec<u8>, Outcome) {
        let mut stream = Stream::default();
        stream.begin(1000);
        let mut seen = Vec::new();
        let mut last = Outcome::default();
        for (seq, bytes) in segments {
            last = push(&mut stream, *seq, bytes, 0, &mut seen);
        }
        (seen, last)
    }

    fn push(s: &mut Stream, seq: u32, bytes: &[u8], time_ns: u64, to: &mut Vec<u8>) -> Outcome {
        let arrival = Arrival {
            seq,
            bytes,
            wire_len: bytes.len() as u32,
            time_ns,
            hurried: false,
        };
        s.push(&arrival, &mut |piece| match piece {
            Piece::Bytes(bytes) => {
                to.extend_from_slice(bytes);
                Reply::Consumed(bytes.len(), 0)
            }
            Piece::Gap(n) => {
                to.extend_from_slice(format!("<{n}>").as_bytes());
                Reply::Consumed(0, 0)
            }
        })
    }

    #[test]
    fn order_is_restored() {
        assert_eq!(run(&[(1000, b"ab"), (1002, b"cd")]).0, b"abcd");
        assert_eq!(
            run(&[(1002, b"cd"), (1004, b"e"), (1000, b"ab")]).0,
            b"abcde"
        );
        assert_eq!(run(&[(1000, b"abc"), (1001, b"bcde")]).0, b"abcde");
        let (bytes, outcome) = run(&[(1000, b"abc"), (1000, b"abc")]);
        assert_eq!(
            (bytes.as_slice(), outcome.retransmission),
            (&b"abc"[..], true)
        );
    }

    #[test]
    fn sequence_numbers_wrap() {
        let mut stream = Stream::default();
        stream.begin(u32::MAX - 1);
        let mut seen = Vec::new();
        push(&mut stream, 1, b"d", 0, &mut seen);
        push(&mut stream, u32::MAX - 1, b"abc", 0, &mut seen);
        assert_eq!(seen, b"abcd");
    }

    #[test]
    fn a_hole_is_skipped_after_a_second_or_an_acknowledgement() {
        let mut stream = Stream::default();
        let mut seen = Vec::new();
        push(&mut stream, 1000, b"ab", 0, &mut seen);
        push(&mut stream, 1005, b"fg", 10, &mut seen);
        assert_eq!(seen, b"ab");
        push(&mut stream, 1007, b"h", 10 + GAP_WAIT_NS + 1, &mut seen);
        assert_eq!(seen, b"ab<3>fgh");

        let mut stream = Stream::default();
        let mut seen = Vec::new();
        push(&mut stream, 1000, b"ab", 0, &mut seen);
        push(&mut stream, 1005, b"fg", 10, &mut seen);
        let outcome = stream.acknowledged(1005, &mut |piece| {
            match piece {
                Piece::Gap(n) => assert_eq!(n, 3),
                Piece::Bytes(bytes) => seen.extend_from_slice(bytes),
            }
            Reply::Consumed(2, 0)
        });
        assert_eq!((outcome.gaps, outcome.gap_bytes), (1, 3));
        assert_eq!(seen, b"abfg");
    }

    /// What the reader leaves is shown again with what follows; what it skips needs no buffer,
    /// even where a hole lies in it.
    #[test]
    fn bytes_are_kept_and_skipped() {
        let mut stream = Stream::default();
        let mut shown: Vec<Vec<u8>> = Vec::new();
        let mut reader = |piece: Piece<'_>| {
            let Piece::Bytes(bytes) = piece else {
                panic!("no gap is visible")
            };
            shown.push(bytes.to_vec());
            match bytes {
                b"he" => Reply::Consumed(0, 0),
                b"head" => Reply::Consumed(4, 6),
                other => Reply::Consumed(other.len(), 0),
            }
        };
        for (seq, bytes) in [(0u32, &b"he"[..]), (2, b"ad"), (8, b"xx"), (10, b"next")] {
            let arrival = Arrival {
                seq,
                bytes,
                wire_len: bytes.len() as u32,
                time_ns: 0,
                hurried: false,
            };
            assert_eq!(stream.push(&arrival, &mut reader).gaps, 0);
        }
        assert_eq!(shown, [b"he".to_vec(), b"head".to_vec(), b"next".to_vec()]);
        assert_eq!(stream.ahead_bytes, 0);
    }

    /// A snap length cut the segment: its rest is a gap, and the next segment is in order.
    #[test]
    fn a_cut_segment_is_a_gap() {
        let mut stream = Stream::default();
        let mut seen = Vec::new();
        let arrival = Arrival {
            seq: 0,
            bytes: b"ab",
            wire_len: 10,
            time_ns: 0,
            hurried: false,
        };
        let outcome = stream.push(&arrival, &mut |piece| match piece {
            Piece::Bytes(bytes) => Reply::Consumed(bytes.len(), 0),
            Piece::Gap(n) => {
                assert_eq!(n, 8);
                Reply::Consumed(0, 0)
            }
        });
        assert_eq!(outcome.gap_bytes, 8);
        push(&mut stream, 10, b"cd", 0, &mut seen);
        assert_eq!(seen, b"cd");
    }

    /// With no time to wait, what was held comes first, then the hole is given up, then what came.
    #[test]
    fn a_segment_in_a_hurry_gives_up_the_holes_before_it() {
        let mut stream = Stream::default();
        stream.begin(0);
        let mut seen = Vec::new();
        push(&mut stream, 2, b"cd", 0, &mut seen);
        push(&mut stream, 12, b"mn", 0, &mut seen);
        let mut holes = Vec::new();
        let arrival = Arrival {
            seq: 6,
            bytes: b"gh",
            wire_len: 2,
            time_ns: 1,
            hurried: true,
        };
        let outcome = stream.push(&arrival, &mut |piece| match piece {
            Piece::Bytes(bytes) => {
                seen.extend_from_slice(bytes);
                Reply::Consumed(bytes.len(), 0)
            }
            Piece::Gap(n) => {
                holes.push(n);
                Reply::Consumed(0, 0)
            }
        });
        assert!(outcome.hurried);
        assert_eq!((outcome.gaps, outcome.gap_bytes), (2, 4));
        assert_eq!((holes, &seen[..]), (vec![2, 2], &b"cdgh"[..]));
        // What lies behind it still waits, and what fills a hole is taken.
        push(&mut stream, 8, b"ijkl", 2, &mut seen);
        assert_eq!(seen, b"cdghijklmn");
    }

    /// Any segments in any order: bounded memory, and every byte shown has the value that the
    /// sender gave it.
    #[test]
    fn fuzz_push() {
        bolero::check!()
            .with_iterations(2000)
            .with_max_len(256)
            .for_each(|input: &[u8]| {
                let mut stream = Stream::default();
                stream.begin(0);
                let mut position = 0u64;
                for (i, step) in input.chunks_exact(3).enumerate() {
                    let seq = u32::from(step[0]) * 4;
                    let bytes: Vec<u8> = (0..u32::from(step[1])).map(|n| (seq + n) as u8).collect();
                    let wire_len = bytes.len() as u32 + u32::from(step[2] % 2);
                    let time_ns = i as u64 * 300_000_000;
                    let arrival = Arrival {
                        seq,
                        bytes: &bytes,
                        wire_len,
                        time_ns,
                        hurried: step[2] & 8 != 0,
                    };
                    stream.push(&arrival, &mut |piece| match piece {
                        Piece::Bytes(bytes) => {
                            for (n, byte) in bytes.iter().enumerate() {
                                assert_eq!(*byte, (position + n as u64) as u8);
                            }
                            let consumed = bytes.len().min(1 + usize::from(step[2] >> 4));
                            position += consumed as u64 + u64::from(step[2] % 5);
                            Reply::Consumed(consumed, u64::from(step[2] % 5))
                        }
                        Piece::Gap(n) => {
                            position += n;
                            Reply::Consumed(0, 0)
                        }
                    });
                    assert!(stream.held_bytes() <= 2 * STREAM_BYTES_MAX + 512);
                }
            });
    }
}
