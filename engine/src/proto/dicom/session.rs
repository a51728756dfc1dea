//! One DICOM conversation: PDUs, the PDVs in them, the commands and data sets in those, each
//! taken as it comes. It holds a command set and the kept values of one data set for each
//! direction; pixels pass it by unseen.

use medtap_table::vocabulary::{Event, Field};

use super::association::{Association, called_title};
use super::command::{Command, Status, field};
use super::data_set::DataSet;
use super::direction::{Direction, Request, State, Step, is_plausible, starts_pdu};
use super::document::Document;
use super::equipment::Kind;
use super::pdu::{Associate, PDU_HEADER_LEN, PDV_HEADER_LEN, Pdu, Pdv, kind};
use super::service::{FORWARDER, Service, asks_as_user};
use crate::config::{DICOM_ASSOCIATION_BYTES_MAX, DICOM_COMMAND_BYTES_MAX, DICOM_RESYNCS_MAX};
use crate::observe::{Emit, Fault, Observation, Role, Subject};
use crate::proto::{Progress, Segment, Session, Then};

/// One conversation.
#[derive(Default)]
pub struct DicomSession {
    client: Direction,
    server: Direction,
    association: Association,
    confirmed: bool,
    /// Capture time of the bytes at hand.
    time_ns: u64,
}

impl Session for DicomSession {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let mut used = 0;
        let mut then = Then::More;
        self.time_ns = segment.time_ns;
        while let Some(rest) = segment.bytes.get(used..) {
            // A state without bytes left moves on only where it needs none.
            match self.step(rest, segment, emit) {
                Step::Used(bytes) if bytes > 0 => used += bytes,
                Step::Used(_) => {}
                Step::Wait => break,
                Step::Skip(bytes) => {
                    used = segment.bytes.len();
                    then = Then::Skip(bytes);
                    break;
                }
                Step::Lost(fault) => {
                    let direction = self.direction(segment.from);
                    let malformed = Observation::malformed(direction.has_holes);
                    emit(fault.map_or(malformed, Observation::Faulty));
                    direction.lose();
                    direction.resyncs += 1;
                    if direction.resyncs > DICOM_RESYNCS_MAX {
                        return Progress::DONE;
                    }
                }
            }
        }
        let used = used.min(segment.bytes.len());
        self.direction(segment.from).held = (segment.bytes.len() - used) as u64;
        Progress {
            consumed: used,
            then,
        }
    }

    fn gap(&mut self, from: Role, missing: u64) -> bool {
        let direction = self.direction(from);
        let missing = missing.saturating_add(std::mem::take(&mut direction.held));
        direction.hole();
        // A hole inside a fragment of a data set costs the data set; a hole elsewhere in a PDU what
        // comes after it there: half a command is none.
        match direction.state {
            Some(State::Fragment {
                pdv,
                left,
                pdu_left,
            }) if missing <= left && !pdv.command => {
                direction.forget_message();
                direction.state = Some(State::Fragment {
                    pdv,
                    left: left - missing,
                    pdu_left,
                });
            }
            Some(State::Fragment { left, pdu_left, .. })
                if missing <= left.saturating_add(pdu_left) =>
            {
                direction.discard(left.saturating_add(pdu_left) - missing);
            }
            _ => direction.lose(),
        }
        true
    }

    fn kept_bytes(&self) -> usize {
        self.client.kept_bytes() + self.server.kept_bytes() + self.association.kept_bytes()
    }
}

impl DicomSession {
    fn direction(&mut self, from: Role) -> &mut Direction {
        match from {
            Role::Server => &mut self.server,
            Role::Client | Role::Peer => &mut self.client,
        }
    }

    /// One step of a direction: a header, a whole association PDU, or a piece of a fragment.
    fn step(&mut self, rest: &[u8], segment: &Segment<'_>, emit: Emit<'_>) -> Step {
        let from = segment.from;
        let direction = self.direction(from);
        match direction.state {
            None => {
                // A capture may begin in the middle of a PDU.
                match starts_pdu(rest) {
                    None => return Step::Wait,
                    Some(true) => direction.state = Some(State::Pdu),
                    Some(false) => direction.state = Some(State::Lost),
                }
                Step::Used(0)
            }
            Some(State::Pdu) => self.pdu(rest, segment, emit),
            Some(State::Pdv { pdu_left: 0 }) => {
                direction.state = Some(State::Pdu);
                Step::Used(0)
            }
            Some(State::Pdv { pdu_left }) => {
                let header = match pdu_left < PDV_HEADER_LEN as u64 {
                    true => Some(None),
                    false => Pdv::parse(rest),
                };
                match header {
                    None => Step::Wait,
                    Some(Some(pdv)) if u64::from(pdv.len) + PDV_HEADER_LEN as u64 <= pdu_left => {
                        let left = u64::from(pdv.len);
                        let pdu_left = pdu_left - left - PDV_HEADER_LEN as u64;
                        direction.state = Some(State::Fragment {
                            pdv,
                            left,
                            pdu_left,
                        });
                        self.begin_fragment(pdv, from, emit);
                        Step::Used(PDV_HEADER_LEN)
                    }
                    Some(header) => {
                        // Its PDU ends before it, or it is no header at all.
                        let cut = header.is_some() || pdu_left < PDV_HEADER_LEN as u64;
                        emit(Observation::malformed(cut || direction.has_holes));
                        direction.discard(pdu_left);
                        Step::Used(0)
                    }
                }
            }
            Some(State::Fragment {
                pdv,
                left: 0,
                pdu_left,
            }) => {
                direction.state = Some(State::Pdv { pdu_left });
                self.end_fragment(pdv, from, emit);
                Step::Used(0)
            }
            Some(State::Fragment {
                pdv,
                left,
                pdu_left,
            }) => self.fragment(rest, from, pdv, left, pdu_left, emit),
            Some(State::Lost) => direction.search(rest),
        }
    }

    /// A PDU's header, with all of the PDU unless it carries data.
    fn pdu(&mut self, rest: &[u8], segment: &Segment<'_>, emit: Emit<'_>) -> Step {
        let Some(pdu) = Pdu::parse(rest) else {
            return Step::Wait;
        };
        let from = segment.from;
        if pdu.kind == kind::DATA {
            self.established(from, emit);
            self.direction(from).state = Some(State::Pdv {
                pdu_left: u64::from(pdu.len),
            });
            return Step::Used(PDU_HEADER_LEN);
        }
        if !is_plausible(pdu) {
            let long = matches!(pdu.kind, kind::ASSOCIATE_RQ | kind::ASSOCIATE_AC)
                && pdu.len as usize > DICOM_ASSOCIATION_BYTES_MAX;
            return Step::Lost(long.then_some(Fault::OverLimit));
        }
        let whole = PDU_HEADER_LEN + pdu.len as usize;
        let Some(body) = rest.get(PDU_HEADER_LEN..whole) else {
            return Step::Wait;
        };
        let sound = match pdu.kind {
            kind::ASSOCIATE_RQ if from != Role::Client => false,
            kind::ASSOCIATE_AC | kind::ASSOCIATE_RJ if from == Role::Client => false,
            kind::ASSOCIATE_RQ => Associate::parse(body).is_some_and(|request| {
                self.client = Direction::kept_state(&mut self.client);
                self.server.forget_message();
                self.association.request(&request, emit)
            }),
            kind::ASSOCIATE_AC => Associate::parse(body).is_some_and(|answer| {
                if self.association.pending {
                    self.confirm(emit);
                }
                self.established(from, emit);
                self.association.answer(&answer, emit)
            }),
            kind::ASSOCIATE_RJ => self.rejected(body, emit),
            kind::ABORT => aborted(body, emit),
            _ => true,
        };
        if !sound {
            let cut = Associate::parse(body).is_some_and(|associate| associate.items.are_cut());
            emit(Observation::malformed(
                cut || self.direction(from).has_holes,
            ));
        }
        Step::Used(whole)
    }

    /// The association stands: both titles are taken for what they say. The answer says so, and
    /// so do data from either end, where the answer was not seen.
    fn established(&mut self, from: Role, emit: Emit<'_>) {
        if !std::mem::take(&mut self.association.pending) {
            return;
        }
        let client = subject(Role::Client, from);
        let calling = self.association.calling;
        if !calling.as_bytes().is_empty() {
            fact(client, Field::DicomAeTitle, calling.as_bytes(), emit);
        }
        if let Some(called) = called_title(&self.association.called) {
            fact(
                subject(Role::Server, from),
                Field::DicomAeTitle,
                called,
                emit,
            );
        }
        event(client, Event::DicomAssociation, emit);
    }

    /// A-ASSOCIATE-RJ: `0 | result | source | reason`. The event and the reason belong to the end
    /// that asked. False if it is none.
    fn rejected(&mut self, body: &[u8], emit: Emit<'_>) -> bool {
        let [_, result, source, reason] = *body else {
            return false;
        };
        if !(matches!(result, 1 | 2) && matches!(source, 1..=3)) {
            return false;
        }
        if std::mem::take(&mut self.association.pending) {
            self.confirm(emit);
            // Not recognised, 3 and 7 of source 1: one of the titles is wrong.
            let titles = (source, reason) == (1, 3) || (source, reason) == (1, 7);
            let calling = self.association.calling;
            if !titles && !calling.as_bytes().is_empty() {
                fact(
                    Subject::Receiver,
                    Field::DicomAeTitle,
                    calling.as_bytes(),
                    emit,
                );
            }
        }
        let text = format!("{result}.{source}.{reason}");
        fact(
            Subject::Receiver,
            Field::DicomRejectReason,
            text.as_bytes(),
            emit,
        );
        event(Subject::Receiver, Event::DicomReject, emit);
        true
    }

    fn confirm(&mut self, emit: Emit<'_>) {
        if !std::mem::replace(&mut self.confirmed, true) {
            emit(Observation::Confirmed);
        }
    }

    /// A fragment begins; with the first of a data set that is wanted, so does its reader.
    fn begin_fragment(&mut self, pdv: Pdv, from: Role, emit: Emit<'_>) {
        if pdv.command {
            return;
        }
        let Some((kind, created)) = self.direction(from).expected.take() else {
            return;
        };
        match self.association.syntax(pdv.context) {
            Some(syntax) => {
                let data = DataSet::new(kind, syntax, created);
                self.direction(from).data = Some(Box::new(data));
            }
            None => emit(Observation::malformed(self.direction(from).has_holes)),
        }
    }

    /// Reads of a fragment what is there and wanted.
    fn fragment(
        &mut self,
        rest: &[u8],
        from: Role,
        pdv: Pdv,
        left: u64,
        pdu_left: u64,
        emit: Emit<'_>,
    ) -> Step {
        if rest.is_empty() {
            return Step::Wait;
        }
        let direction = self.direction(from);
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
        let bytes = rest.get(..here).unwrap_or_default();
        if pdv.command {
            if direction.command.len() as u64 + left > DICOM_COMMAND_BYTES_MAX as u64 {
                emit(Observation::Faulty(Fault::OverLimit));
                direction.discard(left.saturating_add(pdu_left));
                return Step::Used(0);
            }
            if !direction.command_is_broken {
                direction.command.extend_from_slice(bytes);
            }
        } else if let Some(data) = &mut direction.data {
            data.feed(bytes);
            if data.is_done() {
                self.end_data_set(from, emit);
            }
        }
        let left = left - here as u64;
        let direction = self.direction(from);
        let skip = match (&mut direction.data, pdv.command) {
            (_, true) => 0,
            (Some(data), false) => {
                // The last byte is wanted: with it the data set may end.
                let skip = data.skippable().min(left.saturating_sub(1));
                data.skip(skip);
                skip
            }
            (None, false) => left,
        };
        direction.state = Some(State::Fragment {
            pdv,
            left: left - skip,
            pdu_left,
        });
        if skip > 0 {
            Step::Skip(skip)
        } else {
            Step::Used(here)
        }
    }

    /// A fragment has ended, and with the last its command or data set.
    fn end_fragment(&mut self, pdv: Pdv, from: Role, emit: Emit<'_>) {
        if !pdv.last {
            return;
        }
        if pdv.command {
            let direction = self.direction(from);
            if std::mem::take(&mut direction.command_is_broken) {
                return direction.command.clear();
            }
            let bytes = std::mem::take(&mut direction.command);
            match Command::parse(&bytes) {
                Ok(command) => {
                    direction.has_holes = false;
                    self.command(&command, pdv.context, from, emit);
                }
                Err(fault) => {
                    let malformed = Observation::malformed(direction.has_holes);
                    emit(fault.map_or(malformed, Observation::Faulty));
                }
            }
            let direction = self.direction(from);
            direction.command = bytes;
            direction.command.clear();
        } else {
            self.end_data_set(from, emit);
        }
    }

    /// Says what a data set's equipment is.
    fn end_data_set(&mut self, from: Role, emit: Emit<'_>) {
        let time_ns = self.time_ns;
        let Some(mut data) = self.direction(from).data.take() else {
            return;
        };
        match data.fault() {
            None => data.equipment.emit(data.created.then_some(time_ns), emit),
            Some(fault) => emit(fault),
        }
    }

    /// A command set is complete.
    fn command(&mut self, command: &Command<'_>, context: u8, from: Role, emit: Emit<'_>) {
        let direction = self.direction(from);
        direction.data = None;
        direction.expected = None;
        let class = match command.sop_class {
            b"" => self.association.sop_class(context).to_vec(),
            class => class.to_vec(),
        };
        let service = if command.response {
            self.answer(command, &class, from, emit)
        } else {
            self.request(command, &class, from, emit)
        };
        if command.data_set {
            // Who hands a document on tells again what was told where it was made.
            let document = match self.hands_on(command, from) {
                true => Document::Other,
                false => Document::of(&class),
            };
            self.direction(from).expected = match (command.field, command.response, service) {
                (field::STORE, false, _) => Some((Kind::Object(document), false)),
                (field::FIND, true, Service::Worklist) if command.status == Status::Pending => {
                    Some((Kind::Worklist, false))
                }
                (field::CREATE, false, Service::Mpps) => Some((Kind::ProcedureStep, true)),
                (field::SET, false, Service::Mpps) => Some((Kind::ProcedureStep, false)),
                (field::GET_ATTRIBUTES, true, Service::Equipment) => Some((Kind::Own, false)),
                _ => None,
            };
        }
    }

    /// True for an object that the sender had from another: a third node moved it here, or this
    /// one gets it.
    fn hands_on(&mut self, command: &Command<'_>, from: Role) -> bool {
        let mut requests = self.direction(from.other()).requests.iter();
        command.moved || requests.any(|request| request.command == field::GET)
    }

    /// A request: its sender asks for a service.
    fn request(
        &mut self,
        command: &Command<'_>,
        sop_class: &[u8],
        from: Role,
        emit: Emit<'_>,
    ) -> Service {
        let service = Service::of(command.field, sop_class);
        if command.field == field::CANCEL {
            return service;
        }
        if let Some(uid) = super::association::uid_text(sop_class) {
            fact(Subject::Sender, Field::DicomSopClass, uid, emit);
        }
        if let Some(role) = service.role(asks_as_user(command.field)) {
            fact(Subject::Sender, Field::DicomRole, role, emit);
        }
        if command.field == field::STORE && self.hands_on(command, from) {
            fact(Subject::Sender, Field::DicomRole, FORWARDER, emit);
        }
        let done = match (command.field, service) {
            (field::ECHO, _) => Some(Event::DicomEcho),
            (field::STORE, _) => Some(Event::DicomStore),
            (field::FIND, _) => Some(Event::DicomFind),
            (field::MOVE, _) => Some(Event::DicomMove),
            (field::GET, _) => Some(Event::DicomGet),
            (field::ACTION, Service::Commitment) => Some(Event::DicomStorageCommitment),
            (field::EVENT_REPORT, Service::Commitment) => Some(Event::DicomCommitmentReport),
            (field::ACTION, Service::Print) => Some(Event::DicomPrint),
            _ => None,
        };
        if let Some(done) = done {
            event(Subject::Sender, done, emit);
        }
        self.direction(from).asks(Request {
            id: command.message_id,
            command: command.field,
            service,
        });
        service
    }

    /// An answer: its sender gives the service. A failure belongs to the end that asked.
    fn answer(
        &mut self,
        command: &Command<'_>,
        sop_class: &[u8],
        from: Role,
        emit: Emit<'_>,
    ) -> Service {
        let request = self.direction(from.other()).answered(command);
        let service = match request {
            Some(request) => {
                self.confirm(emit);
                request.service
            }
            None => Service::of(command.field, sop_class),
        };
        if command.status == Status::Failure {
            event(Subject::Receiver, Event::DicomFailure, emit);
        } else if let Some(role) = service.role(!asks_as_user(command.field)) {
            fact(Subject::Sender, Field::DicomRole, role, emit);
        }
        if command.field == field::FIND && command.status == Status::Success {
            event(Subject::Sender, Event::DicomQueryAnswered, emit);
        }
        service
    }
}

/// A-ABORT: `0 | 0 | source | reason`, PS3.8 9.3.8. Event and reason belong to the end that
/// aborts; a user's reason says nothing. False if it is none.
fn aborted(body: &[u8], emit: Emit<'_>) -> bool {
    let text = match *body {
        [_, _, 0, _] => "0".to_owned(),
        [_, _, 2, reason @ 0..=6] => format!("2.{reason}"),
        _ => return false,
    };
    let field = Field::DicomAbortReason;
    fact(Subject::Sender, field, text.as_bytes(), emit);
    event(Subject::Sender, Event::DicomAbort, emit);
    true
}

/// The end with this role, seen from the one that sends.
fn subject(role: Role, from: Role) -> Subject<'static> {
    if role == from {
        Subject::Sender
    } else {
        Subject::Receiver
    }
}

fn fact(subject: Subject<'_>, field: Field, value: &[u8], emit: Emit<'_>) {
    emit(Observation::Fact {
        subject,
        field,
        value,
    });
}

fn event(subject: Subject<'_>, event: Event, emit: Emit<'_>) {
    emit(Observation::Event { subject, event });
}
