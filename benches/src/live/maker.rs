//! The load maker: live frames that the kernel itself makes and puts into an AF_XDP socket, as if
//! an interface had received them (`BPF_PROG_RUN`). Nothing is sent, and nothing leaves a machine.

use std::os::fd::RawFd;

use anyhow::{Context, Result, anyhow};
use aya::maps::{Array, MapData, XskMap};
use aya::programs::Xdp;
use aya::programs::xdp::XdpMode;
use aya::{Ebpf, TestRun, TestRunAttrs, TestRunOptions};

use super::traffic::Traffic;

/// Made of `maker.bpf.c` by `build.sh`.
const OBJECT: &[u8] = include_bytes!("maker.bpf.o");

/// Frames of the program's list.
pub const FRAMES: u32 = 1024;

/// Bytes of a frame that the list has room for; the rest of a longer one is zeros.
pub const FRAME_BYTES: usize = 1514;

/// Bytes of the longest frame, without frame check sequence: what the kernel makes of a page.
pub const LIVE_BYTES: usize = 3400;

/// Bytes of an entry of the list: length, place of the time, the frame, padding.
const ENTRY_BYTES: usize = 8 + FRAME_BYTES + 2;

/// Frames that the kernel makes before it wakes anybody: what NAPI takes at once.
const BATCH: u32 = 64;

/// The maker, for one interface and queue.
pub struct Maker {
    program: Ebpf,
    frames: Array<MapData, [u8; ENTRY_BYTES]>,
    sockets: XskMap<MapData>,
    context: [u8; 24],
    queue: u32,
    entry: [u8; ENTRY_BYTES],
    /// Where the program goes on in its list.
    next: u32,
}

impl Maker {
    /// Loads the program. Where there is an idle interface for it, it is also attached to that: for
    /// a program that is attached nowhere the kernel patches itself at every call, which takes
    /// 24 ms.
    ///
    /// # Errors
    ///
    /// No right to do so, or a kernel before 5.18.
    pub fn new(interface: u32, queue: u32, parking: Option<u32>) -> Result<Self> {
        let mut program = Ebpf::load(OBJECT).context("the kernel refuses the load maker")?;
        let maker: &mut Xdp = program
            .program_mut("maker")
            .context("the load maker's object is without its program")?
            .try_into()?;
        maker.load().context("the kernel refuses the load maker")?;
        if let Some(parking) = parking {
            maker
                .attach_to_if_index(parking, XdpMode::Driver)
                .context("the load maker finds no place to park")?;
        }
        let frames = take(&mut program, "frames")?.try_into()?;
        let sockets = take(&mut program, "sockets")?.try_into()?;
        // struct xdp_md: data, data_end, data_meta, ingress_ifindex, rx_queue_index,
        // egress_ifindex.
        let fields = [0, LIVE_BYTES as u32, 0, interface, queue, 0];
        let mut context = [0; 24];
        for (bytes, field) in context.chunks_exact_mut(4).zip(fields) {
            bytes.copy_from_slice(&field.to_ne_bytes());
        }
        Ok(Self {
            program,
            frames,
            sockets,
            context,
            queue,
            entry: [0; ENTRY_BYTES],
            next: 0,
        })
    }

    /// From now on the frames go into this socket, which is bound to the maker's queue.
    ///
    /// # Errors
    ///
    /// When the kernel refuses the socket.
    pub fn feed(&mut self, socket: RawFd) -> Result<()> {
        Ok(self.sockets.set(self.queue, socket, 0)?)
    }

    /// Makes the next frames of some traffic, and says how many.
    ///
    /// # Errors
    ///
    /// When the kernel stops in the middle: then it is not known how many it made.
    pub fn run(&mut self, traffic: &mut Traffic) -> Result<u64> {
        for place in 0..FRAMES {
            self.list(place, traffic.next_frame(), None)?;
        }
        self.make(FRAMES)?;
        Ok(u64::from(FRAMES))
    }

    /// Puts a frame into the list, `place` places behind the next one. With `stamp` the program
    /// writes the time there, 8 bytes as the machine has them, when it makes the frame.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn list(&mut self, place: u32, frame: &[u8], stamp: Option<usize>) -> Result<()> {
        let len = frame.len().min(LIVE_BYTES);
        let stored = len.min(FRAME_BYTES);
        let stamp = stamp.unwrap_or_default() as u32;
        self.entry[..4].copy_from_slice(&(len as u32).to_ne_bytes());
        self.entry[4..8].copy_from_slice(&stamp.to_ne_bytes());
        self.entry[8..8 + stored].copy_from_slice(&frame[..stored]);
        let place = self.next.wrapping_add(place) % FRAMES;
        Ok(self.frames.set(place, self.entry, 0)?)
    }

    /// Makes so many of the list, at most all of it.
    ///
    /// # Errors
    ///
    /// When the kernel stops in the middle: then it is not known how many it made.
    pub fn make(&mut self, count: u32) -> Result<()> {
        let maker: &Xdp = self
            .program
            .program("maker")
            .ok_or_else(|| anyhow!("the load maker's object is without its program"))?
            .try_into()?;
        maker
            .test_run(TestRunOptions {
                data_in: Some(&[0; LIVE_BYTES]),
                ctx_in: Some(&self.context),
                repeat: count,
                attrs: TestRunAttrs::new().xdp_live_frames(BATCH),
                ..TestRunOptions::new()
            })
            .context("the kernel makes no live frames")?;
        self.next = self.next.wrapping_add(count) % FRAMES;
        Ok(())
    }
}

fn take(program: &mut Ebpf, name: &str) -> Result<aya::maps::Map> {
    program
        .take_map(name)
        .with_context(|| format!("the load maker's object is without its map {name}"))
}
