//! What the load maker makes frames of: the traffic maker's floods and mixes without end, or a
//! real capture again and again. It sends nothing.

use std::path::Path;

use anyhow::{Result, ensure};
use medtap_engine::capture::Batch;
use medtap_engine::capture::pcap::{Input, Pcap};
use medtap_engine::wire::LinkType;

use crate::maker::{Endless, Frame, Kind, Plan};

/// The longest frame that is made, in bytes without frame check sequence.
pub const LEN_MAX: usize = 8996;

/// Frames without end.
pub enum Traffic {
    /// Of the traffic maker; each at least so many bytes long.
    Made {
        /// Where they come from.
        source: Box<Endless>,
        /// The one made last.
        frame: Frame,
        /// The shortest, without frame check sequence.
        len_min: usize,
        /// The one made last, filled up.
        bytes: Vec<u8>,
    },
    /// Of a capture, in a loop.
    Captured {
        /// All of them.
        frames: Vec<Vec<u8>>,
        /// Which is next.
        at: usize,
    },
}

impl Traffic {
    /// UDP frames of one length on the wire (frame check sequence included) in so many flows.
    ///
    /// # Errors
    ///
    /// A plan that cannot be carried out, in words.
    pub fn flood(wire_len: u32, flows: u32) -> Result<Self> {
        let plan = Plan {
            flows,
            ..Plan::new(Kind::Flood, 0)
        };
        Self::made(&plan, wire_len.saturating_sub(4) as usize)
    }

    /// The Internet mix.
    ///
    /// # Errors
    ///
    /// None with this plan.
    pub fn imix() -> Result<Self> {
        Self::made(&Plan::new(Kind::Imix, 0), 0)
    }

    /// What a hospital's core switch shows.
    ///
    /// # Errors
    ///
    /// None with this plan.
    pub fn hospital() -> Result<Self> {
        Self::made(&Plan::new(Kind::Hospital, 0), 0)
    }

    fn made(plan: &Plan, len_min: usize) -> Result<Self> {
        ensure!(
            len_min <= LEN_MAX,
            "the longest frame is {} bytes on the wire",
            LEN_MAX + 4
        );
        Ok(Self::Made {
            source: Box::new(Endless::new(plan)?),
            frame: Frame::new(),
            len_min,
            bytes: Vec::new(),
        })
    }

    /// The Ethernet frames of a capture; those longer than so many bytes are left out.
    ///
    /// # Errors
    ///
    /// A capture that cannot be read, or holds no such frame.
    pub fn captured(path: &Path, len_max: usize) -> Result<Self> {
        let mut pcap = Pcap::open(&[Input::Path(path.to_path_buf())])?;
        let (mut batch, mut frames) = (Batch::default(), Vec::new());
        while pcap.read(&mut batch) {
            let fit = |frame: &medtap_engine::capture::Frame<'_>| {
                frame.link == LinkType::Ethernet && (14..=len_max).contains(&frame.bytes.len())
            };
            frames.extend(batch.frames().filter(fit).map(|frame| frame.bytes.to_vec()));
        }
        ensure!(
            !frames.is_empty(),
            "{}: no Ethernet frame of 14 to {len_max} bytes",
            path.display()
        );
        Ok(Self::Captured { frames, at: 0 })
    }

    /// The next frame.
    pub fn next_frame(&mut self) -> &mut [u8] {
        match self {
            Self::Made {
                source,
                frame,
                len_min,
                bytes,
            } => {
                source.next(frame);
                // Padding after the packet, as Ethernet pads what is too short.
                bytes.clear();
                bytes.extend_from_slice(frame.bytes());
                bytes.resize(bytes.len().max(*len_min), 0);
                bytes
            }
            Self::Captured { frames, at } => {
                *at = if *at + 1 < frames.len() { *at + 1 } else { 0 };
                frames.get_mut(*at).map_or(&mut [], Vec::as_mut_slice)
            }
        }
    }
}
