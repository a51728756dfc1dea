//! Made DICOM associations (PS3.8, section 9.3) and C-STORE messages (PS3.7, section 9.3.1) with
//! a data set in implicit VR little endian (PS3.5, section 7.1.3). The patient is a canary, the
//! pixels are noise.

/// Bytes of a P-DATA-TF item that a sender fills: its peer's maximum length is 16384.
pub const FRAGMENT_LEN_MAX: usize = 16_384 - 6;

const APPLICATION_CONTEXT: &str = "1.2.840.10008.3.1.1.1";
const CT_IMAGE_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.2";
const IMPLICIT_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2";
const IMPLEMENTATION_CLASS: &str = "1.2.826.0.1.3680043.2.9999.1";

/// A-ASSOCIATE-RQ.
pub fn request(called: &str, calling: &str) -> Vec<u8> {
    let mut context = vec![1, 0, 0, 0];
    item(&mut context, 0x30, CT_IMAGE_STORAGE.as_bytes());
    item(&mut context, 0x40, IMPLICIT_LITTLE_ENDIAN.as_bytes());
    associate(1, called, calling, 0x20, &context, "MAKER_SCU_10")
}

/// A-ASSOCIATE-AC.
pub fn accept(called: &str, calling: &str) -> Vec<u8> {
    let mut context = vec![1, 0, 0, 0];
    item(&mut context, 0x40, IMPLICIT_LITTLE_ENDIAN.as_bytes());
    associate(2, called, calling, 0x21, &context, "MAKER_SCP_20")
}

fn associate(
    kind: u8,
    called: &str,
    calling: &str,
    context_kind: u8,
    context: &[u8],
    version: &str,
) -> Vec<u8> {
    let mut body = vec![0, 1, 0, 0];
    body.extend_from_slice(format!("{called:<16.16}{calling:<16.16}").as_bytes());
    body.extend_from_slice(&[0; 32]);
    item(&mut body, 0x10, APPLICATION_CONTEXT.as_bytes());
    item(&mut body, context_kind, context);
    let mut user = Vec::new();
    item(&mut user, 0x51, &16_384u32.to_be_bytes());
    item(&mut user, 0x52, IMPLEMENTATION_CLASS.as_bytes());
    item(&mut user, 0x55, version.as_bytes());
    item(&mut body, 0x50, &user);
    pdu(kind, &body)
}

/// A-RELEASE-RQ.
pub fn release_request() -> Vec<u8> {
    pdu(5, &[0; 4])
}

/// A-RELEASE-RP.
pub fn release_reply() -> Vec<u8> {
    pdu(6, &[0; 4])
}

/// C-STORE-RQ, the command alone.
pub fn store_request(message: u16, instance: &str) -> Vec<u8> {
    let mut command = Vec::new();
    text(&mut command, 0x0000, 0x0002, CT_IMAGE_STORAGE, 0);
    short(&mut command, 0x0000, 0x0100, 0x0001);
    short(&mut command, 0x0000, 0x0110, message);
    short(&mut command, 0x0000, 0x0700, 0);
    short(&mut command, 0x0000, 0x0800, 0x0001);
    text(&mut command, 0x0000, 0x1000, instance, 0);
    command_pdu(&command)
}

/// C-STORE-RSP, success.
pub fn store_response(message: u16, instance: &str) -> Vec<u8> {
    let mut command = Vec::new();
    text(&mut command, 0x0000, 0x0002, CT_IMAGE_STORAGE, 0);
    short(&mut command, 0x0000, 0x0100, 0x8001);
    short(&mut command, 0x0000, 0x0120, message);
    short(&mut command, 0x0000, 0x0800, 0x0101);
    short(&mut command, 0x0000, 0x0900, 0);
    text(&mut command, 0x0000, 0x1000, instance, 0);
    command_pdu(&command)
}

/// What a data set says of the equipment.
#[derive(Clone, Copy, Debug)]
pub struct Equipment<'a> {
    /// (0008,1010).
    pub station: &'a str,
    /// (0018,1000).
    pub serial: &'a str,
}

/// A data set up to its pixels: `pixels_len` bytes follow.
pub fn data_set(instance: &str, equipment: &Equipment<'_>, pixels_len: u32) -> Vec<u8> {
    let mut set = Vec::new();
    text(&mut set, 0x0008, 0x0016, CT_IMAGE_STORAGE, 0);
    text(&mut set, 0x0008, 0x0018, instance, 0);
    text(&mut set, 0x0008, 0x0060, "CT", b' ');
    text(&mut set, 0x0008, 0x0070, "Maker Works", b' ');
    text(&mut set, 0x0008, 0x0080, "Made Hospital", b' ');
    text(&mut set, 0x0008, 0x1010, equipment.station, b' ');
    text(&mut set, 0x0008, 0x1090, "Maker CT 64", b' ');
    text(&mut set, 0x0010, 0x0010, "CANARY^PATIENT", b' ');
    text(&mut set, 0x0010, 0x0020, "CANARY-ID", b' ');
    text(&mut set, 0x0018, 0x1000, equipment.serial, b' ');
    text(&mut set, 0x0018, 0x1020, "VA10", b' ');
    short(&mut set, 0x0028, 0x0010, 512);
    short(&mut set, 0x0028, 0x0011, 512);
    short(&mut set, 0x0028, 0x0100, 16);
    header(&mut set, 0x7fe0, 0x0010, pixels_len);
    set
}

/// A P-DATA-TF with one fragment of a data set.
pub fn data_pdu(fragment: &[u8], last: bool) -> Vec<u8> {
    value_pdu(if last { 2 } else { 0 }, fragment)
}

fn command_pdu(elements: &[u8]) -> Vec<u8> {
    let mut command = Vec::new();
    header(&mut command, 0x0000, 0x0000, 4);
    command.extend_from_slice(&(elements.len() as u32).to_le_bytes());
    command.extend_from_slice(elements);
    value_pdu(3, &command)
}

fn value_pdu(control: u8, value: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(value.len() + 6);
    body.extend_from_slice(&(value.len() as u32 + 2).to_be_bytes());
    body.extend_from_slice(&[1, control]);
    body.extend_from_slice(value);
    pdu(4, &body)
}

fn pdu(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut pdu = vec![kind, 0];
    pdu.extend_from_slice(&(body.len() as u32).to_be_bytes());
    pdu.extend_from_slice(body);
    pdu
}

fn item(out: &mut Vec<u8>, kind: u8, body: &[u8]) {
    out.extend_from_slice(&[kind, 0]);
    out.extend_from_slice(&(body.len() as u16).to_be_bytes());
    out.extend_from_slice(body);
}

fn header(out: &mut Vec<u8>, group: u16, element: u16, len: u32) {
    out.extend_from_slice(&group.to_le_bytes());
    out.extend_from_slice(&element.to_le_bytes());
    out.extend_from_slice(&len.to_le_bytes());
}

fn short(out: &mut Vec<u8>, group: u16, element: u16, value: u16) {
    header(out, group, element, 2);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Text of even length; identifiers are padded with zero, other text with a blank (PS3.5, 6.2).
fn text(out: &mut Vec<u8>, group: u16, element: u16, value: &str, pad: u8) {
    let odd = value.len() % 2;
    header(out, group, element, (value.len() + odd) as u32);
    out.extend_from_slice(value.as_bytes());
    if odd == 1 {
        out.push(pad);
    }
}
