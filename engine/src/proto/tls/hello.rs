//! ClientHello and ServerHello (RFC 8446, 4.1.2 and 4.1.3; the same shape since SSL 3.0). It reads
//! no certificate and keeps no random, session or key share.

use crate::proto::reader::{Reader, words};

/// `server_name`, RFC 6066, section 3.
pub const EXT_SERVER_NAME: u16 = 0;
/// `supported_groups`, RFC 8422 and RFC 8446.
const EXT_GROUPS: u16 = 10;
/// `ec_point_formats`, RFC 8422, 5.1.2.
const EXT_POINT_FORMATS: u16 = 11;
/// `signature_algorithms`, RFC 8446, 4.2.3.
const EXT_SIGNATURE_ALGORITHMS: u16 = 13;
/// `application_layer_protocol_negotiation`, RFC 7301.
pub const EXT_ALPN: u16 = 16;
/// `supported_versions`, RFC 8446, 4.2.1.
const EXT_VERSIONS: u16 = 43;

/// The random of a ServerHello that asks for another ClientHello: RFC 8446, 4.1.3.
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// A value that a client sends to keep servers tolerant, RFC 8701: it means nothing.
pub fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// The extensions that are read: the place of each in what a walk over all of them found.
const READ: [u16; 6] = [
    EXT_SERVER_NAME,
    EXT_GROUPS,
    EXT_POINT_FORMATS,
    EXT_SIGNATURE_ALGORITHMS,
    EXT_ALPN,
    EXT_VERSIONS,
];

/// The extensions of a hello, checked to be whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extensions<'a> {
    block: &'a [u8],
    /// The data of the first of each kind in [`READ`].
    found: [Option<&'a [u8]>; READ.len()],
}

impl<'a> Extensions<'a> {
    /// Reads what is left of a hello: nothing (as before RFC 3546), or the block of extensions.
    fn parse(mut rest: Reader<'a>) -> Option<Self> {
        if rest.0.is_empty() {
            return Some(Self::default());
        }
        let block = rest.block16()?;
        let mut found = [None; READ.len()];
        let mut walk = Reader(block);
        while !walk.0.is_empty() {
            let (kind, data) = (walk.u16()?, walk.block16()?);
            if let Some(found) = Self::place(kind).and_then(|place| found.get_mut(place)) {
                found.get_or_insert(data);
            }
        }
        rest.0.is_empty().then_some(Self { block, found })
    }

    #[inline]
    fn place(kind: u16) -> Option<usize> {
        READ.iter().position(|read| *read == kind)
    }

    /// Each extension's type and data, as sent.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &'a [u8])> + Clone + use<'a> {
        let mut walk = Reader(self.block);
        std::iter::from_fn(move || Some((walk.u16()?, walk.block16()?)))
    }

    /// The data of the first of one of the kinds in [`READ`].
    fn get(&self, kind: u16) -> Option<Reader<'a>> {
        let found = Self::place(kind).and_then(|place| self.found.get(place));
        found.copied().flatten().map(Reader)
    }

    /// The names of application protocols, RFC 7301: in a client's hello those that it offers,
    /// in a server's the one that it took.
    pub fn alpn(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut names = Reader(self.alpn_list());
        std::iter::from_fn(move || names.block8())
    }

    /// The same as it was sent: each name after its length.
    pub fn alpn_list(&self) -> &'a [u8] {
        let list = self.get(EXT_ALPN).and_then(|mut data| data.block16());
        list.unwrap_or_default()
    }
}

/// What a client offers.
#[derive(Clone, Copy, Debug)]
pub struct ClientHello<'a> {
    /// `legacy_version`: the version, before TLS 1.3.
    pub legacy_version: u16,
    /// The cipher suites, as sent: numbers of two bytes.
    pub ciphers: &'a [u8],
    /// The extensions.
    pub extensions: Extensions<'a>,
}

impl<'a> ClientHello<'a> {
    /// Reads the body of a handshake message of type 1.
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(body);
        let legacy_version = reader.u16()?;
        reader.take(32)?;
        if reader.block8()?.len() > 32 {
            return None;
        }
        let ciphers = reader.block16()?;
        if !ciphers.len().is_multiple_of(2) {
            return None;
        }
        reader.block8()?;
        Some(Self {
            legacy_version,
            ciphers,
            extensions: Extensions::parse(reader)?,
        })
    }

    /// The name of the server that the client means to reach: RFC 6066, `host_name`.
    pub fn server_name(&self) -> Option<&'a [u8]> {
        let mut names = Reader(self.extensions.get(EXT_SERVER_NAME)?.block16()?);
        (names.u8()? == 0).then_some(names.block16()?)
    }

    /// The highest version offered, as `supported_versions` says where it is there.
    pub fn version(&self) -> u16 {
        match self.extensions.get(EXT_VERSIONS) {
            Some(mut data) => words(data.block8().unwrap_or_default())
                .filter(|version| !is_grease(*version))
                .max()
                .unwrap_or(0),
            None => self.legacy_version,
        }
    }

    /// The signature algorithms, as sent: numbers of two bytes.
    pub fn signature_algorithms(&self) -> &'a [u8] {
        self.list16(EXT_SIGNATURE_ALGORITHMS)
    }

    /// The groups of key exchange, as sent: numbers of two bytes.
    pub fn groups(&self) -> &'a [u8] {
        self.list16(EXT_GROUPS)
    }

    /// The formats of elliptic curve points, as sent: a byte each.
    pub fn point_formats(&self) -> &'a [u8] {
        self.extensions
            .get(EXT_POINT_FORMATS)
            .and_then(|mut data| data.block8())
            .unwrap_or_default()
    }

    fn list16(&self, kind: u16) -> &'a [u8] {
        self.extensions
            .get(kind)
            .and_then(|mut data| data.block16())
            .unwrap_or_default()
    }
}

/// What a server chose.
#[derive(Clone, Copy, Debug)]
pub struct ServerHello<'a> {
    /// `legacy_version`.
    pub legacy_version: u16,
    /// The cipher suite.
    pub cipher: u16,
    /// It asks for another ClientHello: RFC 8446, 4.1.4.
    pub is_retry: bool,
    /// The extensions.
    pub extensions: Extensions<'a>,
}

impl<'a> ServerHello<'a> {
    /// Reads the body of a handshake message of type 2.
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(body);
        let legacy_version = reader.u16()?;
        let random = reader.take(32)?;
        // Drafts of TLS 1.3 up to 21 left session and compression out: 0x7f00 to 0x7f15.
        let is_short = (0x7f00..0x7f16).contains(&legacy_version);
        if !is_short && reader.block8()?.len() > 32 {
            return None;
        }
        let cipher = reader.u16()?;
        if !is_short {
            reader.u8()?;
        }
        Some(Self {
            legacy_version,
            cipher,
            is_retry: random == RETRY_RANDOM,
            extensions: Extensions::parse(reader)?,
        })
    }

    /// The version of the connection, as `supported_versions` says where it is there.
    pub fn version(&self) -> u16 {
        self.extensions
            .get(EXT_VERSIONS)
            .and_then(|mut data| data.u16())
            .unwrap_or(self.legacy_version)
    }
}
