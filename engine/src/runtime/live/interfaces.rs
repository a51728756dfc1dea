//! One interface of a live run: set up, opened in the best way that it can, and watched. It knows
//! nothing of what is in the frames.

use std::sync::Arc;

use anyhow::Context;
use medtap_table::vocabulary::{Attach, Delivery, InterfaceCounter as I};
use medtap_table::{self as table, InterfaceFlags, Text};

use crate::capture::port::{Mode, Port};
use crate::capture::shunt::{ShuntCounts, ShuntKey};
use crate::capture::{packet, xdp};
use crate::config::{BURST_FRAMES, PACKET_BLOCK_BYTES, PACKET_BLOCKS};
use crate::nic::counts::{Counts, InterfaceCounts};
use crate::nic::link::Link;
use crate::nic::{self, Change, Prepared, Wish};
use crate::settings;

/// An interface that is listened to.
pub struct Interface {
    name: String,
    index: u32,
    mode: Mode,
    queues: u16,
    sockets: u16,
    mtu: u32,
    frame_bytes: u32,
    frames: u32,
    /// What is known of it.
    pub flags: InterfaceFlags,
    /// Its card chooses the worker of a frame.
    by_queue: bool,
    /// Why it is not received in a better way.
    note: String,
    /// Holds the steering program on the interface, where there is one.
    attachment: Option<xdp::Attachment>,
    /// What the program counted when it was last asked.
    program: [u64; xdp::COUNTERS],
    prepared: Prepared,
    /// Its state, where the system shows it.
    link: Option<Link>,
    /// What the system had counted before this run.
    before: InterfaceCounts,
    counts: InterfaceCounts,
}

/// What opening gives, in either way.
struct Opened {
    mode: Mode,
    queues: u16,
    sockets: u16,
    frames: u32,
    frame_bytes: u32,
    flags: InterfaceFlags,
    attachment: Option<xdp::Attachment>,
    ports: Vec<Port>,
}

impl Interface {
    /// Sets it up and opens it, in the best of the ways that were asked for. Gives it and a port
    /// for each worker.
    ///
    /// # Errors
    ///
    /// Why not, in one sentence; the interface is then as it was before.
    pub fn open(
        wanted: &settings::Interface,
        place: u16,
        (workers, shunt): (usize, bool),
        say: &mut dyn FnMut(&str),
    ) -> anyhow::Result<(Self, Vec<Port>)> {
        let name = wanted.name.as_str();
        let prepared = nic::prepare(name, &wish(wanted), say)?;
        let mut notes = Vec::new();
        let opened = match receive(wanted, place, (workers, shunt), &mut notes, say) {
            Ok(opened) => opened,
            Err(error) => {
                nic::restore(&prepared.changes, say);
                return Err(error);
            }
        };
        let mut counts = Counts::open().context("the system does not count frames")?;
        counts.refresh()?;
        let before = counts.of(name).unwrap_or_default();
        let mut flags = opened.flags;
        flags.insert(InterfaceFlags::PROMISCUOUS);
        let mut interface = Self {
            name: name.to_owned(),
            index: nic::index(name)?,
            mode: opened.mode,
            queues: opened.queues,
            sockets: opened.sockets,
            mtu: nic::mtu(name)?,
            frame_bytes: opened.frame_bytes,
            frames: opened.frames,
            flags,
            by_queue: wanted.steering == settings::Steering::Queues
                && opened.mode.attach != Attach::None
                && opened.queues > 1,
            note: notes.join("; "),
            attachment: opened.attachment,
            program: [0; xdp::COUNTERS],
            prepared,
            link: Link::open(name),
            before,
            counts: before,
        };
        interface.look_at_link();
        Ok((interface, opened.ports))
    }

    /// Bytes that the kernel puts its frames into: for each queue with a program, else for each
    /// socket.
    pub fn frame_memory_bytes(&self) -> u64 {
        let each = u64::from(self.frames) * u64::from(self.frame_bytes);
        let many = match self.mode.delivery {
            Delivery::Ring => self.sockets,
            Delivery::None | Delivery::ZeroCopy | Delivery::Copy => self.queues,
        };
        each * u64::from(many)
    }

    /// What was changed of it, to be put back.
    pub fn changes(&self) -> &[Change] {
        &self.prepared.changes
    }

    /// True when it is not there any more.
    pub fn is_gone(&self) -> bool {
        self.flags.contains(InterfaceFlags::GONE)
    }

    /// As readers of the table see it.
    pub fn record(&self) -> table::Interface {
        table::Interface {
            name: Text::cut(&self.name),
            index: self.index,
            attach: self.mode.attach,
            delivery: self.mode.delivery,
            queues: self.queues,
            sockets: self.sockets,
            mtu: self.mtu,
            frame_bytes: self.frame_bytes,
            frames: self.frames,
            flags: self.flags,
            note: Text::cut(&self.note),
        }
    }

    /// Takes what the system and the program counted. True when something that
    /// [`Self::record`] says is different now.
    pub fn look(&mut self, counts: &Counts) -> bool {
        if let Some(counters) = self.attachment.as_ref().map(xdp::Attachment::counters) {
            // What could not be read stays what it was.
            self.program = counters.unwrap_or(self.program);
        }
        let before = (self.flags, self.mtu);
        self.look_at_link();
        match counts.of(&self.name) {
            Some(counts) => self.counts = counts,
            None => self.flags.insert(InterfaceFlags::GONE),
        }
        (self.flags, self.mtu) != before
    }

    /// Conversations are split, or are no more; where its card has no part in that, nothing is
    /// said of it. True when that is different now.
    pub fn set_split(&mut self, split: bool) -> bool {
        let before = self.flags;
        if split && self.by_queue {
            self.flags.insert(InterfaceFlags::ASYMMETRIC);
        } else {
            self.flags.remove(InterfaceFlags::ASYMMETRIC);
        }
        self.flags != before
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn look_at_link(&mut self) {
        let Some(link) = &self.link else { return };
        self.mtu = link.mtu().unwrap_or(self.mtu);
        if link.is_up().unwrap_or(false) {
            self.flags.insert(InterfaceFlags::UP);
        } else {
            self.flags.remove(InterfaceFlags::UP);
        }
    }

    /// What the system and the program counted since the run began.
    pub fn counters(&self) -> [(I, u64); 12] {
        let (now, before) = (&self.counts, &self.before);
        let [
            packets,
            redirected,
            no_socket,
            passed,
            unparsed,
            deeper,
            shunted,
        ] = self.program;
        [
            (I::NicPackets, now.packets.saturating_sub(before.packets)),
            (I::NicBytes, now.bytes.saturating_sub(before.bytes)),
            (I::NicDropped, now.drops.saturating_sub(before.drops)),
            (I::NicErrors, now.errors.saturating_sub(before.errors)),
            (I::NicSent, now.sent.saturating_sub(before.sent)),
            (I::XdpPackets, packets),
            (I::XdpRedirected, redirected),
            (I::XdpNoSocket, no_socket),
            (I::XdpPassed, passed),
            (I::XdpUnparsed, unparsed),
            (I::XdpDeeper, deeper),
            (I::XdpShunted, shunted),
        ]
    }

    /// Where its program counts the flows that it only counts, if it has one that may.
    pub fn shunt_counts(&self) -> Option<Arc<dyn ShuntCounts>> {
        self.attachment.as_ref()?.shunt_counts()
    }

    /// Its program only counts this direction of a flow from now on. False when it has no room.
    pub fn shunt(&mut self, key: &ShuntKey, place: u32) -> bool {
        let attachment = self.attachment.as_mut();
        attachment.is_none_or(|it| it.shunt(key, place))
    }

    /// Its program hands this direction over again.
    pub fn unshunt(&mut self, key: &ShuntKey) {
        if let Some(attachment) = &mut self.attachment {
            attachment.unshunt(key);
        }
    }

    /// Takes the program off the interface: no frame comes any more. What was redirected before
    /// is still there to be taken, and the counters can still be read.
    pub fn detach(&mut self) {
        if let Some(attachment) = &mut self.attachment {
            attachment.detach();
        }
    }
}

/// How the interface is to be before it is listened to.
fn wish(wanted: &settings::Interface) -> Wish {
    Wish {
        promiscuous: true,
        bare_frames: true,
        mtu: wanted.mtu,
        up: wanted.up,
        channels: wanted.channels,
        symmetric_rss: wanted.symmetric_rss,
        rss_queues: wanted.rss_queues,
        irq_cpus: wanted.irq_cpus.clone(),
        napi_defer_hard_irqs: wanted.napi_defer_hard_irqs,
        gro_flush_timeout_ns: wanted.gro_flush_timeout_ns,
    }
}

fn steering(wanted: &settings::Interface) -> xdp::Steering {
    match wanted.steering {
        settings::Steering::Hash => xdp::Steering::Hash,
        settings::Steering::Queues => xdp::Steering::Queues,
    }
}

fn busy_poll(wanted: &settings::Interface) -> Option<xdp::BusyPoll> {
    Some(xdp::BusyPoll {
        usecs: wanted.busy_poll_us?,
        budget: wanted.busy_poll_budget.unwrap_or(BURST_FRAMES as u16),
    })
}

/// Tries the ways to receive that were asked for, the best first, and says of each how it went.
fn receive(
    wanted: &settings::Interface,
    place: u16,
    (workers, shunt): (usize, bool),
    notes: &mut Vec<String>,
    say: &mut dyn FnMut(&str),
) -> anyhow::Result<Opened> {
    let name = wanted.name.as_str();
    let modes = wanted.mode.map_or(Mode::ALL.to_vec(), |mode| vec![mode]);
    let by_program: Vec<Mode> = modes
        .iter()
        .copied()
        .filter(|mode| mode.attach != Attach::None)
        .collect();
    if !by_program.is_empty() {
        let ask = xdp::Ask {
            interface: name,
            place,
            workers,
            steering: steering(wanted),
            modes: &by_program,
            frames: wanted.frames,
            frame_bytes: wanted.frame_bytes,
            own: &wanted.own_addresses,
            busy_poll: busy_poll(wanted),
            shunt,
        };
        let result = xdp::open(&ask, &mut |attempt| {
            let Mode { attach, delivery } = attempt.mode;
            let way = format!("{} program, {}", attach.name(), delivery.name());
            match attempt.result {
                Ok(()) => say(&format!("{name}: {way}")),
                Err(why) => {
                    say(&format!("{name}: not by {way}: {why}"));
                    notes.push(format!("{way}: {why}"));
                }
            }
        });
        match result {
            Ok(opened) => return Ok(with_program(opened, wanted, workers)),
            Err(xdp::OpenError::NoMode { .. }) if modes.len() > by_program.len() => {}
            Err(error) => return Err(error.into()),
        }
    }
    let opened = packet::open(packet::Ask {
        interface: name,
        place,
        workers,
        block_bytes: PACKET_BLOCK_BYTES,
        blocks: PACKET_BLOCKS,
    })?;
    say(&format!("{name}: {}", Delivery::Ring.name()));
    Ok(Opened {
        mode: Mode {
            attach: Attach::None,
            delivery: Delivery::Ring,
        },
        queues: u16::try_from(nic::rx_queues(name)?).unwrap_or(u16::MAX),
        sockets: workers as u16,
        frames: PACKET_BLOCKS,
        frame_bytes: PACKET_BLOCK_BYTES,
        flags: InterfaceFlags::default(),
        attachment: None,
        ports: opened.ports.into_iter().map(Port::Packet).collect(),
    })
}

fn with_program(opened: xdp::Opened, wanted: &settings::Interface, workers: usize) -> Opened {
    let mut flags = InterfaceFlags::default();
    for (set, flag) in [
        (opened.huge_pages, InterfaceFlags::HUGE_PAGES),
        (opened.multi_buffer, InterfaceFlags::MULTI_BUFFER),
        (busy_poll(wanted).is_some(), InterfaceFlags::BUSY_POLL),
    ] {
        if set {
            flags.insert(flag);
        }
    }
    let queues = u16::try_from(opened.queues).unwrap_or(u16::MAX);
    let each = match wanted.steering {
        settings::Steering::Hash => workers as u16,
        settings::Steering::Queues => 1,
    };
    Opened {
        mode: opened.mode,
        queues,
        sockets: each,
        frames: wanted.frames,
        frame_bytes: wanted.frame_bytes,
        flags,
        attachment: Some(opened.attachment),
        ports: opened.ports.into_iter().map(Port::Xdp).collect(),
    }
}
