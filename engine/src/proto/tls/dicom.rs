//! DICOM over TLS (DICOM PS3.15 B): what tells that an encrypted conversation is one. It reads
//! nothing but what TLS itself shows: ALPN, the registered port, the server's certificate.

use medtap_table::vocabulary::{Field, Protocol};

use crate::observe::{Emit, Observation, Subject};

/// The name of DICOM in ALPN: IANA, TLS ALPN protocol ids.
const ALPN: &[u8] = b"dicom";
/// `dicom-tls`: IANA, service names and port numbers.
const PORT: u16 = 2762;

/// What one connection has shown so far.
#[derive(Debug, Default)]
pub struct Signs {
    /// The client offers DICOM and nothing else, or the server took it.
    is_agreed: bool,
    /// The port, or the certificate, suggests it.
    is_suggested: bool,
}

impl Signs {
    /// The client's offer: where it is the only one, the server takes it or ends the handshake
    /// (RFC 7301, 3.2).
    pub fn offered<'a>(&mut self, mut names: impl Iterator<Item = &'a [u8]>) {
        self.is_agreed |= names.next() == Some(ALPN) && names.next().is_none();
    }

    /// The server's hello, from this port, with the protocol that it took where that is in
    /// clear. Says what it shows.
    pub fn answered<'a>(
        &mut self,
        port: u16,
        mut taken: impl Iterator<Item = &'a [u8]>,
        emit: Emit<'_>,
    ) {
        let taken = taken.next();
        if taken == Some(ALPN) || taken.is_none() && self.is_agreed {
            self.is_agreed = true;
            fact(Field::DicomTlsAlpn, ALPN, emit);
            emit(Observation::Carries(Protocol::Dicom));
        }
        if port == PORT && taken.is_none_or(|name| name == ALPN) {
            fact(Field::DicomTlsPort, b"2762", emit);
            self.suggest(emit);
        }
    }

    /// A name in the server's certificate.
    pub fn certified(&mut self, name: &[u8], emit: Emit<'_>) {
        let is_sign = |label: &[u8]| {
            [&b"dicom"[..], b"dicomtls", b"dicom-tls"]
                .iter()
                .any(|known| known.eq_ignore_ascii_case(label))
        };
        let mut labels = name.split(|byte| matches!(byte, b'.' | b' ' | b'=' | b','));
        if labels.any(is_sign) && !self.is_suggested {
            fact(Field::DicomTlsCertificate, b"dicom", emit);
            self.suggest(emit);
        }
    }

    fn suggest(&mut self, emit: Emit<'_>) {
        if !std::mem::replace(&mut self.is_suggested, true) && !self.is_agreed {
            emit(Observation::Suggests(Protocol::Dicom));
        }
    }
}

/// Says a fact of the server, which is the sender.
fn fact(field: Field, value: &[u8], emit: Emit<'_>) {
    emit(Observation::Fact {
        subject: Subject::Sender,
        field,
        value,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a server at this port, of an offer, what was taken, and names.
    fn see(port: u16, offer: &[&[u8]], taken: &[&[u8]], names: &[&[u8]]) -> Vec<String> {
        let mut seen = Vec::new();
        let mut emit = |observation: Observation<'_>| {
            seen.push(match observation {
                Observation::Fact { field, value, .. } => {
                    format!("{}={}", field.name(), value.escape_ascii())
                }
                other => format!("{other:?}"),
            });
        };
        let mut signs = Signs::default();
        signs.offered(offer.iter().copied());
        signs.answered(port, taken.iter().copied(), &mut emit);
        for name in names {
            signs.certified(name, &mut emit);
        }
        seen
    }

    #[test]
    fn what_tells_and_what_suggests() {
        let alpn = ["dicom.tls.alpn=dicom", "Carries(Dicom)"];
        assert_eq!(see(443, &[b"dicom"], &[b"dicom"], &[]), alpn);
        // TLS 1.3 encrypts the answer to the offer.
        assert_eq!(see(443, &[b"dicom"], &[], &[]), alpn);
        assert_eq!(see(443, &[b"dicom", b"h2"], &[], &[]), [""; 0]);
        assert_eq!(see(443, &[b"dicom", b"h2"], &[b"h2"], &[]), [""; 0]);
        let port = ["dicom.tls.port=2762", "Suggests(Dicom)"];
        assert_eq!(see(2762, &[], &[], &[]), port);
        assert_eq!(see(2762, &[b"h2"], &[b"h2"], &[]), [""; 0]);
        let name = ["dicom.tls.certificate=dicom", "Suggests(Dicom)"];
        assert_eq!(see(5000, &[], &[], &[b"dicom.site.example"]), name);
        assert_eq!(see(5000, &[], &[], &[b"dicomx.example"]), [""; 0]);
    }
}
