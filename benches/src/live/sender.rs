//! Frames put on an interface, many in one call, through a raw packet socket. It receives nothing
//! and changes no frame.
#![allow(unsafe_code)]

use std::array;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;

/// Frames handed to the kernel in one call, at most.
const BATCH: usize = 64;

/// A raw packet socket bound to one interface.
#[derive(Debug)]
pub struct Sender {
    socket: OwnedFd,
}

impl Sender {
    /// Opens the socket in the calling thread's network namespace. A veth delivers on the
    /// sender's processor, to the queue of that processor: pin the thread where that matters
    /// (`measure::pin`).
    ///
    /// # Errors
    ///
    /// No such interface, or no right to send raw frames (`CAP_NET_RAW`).
    pub fn open(interface: &str) -> io::Result<Self> {
        let index = index_of(interface)?;
        // Protocol 0: nothing received is ever queued on this socket.
        // SAFETY: takes no pointers.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just made the descriptor, and nobody else knows it.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        let address = libc::sockaddr_ll {
            sll_family: libc::AF_PACKET as u16,
            sll_protocol: 0,
            sll_ifindex: index.cast_signed(),
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 0,
            sll_addr: [0; 8],
        };
        let len = size_of_val(&address) as libc::socklen_t;
        // SAFETY: `address` is `len` bytes long and lives through the call.
        let bound = unsafe { libc::bind(fd, ptr::from_ref(&address).cast(), len) };
        match bound {
            0 => Ok(Self { socket }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Sends the frames in order and says how many the kernel accepted: fewer than all when the
    /// interface's queue is full; the rest may be sent again.
    ///
    /// # Errors
    ///
    /// When it accepted none, and for another reason than a full queue: the interface is down,
    /// the first frame is longer than its MTU allows.
    pub fn send(&mut self, frames: &[impl AsRef<[u8]>]) -> io::Result<usize> {
        let mut accepted = 0;
        while let Some(rest) = frames.get(accepted..)
            && !rest.is_empty()
        {
            match self.send_batch(rest) {
                Ok(count) => accepted += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => break,
                Err(error) if accepted == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(accepted)
    }

    /// One call of the kernel: the first frames, at most [`BATCH`].
    fn send_batch(&self, frames: &[impl AsRef<[u8]>]) -> io::Result<usize> {
        let mut pieces: [libc::iovec; BATCH] = array::from_fn(|place| {
            let bytes = frames.get(place).map_or(&[][..], AsRef::as_ref);
            libc::iovec {
                iov_base: bytes.as_ptr().cast_mut().cast(),
                iov_len: bytes.len(),
            }
        });
        let mut messages = pieces.each_mut().map(|piece| libc::mmsghdr {
            msg_hdr: libc::msghdr {
                msg_name: ptr::null_mut(),
                msg_namelen: 0,
                msg_iov: piece,
                msg_iovlen: 1,
                msg_control: ptr::null_mut(),
                msg_controllen: 0,
                msg_flags: 0,
            },
            msg_len: 0,
        });
        let count = frames.len().min(BATCH) as libc::c_uint;
        let fd = self.socket.as_raw_fd();
        // SAFETY: `count` messages of one piece each, which the kernel only reads; frames, pieces
        // and messages live through the call.
        let sent = unsafe { libc::sendmmsg(fd, messages.as_mut_ptr(), count, 0) };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }
}

/// The index of an interface in the calling thread's network namespace.
///
/// # Errors
///
/// When there is none of this name.
pub fn index_of(interface: &str) -> io::Result<u32> {
    let name = CString::new(interface)?;
    // SAFETY: `name` is a string that ends with zero and lives through the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_that_is_not_there_is_an_error() {
        assert!(Sender::open("mt-no-such-if").is_err());
        assert!(Sender::open("zero\0inside").is_err());
    }
}
