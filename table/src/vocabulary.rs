//! The numbers and names that every side shares: protocols, fields, attributes, categories,
//! classes, events and counters. Append only: a number, once shipped, keeps its meaning, since
//! saved tables carry it. This file knows no parser, no rule and no policy.

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
    }
}

vocabulary! {
    /// What is known of a device: the attributes of the inventory, and two that only `resolve` reads.
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
        Hl7Message = 20, "hl7_message";
        Hl7Accept = 21, "hl7_accept";
        Hl7Error = 22, "hl7_error";
        Hl7Reject = 23, "hl7_reject";
    }
}

/// Declares the fields: number, name, the attribute that a value is by itself, its confidence.
macro_rules! fields {
    ($($variant:ident = $number:literal, $text:literal, $attribute:ident, $confidence:literal;)+) => {
        vocabulary! {
            /// Where on the wire a value was read: `protocol.field`, by Wireshark's names where
            /// one exists. Numbers are given in blocks, one for each protocol.
            Field: u16 { $($variant = $number, $text;)+ }
        }

        impl Field {
            /// The attribute that the value is by itself, without any rule;
            /// [`Attribute::Observed`] where only a rule can say what the value means.
            pub const fn attribute(self) -> Attribute {
                match self { $(Self::$variant => Attribute::$attribute,)+ }
            }

            /// How far the value can be trusted where both sides confirmed the protocol, 0–100.
            pub const fn confidence(self) -> u8 {
                match self { $(Self::$variant => $confidence,)+ }
            }
        }
    };
}

fields! {
    // Link and address: 1–49.
    EthOui = 1, "eth.oui", Observed, 30;
    LldpChassisId = 10, "lldp.chassis.id", Observed, 90;
    LldpSystemName = 11, "lldp.tlv.system.name", Hostname, 90;
    LldpSystemDescription = 12, "lldp.tlv.system.desc", Observed, 90;
    LldpCapabilities = 13, "lldp.tlv.system_cap", Observed, 90;
    LldpMedHardware = 14, "lldp.media.hardware", HardwareVersion, 90;
    LldpMedFirmware = 15, "lldp.media.firmware", FirmwareVersion, 90;
    LldpMedSoftware = 16, "lldp.media.software", SoftwareVersion, 90;
    LldpMedSerial = 17, "lldp.media.sn", SerialNumber, 90;
    LldpMedManufacturer = 18, "lldp.media.manufacturer", Manufacturer, 90;
    LldpMedModel = 19, "lldp.media.model", Model, 90;
    LldpMedAssetId = 20, "lldp.media.asset", Observed, 90;
    LldpPortDescription = 21, "lldp.port.desc", Observed, 80;
    CdpDeviceId = 30, "cdp.deviceid", Hostname, 90;
    CdpPlatform = 31, "cdp.platform", Model, 85;
    CdpSoftwareVersion = 32, "cdp.software_version", Observed, 90;
    CdpCapabilities = 33, "cdp.capabilities", Observed, 90;
    CdpPort = 34, "cdp.portid", Observed, 80;
    NdpRouter = 40, "icmpv6.nd.ra", Observed, 90;
    // DHCP: 50–69.
    DhcpHostname = 50, "dhcp.option.hostname", Hostname, 80;
    DhcpVendorClass = 51, "dhcp.option.vendor_class_id", Observed, 80;
    DhcpParameterList = 52, "dhcp.option.request_list", Observed, 70;
    DhcpClientId = 53, "dhcp.option.client_id", Observed, 70;
    DhcpServer = 54, "dhcp.server", Observed, 90;
    DhcpClientFqdn = 55, "dhcp.fqdn.name", Hostname, 80;
    DhcpDomain = 56, "dhcp.option.domain_name", Observed, 70;
    // DNS and mDNS: 70–99.
    DnsServer = 70, "dns.server", Observed, 90;
    DnsQueryName = 71, "dns.qry.name", Observed, 60;
    MdnsHostname = 80, "mdns.hostname", Hostname, 85;
    MdnsService = 81, "mdns.service", Observed, 85;
    MdnsInstance = 82, "mdns.instance", Observed, 70;
    MdnsTxtManufacturer = 83, "mdns.txt.manufacturer", Manufacturer, 85;
    MdnsTxtModel = 84, "mdns.txt.model", Model, 85;
    MdnsTxtSerial = 85, "mdns.txt.serial", SerialNumber, 85;
    MdnsTxtFirmware = 86, "mdns.txt.firmware", FirmwareVersion, 85;
    MdnsTxtProduct = 87, "mdns.txt.product", Observed, 85;
    MdnsTxtLocation = 88, "mdns.txt.note", Location, 60;
    MdnsDeviceInfo = 89, "mdns.device_info.model", Observed, 85;
    MdnsTxtAeTitle = 90, "mdns.txt.aet", AeTitle, 85;
    MdnsTxtDeviceType = 91, "mdns.txt.primary_device_type", Observed, 85;
    // HTTP: 100–119.
    HttpServer = 100, "http.server", Observed, 80;
    HttpUserAgent = 101, "http.user_agent", UserAgent, 60;
    HttpRealm = 102, "http.www_authenticate.realm", Observed, 70;
    HttpTitle = 103, "http.title", Observed, 60;
    HttpHost = 104, "http.host", Observed, 50;
    HttpPoweredBy = 105, "http.x_powered_by", Observed, 60;
    // TLS: 120–149.
    TlsJa4 = 120, "tls.handshake.ja4", Observed, 70;
    TlsServerName = 121, "tls.handshake.extensions_server_name", Observed, 60;
    TlsVersion = 122, "tls.handshake.version", Observed, 90;
    TlsCipher = 123, "tls.handshake.ciphersuite", Observed, 90;
    TlsAlpn = 124, "tls.handshake.extensions_alpn_str", Observed, 90;
    TlsCertificateSubject = 125, "x509sat.subject", Observed, 80;
    TlsCertificateIssuer = 126, "x509sat.issuer", Observed, 80;
    TlsCertificateNotBefore = 127, "x509af.not_before", Observed, 90;
    TlsCertificateNotAfter = 128, "x509af.not_after", Observed, 90;
    TlsCertificateName = 129, "x509ce.dns_name", Observed, 80;
    TlsCertificateSelfSigned = 130, "x509af.self_signed", Observed, 90;
    TlsJa3 = 131, "tls.handshake.ja3", Observed, 60;
    TlsJa3s = 132, "tls.handshake.ja3s", Observed, 60;
    // SSH: 150–159.
    SshServerVersion = 150, "ssh.server.version", Observed, 85;
    SshClientVersion = 151, "ssh.client.version", Observed, 85;
    SshHassh = 152, "ssh.kex.hassh", Observed, 60;
    SshHasshServer = 153, "ssh.kex.hasshserver", Observed, 60;
    // SSDP and UPnP: 160–179.
    SsdpServer = 160, "ssdp.server", Observed, 80;
    SsdpServiceType = 161, "ssdp.nt", Observed, 80;
    SsdpUsn = 162, "ssdp.usn", Observed, 80;
    SsdpLocation = 163, "ssdp.location", Observed, 60;
    SsdpUserAgent = 164, "ssdp.user_agent", UserAgent, 60;
    // NetBIOS: 180–189.
    NbnsName = 180, "nbns.name", Hostname, 80;
    NbnsGroup = 181, "nbns.group", Observed, 60;
    NbnsService = 182, "nbns.service", Observed, 70;
    // DICOM: 200–299.
    DicomAeTitle = 200, "dicom.ae_title", AeTitle, 90;
    DicomImplementationUid = 201, "dicom.userinfo.uid", Observed, 90;
    DicomImplementationVersion = 202, "dicom.userinfo.version", Observed, 90;
    DicomRole = 203, "dicom.role", Observed, 90;
    DicomSopClass = 204, "dicom.sop_class", Observed, 90;
    DicomOfferedSopClass = 205, "dicom.pctx.abss.syntax", Observed, 60;
    DicomMaximumPdu = 206, "dicom.max_pdu_len", Observed, 60;
    DicomRejectReason = 207, "dicom.assoc.reject.reason", Observed, 80;
    DicomModality = 210, "dicom.modality", Observed, 95;
    DicomManufacturer = 211, "dicom.manufacturer", Manufacturer, 95;
    DicomModel = 212, "dicom.manufacturer_model_name", Model, 95;
    DicomSerialNumber = 213, "dicom.device_serial_number", SerialNumber, 95;
    DicomSoftwareVersions = 214, "dicom.software_versions", SoftwareVersion, 95;
    DicomStationName = 215, "dicom.station_name", StationName, 95;
    DicomInstitution = 216, "dicom.institution_name", Institution, 90;
    DicomDepartment = 217, "dicom.institutional_department_name", Department, 90;
    DicomDeviceUid = 218, "dicom.device_uid", Observed, 90;
    DicomUdi = 219, "dicom.unique_device_identifier", Udi, 95;
    DicomDetectorId = 220, "dicom.detector_id", Observed, 90;
    DicomGantryId = 221, "dicom.gantry_id", Observed, 90;
    DicomCalibrationDate = 222, "dicom.date_of_last_calibration", Observed, 90;
    DicomLocation = 223, "dicom.performed_location", Location, 80;
    DicomStationAeTitle = 224, "dicom.station_ae_title", AeTitle, 90;
    DicomInstitutionAddress = 225, "dicom.institution_address", Observed, 80;
    DicomAcceptedSopClass = 226, "dicom.accepted_sop_class", Observed, 80;
    // HL7 v2: 300–349.
    Hl7Application = 300, "hl7.msh.application", Observed, 85;
    Hl7Facility = 301, "hl7.msh.facility", Institution, 60;
    Hl7Version = 302, "hl7.msh.version", Observed, 85;
    Hl7MessageType = 303, "hl7.msh.message_type", Observed, 85;
    Hl7Profile = 304, "hl7.msh.profile", Observed, 85;
    Hl7SoftwareVendor = 305, "hl7.sft.vendor", Manufacturer, 85;
    Hl7SoftwareProduct = 306, "hl7.sft.product", Model, 80;
    Hl7SoftwareVersion = 307, "hl7.sft.version", SoftwareVersion, 85;
    Hl7SoftwareBinary = 308, "hl7.sft.binary_id", Observed, 80;
    Hl7SoftwareInstalled = 309, "hl7.sft.install_date", Observed, 80;
    Hl7Role = 310, "hl7.role", Observed, 90;
    Hl7DeviceId = 311, "hl7.device.id", Observed, 90;
    Hl7DeviceType = 312, "hl7.device.type", Observed, 90;
    Hl7DeviceManufacturer = 313, "hl7.device.manufacturer", Manufacturer, 90;
    Hl7DeviceModel = 314, "hl7.device.model", Model, 90;
    Hl7DeviceSerial = 315, "hl7.device.serial", SerialNumber, 90;
    Hl7DeviceSoftware = 316, "hl7.device.software", SoftwareVersion, 90;
    Hl7DeviceFirmware = 317, "hl7.device.firmware", FirmwareVersion, 90;
    Hl7DeviceHardware = 318, "hl7.device.hardware", HardwareVersion, 90;
    Hl7DeviceUdi = 319, "hl7.device.udi", Udi, 90;
    Hl7DeviceLocation = 320, "hl7.device.location", Location, 70;
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
    /// of `xdp_redirected`, `xdp_no_socket` and `xdp_passed`; what was redirected is `delivered`,
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
