//! The fields of a head that somebody here reads, by what they are called: found in one walk, kept
//! in their order. It reads no value, and steps over every field that nobody asks for.

use memchr::memchr;

use super::head;

/// A field that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Name {
    Accept,
    Age,
    Authorization,
    ContentEncoding,
    ContentLength,
    ContentType,
    Date,
    Forwarded,
    Host,
    Server,
    TransferEncoding,
    Upgrade,
    UserAgent,
    Via,
    WwwAuthenticate,
    XForwardedFor,
    XPoweredBy,
}

impl Name {
    /// By its spelling, whatever its letters' case.
    fn of(name: &[u8]) -> Option<Self> {
        let same_length: &[(&[u8], Self)] = match name.len() {
            3 => &[(b"via", Self::Via), (b"age", Self::Age)],
            4 => &[(b"host", Self::Host), (b"date", Self::Date)],
            6 => &[(b"accept", Self::Accept), (b"server", Self::Server)],
            7 => &[(b"upgrade", Self::Upgrade)],
            9 => &[(b"forwarded", Self::Forwarded)],
            10 => &[(b"user-agent", Self::UserAgent)],
            12 => &[
                (b"content-type", Self::ContentType),
                (b"x-powered-by", Self::XPoweredBy),
            ],
            13 => &[(b"authorization", Self::Authorization)],
            14 => &[(b"content-length", Self::ContentLength)],
            15 => &[(b"x-forwarded-for", Self::XForwardedFor)],
            16 => &[
                (b"content-encoding", Self::ContentEncoding),
                (b"www-authenticate", Self::WwwAuthenticate),
            ],
            17 => &[(b"transfer-encoding", Self::TransferEncoding)],
            _ => &[],
        };
        let found = same_length
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, known)| *known)
    }
}

/// What nearly every head has of them at most: those of a head need no memory of their own.
const FIELDS: usize = 12;

/// The fields of one head.
#[derive(Debug)]
pub struct Known<'a> {
    first: [(Name, &'a [u8]); FIELDS],
    len: usize,
    /// Those after the first.
    more: Vec<(Name, &'a [u8])>,
}

impl<'a> Known<'a> {
    /// Those of the lines after the first.
    pub fn of(head: &'a [u8]) -> Self {
        let mut fields = Self {
            first: [(Name::Accept, &[]); FIELDS],
            len: 0,
            more: Vec::new(),
        };
        for line in head::lines(head) {
            if let Some((name, value)) =
                memchr(b':', line).and_then(|colon| line.split_at_checked(colon))
                && let Some(name) = Name::of(name)
                && let Some(value) = value.get(1..)
            {
                fields.add((name, value.trim_ascii()));
            }
        }
        fields
    }

    fn add(&mut self, field: (Name, &'a [u8])) {
        match self.first.get_mut(self.len) {
            Some(place) => {
                *place = field;
                self.len += 1;
            }
            None => self.more.push(field),
        }
    }

    /// All of them, in their order, without the white space around values.
    pub fn iter(&self) -> impl Iterator<Item = (Name, &'a [u8])> {
        let first = self.first.get(..self.len).unwrap_or_default();
        first.iter().chain(&self.more).copied()
    }

    /// The value of the first of this name.
    pub fn first(&self, name: Name) -> Option<&'a [u8]> {
        let mut found = self.iter().filter(|(known, _)| *known == name);
        found.next().map(|(_, value)| value)
    }

    /// There is one of this name.
    pub fn has(&self, name: Name) -> bool {
        self.first(name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [(&[u8], Name); 17] = [
        (b"Accept", Name::Accept),
        (b"Age", Name::Age),
        (b"Authorization", Name::Authorization),
        (b"Content-Encoding", Name::ContentEncoding),
        (b"Content-Length", Name::ContentLength),
        (b"Content-Type", Name::ContentType),
        (b"Date", Name::Date),
        (b"Forwarded", Name::Forwarded),
        (b"Host", Name::Host),
        (b"Server", Name::Server),
        (b"Transfer-Encoding", Name::TransferEncoding),
        (b"Upgrade", Name::Upgrade),
        (b"User-Agent", Name::UserAgent),
        (b"Via", Name::Via),
        (b"WWW-Authenticate", Name::WwwAuthenticate),
        (b"X-Forwarded-For", Name::XForwardedFor),
        (b"X-Powered-By", Name::XPoweredBy),
    ];

    #[test]
    fn each_is_known_by_its_name_alone() {
        for (spelt, name) in NAMES {
            assert_eq!(Name::of(spelt), Some(name));
            assert_eq!(Name::of(&spelt.to_ascii_uppercase()), Some(name));
            for at in 0..spelt.len() {
                assert_eq!(Name::of(&spelt[..at]), None);
                let mut other = spelt.to_vec();
                other[at] = b'~';
                assert_eq!(Name::of(&other), None);
            }
        }
    }

    /// Those of a head are what a search for each of their names finds.
    #[test]
    fn fuzz_as_a_search_by_name() {
        bolero::check!()
            .with_iterations(2_000)
            .for_each(|bytes: &[u8]| {
                let mut head = b"GET / HTTP/1.1\r\n".to_vec();
                for byte in bytes {
                    match usize::from(byte % 32) {
                        at @ 0..17 => head.extend_from_slice(NAMES[at].0),
                        at => head.push(b": \n\r\tx:\n-a:\n: \n"[at - 17]),
                    }
                }
                let known = Known::of(&head);
                let mut all = 0;
                for (spelt, name) in NAMES {
                    let values = head::lines(&head).filter_map(|line| head::value(line, spelt));
                    let found = known.iter().filter(|(known, _)| *known == name);
                    assert!(found.map(|(_, value)| value).eq(values));
                    assert_eq!(known.first(name), head::field(&head, spelt));
                    all += known.iter().filter(|(known, _)| *known == name).count();
                }
                assert_eq!(known.iter().count(), all);
            });
    }
}
