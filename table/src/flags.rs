//! Named bits of subjects, edges and interfaces. They say what was seen, never what follows of it.

/// Declares a set of named bits.
macro_rules! flags {
    ($(#[$meta:meta])* $name:ident: $repr:ty {
        $($(#[$vmeta:meta])* $flag:ident = $bit:literal;)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name(pub $repr);

        impl $name {
            $($(#[$vmeta])* pub const $flag: Self = Self(1 << $bit);)+

            /// True when all bits of `other` are set.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Sets the bits of `other`.
            pub const fn insert(&mut self, other: Self) {
                self.0 |= other.0;
            }

            /// Clears the bits of `other`.
            pub const fn remove(&mut self, other: Self) {
                self.0 &= !other.0;
            }
        }

        impl std::ops::BitOr for $name {
            type Output = Self;
            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }
    };
}

flags! {
    /// What was seen of a binding. Append only.
    SubjectFlags: u16 {
        /// ARP proves that the address is on the link.
        ARP = 0;
        /// Neighbour discovery proves that the address is on the link.
        ND = 1;
        /// A DHCP acknowledgement proves that the address is on the link.
        DHCP = 2;
        /// It sent router advertisements.
        ROUTER = 3;
        /// It was seen to send and to be answered.
        TWO_WAY = 4;
        /// Its identity is confirmed: not one of a flood of spoofed addresses.
        CONFIRMED = 5;
        /// Low TTLs come from multicast, whose TTL says nothing about distance.
        MULTICAST_TTL = 6;
    }
}

impl SubjectFlags {
    /// Any proof that the address is on the local link.
    pub const fn on_link(self) -> bool {
        self.0 & (Self::ARP.0 | Self::ND.0 | Self::DHCP.0) != 0
    }
}

flags! {
    /// What was seen of an edge. Append only.
    EdgeFlags: u8 {
        /// The payload is encrypted.
        ENCRYPTED = 0;
        /// The responder sent something.
        ANSWERED = 1;
        /// Both ends spoke the protocol.
        CONFIRMED = 2;
        /// The ends have no roles in the protocol.
        PEERS = 3;
    }
}

flags! {
    /// How an interface is, and is received from. Append only.
    InterfaceFlags: u16 {
        /// It has a carrier.
        UP = 0;
        /// Frames longer than one piece of memory are received.
        MULTI_BUFFER = 1;
        /// Its memory lies on huge pages.
        HUGE_PAGES = 2;
        /// Its sockets poll the device themselves.
        BUSY_POLL = 3;
        /// It receives frames that are addressed to others.
        PROMISCUOUS = 4;
        /// It was there and is there no more.
        GONE = 5;
        /// The directions of conversations come by it to different workers.
        ASYMMETRIC = 6;
    }
}
