//! Windows Remote Management over HTTP (DMTF DSP0226, [MS-WSMV]; ports 5985 and 5986): that a
//! machine is administered, and the product that answers to Identify. It reads no user, no
//! command and no output; most of it is encrypted anyway.

use medtap_table::vocabulary::{Field, Protocol};

use super::http::application::{Application, BodyReader, Claim, Head};
use super::http::fields::Fields;
use super::http::known;
use super::xml::{Name, Schema};
use crate::observe::{Emit, Observation, Role};

/// The row of this protocol.
pub const APPLICATION: Application = Application { claim };

/// What requests go to: the service, and the one that answers to anybody (DSP0226 section 11).
const PATHS: [&[u8]; 2] = [b"/wsman", b"/wsman-anon/identify"];
/// SOAP, in clear or in parts that are encrypted ([MS-WSMV] 2.2.9.1).
const MEDIA_TYPES: [&[u8]; 3] = [
    b"application/soap+xml",
    b"multipart/encrypted",
    b"multipart/x-multi-encrypted",
];

const ENVELOPE: &str = "http://www.w3.org/2003/05/soap-envelope";
const IDENTITY: &str = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd";

/// What counts in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Envelope,
    Body,
    Identity,
    Value(Field),
}

static SCHEMA: Schema<Key> = Schema {
    spaces: &[ENVELOPE, IDENTITY],
    names: &[
        Name::new(ENVELOPE, "Envelope", Key::Envelope),
        Name::new(ENVELOPE, "Body", Key::Body),
        Name::new(IDENTITY, "IdentifyResponse", Key::Identity),
        Name::new(IDENTITY, "ProductVendor", Key::Value(Field::WinrmVendor)),
        Name::new(IDENTITY, "ProductVersion", Key::Value(Field::WinrmVersion)),
    ],
};

fn claim(head: &Head<'_>, emit: Emit<'_>) -> Option<Claim> {
    if head.from == Role::Client {
        let is_asked = head.method == b"POST" && PATHS.contains(&head.path);
        let is_typed = || MEDIA_TYPES.iter().any(|kind| head.is_of_type(kind));
        // A log-in by Negotiate begins without a body.
        let logs_in = || head.field(known::Name::Authorization).is_some();
        return (is_asked && (is_typed() || logs_in())).then(|| {
            emit(Observation::Carries(Protocol::Winrm));
            Claim { tag: 1, body: None }
        });
    }
    let reads = head.asked != 0 && head.status == 200 && head.is_direct;
    (head.asked != 0).then(|| Claim {
        tag: 1,
        body: (reads && head.is_of_type(b"application/soap+xml"))
            .then(|| Box::new(Fields::new(&SCHEMA, value)) as Box<dyn BodyReader>),
    })
}

/// The field of a text of the answer itself.
fn value(path: &[Option<Key>]) -> Option<Field> {
    match path {
        [
            Some(Key::Envelope),
            Some(Key::Body),
            Some(Key::Identity),
            Some(Key::Value(field)),
        ] => Some(*field),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, check_cuts, run};
    use super::super::http;
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const ASK: &[u8] = b"POST /wsman-anon/identify HTTP/1.1\r\nHost: ws7\r\n\
        Content-Type: application/soap+xml;charset=UTF-8\r\nContent-Length: 0\r\n\r\n";
    const IDENTIFIED: &str = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\">\
        <s:Header/><s:Body><wsmid:IdentifyResponse \
        xmlns:wsmid=\"http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd\">\
        <wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>\
        <wsmid:ProductVersion>OS: 10.0.17763 SP: 0.0 Stack: 3.0</wsmid:ProductVersion>\
        </wsmid:IdentifyResponse></s:Body></s:Envelope>";

    fn answer(status: &str, body: &str) -> Vec<u8> {
        let len = body.len();
        let kind = "Content-Type: application/soap+xml;charset=UTF-8";
        format!("HTTP/1.1 {status}\r\n{kind}\r\nContent-Length: {len}\r\n\r\n{body}").into_bytes()
    }

    #[test]
    fn who_identifies_itself_names_its_product() {
        let answer = answer("200 OK", IDENTIFIED);
        let talk = [(Role::Client, ASK), (Role::Server, &answer[..])];
        let said = run(&http::CLASSIFIER, &talk);
        assert!(said.contains(&"Carries(Winrm)".to_owned()));
        assert!(said.contains(&"sender winrm.product_vendor=Microsoft Corporation".to_owned()));
        let version = "sender winrm.product_version=OS: 10.0.17763 SP: 0.0 Stack: 3.0";
        assert!(said.contains(&version.to_owned()));
        check_cuts(&http::CLASSIFIER, &talk);
    }

    #[test]
    fn other_requests_are_not_claimed() {
        let upload = b"POST /wsman HTTP/1.1\r\nContent-Type: text/plain\r\n\r\n";
        assert!(
            !run(&http::CLASSIFIER, &[(Role::Client, upload)])
                .contains(&"Carries(Winrm)".to_owned())
        );
        let output = IDENTIFIED.replace("IdentifyResponse", "CANARY");
        let answer = answer("200 OK", &output);
        let said = run(
            &http::CLASSIFIER,
            &[(Role::Client, ASK), (Role::Server, &answer)],
        );
        assert!(!said.iter().any(|said| said.contains("Microsoft")));
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            check_any(&http::CLASSIFIER, bytes, STREAM_BYTES_MAX);
            let answer = answer("200 OK", &String::from_utf8_lossy(bytes));
            run(
                &http::CLASSIFIER,
                &[(Role::Client, ASK), (Role::Server, &answer)],
            );
        });
    }
}
