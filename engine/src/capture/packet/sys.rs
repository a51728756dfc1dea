//! Packet sockets: the system calls that make one, behind safe functions. It receives nothing;
//! frames come through the ring.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libc::{c_int, socklen_t};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

/// TPACKET_V3, as PACKET_VERSION takes it.
const TPACKET_V3: c_int = libc::tpacket_versions::TPACKET_V3 as c_int;

/// How a ring is laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    /// Bytes of a block: a multiple of the page size.
    pub(super) block_bytes: u32,
    /// How many.
    pub(super) blocks: u32,
    /// After how long a block is handed over that is not full.
    pub(super) timeout_ms: u32,
}

/// A packet socket that is bound to nothing yet.
pub(super) fn open() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(
        AddressFamily::PACKET,
        SocketType::RAW,
        flags,
        None,
    )?)
}

/// Sets one option. The value's type must be the option's: a wrong one is refused by the kernel,
/// which reads no more than the size it is told.
fn set<T: Copy>(socket: BorrowedFd<'_>, level: c_int, option: c_int, value: &T) -> io::Result<()> {
    let (value, bytes) = ((&raw const *value).cast(), size_of::<T>() as socklen_t);
    // SAFETY: pointer and length are those of a value that is borrowed for the call. The options
    // below that hold pointers themselves say why those are right.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, value, bytes) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Reads one option into a value whose every bit pattern is valid.
fn get<T: bytemuck::Zeroable + bytemuck::AnyBitPattern>(
    socket: BorrowedFd<'_>,
    level: c_int,
    option: c_int,
) -> io::Result<T> {
    let mut value = T::zeroed();
    let mut bytes = size_of::<T>() as socklen_t;
    // SAFETY: the kernel writes at most `bytes` bytes, the size of `value`, which is borrowed for
    // the call and may hold any bits.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw mut value).cast(),
            &raw mut bytes,
        )
    };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(value)
    }
}

/// Frames that we or this machine send are not shown. Linux 4.20.
pub(super) fn ignore_outgoing(socket: BorrowedFd<'_>) -> io::Result<()> {
    set(
        socket,
        libc::SOL_PACKET,
        libc::PACKET_IGNORE_OUTGOING,
        &1_i32,
    )
}

/// Gives the socket a ring of this layout with `reserve_bytes` free before every frame.
pub(super) fn ring(
    socket: BorrowedFd<'_>,
    geometry: Geometry,
    reserve_bytes: u32,
) -> io::Result<()> {
    let Geometry {
        block_bytes,
        blocks,
        timeout_ms,
    } = geometry;
    set(socket, libc::SOL_PACKET, libc::PACKET_VERSION, &TPACKET_V3)?;
    set(
        socket,
        libc::SOL_PACKET,
        libc::PACKET_RESERVE,
        &reserve_bytes,
    )?;
    let request = libc::tpacket_req3 {
        tp_block_size: block_bytes,
        tp_block_nr: blocks,
        // In this version frames are as long as they are; the kernel only checks the sums.
        tp_frame_size: block_bytes,
        tp_frame_nr: blocks,
        tp_retire_blk_tov: timeout_ms,
        tp_sizeof_priv: 0,
        tp_feature_req_word: 0,
    };
    set(socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &request)
}

/// Shows the socket no frame until [`unblock`].
pub(super) fn block(socket: BorrowedFd<'_>) -> io::Result<()> {
    // "Keep 0 bytes" is: drop.
    let mut drop_all = libc::sock_filter {
        code: (libc::BPF_RET | libc::BPF_K) as u16,
        jt: 0,
        jf: 0,
        k: 0,
    };
    // The kernel copies the program while `drop_all` lives.
    let program = libc::sock_fprog {
        len: 1,
        filter: &raw mut drop_all,
    };
    set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

/// Ends [`block`].
pub(super) fn unblock(socket: BorrowedFd<'_>) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, libc::SO_DETACH_FILTER, &0_i32)
}

fn address(index: u32) -> libc::sockaddr_ll {
    libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: (libc::ETH_P_ALL as u16).to_be(),
        sll_ifindex: index as c_int,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    }
}

/// Binds the socket to all frames of an interface.
pub(super) fn bind(socket: BorrowedFd<'_>, index: u32) -> io::Result<()> {
    let address = address(index);
    let bytes = size_of_val(&address) as socklen_t;
    // SAFETY: pointer and length are those of `address`, which outlives the call.
    let result = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), bytes) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Makes a fanout group whose member is chosen by a BPF program, and joins it. Gives its number.
pub(super) fn found_group(socket: BorrowedFd<'_>) -> io::Result<u16> {
    join(socket, 0, libc::PACKET_FANOUT_FLAG_UNIQUEID)?;
    let group: u32 = get(socket, libc::SOL_PACKET, libc::PACKET_FANOUT)?;
    // The low half is the number, the upper one the type.
    Ok((group & 0xffff) as u16)
}

/// Joins a group, as its last member.
pub(super) fn join_group(socket: BorrowedFd<'_>, group: u16) -> io::Result<()> {
    join(socket, group, 0)
}

fn join(socket: BorrowedFd<'_>, group: u16, flags: u32) -> io::Result<()> {
    // A group has a say of its own on what is sent; that of its members does not count.
    let flags = flags | libc::PACKET_FANOUT_FLAG_IGNORE_OUTGOING;
    let kind = libc::PACKET_FANOUT_EBPF | flags;
    set(
        socket,
        libc::SOL_PACKET,
        libc::PACKET_FANOUT,
        &((kind << 16) | u32::from(group)),
    )
}

/// Gives a group the program that chooses.
pub(super) fn choose_by(socket: BorrowedFd<'_>, program: impl AsFd) -> io::Result<()> {
    let program = program.as_fd().as_raw_fd();
    set(socket, libc::SOL_PACKET, libc::PACKET_FANOUT_DATA, &program)
}

/// Frames that the ring had no room for since the last call.
pub(super) fn dropped(socket: BorrowedFd<'_>) -> io::Result<u32> {
    // struct tpacket_stats_v3: all frames (the dropped too), the dropped, how often it was full.
    let [_, drops, _]: [u32; 3] = get(socket, libc::SOL_PACKET, libc::PACKET_STATISTICS)?;
    Ok(drops)
}

/// Takes the error that the socket holds, if it holds one: after the interface went down.
pub(super) fn take_error(socket: BorrowedFd<'_>) -> io::Result<Option<io::Error>> {
    let number: i32 = get(socket, libc::SOL_SOCKET, libc::SO_ERROR)?;
    Ok((number != 0).then(|| io::Error::from_raw_os_error(number)))
}
