//! Requests to the kernel about one interface: ioctls, ethtool's among them, and a membership of
//! a packet socket. It decides nothing and remembers nothing.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use libc::{c_char, c_int, c_short, c_ulong, ifreq};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

// Commands of ethtool's ioctl, <linux/ethtool.h>.
const GSTRINGS: u32 = 0x1b;
const GSSET_INFO: u32 = 0x37;
const GFEATURES: u32 = 0x3a;
const SFEATURES: u32 = 0x3b;
const GCHANNELS: u32 = 0x3c;
const SCHANNELS: u32 = 0x3d;
const GDRVINFO: u32 = 0x03;
const GRINGPARAM: u32 = 0x10;
const GRSSH: u32 = 0x46;
const SRSSH: u32 = 0x47;

/// The set of strings that names features.
const SS_FEATURES: u32 = 4;
/// Bytes of one string of a set.
const STRING_BYTES: usize = 32;
/// Features that are asked for at most: a bound on what the kernel announces.
const FEATURES_MAX: u32 = 1024;
/// Words of `struct ethtool_drvinfo`.
pub(super) const DRIVER_WORDS: usize = 49;
/// Words of `struct ethtool_ringparam` behind the command.
pub(super) const RING_WORDS: usize = 8;
/// Words of `struct ethtool_rxfh` before the table.
pub(super) const RSS_HEAD_WORDS: usize = 6;
/// Places of a table that are asked for at most, and bytes of a key: a bound on what the kernel
/// announces.
const RSS_PLACES_MAX: u32 = 4096;
const RSS_KEY_BYTES_MAX: u32 = 1024;
/// Words of `struct ethtool_channels` behind the command.
const CHANNEL_WORDS: usize = 8;

/// The words of 32 features, as `struct ethtool_get_features_block` has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FeatureWord {
    /// May be changed.
    pub(super) available: u32,
    /// Are on.
    pub(super) active: u32,
}

/// How many receive, transmit, other and combined channels: the most, then the present.
pub(super) type Channels = [u32; CHANNEL_WORDS];

/// Where requests about one interface go. The interface may vanish at any time: then requests
/// fail with ENODEV.
#[derive(Debug)]
pub(super) struct Requests {
    socket: OwnedFd,
    name: [c_char; libc::IFNAMSIZ],
}

impl Requests {
    /// For the interface of this name, in the network namespace of the calling thread.
    pub(super) fn new(interface: &str) -> io::Result<Self> {
        let bytes = interface.as_bytes();
        // The kernel's rule for names; the last place is the terminating zero.
        let legal = |byte: &u8| byte.is_ascii_graphic() && *byte != b'/';
        if bytes.is_empty() || bytes.len() >= libc::IFNAMSIZ || !bytes.iter().all(legal) {
            return Err(io::Error::from_raw_os_error(libc::ENODEV));
        }
        let mut name = [0; libc::IFNAMSIZ];
        for (place, byte) in name.iter_mut().zip(bytes) {
            *place = *byte as c_char;
        }
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, flags, None)?;
        Ok(Self { socket, name })
    }

    fn empty(&self) -> ifreq {
        let ifr_ifru = libc::__c_anonymous_ifr_ifru { ifru_map: NO_MAP };
        ifreq {
            ifr_name: self.name,
            ifr_ifru,
        }
    }

    /// One ioctl with a request that holds its values itself.
    fn plain(&self, command: c_ulong, request: &mut ifreq) -> io::Result<()> {
        let socket = self.socket.as_raw_fd();
        // SAFETY: `request` is a whole `ifreq`, which is what the callers' commands (SIOCGIF… and
        // SIOCSIF… with values in place) read and write, and it outlives the call.
        let result = unsafe { libc::ioctl(socket, command as _, &raw mut *request) };
        if result < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }

    /// Its number.
    pub(super) fn index(&self) -> io::Result<u32> {
        let mut request = self.empty();
        self.plain(libc::SIOCGIFINDEX as c_ulong, &mut request)?;
        // SAFETY: every bit pattern is an integer, and the whole union was initialised.
        let index = unsafe { request.ifr_ifru.ifru_ifindex };
        Ok(index.unsigned_abs())
    }

    /// The largest payload of a frame.
    pub(super) fn mtu(&self) -> io::Result<u32> {
        let mut request = self.empty();
        self.plain(libc::SIOCGIFMTU as c_ulong, &mut request)?;
        // SAFETY: every bit pattern is an integer, and the whole union was initialised.
        let mtu = unsafe { request.ifr_ifru.ifru_mtu };
        Ok(mtu.unsigned_abs())
    }

    /// What its frames begin with, as `<linux/if_arp.h>` numbers it.
    pub(super) fn hardware(&self) -> io::Result<u16> {
        let mut request = self.empty();
        self.plain(libc::SIOCGIFHWADDR as c_ulong, &mut request)?;
        // SAFETY: every bit pattern is an integer, and the whole union was initialised.
        let address = unsafe { request.ifr_ifru.ifru_hwaddr };
        Ok(address.sa_family)
    }

    /// Sets the largest payload.
    pub(super) fn set_mtu(&self, mtu: u32) -> io::Result<()> {
        let mut request = self.empty();
        let mtu = c_int::try_from(mtu).map_err(|_| io::ErrorKind::InvalidInput)?;
        request.ifr_ifru.ifru_mtu = mtu;
        self.plain(libc::SIOCSIFMTU as c_ulong, &mut request)
    }

    fn flags(&self) -> io::Result<c_int> {
        let mut request = self.empty();
        self.plain(libc::SIOCGIFFLAGS as c_ulong, &mut request)?;
        // SAFETY: every bit pattern is an integer, and the whole union was initialised.
        let flags = unsafe { request.ifr_ifru.ifru_flags };
        Ok(c_int::from(flags))
    }

    /// True when it is administratively up.
    pub(super) fn is_up(&self) -> io::Result<bool> {
        Ok(self.flags()? & libc::IFF_UP != 0)
    }

    /// Brings it up, or down.
    pub(super) fn set_up(&self, up: bool) -> io::Result<()> {
        let flags = self.flags()?;
        let flags = if up {
            flags | libc::IFF_UP
        } else {
            flags & !libc::IFF_UP
        };
        let mut request = self.empty();
        // The ioctl knows the low 16 flags alone.
        request.ifr_ifru.ifru_flags = flags as c_short;
        self.plain(libc::SIOCSIFFLAGS as c_ulong, &mut request)
    }

    /// One of ethtool's requests; the first word is the command.
    ///
    /// # Safety
    ///
    /// `words` must have room for all that the kernel reads and writes for this command.
    unsafe fn ethtool(&self, words: &mut [u32]) -> io::Result<c_int> {
        let mut request = self.empty();
        request.ifr_ifru.ifru_data = words.as_mut_ptr().cast();
        let socket = self.socket.as_raw_fd();
        // SAFETY: `request` is a whole `ifreq`, its pointer is to `words`, which are borrowed for
        // the length of the call and large enough (the caller's promise).
        let result = unsafe { libc::ioctl(socket, libc::SIOCETHTOOL as _, &raw mut request) };
        if result < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(result)
        }
    }

    /// The names of all features, in the order of their bits.
    pub(super) fn feature_names(&self) -> io::Result<Vec<String>> {
        // struct ethtool_sset_info: command, reserved, mask of sets in 64 bits, a word for each.
        let mask = (1_u64 << SS_FEATURES).to_ne_bytes();
        let [low, high] = bytemuck::cast::<[u8; 8], [u32; 2]>(mask);
        let mut words = [GSSET_INFO, 0, low, high, 0];
        // SAFETY: the mask has one bit, for which the kernel writes one word behind it.
        unsafe { self.ethtool(&mut words) }?;
        let count = words[4].min(FEATURES_MAX) as usize;
        // struct ethtool_gstrings: command, set, count, strings.
        let mut words = vec![0; 3 + FEATURES_MAX as usize * STRING_BYTES / 4];
        words[0] = GSTRINGS;
        words[1] = SS_FEATURES;
        // SAFETY: the kernel writes as many strings as it knows features, a number fixed when it
        // was built: 64 in all versions so far, never near FEATURES_MAX, for which there is room.
        unsafe { self.ethtool(&mut words) }?;
        let bytes: &[u8] = bytemuck::cast_slice(&words[3..]);
        let name = |string: &[u8]| {
            let text = string.split(|byte| *byte == 0).next().unwrap_or_default();
            String::from_utf8_lossy(text).into_owned()
        };
        Ok(bytes
            .chunks_exact(STRING_BYTES)
            .take(count)
            .map(name)
            .collect())
    }

    /// The state of the first `count` features.
    pub(super) fn features(&self, count: usize) -> io::Result<Vec<FeatureWord>> {
        let blocks = count.div_ceil(32);
        // struct ethtool_gfeatures: command, size, blocks of available, requested, active, never.
        let mut words = vec![0; 2 + 4 * blocks];
        words[0] = GFEATURES;
        words[1] = blocks as u32;
        // SAFETY: the kernel writes at most as many blocks as the second word says.
        unsafe { self.ethtool(&mut words) }?;
        let (blocks, _) = words[2..].as_chunks::<4>();
        let word = |block: &[u32; 4]| FeatureWord {
            available: block[0],
            active: block[2],
        };
        Ok(blocks.iter().map(word).collect())
    }

    /// Asks for feature `bit` of `count` to be on or off. A driver may decline in silence.
    pub(super) fn set_feature(&self, bit: usize, count: usize, on: bool) -> io::Result<()> {
        let blocks = count.div_ceil(32);
        // struct ethtool_sfeatures: command, size, blocks of valid, requested.
        let mut words = vec![0; 2 + 2 * blocks];
        words[0] = SFEATURES;
        words[1] = blocks as u32;
        let mask = 1_u32 << (bit % 32);
        let block = words[2..].chunks_exact_mut(2).nth(bit / 32);
        if let Some([valid, requested]) = block {
            *valid = mask;
            *requested = if on { mask } else { 0 };
        }
        // SAFETY: the kernel reads as many blocks as the second word says, or refuses.
        unsafe { self.ethtool(&mut words) }?;
        Ok(())
    }

    /// `struct ethtool_drvinfo`, as the driver fills it.
    pub(super) fn driver(&self) -> io::Result<[u32; DRIVER_WORDS]> {
        let mut words = [0; DRIVER_WORDS];
        words[0] = GDRVINFO;
        // SAFETY: `words` is a whole struct ethtool_drvinfo.
        unsafe { self.ethtool(&mut words) }?;
        Ok(words)
    }

    /// Sizes of the card's rings: receive, mini, jumbo, transmit; the most, then the present.
    pub(super) fn rings(&self) -> io::Result<[u32; RING_WORDS]> {
        let mut words = [0; 1 + RING_WORDS];
        words[0] = GRINGPARAM;
        // SAFETY: `words` is a whole struct ethtool_ringparam.
        unsafe { self.ethtool(&mut words) }?;
        let [_, rings @ ..] = words;
        Ok(rings)
    }

    /// `struct ethtool_rxfh`: how the card shares frames out to its queues.
    pub(super) fn rss(&self) -> io::Result<Vec<u32>> {
        let mut sizes = [GRSSH, 0, 0, 0, 0, 0];
        // SAFETY: where both sizes are zero, the kernel writes them and nothing behind the head.
        unsafe { self.ethtool(&mut sizes) }?;
        let [_, _, places, key_bytes, ..] = sizes;
        if places > RSS_PLACES_MAX || key_bytes > RSS_KEY_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let behind = places as usize + key_bytes.div_ceil(4) as usize;
        let mut words = vec![0; RSS_HEAD_WORDS + behind];
        words[..4].copy_from_slice(&[GRSSH, 0, places, key_bytes]);
        // SAFETY: the kernel writes as many places and bytes as the head says, or refuses; there
        // is room for them behind it.
        unsafe { self.ethtool(&mut words) }?;
        Ok(words)
    }

    /// Sets how the card shares frames out: `struct ethtool_rxfh` with what follows it, whose
    /// first word is left to this.
    pub(super) fn set_rss(&self, words: &mut [u32]) -> io::Result<()> {
        let Some((head, behind)) = words.split_first_chunk_mut::<RSS_HEAD_WORDS>() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let [command, _, places, key_bytes, ..] = head;
        *command = SRSSH;
        // All ones: the table stays, and none follows.
        let places = if *places == u32::MAX { 0 } else { *places };
        if behind.len() < places as usize + key_bytes.div_ceil(4) as usize {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: the kernel reads as many places and bytes as the head says, which lie behind it
        // by the check, and writes nothing but, for a new context, the head.
        unsafe { self.ethtool(words) }?;
        Ok(())
    }

    /// How many channels it may have, and has.
    pub(super) fn channels(&self) -> io::Result<Channels> {
        let mut words = [0; 1 + CHANNEL_WORDS];
        words[0] = GCHANNELS;
        // SAFETY: `words` is a whole struct ethtool_channels.
        unsafe { self.ethtool(&mut words) }?;
        let [_, channels @ ..] = words;
        Ok(channels)
    }

    /// Sets how many channels it has.
    pub(super) fn set_channels(&self, channels: &Channels) -> io::Result<()> {
        let mut words = [0; 1 + CHANNEL_WORDS];
        words[0] = SCHANNELS;
        words[1..].copy_from_slice(channels);
        // SAFETY: `words` is a whole struct ethtool_channels.
        unsafe { self.ethtool(&mut words) }?;
        Ok(())
    }
}

const NO_MAP: libc::__c_anonymous_ifru_map = libc::__c_anonymous_ifru_map {
    mem_start: 0,
    mem_end: 0,
    base_addr: 0,
    irq: 0,
    dma: 0,
    port: 0,
};

/// Makes the interface promiscuous for as long as the descriptor is open: the kernel takes it
/// back by itself, whatever ends the process. The socket itself receives nothing, since it is
/// bound to no protocol.
pub(super) fn promiscuous(index: u32) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None)?;
    let membership = libc::packet_mreq {
        mr_ifindex: index as c_int,
        mr_type: libc::PACKET_MR_PROMISC as u16,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    // SAFETY: the pointer and the length are those of `membership`, which outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            (&raw const membership).cast(),
            size_of_val(&membership) as libc::socklen_t,
        )
    };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(socket)
    }
}
