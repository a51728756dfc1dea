//! What a server's certificate says of the server: RFC 5280. It reads no client's certificate, no
//! key, no e-mail address, and no name of a certificate that was made out to a person.

use std::fmt::Write;

use medtap_table::vocabulary::Field;
use x509_parser::asn1_rs::{Any, Oid, oid};
use x509_parser::certificate::{TbsCertificate, X509CertificateParser};
use x509_parser::nom::Parser;
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

use crate::config::{CERTIFICATE_BYTES_MAX, CERTIFICATE_NAMES_MAX};
use crate::observe::{Emit, Observation, Subject};
use crate::proto::reader::Reader;

/// The attributes of a name that are kept, RFC 4519 and RFC 4514, section 3.
const KEPT: [(Oid<'static>, &str); 8] = [
    (oid!(2.5.4.3), "CN"),
    (oid!(2.5.4.5), "serialNumber"),
    (oid!(2.5.4.6), "C"),
    (oid!(2.5.4.7), "L"),
    (oid!(2.5.4.8), "ST"),
    (oid!(2.5.4.10), "O"),
    (oid!(2.5.4.11), "OU"),
    (oid!(0.9.2342.19200300.100.1.25), "DC"),
];

/// The attributes that only a person's name has: surname, given name, initials, pseudonym, user id.
const PERSONAL: [Oid<'static>; 5] = [
    oid!(2.5.4.4),
    oid!(2.5.4.42),
    oid!(2.5.4.43),
    oid!(2.5.4.65),
    oid!(0.9.2342.19200300.100.1.1),
];

/// `subjectAltName`, `subjectKeyIdentifier`, `authorityKeyIdentifier`: RFC 5280, 4.2.1.
const SUBJECT_ALT_NAME: Oid<'static> = oid!(2.5.29.17);
const SUBJECT_KEY_ID: Oid<'static> = oid!(2.5.29.14);
const AUTHORITY_KEY_ID: Oid<'static> = oid!(2.5.29.35);

/// Context tags of a GeneralName and of an AuthorityKeyIdentifier: RFC 5280, appendix A.2.
const TAG_RFC822_NAME: u8 = 0x81;
const TAG_DNS_NAME: u8 = 0x82;
const TAG_KEY_ID: u8 = 0x80;
const TAG_SEQUENCE: u8 = 0x30;
const TAG_OCTETS: u8 = 0x04;

/// Says what the sender's own certificate holds; false if it is none. One that is larger than
/// [`CERTIFICATE_BYTES_MAX`] is stepped over.
pub(super) fn observe(der: &[u8], emit: Emit<'_>) -> bool {
    if der.len() > CERTIFICATE_BYTES_MAX {
        return true;
    }
    // Extensions are read below, one by one: an odd one must not cost the names.
    let mut parser = X509CertificateParser::new().with_deep_parse_extensions(false);
    let Ok((_, certificate)) = parser.parse(der) else {
        return false;
    };
    let mut fact = |field, value: &[u8]| {
        if !value.is_empty() {
            emit(Observation::Fact {
                subject: Subject::Sender,
                field,
                value,
            });
        }
    };
    let names = extension(&certificate, &SUBJECT_ALT_NAME);
    let has_dns = general_names(names, TAG_DNS_NAME).next().is_some();
    let is_mailbox = general_names(names, TAG_RFC822_NAME).next().is_some() && !has_dns;
    let is_personal = is_mailbox || is_personal(certificate.subject());
    if !is_personal {
        let subject = text_of_name(certificate.subject());
        fact(Field::TlsCertificateSubject, subject.as_bytes());
    }
    let is_self_signed = is_self_signed(&certificate);
    // The issuer of a self-signed certificate is its subject.
    if !is_personal || !is_self_signed {
        let issuer = text_of_name(certificate.issuer());
        fact(Field::TlsCertificateIssuer, issuer.as_bytes());
    }
    let validity = certificate.validity();
    fact(
        Field::TlsCertificateNotBefore,
        rfc3339(&validity.not_before).as_bytes(),
    );
    fact(
        Field::TlsCertificateNotAfter,
        rfc3339(&validity.not_after).as_bytes(),
    );
    for name in general_names(names, TAG_DNS_NAME)
        .filter(|name| is_dns_name(name))
        .take(CERTIFICATE_NAMES_MAX)
    {
        fact(Field::TlsCertificateName, name);
    }
    let answer: &[u8] = if is_self_signed { b"true" } else { b"false" };
    fact(Field::TlsCertificateSelfSigned, answer);
    // Nobody checks the signature of what vouches for itself.
    if !is_self_signed {
        let algorithm = certificate.signature.algorithm.to_id_string();
        fact(Field::TlsCertificateSignature, algorithm.as_bytes());
    }
    if let Ok(key) = certificate.public_key().parsed() {
        fact(Field::TlsCertificateKey, text_of_key(&key).as_bytes());
    }
    true
}

/// "RSA 1024", the length of the modulus in bits, rounded up to bytes; of others the kind alone.
fn text_of_key(key: &PublicKey<'_>) -> String {
    match key {
        PublicKey::RSA(key) => {
            let zeros = key.modulus.iter().take_while(|byte| **byte == 0).count();
            format!("RSA {}", 8 * (key.modulus.len() - zeros))
        }
        PublicKey::DSA(_) => "DSA".to_owned(),
        PublicKey::EC(_) => "EC".to_owned(),
        _ => String::new(),
    }
}

/// A value's tag and bytes, X.690: definite lengths below 64 KiB, tags of one byte.
fn tlv<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let tag = reader.u8()?;
    let len = match reader.u8()? {
        short @ 0..=0x7f => usize::from(short),
        0x81 => usize::from(reader.u8()?),
        0x82 => usize::from(reader.u16()?),
        _ => return None,
    };
    Some((tag, reader.take(len)?))
}

fn extension<'a>(certificate: &TbsCertificate<'a>, kind: &Oid<'_>) -> &'a [u8] {
    certificate
        .iter_extensions()
        .find(|extension| extension.oid == *kind)
        .map(|extension| extension.value)
        .unwrap_or_default()
}

/// The values of one kind in a `GeneralNames`.
fn general_names(names: &[u8], kind: u8) -> impl Iterator<Item = &[u8]> {
    let list = match tlv(&mut Reader(names)) {
        Some((TAG_SEQUENCE, list)) => list,
        _ => &[],
    };
    let mut walk = Reader(list);
    std::iter::from_fn(move || tlv(&mut walk))
        .filter(move |(tag, _)| *tag == kind)
        .map(|(_, value)| value)
}

/// A host name, perhaps with a wildcard: nothing else may stand in a `dNSName`.
fn is_dns_name(name: &[u8]) -> bool {
    (1..=255).contains(&name.len())
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._*".contains(byte))
}

/// Issuer and subject are the same, and no key identifier says that the issuer's key is another.
/// The signature is not checked.
fn is_self_signed(certificate: &TbsCertificate<'_>) -> bool {
    if certificate.subject().as_raw() != certificate.issuer().as_raw() {
        return false;
    }
    let own = match tlv(&mut Reader(extension(certificate, &SUBJECT_KEY_ID))) {
        Some((TAG_OCTETS, id)) => id,
        _ => return true,
    };
    let mut authority = match tlv(&mut Reader(extension(certificate, &AUTHORITY_KEY_ID))) {
        Some((TAG_SEQUENCE, list)) => Reader(list),
        _ => return true,
    };
    match tlv(&mut authority) {
        Some((TAG_KEY_ID, id)) => id == own,
        _ => true,
    }
}

fn is_personal(name: &X509Name<'_>) -> bool {
    name.iter_attributes()
        .any(|attribute| PERSONAL.contains(attribute.attr_type()))
}

/// The kept attributes of a name as RFC 4514 writes them: the last one first.
fn text_of_name(name: &X509Name<'_>) -> String {
    let mut text = String::new();
    let mut parts: Vec<_> = name.iter_rdn().collect();
    parts.reverse();
    for part in parts {
        let mut separator = ',';
        for attribute in part.iter() {
            let Some(label) = label_of(attribute.attr_type()) else {
                continue;
            };
            let value = text_of_value(attribute.attr_value());
            // An address of e-mail in a common name is a mailbox, not a device.
            if value.trim().is_empty() || value.contains('@') {
                continue;
            }
            if !text.is_empty() {
                text.push(separator);
            }
            separator = '+';
            text.push_str(label);
            text.push('=');
            push_escaped(&mut text, value.trim());
        }
    }
    text
}

fn label_of(kind: &Oid<'_>) -> Option<&'static str> {
    KEPT.iter()
        .find(|(kept, _)| kept == kind)
        .map(|(_, label)| *label)
}

/// A DirectoryString in UTF-8, by its tag: X.680.
fn text_of_value(value: &Any<'_>) -> String {
    match value.tag().0 {
        // TeletexString: in practice Latin-1.
        20 => value.data.iter().map(|byte| char::from(*byte)).collect(),
        // UniversalString: UTF-32.
        28 => value
            .data
            .as_chunks::<4>()
            .0
            .iter()
            .filter_map(|unit| char::from_u32(u32::from_be_bytes(*unit)))
            .collect(),
        // BMPString: UTF-16.
        30 => char::decode_utf16(crate::proto::reader::words(value.data))
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect(),
        12 | 18 | 19 | 22 | 26 => String::from_utf8_lossy(value.data).into_owned(),
        _ => String::new(),
    }
}

/// RFC 4514, 2.4. Control characters, which have no place in a name, are left out.
fn push_escaped(text: &mut String, value: &str) {
    for (index, character) in value.chars().filter(|c| !c.is_control()).enumerate() {
        if "\"+,;<>\\".contains(character) || (index == 0 && character == '#') {
            text.push('\\');
        }
        text.push(character);
    }
}

/// A time as `YYYY-MM-DDThh:mm:ssZ`.
fn rfc3339(time: &ASN1Time) -> String {
    let time = time.to_datetime();
    let mut text = String::with_capacity(20);
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::public_key::RSAPublicKey;

    #[test]
    fn a_key_is_told_by_its_length() {
        let rsa = |zeros: usize, len: usize| {
            let modulus = [vec![0; zeros], vec![0x7f; len]].concat();
            text_of_key(&PublicKey::RSA(RSAPublicKey {
                modulus: &modulus,
                exponent: &[1, 0, 1],
            }))
        };
        assert_eq!(rsa(1, 128), "RSA 1024");
        assert_eq!(rsa(0, 256), "RSA 2048");
        assert_eq!(rsa(3, 0), "RSA 0");
        assert_eq!(text_of_key(&PublicKey::DSA(&[1])), "DSA");
        assert_eq!(text_of_key(&PublicKey::Unknown(&[1])), "");
    }
}
