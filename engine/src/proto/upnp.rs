//! UPnP device descriptions over HTTP (UPnP Device Architecture 2.0 section 2.3): maker, model,
//! serial number and type of the root device. It reads no friendly name, which is what a person
//! typed, no embedded device and no service.

use medtap_table::vocabulary::Field;

use super::http::application::{Application, Claim, Head};
use super::http::fields::Fields;
use super::xml::{Name, Schema};
use crate::observe::{Emit, Role};

/// The row of this protocol.
pub const APPLICATION: Application = Application { claim };

const DEVICE: &str = "urn:schemas-upnp-org:device-1-0";

/// What counts in a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Root,
    Device,
    /// An element whose text is this field.
    Value(Field),
}

static SCHEMA: Schema<Key> = Schema {
    spaces: &[DEVICE],
    names: &[
        Name::new(DEVICE, "root", Key::Root),
        Name::new(DEVICE, "device", Key::Device),
        Name::new(DEVICE, "deviceType", Key::Value(Field::UpnpDeviceType)),
        Name::new(DEVICE, "manufacturer", Key::Value(Field::UpnpManufacturer)),
        Name::new(DEVICE, "modelName", Key::Value(Field::UpnpModel)),
        Name::new(DEVICE, "modelNumber", Key::Value(Field::UpnpModelNumber)),
        Name::new(DEVICE, "serialNumber", Key::Value(Field::UpnpSerial)),
    ],
};

/// An answer in XML: whether it is a description, its root tells.
fn claim(head: &Head<'_>, _emit: Emit<'_>) -> Option<Claim> {
    let answers = head.from == Role::Server && head.status == 200 && head.is_direct;
    let is_xml = head.is_of_type(b"text/xml") || head.is_of_type(b"application/xml");
    (answers && is_xml).then(|| Claim {
        tag: 1,
        body: Some(Box::new(Fields::new(&SCHEMA, value))),
    })
}

/// The field of a text of the root device itself.
fn value(path: &[Option<Key>]) -> Option<Field> {
    match path {
        [Some(Key::Root), Some(Key::Device), Some(Key::Value(field))] => Some(*field),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::http::application::{BodyReader, Wants};
    use super::super::http::known::Known;
    use super::*;
    use crate::observe::Observation;

    const DESCRIPTION: &str = "<?xml version=\"1.0\"?>\
        <root xmlns=\"urn:schemas-upnp-org:device-1-0\"><specVersion><major>1</major></specVersion>\
        <device><deviceType>urn:schemas-upnp-org:device:DigitalSecurityCamera:1</deviceType>\
        <friendlyName>CANARY</friendlyName><manufacturer>PROSEWARE</manufacturer>\
        <modelDescription>CANARY</modelDescription><modelName>DOMEVIEW 4</modelName>\
        <modelNumber>DV4-20</modelNumber><serialNumber>PW4-1</serialNumber>\
        <deviceList><device><friendlyName>CANARY</friendlyName><manufacturer>CANARY</manufacturer>\
        </device></deviceList></device></root>";

    fn say(text: &[u8], size: usize) -> Vec<String> {
        let mut said = Vec::new();
        let mut body = Fields::new(&SCHEMA, value);
        for piece in text.chunks(size) {
            let wants = body.read(piece, &mut |seen| {
                if let Observation::Fact { field, value, .. } = seen {
                    said.push(format!("{} {}", field.name(), value.escape_ascii()));
                }
            });
            if wants == Wants::Nothing {
                break;
            }
        }
        said
    }

    #[test]
    fn the_root_device_says_what_it_is() {
        for size in [1, 7, 64, 4096] {
            assert_eq!(
                say(DESCRIPTION.as_bytes(), size),
                [
                    "upnp.device_type urn:schemas-upnp-org:device:DigitalSecurityCamera:1",
                    "upnp.manufacturer PROSEWARE",
                    "upnp.model_name DOMEVIEW 4",
                    "upnp.model_number DV4-20",
                    "upnp.serial_number PW4-1",
                ]
            );
        }
    }

    #[test]
    fn other_xml_is_left() {
        let other = DESCRIPTION.replace("device-1-0", "service-1-0");
        assert!(say(other.as_bytes(), 64).is_empty());
        let serial = DESCRIPTION.replace("PW4-1", "12345678");
        assert_eq!(say(serial.as_bytes(), 64).len(), 4);
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=\"utf-8\"\r\n\r\n";
        assert!(claim(&Head::of_answer(200, &Known::of(head)), &mut |_| {}).is_some());
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n";
        assert!(claim(&Head::of_answer(200, &Known::of(head)), &mut |_| {}).is_none());
    }

    #[test]
    fn fuzz_descriptions() {
        bolero::check!()
            .with_iterations(2_000)
            .with_max_len(256)
            .for_each(|bytes: &[u8]| {
                let at = bytes.first().map_or(0, |byte| usize::from(*byte) * 3);
                let (head, tail) = DESCRIPTION.as_bytes().split_at(at.min(DESCRIPTION.len()));
                let said = say(&[head, bytes, tail].concat(), 100);
                assert!(!said.concat().contains("CANARY"));
            });
    }
}
