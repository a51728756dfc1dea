//! Interfaces as both sides handle them: how each is received from, and why not better. What is
//! counted for each lies beside it; nothing here talks to a network card.

use bytemuck::Zeroable;

use crate::flags::InterfaceFlags;
use crate::layout::{INTERFACE_NAME_BYTES_MAX, INTERFACE_NOTE_BYTES_MAX, InterfaceRecord};
use crate::text::Text;
use crate::vocabulary::{Attach, Delivery};

/// An interface's slot. Slots are given in order from 0 and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceId(pub u32);

/// How an interface is received from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: Text<INTERFACE_NAME_BYTES_MAX>,
    /// The kernel's number of it.
    pub index: u32,
    /// Where the steering program runs.
    pub attach: Attach,
    /// How frames get into the engine's memory.
    pub delivery: Delivery,
    /// Receive queues that sockets are bound to.
    pub queues: u16,
    /// Sockets on each queue.
    pub sockets: u16,
    /// Largest packet that it takes.
    pub mtu: u32,
    /// Bytes of one frame of its memory.
    pub frame_bytes: u32,
    /// Frames of its memory.
    pub frames: u32,
    /// How it is.
    pub flags: InterfaceFlags,
    /// Why better modes were not taken; empty where there is none better.
    pub note: Text<INTERFACE_NOTE_BYTES_MAX>,
}

impl Default for Interface {
    /// An interface that nothing is known of.
    fn default() -> Self {
        Self {
            name: Text::EMPTY,
            index: 0,
            attach: Attach::None,
            delivery: Delivery::None,
            queues: 0,
            sockets: 0,
            mtu: 0,
            frame_bytes: 0,
            frames: 0,
            flags: InterfaceFlags::default(),
            note: Text::EMPTY,
        }
    }
}

impl Interface {
    /// As it lies in memory.
    pub(crate) fn encode(&self) -> InterfaceRecord {
        InterfaceRecord {
            index: self.index.into(),
            mtu: self.mtu,
            frame_bytes: self.frame_bytes,
            frames: self.frames,
            queues: self.queues,
            sockets: self.sockets,
            flags: self.flags.0,
            note_len: self.note.len,
            attach: self.attach.number(),
            delivery: self.delivery.number(),
            name_len: self.name.len as u8, // At most 16, by its type.
            name: self.name.bytes,
            note: self.note.bytes,
            ..InterfaceRecord::zeroed()
        }
    }

    /// The interface; none where the record makes no sense to this version.
    pub(crate) fn decode(record: &InterfaceRecord) -> Option<Self> {
        Some(Self {
            name: Text::from_bytes(record.name, record.name_len.into())?,
            index: u32::try_from(record.index).ok()?,
            attach: Attach::from_number(record.attach)?,
            delivery: Delivery::from_number(record.delivery)?,
            queues: record.queues,
            sockets: record.sockets,
            mtu: record.mtu,
            frame_bytes: record.frame_bytes,
            frames: record.frames,
            flags: InterfaceFlags(record.flags),
            note: Text::from_bytes(record.note, record.note_len)?,
        })
    }
}
