//! The names of SOAP, WS-Addressing, DPWS, ONVIF and BICEPS documents that are read. What is not
//! here is stepped over, above all the states of patients, operators and workflows.

use crate::proto::xml::{Name, Schema};

const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";
const ADDRESSING_2004: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
const METADATA: &str = "http://schemas.xmlsoap.org/ws/2004/09/mex";
const DPWS: &str = "http://docs.oasis-open.org/ws-dd/ns/dpws/2009/01";
const DPWS_2006: &str = "http://schemas.xmlsoap.org/ws/2006/02/devprof";
const PUBLICATION: &str = "http://schemas.microsoft.com/windows/pub/2005/07";
const ONVIF: &str = "http://www.onvif.org/ver10/device/wsdl";
const MESSAGE: &str = "http://standards.ieee.org/downloads/11073/11073-10207-2017/message";
const PARTICIPANT: &str = "http://standards.ieee.org/downloads/11073/11073-10207-2017/participant";
/// The namespace of `type`, by which a state says what it is a state of.
pub const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// What counts in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// SOAP.
    Envelope,
    Header,
    Action,
    Body,
    /// DPWS metadata.
    Metadata,
    Section,
    ThisModel,
    ThisDevice,
    Relationship,
    Host,
    Computer,
    /// ONVIF.
    DeviceInformation,
    Model,
    HardwareId,
    /// Of several of these.
    FirmwareVersion,
    Manufacturer,
    ModelName,
    ModelNumber,
    SerialNumber,
    /// BICEPS answers and reports.
    MdibResponse,
    DescriptionResponse,
    ContextResponse,
    ContextReport,
    AlertReport,
    ReportPart,
    /// BICEPS parts.
    Mdib,
    Description,
    Mds,
    Type,
    MetaData,
    Udi,
    UdiText,
    UdiDevice,
    Production,
    ProductionType,
    ProductionText,
    States,
    State,
    ContextState,
    AlertState,
    LocationDetail,
    /// Types of states, as values name them.
    LocationContext,
    MdsState,
    Condition,
}

macro_rules! dpws {
    ($($space:expr),+) => { &[
        Name::new(SOAP, "Envelope", Key::Envelope),
        Name::new(SOAP, "Header", Key::Header),
        Name::new(SOAP, "Body", Key::Body),
        Name::new(ADDRESSING, "Action", Key::Action),
        Name::new(ADDRESSING_2004, "Action", Key::Action),
        Name::new(METADATA, "Metadata", Key::Metadata),
        Name::new(METADATA, "MetadataSection", Key::Section),
        $(
            Name::new($space, "ThisModel", Key::ThisModel),
            Name::new($space, "ThisDevice", Key::ThisDevice),
            Name::new($space, "Relationship", Key::Relationship),
            Name::new($space, "Host", Key::Host),
            Name::new($space, "Manufacturer", Key::Manufacturer),
            Name::new($space, "ModelName", Key::ModelName),
            Name::new($space, "ModelNumber", Key::ModelNumber),
            Name::new($space, "SerialNumber", Key::SerialNumber),
            Name::new($space, "FirmwareVersion", Key::FirmwareVersion),
        )+
        Name::new(PUBLICATION, "Computer", Key::Computer),
        Name::new(ONVIF, "GetDeviceInformationResponse", Key::DeviceInformation),
        Name::new(ONVIF, "Manufacturer", Key::Manufacturer),
        Name::new(ONVIF, "Model", Key::Model),
        Name::new(ONVIF, "FirmwareVersion", Key::FirmwareVersion),
        Name::new(ONVIF, "SerialNumber", Key::SerialNumber),
        Name::new(ONVIF, "HardwareId", Key::HardwareId),
        Name::new(MESSAGE, "GetMdibResponse", Key::MdibResponse),
        Name::new(MESSAGE, "GetMdDescriptionResponse", Key::DescriptionResponse),
        Name::new(MESSAGE, "GetContextStatesResponse", Key::ContextResponse),
        Name::new(MESSAGE, "EpisodicContextReport", Key::ContextReport),
        Name::new(MESSAGE, "EpisodicAlertReport", Key::AlertReport),
        Name::new(MESSAGE, "ReportPart", Key::ReportPart),
        Name::new(MESSAGE, "Mdib", Key::Mdib),
        Name::new(MESSAGE, "MdDescription", Key::Description),
        Name::new(MESSAGE, "ContextState", Key::ContextState),
        Name::new(MESSAGE, "AlertState", Key::AlertState),
        Name::new(PARTICIPANT, "MdDescription", Key::Description),
        Name::new(PARTICIPANT, "Mds", Key::Mds),
        Name::new(PARTICIPANT, "Type", Key::Type),
        Name::new(PARTICIPANT, "MetaData", Key::MetaData),
        Name::new(PARTICIPANT, "Manufacturer", Key::Manufacturer),
        Name::new(PARTICIPANT, "ModelName", Key::ModelName),
        Name::new(PARTICIPANT, "ModelNumber", Key::ModelNumber),
        Name::new(PARTICIPANT, "SerialNumber", Key::SerialNumber),
        Name::new(PARTICIPANT, "Udi", Key::Udi),
        Name::new(PARTICIPANT, "HumanReadableForm", Key::UdiText),
        Name::new(PARTICIPANT, "DeviceIdentifier", Key::UdiDevice),
        Name::new(PARTICIPANT, "ProductionSpecification", Key::Production),
        Name::new(PARTICIPANT, "SpecType", Key::ProductionType),
        Name::new(PARTICIPANT, "ProductionSpec", Key::ProductionText),
        Name::new(PARTICIPANT, "MdState", Key::States),
        Name::new(PARTICIPANT, "State", Key::State),
        Name::new(PARTICIPANT, "LocationDetail", Key::LocationDetail),
        Name::new(PARTICIPANT, "LocationContextState", Key::LocationContext),
        Name::new(PARTICIPANT, "MdsState", Key::MdsState),
        Name::new(PARTICIPANT, "AlertConditionState", Key::Condition),
        Name::new(PARTICIPANT, "LimitAlertConditionState", Key::Condition),
    ] };
}

/// The names that count.
pub static SCHEMA: Schema<Key> = Schema {
    spaces: &[
        SOAP,
        ADDRESSING,
        ADDRESSING_2004,
        METADATA,
        DPWS,
        DPWS_2006,
        PUBLICATION,
        ONVIF,
        MESSAGE,
        PARTICIPANT,
        INSTANCE,
    ],
    names: dpws!(DPWS, DPWS_2006),
};
