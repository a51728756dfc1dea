//! The numbers and names that every side shares: protocols, fields, attributes, categories,
//! classes, events and counters. Append only: a number, once shipped, keeps its meaning, since
//! saved tables carry it. It knows no parser, no rule and no policy.

/// Declares an append-only vocabulary: an enum with fixed numbers and one name per variant.
macro_rules! vocabulary {
    ($(#[$meta:meta])* $name:ident: $repr:ty { $($(#[$vmeta:meta])* $variant:ident = $number:literal, $text:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr($repr)]
        pub enum $name { $($(#[$vmeta])* #[doc = concat!("`", $text, "`.")] $variant = $number,)+ }

        impl $name {
            /// Every variant, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name that people and JSON see.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The variant of a stored number, if this version knows it.
            pub const fn from_number(number: $repr) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }

            /// The variant of a name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }

            /// The stored number.
            pub const fn number(self) -> $repr { self as $repr }
        }
    };
}

mod field;
mod finding;

pub use field::Field;
pub use finding::FindingId;

vocabulary! {
    /// A protocol, by Wireshark's display-filter name.
    Protocol: u16 {
        Arp = 1, "arp";
        Icmp = 2, "icmp";
        Icmpv6 = 3, "icmpv6";
        Lldp = 4, "lldp";
        Cdp = 5, "cdp";
        Dhcp = 6, "dhcp";
        Dns = 7, "dns";
        Mdns = 8, "mdns";
        Http = 9, "http";
        Tls = 10, "tls";
        Ssh = 11, "ssh";
        Ssdp = 12, "ssdp";
        Nbns = 13, "nbns";
        Dicom = 14, "dicom";
        Hl7 = 15, "hl7";
        Dicomweb = 16, "dicomweb";
        Fhir = 17, "fhir";
        Syslog = 18, "syslog";
        Atna = 19, "atna";
        Radius = 94, "radius";
        Poct1 = 30, "poct1";
        Astm = 31, "astm";
        // Administration and files: 70–119.
        Snmp = 70, "snmp";
        Smb = 71, "smb";
        Ftp = 72, "ftp";
        Telnet = 73, "telnet";
        Rdp = 74, "rdp";
        Vnc = 75, "vnc";
        Ntp = 76, "ntp";
        Sip = 77, "sip";
        Mqtt = 78, "mqtt";
        Ldap = 79, "ldap";
        Mysql = 80, "mysql";
        Quic = 81, "quic";
        Tds = 82, "tds";
        Pgsql = 83, "pgsql";
        Resp = 84, "resp";
        Tns = 85, "tns";
        Amqp = 86, "amqp";
        Rtsp = 96, "rtsp";
        Tftp = 100, "tftp";
        Rpc = 101, "rpc";
        Portmap = 102, "portmap";
        Nfs = 103, "nfs";
        Mount = 104, "mount";
        Rmcp = 105, "rmcp";
        Tacplus = 107, "tacplus";
        Kerberos = 108, "kerberos";
        Coap = 87, "coap";
        Ipp = 88, "ipp";
        Pjl = 89, "pjl";
        Skinny = 97, "skinny";
        Rtp = 98, "rtp";
        Rtcp = 99, "rtcp";
        Rsh = 109, "rsh";
        Rlogin = 110, "rlogin";
        Wg = 111, "wg";
        Openvpn = 112, "openvpn";
        Isakmp = 113, "isakmp";
        Dhcpv6 = 114, "dhcpv6";
        Llmnr = 115, "llmnr";
        Igmp = 116, "igmp";
        Stp = 117, "stp";
        Eapol = 118, "eapol";
        // Building and industry: 120–159.
        Bacnet = 120, "bacnet";
        Modbus = 121, "modbus";
        Enip = 122, "enip";
        S7comm = 123, "s7comm";
        Opcua = 124, "opcua";
        Kip = 125, "kip";
        Dnp3 = 126, "dnp3";
        Iec104 = 127, "iec60870_104";
        Fox = 128, "fox";
        PnDcp = 129, "pn_dcp";
        Omron = 130, "omron";
        Slmp = 131, "slmp";
        Gwmp = 132, "gwmp";
        Cnip = 133, "cnip";
        Melsoft = 134, "melsoft";
        Http2 = 190, "http2";
        Wsd = 40, "wsd";
        Intellivue = 41, "intellivue";
        Ieee11073 = 42, "ieee11073";
        Medibus = 43, "medibus";
        Alaris = 44, "alaris";
        Wacp = 45, "wacp";
        Unity = 46, "unity";
        Dri = 47, "dri";
        Lantronix = 48, "lantronix";
        Addp = 49, "addp";
        Moxa = 50, "moxa";
        Tap = 51, "tap";
        Masimo = 52, "masimo";
        AlarisDisc = 192, "alaris_disc";
        Ascomalarm = 193, "ascomalarm";
        // Mail, proxies and ways through translators: 170–189.
        Smtp = 170, "smtp";
        Imap = 171, "imap";
        Pop = 172, "pop";
        Xmpp = 173, "xmpp";
        Socks = 174, "socks";
        Stun = 175, "stun";
        Dtls = 176, "dtls";
        Nbdgm = 177, "nbdgm";
        Winrm = 178, "winrm";
    }
}

impl Protocol {
    /// True where somebody works on the device that serves it: a terminal, a screen, files.
    pub const fn is_service(self) -> bool {
        matches!(
            self,
            Self::Ssh | Self::Rdp | Self::Vnc | Self::Telnet | Self::Ftp
        )
    }
}

vocabulary! {
    /// What is known of a device: the attributes of the inventory, and those that only `resolve` reads.
    Attribute: u8 {
        /// An identity observation that no rule knows: kept as it was seen, it gives no attribute.
        Observed = 0, "observed";
        Manufacturer = 1, "manufacturer";
        Model = 2, "model";
        SerialNumber = 3, "serial_number";
        HardwareVersion = 4, "hardware_version";
        FirmwareVersion = 5, "firmware_version";
        SoftwareVersion = 6, "software_version";
        Os = 7, "os";
        OsVersion = 8, "os_version";
        Hostname = 9, "hostname";
        AeTitle = 10, "ae_title";
        StationName = 11, "station_name";
        Institution = 12, "institution";
        Department = 13, "department";
        Location = 14, "location";
        Udi = 15, "udi";
        UserAgent = 16, "user_agent";
        /// The value is the name of a [`Category`]: what kind of device it is.
        Category = 64, "category";
        /// The value is the name of the manufacturer that a MAC address was assigned to: a hint.
        MacVendor = 65, "mac_vendor";
        /// The value is the name of a [`FindingId`]: a weakness that the raw value shows.
        Finding = 66, "finding";
        /// The value is a date, `2020-01-14`: until then the maker mends what the raw value names.
        EndOfSupport = 67, "end_of_support";
    }
}

impl Attribute {
    /// The attributes that the inventory shows, in the order of DESIGN's contract.
    pub const SHOWN: &'static [Self] = &[
        Self::Manufacturer,
        Self::Model,
        Self::SerialNumber,
        Self::HardwareVersion,
        Self::FirmwareVersion,
        Self::SoftwareVersion,
        Self::Os,
        Self::OsVersion,
        Self::Hostname,
        Self::AeTitle,
        Self::StationName,
        Self::Institution,
        Self::Department,
        Self::Location,
        Self::Udi,
        Self::UserAgent,
    ];
}

vocabulary! {
    /// The class of a device, see [`Category::class`].
    Class: u8 {
        Unknown = 0, "unknown";
        Medical = 1, "medical";
        ClinicalIt = 2, "clinical_it";
        Iot = 3, "iot";
        Building = 4, "building";
        It = 5, "it";
        Network = 6, "network";
    }
}

vocabulary! {
    /// What kind of device it is.
    Category: u8 {
        Unknown = 0, "unknown";
        PatientMonitor = 1, "patient_monitor";
        CentralStation = 2, "central_station";
        Telemetry = 3, "telemetry";
        InfusionPump = 4, "infusion_pump";
        Ventilator = 5, "ventilator";
        Anesthesia = 6, "anesthesia";
        Dialysis = 7, "dialysis";
        Defibrillator = 8, "defibrillator";
        Ecg = 9, "ecg";
        Incubator = 10, "incubator";
        Ct = 11, "ct";
        Mr = 12, "mr";
        Xray = 13, "xray";
        Ultrasound = 14, "ultrasound";
        Mammography = 15, "mammography";
        NuclearMedicine = 16, "nuclear_medicine";
        Radiotherapy = 17, "radiotherapy";
        Endoscopy = 18, "endoscopy";
        Modality = 19, "modality";
        Pacs = 20, "pacs";
        Worklist = 21, "worklist";
        Ris = 22, "ris";
        Lis = 23, "lis";
        LabAnalyzer = 24, "lab_analyzer";
        Poct = 25, "poct";
        DispensingCabinet = 26, "dispensing_cabinet";
        Emr = 27, "emr";
        InterfaceEngine = 28, "interface_engine";
        DeviceGateway = 29, "device_gateway";
        NurseCall = 30, "nurse_call";
        Rtls = 31, "rtls";
        MedicalOther = 32, "medical_other";
        Printer = 33, "printer";
        Camera = 34, "camera";
        VoipPhone = 35, "voip_phone";
        Workstation = 36, "workstation";
        Server = 37, "server";
        Nas = 38, "nas";
        Mobile = 39, "mobile";
        Media = 40, "media";
        IotSensor = 41, "iot_sensor";
        Switch = 42, "switch";
        Router = 43, "router";
        AccessPoint = 44, "access_point";
        Firewall = 45, "firewall";
        Hvac = 46, "hvac";
        BuildingController = 47, "building_controller";
        Plc = 48, "plc";
        MedicalGas = 49, "medical_gas";
        PneumaticTube = 50, "pneumatic_tube";
        Steriliser = 51, "steriliser";
        Ups = 52, "ups";
    }
}

impl Category {
    /// The class that the category belongs to.
    pub const fn class(self) -> Class {
        use Category as C;
        match self {
            C::Unknown => Class::Unknown,
            C::Pacs
            | C::Worklist
            | C::Ris
            | C::Lis
            | C::Emr
            | C::InterfaceEngine
            | C::DeviceGateway
            | C::CentralStation => Class::ClinicalIt,
            C::Hvac
            | C::BuildingController
            | C::Plc
            | C::MedicalGas
            | C::PneumaticTube
            | C::Steriliser
            | C::Ups
            | C::NurseCall => Class::Building,
            C::Switch | C::Router | C::AccessPoint | C::Firewall => Class::Network,
            C::Camera | C::Media | C::IotSensor | C::Rtls => Class::Iot,
            C::Printer | C::VoipPhone | C::Workstation | C::Server | C::Nas | C::Mobile => {
                Class::It
            }
            C::PatientMonitor
            | C::Telemetry
            | C::InfusionPump
            | C::Ventilator
            | C::Anesthesia
            | C::Dialysis
            | C::Defibrillator
            | C::Ecg
            | C::Incubator
            | C::Ct
            | C::Mr
            | C::Xray
            | C::Ultrasound
            | C::Mammography
            | C::NuclearMedicine
            | C::Radiotherapy
            | C::Endoscopy
            | C::Modality
            | C::LabAnalyzer
            | C::Poct
            | C::DispensingCabinet
            | C::MedicalOther => Class::Medical,
        }
    }
}

vocabulary! {
    /// Something a device did: the material of its utilisation.
    Event: u16 {
        DicomAssociation = 1, "dicom_association";
        DicomReject = 2, "dicom_reject";
        DicomAbort = 3, "dicom_abort";
        DicomEcho = 4, "dicom_echo";
        DicomStore = 5, "dicom_store";
        DicomFind = 6, "dicom_find";
        DicomMove = 7, "dicom_move";
        DicomGet = 8, "dicom_get";
        DicomProcedureStarted = 9, "dicom_procedure_started";
        DicomProcedureCompleted = 10, "dicom_procedure_completed";
        DicomProcedureDiscontinued = 11, "dicom_procedure_discontinued";
        DicomStorageCommitment = 12, "dicom_storage_commitment";
        DicomFailure = 13, "dicom_failure";
        DicomCommitmentReport = 14, "dicom_commitment_report";
        DicomQueryAnswered = 15, "dicom_query_answered";
        DicomPrint = 16, "dicom_print";
        DicomwebStore = 17, "dicomweb_store";
        DicomwebQuery = 18, "dicomweb_query";
        DicomwebRetrieve = 19, "dicomweb_retrieve";
        Hl7Message = 20, "hl7_message";
        Hl7Accept = 21, "hl7_accept";
        Hl7Error = 22, "hl7_error";
        Hl7Reject = 23, "hl7_reject";
        Hl7Result = 24, "hl7_result";
        Hl7AlarmRaised = 25, "hl7_alarm_raised";
        Hl7InfusionStarted = 26, "hl7_infusion_started";
        Hl7InfusionStopped = 27, "hl7_infusion_stopped";
        LisResult = 28, "lis_result";
        Poct1Result = 29, "poct1_result";
        DicomwebFailure = 30, "dicomweb_failure";
        FhirRead = 31, "fhir_read";
        FhirSearch = 32, "fhir_search";
        FhirWrite = 33, "fhir_write";
        FhirFailure = 34, "fhir_failure";
        AtnaRecord = 35, "atna_record";
        /// A DHCP client began anew: it asked for an address without holding one.
        NetworkStart = 56, "network_start";
        /// An SNMP agent told that it started.
        ColdStart = 57, "cold_start";
        /// Somebody worked on the device from afar.
        ServiceSession = 58, "service_session";
        /// A log-on was refused: wrong, expired or locked. Who tried is not read.
        LogonRefused = 59, "logon_refused";
        /// Images were rejected for their quality.
        DicomQualityReject = 60, "dicom_quality_reject";
        /// Images were rejected because to go by them would harm.
        DicomSafetyReject = 61, "dicom_safety_reject";
        /// Images were rejected that were made under another's worklist entry.
        DicomWorklistReject = 62, "dicom_worklist_reject";
        /// A dose report tells of an acquisition that repeats another.
        DicomAcquisitionRepeated = 63, "dicom_acquisition_repeated";
        /// A dose report tells of an acquisition that was rejected.
        DicomAcquisitionRejected = 64, "dicom_acquisition_rejected";
        WsdHello = 40, "wsd_hello";
        WsdBye = 41, "wsd_bye";
        SdcAlert = 42, "sdc_alert";
        IntellivueAssociation = 43, "intellivue_association";
        IntellivueRefusal = 44, "intellivue_refusal";
        IntellivueAbort = 45, "intellivue_abort";
        Ieee11073Association = 46, "ieee11073_association";
        Ieee11073Abort = 47, "ieee11073_abort";
        MedibusAlarms = 48, "medibus_alarms";
        AlarisInfusionStarted = 49, "alaris_infusion_started";
        AlarisInfusionStopped = 50, "alaris_infusion_stopped";
        SerialServerConfigured = 51, "serial_server_configured";
        TapPage = 52, "tap_page";
    }
}

vocabulary! {
    /// What is counted on the way of a packet, for each worker. The README's glossary explains each.
    Counter: u8 {
        Packets = 0, "packets";
        Bytes = 1, "bytes";
        Truncated = 2, "truncated";
        Malformed = 3, "malformed";
        Duplicates = 4, "duplicates";
        UnknownLink = 5, "unknown_link";
        TunnelDepth = 6, "limit_tunnel_depth";
        Fragments = 7, "fragments";
        FragmentsRefused = 8, "limit_fragments";
        FragmentsExpired = 9, "fragments_expired";
        FlowsOpened = 10, "flows_opened";
        FlowsExpired = 11, "flows_expired";
        FlowsRefused = 12, "limit_flows";
        SessionsRefused = 13, "limit_sessions";
        ReassemblyRefused = 14, "limit_reassembly";
        Gaps = 15, "gaps";
        GapBytes = 16, "gap_bytes";
        Retransmissions = 17, "retransmissions";
        PendingRefused = 18, "limit_pending_facts";
        SubjectsRefused = 19, "limit_subjects";
        FactsRefused = 20, "limit_facts";
        EdgesRefused = 21, "limit_edges";
        ActivityRefused = 22, "limit_activity";
        HeapRefused = 23, "limit_heap";
        LedgerRefused = 24, "limit_ledger";
        ParseErrors = 25, "parse_errors";
        OneWayFlows = 26, "one_way_flows";
        EncryptedFlows = 27, "encrypted_flows";
        UnknownFlows = 28, "unknown_flows";
        ProbationRefused = 29, "limit_probation";
        FlowRecordsRefused = 30, "limit_flow_records";
        CopiesRefused = 31, "limit_copies";
        HandoversWaited = 32, "handovers_waited";
        ParseMalformed = 33, "parse_malformed";
        ParseTruncated = 34, "parse_truncated";
        ParseOverLimit = 35, "parse_over_limit";
        ParseChecksum = 36, "parse_checksum";
        ParseEncoding = 37, "parse_encoding";
        ParseInflation = 38, "parse_inflation";
        OverloadRaised = 41, "overload_raised";
        OverloadEased = 42, "overload_eased";
        OverloadUnread = 43, "overload_unread";
        OverloadHoles = 44, "overload_holes";
        ShuntedPackets = 45, "shunted_packets";
        ShuntedBytes = 46, "shunted_bytes";
        FlowsEvicted = 55, "limit_flows_evicted";
        ClaimantsRefused = 70, "limit_claimants";
        UnansweredRefused = 71, "limit_unanswered";
    }
}

vocabulary! {
    /// What the engine's memory is for.
    Purpose: u8 {
        /// The flow tables of the workers.
        Flows = 0, "flows";
        /// Conversations that are read, and what their streams hold back.
        Conversations = 1, "conversations";
        /// What tells copies of a packet, its fragments, handshakes.
        Copies = 2, "copies and fragments";
        /// What workers have not handed over yet, and what judged values mean.
        Debts = 3, "debts";
        /// Between workers and aggregator.
        Rings = 4, "rings";
        /// What the aggregator keeps beside the table.
        Aggregator = 5, "aggregator";
        /// The table itself: shared memory, where a file holds it.
        Table = 6, "table";
        /// The rules with their patterns.
        Rules = 7, "rules";
        /// Where interfaces put frames.
        Frames = 8, "frames";
        /// What those who read conversations keep of them.
        Readers = 9, "readers";
    }
}

vocabulary! {
    /// Where the steering program of an interface runs.
    Attach: u8 {
        None = 0, "none";
        Native = 1, "native";
        Generic = 2, "generic";
    }
}

vocabulary! {
    /// How frames get from an interface into the memory of the engine.
    Delivery: u8 {
        None = 0, "none";
        ZeroCopy = 1, "zero-copy";
        Copy = 2, "copy";
        Ring = 3, "packet-ring";
    }
}

vocabulary! {
    /// What is counted for each interface, outside the workers. The README's glossary explains
    /// each. `nic_*` are the system's own numbers; what the program saw is `xdp_packets`, the sum
    /// of `xdp_redirected`, `xdp_no_socket`, `xdp_passed` and `xdp_shunted`; what was redirected is `delivered`,
    /// `ring_full`, `ring_dropped` and what is still on its way.
    InterfaceCounter: u8 {
        NicPackets = 0, "nic_packets";
        NicBytes = 1, "nic_bytes";
        NicDropped = 2, "nic_dropped";
        NicErrors = 3, "nic_errors";
        NicSent = 4, "nic_sent";
        XdpPackets = 5, "xdp_packets";
        XdpRedirected = 6, "xdp_redirected";
        XdpNoSocket = 7, "xdp_no_socket";
        XdpPassed = 8, "xdp_passed";
        XdpUnparsed = 9, "xdp_unparsed";
        XdpDeeper = 10, "xdp_deeper";
        RingFull = 11, "ring_full";
        RingDropped = 12, "ring_dropped";
        RingInvalid = 13, "ring_invalid";
        FillEmpty = 14, "fill_empty";
        Delivered = 15, "delivered";
        MultiBuffer = 16, "multi_buffer";
        XdpShunted = 17, "xdp_shunted";
    }
}

impl Counter {
    /// True for the counters of refusals: while all are zero, every fact was kept.
    pub fn is_limit(self) -> bool {
        self.name().starts_with("limit_")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number that two variants share would not compile; a name that two share must not pass.
    #[test]
    fn names_are_unique_and_found_again() {
        for field in Field::ALL {
            assert_eq!(Field::from_name(field.name()), Some(*field));
            assert_eq!(Field::from_number(field.number()), Some(*field));
        }
        for protocol in Protocol::ALL {
            assert_eq!(Protocol::from_name(protocol.name()), Some(*protocol));
        }
        for counter in Counter::ALL {
            assert_eq!(Counter::from_name(counter.name()), Some(*counter));
        }
    }

    #[test]
    fn classes_follow_the_contract() {
        assert_eq!(Category::CentralStation.class(), Class::ClinicalIt);
        assert_eq!(Category::LabAnalyzer.class(), Class::Medical);
        assert_eq!(Category::NurseCall.class(), Class::Building);
        assert_eq!(Category::Rtls.class(), Class::Iot);
        assert_eq!(Category::Nas.class(), Class::It);
    }
}
