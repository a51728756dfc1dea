//! Which service a SOP class belongs to, and which part a request gives its sender in it. It
//! knows no device: what a service says about one is for the rules.
//!
//! Numbers: DICOM PS3.4 and PS3.6 annex A; commands: PS3.7.

use super::command::field;

/// A service class, as far as it tells what part a device plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// C-ECHO.
    Echo,
    /// C-STORE.
    Storage,
    /// C-FIND on the modality worklist.
    Worklist,
    /// C-FIND on a query model.
    Query,
    /// C-MOVE.
    Move,
    /// C-GET.
    Get,
    /// Modality performed procedure step.
    Mpps,
    /// Storage commitment.
    Commitment,
    /// Print management.
    Print,
    /// What a printer or a display says of itself: N-GET, PS3.4 annexes H.4.6 and EE.
    Equipment,
    /// Any other, which gives no part here.
    Other,
}

/// Modality worklist, FIND.
const WORKLIST: &[u8] = b"1.2.840.10008.5.1.4.31";
/// Modality performed procedure step; `.4` and `.5` are its retrieval and notification.
const MPPS: &[u8] = b"1.2.840.10008.3.1.2.3.3";
/// Storage commitment, push model.
const COMMITMENT: &[u8] = b"1.2.840.10008.1.20.1";
/// Query/retrieve, all models and their three operations.
const QUERY_RETRIEVE: &[u8] = b"1.2.840.10008.5.1.4.1.2.";
/// Display system.
const DISPLAY: &[u8] = b"1.2.840.10008.5.1.1.40";
/// Printer.
const PRINTER: &[u8] = b"1.2.840.10008.5.1.1.16";
/// Print management: sessions, boxes, jobs, printers and the metas that hold them.
const PRINT: &[&[u8]] = &[
    b"1.2.840.10008.5.1.1.1",
    b"1.2.840.10008.5.1.1.2",
    b"1.2.840.10008.5.1.1.4",
    b"1.2.840.10008.5.1.1.4.1",
    b"1.2.840.10008.5.1.1.9",
    b"1.2.840.10008.5.1.1.14",
    b"1.2.840.10008.5.1.1.15",
    b"1.2.840.10008.5.1.1.16",
    b"1.2.840.10008.5.1.1.16.376",
    b"1.2.840.10008.5.1.1.18",
    b"1.2.840.10008.5.1.1.23",
];

impl Service {
    /// The service that a request uses, by its command and its SOP class.
    pub fn of(command: u16, sop_class: &[u8]) -> Self {
        match command {
            field::ECHO => Self::Echo,
            field::STORE => Self::Storage,
            field::MOVE => Self::Move,
            field::GET => Self::Get,
            field::FIND if sop_class == WORKLIST => Self::Worklist,
            field::FIND if sop_class.starts_with(QUERY_RETRIEVE) => Self::Query,
            field::FIND => Self::Other,
            field::GET_ATTRIBUTES if [PRINTER, DISPLAY].contains(&sop_class) => Self::Equipment,
            _ if sop_class == MPPS => Self::Mpps,
            _ if sop_class == COMMITMENT => Self::Commitment,
            _ if PRINT.contains(&sop_class) => Self::Print,
            _ => Self::Other,
        }
    }

    /// The part of an end in this service: the user asks for it, the provider gives it.
    pub const fn role(self, user: bool) -> Option<&'static [u8]> {
        Some(match (self, user) {
            (Self::Echo, true) => b"echo_scu",
            (Self::Echo, false) => b"echo_scp",
            (Self::Storage, true) => b"storage_scu",
            (Self::Storage, false) => b"storage_scp",
            (Self::Worklist, true) => b"worklist_scu",
            (Self::Worklist, false) => b"worklist_scp",
            (Self::Query, true) => b"query_scu",
            (Self::Query, false) => b"query_scp",
            (Self::Move, true) => b"move_scu",
            (Self::Move, false) => b"move_scp",
            (Self::Get, true) => b"get_scu",
            (Self::Get, false) => b"get_scp",
            (Self::Mpps, true) => b"mpps_scu",
            (Self::Mpps, false) => b"mpps_scp",
            (Self::Commitment, true) => b"commitment_scu",
            (Self::Commitment, false) => b"commitment_scp",
            (Self::Print, true) => b"print_scu",
            (Self::Print, false) => b"print_scp",
            (Self::Equipment, true) => b"equipment_scu",
            (Self::Equipment, false) => b"equipment_scp",
            (Self::Other, _) => return None,
        })
    }
}

/// What a sender says by handing on objects that it did not make.
pub const FORWARDER: &[u8] = b"forwarder";

/// True where the sender of a request is the service's user. Only a provider reports events
/// (PS3.7 10.1.1); every other request is a user's.
pub const fn asks_as_user(command: u16) -> bool {
    command != field::EVENT_REPORT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_by_command_and_class() {
        assert_eq!(Service::of(field::FIND, WORKLIST), Service::Worklist);
        assert_eq!(
            Service::of(field::FIND, b"1.2.840.10008.5.1.4.1.2.2.1"),
            Service::Query
        );
        assert_eq!(Service::of(field::CREATE, MPPS), Service::Mpps);
        assert_eq!(Service::of(field::ACTION, COMMITMENT), Service::Commitment);
        assert_eq!(Service::of(field::SET, b"1.2.3"), Service::Other);
        assert_eq!(
            Service::of(field::GET_ATTRIBUTES, PRINTER),
            Service::Equipment
        );
        assert_eq!(Service::of(field::ACTION, PRINTER), Service::Print);
        assert_eq!(Service::Other.role(true), None);
        assert_eq!(Service::Worklist.role(false), Some(&b"worklist_scp"[..]));
    }
}
