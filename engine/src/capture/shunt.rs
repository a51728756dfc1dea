//! What the engine and the kernel's program agree on about flows that the program only counts: the
//! key of one direction, and what was counted of it. Which flows these are, others decide.

/// Bytes of a key.
pub const SHUNT_KEY_BYTES: usize = 52;

/// One direction of a flow, with the frame that is around its packets: `struct shunt_key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShuntKey(pub [u8; SHUNT_KEY_BYTES]);

/// What a key is made of.
#[derive(Clone, Copy, Debug)]
pub struct ShuntParts {
    /// Address (IPv4 as `::ffff:a.b.c.d`), port and MAC address of the sender.
    pub src: ([u8; 16], u16, [u8; 6]),
    /// And of the receiver.
    pub dst: ([u8; 16], u16, [u8; 6]),
    /// VLAN identifier, 0 without tag.
    pub vlan: u16,
    /// IP protocol number.
    pub protocol: u8,
    /// TTL or hop limit.
    pub ttl: u8,
}

impl From<ShuntParts> for ShuntKey {
    fn from(parts: ShuntParts) -> Self {
        let (src, src_port, src_mac) = parts.src;
        let (dst, dst_port, dst_mac) = parts.dst;
        let mut key = [0; SHUNT_KEY_BYTES];
        let fields: [&[u8]; 8] = [
            &src,
            &dst,
            &dst_mac,
            &src_mac,
            &src_port.to_be_bytes(),
            &dst_port.to_be_bytes(),
            &parts.vlan.to_ne_bytes(),
            &[parts.protocol, parts.ttl],
        ];
        for (byte, place) in fields.into_iter().flatten().zip(&mut key) {
            *place = *byte;
        }
        Self(key)
    }
}

/// What was counted at one place, since the program was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Frames.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Time of the last, nanoseconds since the Unix epoch.
    pub last_ns: u64,
}

/// Where one program counts.
pub trait ShuntCounts: Send + Sync {
    /// What was counted at this place.
    fn read(&self, place: u32) -> Counted;
}

/// What is to be done about one direction of a flow, at one place of the program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShuntOrder {
    /// From now on it is only counted, there.
    Begin(u32, ShuntKey),
    /// It comes to the engine again. The place is told back once nothing counts there any more.
    End(u32, ShuntKey),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel's program lays out the same bytes.
    #[test]
    fn fields_follow_each_other_without_padding() {
        let key = ShuntKey::from(ShuntParts {
            src: ([1; 16], 0x0203, [4; 6]),
            dst: ([5; 16], 0x0607, [8; 6]),
            vlan: 0x0909,
            protocol: 10,
            ttl: 11,
        });
        let mut expected = vec![1; 16];
        expected.extend([5; 16]);
        expected.extend([8; 6]);
        expected.extend([4; 6]);
        expected.extend([2, 3, 6, 7, 9, 9, 10, 11]);
        assert_eq!(key.0.as_slice(), expected);
    }
}
