//! Where on the wire a value was read, and what the value is by itself. It says nothing of what
//! a value means: that is the rules' business.

use super::Attribute;

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

            /// True for the place where a device is used on a patient. Bed and minute together
            /// would tell a stay: the time of such a fact is known to the hour, never finer.
            #[inline]
            pub const fn is_at_patient(self) -> bool {
                matches!(
                    self,
                    Self::Hl7DeviceLocation
                        | Self::Hl7DeviceRoom
                        | Self::Hl7DeviceBed
                        | Self::Hl7DeviceFacility
                        | Self::Hl7DeviceBuilding
                        | Self::Hl7DeviceFloor
                )
            }

            /// The field whose rules hear the value, where the value itself is never kept: what a
            /// device looks up says more of its user than of itself.
            #[inline]
            pub const fn heard_as(self) -> Option<Self> {
                match self {
                    Self::DnsQueryName | Self::TlsClientName => Some(Self::ContactedName),
                    _ => None,
                }
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
    LldpMedCivic = 883, "lldp.media.civic", Location, 70;
    LldpMedCoordinates = 884, "lldp.media.coordinates", Observed, 70;
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
    TlsCertificateSignature = 133, "x509af.algorithm_id", Observed, 90;
    TlsCertificateKey = 134, "x509af.public_key", Observed, 90;
    // SSH: 150–159.
    SshServerVersion = 150, "ssh.server.version", Observed, 85;
    SshClientVersion = 151, "ssh.client.version", Observed, 85;
    SshHassh = 152, "ssh.kex.hassh", Observed, 60;
    SshHasshServer = 153, "ssh.kex.hasshserver", Observed, 60;
    SshKex = 154, "ssh.kex_algorithms", Observed, 90;
    SshHostKey = 155, "ssh.server_host_key_algorithms", Observed, 90;
    SshCipher = 156, "ssh.encryption_algorithms_client_to_server", Observed, 90;
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
    // Time, restarts and places: 750–769.
    SnmpBootTime = 750, "snmp.boot_time", Observed, 85;
    WsdInstance = 751, "wsd.instance_id", Observed, 85;
    SsdpBootId = 752, "ssdp.boot_id", Observed, 80;
    DhcpCircuitId = 753, "dhcp.option.agent.circuit_id", Observed, 85;
    RadiusNas = 756, "radius.nas_identifier", Observed, 85;
    RadiusPort = 757, "radius.nas_port_id", Observed, 85;
    RadiusCalled = 758, "radius.called_station_id", Observed, 85;
    NtpOffset = 759, "ntp.offset", Observed, 85;
    HttpOffset = 760, "http.offset", Observed, 75;
    Hl7Offset = 761, "hl7.offset", Observed, 75;
    DicomOffset = 762, "dicom.offset", Observed, 70;
    // What of an offset seems to be the zone that a clock without one is set to, in seconds.
    ClockZone = 1030, "clock.zone", Observed, 60;
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
    DicomApplicationContext = 230, "dicom.actx", Observed, 60;
    DicomAbortReason = 231, "dicom.abort.reason", Observed, 80;
    DicomDeviceClassUid = 232, "dicom.manufacturer_device_class_uid", Observed, 90;
    DicomManufactureDate = 233, "dicom.date_of_manufacture", Observed, 90;
    DicomInstallationDate = 234, "dicom.date_of_installation", Observed, 90;
    DicomDetectorManufacturer = 235, "dicom.detector_manufacturer_name", Observed, 90;
    DicomDetectorModel = 236, "dicom.detector_manufacturer_model_name", Observed, 90;
    DicomTlsAlpn = 240, "dicom.tls.alpn", Observed, 90;
    DicomTlsCertificate = 241, "dicom.tls.certificate", Observed, 50;
    DicomTlsPort = 242, "dicom.tls.port", Observed, 40;
    // HL7 v2: 300–399.
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
    Hl7ReceivingApplication = 321, "hl7.msh.receiving_application", Observed, 50;
    Hl7ReceivingFacility = 322, "hl7.msh.receiving_facility", Observed, 50;
    Hl7ProcessingId = 323, "hl7.msh.processing_id", Observed, 85;
    Hl7CharacterSet = 324, "hl7.msh.character_set", Observed, 85;
    Hl7DeviceRoom = 325, "hl7.device.room", Observed, 70;
    Hl7DeviceBed = 326, "hl7.device.bed", Observed, 70;
    Hl7DeviceFacility = 327, "hl7.device.facility", Institution, 60;
    Hl7DeviceBuilding = 328, "hl7.device.building", Observed, 70;
    Hl7DeviceFloor = 329, "hl7.device.floor", Observed, 70;
    Hl7DeviceManufactured = 330, "hl7.device.manufacture_date", Observed, 90;
    Hl7DeviceExpiry = 331, "hl7.device.expiry_date", Observed, 90;
    Hl7DeviceLot = 332, "hl7.device.lot", Observed, 90;
    Hl7EquipmentState = 333, "hl7.equ.state", Observed, 85;
    Hl7SupplyManufacturer = 334, "hl7.inv.manufacturer", Observed, 70;
    // DICOMweb, FHIR, ATNA, syslog: 400–449.
    DicomwebRole = 400, "dicomweb.role", Observed, 90;
    DicomwebAeTitle = 401, "dicomweb.ae_title", AeTitle, 80;
    FhirRole = 405, "fhir.role", Observed, 90;
    FhirVersion = 406, "fhir.version", Observed, 85;
    FhirSoftwareName = 407, "fhir.software.name", Model, 70;
    FhirSoftwareVersion = 408, "fhir.software.version", SoftwareVersion, 80;
    FhirDeviceManufacturer = 410, "fhir.device.manufacturer", Manufacturer, 85;
    FhirDeviceModel = 411, "fhir.device.model_number", Model, 85;
    FhirDeviceSerial = 412, "fhir.device.serial_number", SerialNumber, 85;
    FhirDeviceSoftware = 413, "fhir.device.software", SoftwareVersion, 85;
    FhirDeviceFirmware = 414, "fhir.device.firmware", FirmwareVersion, 85;
    FhirDeviceHardware = 415, "fhir.device.hardware", HardwareVersion, 85;
    FhirDeviceUdi = 416, "fhir.device.udi", Udi, 85;
    FhirDeviceType = 417, "fhir.device.type", Observed, 85;
    FhirMetricType = 418, "fhir.devicemetric.type", Observed, 60;
    AtnaSourceId = 425, "atna.audit_source_id", Observed, 80;
    AtnaSiteId = 426, "atna.audit_enterprise_site_id", Observed, 80;
    AtnaSourceType = 427, "atna.audit_source_type", Observed, 80;
    AtnaAeTitle = 428, "atna.ae_title", AeTitle, 70;
    AtnaNodeAddress = 429, "atna.network_access_point", Observed, 70;
    AtnaRole = 430, "atna.role", Observed, 80;
    SyslogHostname = 440, "syslog.hostname", Hostname, 60;
    SyslogAppName = 441, "syslog.appname", Observed, 60;
    // POCT1, ASTM and LIS2: 450–499.
    Poct1DeviceId = 450, "poct1.dev.device_id", Observed, 85;
    Poct1VendorId = 451, "poct1.dev.vendor_id", Observed, 80;
    Poct1Model = 452, "poct1.dev.model_id", Model, 85;
    Poct1Serial = 453, "poct1.dev.serial_id", SerialNumber, 90;
    Poct1Manufacturer = 454, "poct1.dev.manufacturer_name", Manufacturer, 90;
    Poct1Hardware = 455, "poct1.dev.hw_version", HardwareVersion, 85;
    Poct1Software = 456, "poct1.dev.sw_version", SoftwareVersion, 85;
    Poct1Role = 457, "poct1.role", Observed, 90;
    Poct1Profile = 458, "poct1.dsc.connection_profile", Observed, 70;
    AstmSender = 470, "astm.sender", Observed, 85;
    AstmVersion = 471, "astm.version", Observed, 85;
    AstmProcessingId = 472, "astm.processing_id", Observed, 85;
    AstmRole = 473, "astm.role", Observed, 85;
    // Administration and files: 600–699.
    SnmpVersion = 600, "snmp.version", Observed, 90;
    SnmpCommunity = 601, "snmp.community", Observed, 90;
    SnmpSysDescr = 602, "snmp.sysdescr", Observed, 85;
    SnmpSysObjectId = 603, "snmp.sysobjectid", Observed, 90;
    SnmpSysName = 604, "snmp.sysname", Hostname, 80;
    SnmpSysLocation = 605, "snmp.syslocation", Location, 60;
    SnmpEntityHardware = 606, "snmp.entphysical.hardwarerev", HardwareVersion, 70;
    SnmpEntityFirmware = 607, "snmp.entphysical.firmwarerev", FirmwareVersion, 70;
    SnmpEntitySoftware = 608, "snmp.entphysical.softwarerev", SoftwareVersion, 70;
    SnmpEntitySerial = 609, "snmp.entphysical.serialnum", SerialNumber, 70;
    SnmpEntityManufacturer = 610, "snmp.entphysical.mfgname", Manufacturer, 70;
    SnmpEntityModel = 611, "snmp.entphysical.modelname", Model, 70;
    SnmpDeviceDescr = 612, "snmp.hrdevicedescr", Observed, 80;
    SnmpPrinterSerial = 613, "snmp.prtgeneralserialnumber", SerialNumber, 85;
    SnmpUpsManufacturer = 614, "snmp.upsident.manufacturer", Manufacturer, 90;
    SnmpUpsModel = 615, "snmp.upsident.model", Model, 90;
    SnmpUpsFirmware = 616, "snmp.upsident.softwareversion", FirmwareVersion, 90;
    SnmpUpsSoftware = 617, "snmp.upsident.agentsoftwareversion", SoftwareVersion, 85;
    SnmpEngineEnterprise = 618, "snmp.engineid.enterprise", Observed, 70;
    SmbDialect = 620, "smb.dialect", Observed, 95;
    SmbNativeOs = 621, "smb.native_os", Observed, 85;
    SmbNativeLanManager = 622, "smb.native_lanman", Observed, 80;
    SmbAdministration = 623, "smb.administration", Observed, 95;
    NtlmVersion = 625, "ntlmssp.version", Observed, 85;
    NtlmComputer = 626, "ntlmssp.challenge.target_info.nb_computer_name", Hostname, 85;
    NtlmDnsComputer = 627, "ntlmssp.challenge.target_info.dns_computer_name", Hostname, 85;
    NtlmDomain = 628, "ntlmssp.challenge.target_info.nb_domain_name", Observed, 80;
    NtlmDnsDomain = 629, "ntlmssp.challenge.target_info.dns_domain_name", Observed, 80;
    NtlmWorkstation = 630, "ntlmssp.auth.hostname", Hostname, 75;
    FtpBanner = 635, "ftp.banner", Observed, 80;
    FtpLogin = 636, "ftp.login", Observed, 95;
    FtpSystem = 637, "ftp.system", Observed, 70;
    TelnetLogin = 640, "telnet.login", Observed, 85;
    TelnetBanner = 917, "telnet.banner", Observed, 80;
    RdpSecurity = 642, "rdp.security", Observed, 90;
    VncVersion = 645, "vnc.version", Observed, 85;
    VncSecurity = 646, "vnc.security", Observed, 90;
    NtpStratum = 648, "ntp.stratum", Observed, 80;
    NtpReferenceId = 649, "ntp.refid", Observed, 80;
    SipUserAgent = 650, "sip.user_agent", Observed, 80;
    SipServer = 651, "sip.server", Observed, 80;
    MqttVersion = 653, "mqtt.version", Observed, 90;
    MqttLogin = 654, "mqtt.login", Observed, 95;
    LdapBind = 656, "ldap.bind", Observed, 95;
    LdapVendorName = 657, "ldap.vendorname", Observed, 85;
    LdapVendorVersion = 658, "ldap.vendorversion", Observed, 85;
    LdapHostName = 659, "ldap.dnshostname", Hostname, 85;
    MysqlVersion = 661, "mysql.version", Observed, 90;
    // Databases, streams, management: 770–829 and 900–959.
    TdsVersion = 770, "tds.version", Observed, 90;
    TdsEncryption = 771, "tds.encryption", Observed, 90;
    TdsHostname = 772, "tds.login.hostname", Hostname, 75;
    PgsqlServerVersion = 773, "pgsql.server_version", Observed, 90;
    PgsqlLogin = 774, "pgsql.login", Observed, 95;
    RespVersion = 775, "redis.version", Observed, 90;
    RespOs = 776, "redis.os", Observed, 85;
    RespLogin = 777, "redis.login", Observed, 95;
    TnsVersion = 778, "tns.version", Observed, 85;
    TnsRelease = 779, "tns.release", Observed, 85;
    TnsClientHost = 780, "tns.connect.host", Hostname, 70;
    AmqpProduct = 781, "amqp.product", Observed, 85;
    AmqpVersion = 782, "amqp.version", Observed, 85;
    AmqpPlatform = 783, "amqp.platform", Observed, 70;
    AmqpLogin = 784, "amqp.login", Observed, 95;
    RtspServer = 785, "rtsp.server", Observed, 80;
    RtspUserAgent = 786, "rtsp.user_agent", UserAgent, 60;
    RtspRealm = 787, "rtsp.realm", Observed, 70;
    RtspLogin = 788, "rtsp.login", Observed, 95;
    KerberosRole = 789, "kerberos.role", Observed, 90;
    KerberosRealm = 790, "kerberos.realm", Observed, 80;
    RpcMachineName = 791, "rpc.auth.machinename", Hostname, 75;
    RpcProgram = 792, "rpc.program", Observed, 90;
    TacplusProtection = 793, "tacplus.protection", Observed, 90;
    TftpRole = 794, "tftp.role", Observed, 85;
    IpmiRole = 795, "ipmi.role", Observed, 90;
    IpmiManufacturer = 796, "ipmi.manufacturer_id", Observed, 85;
    IpmiFirmware = 797, "ipmi.firmware", Observed, 85;
    IpmiLogin = 798, "ipmi.login", Observed, 85;
    IppMakeAndModel = 800, "ipp.printer_make_and_model", Model, 60;
    IppFirmware = 801, "ipp.printer_firmware_string_version", FirmwareVersion, 85;
    IppDeviceId = 802, "ipp.printer_device_id", Observed, 85;
    IppSerial = 803, "ipp.printer_serial_number", SerialNumber, 85;
    PjlId = 804, "pjl.id", Model, 60;
    SkinnyDeviceName = 805, "skinny.deviceName", Hostname, 80;
    SkinnyDeviceType = 806, "skinny.deviceType", Observed, 85;
    RshLogin = 807, "rsh.login", Observed, 90;
    RloginLogin = 808, "rlogin.login", Observed, 90;
    IsakmpVendorId = 809, "isakmp.vendor_id", Observed, 70;
    Dhcpv6Server = 810, "dhcpv6.server", Observed, 90;
    Dhcpv6Requested = 811, "dhcpv6.requested_option_codes", Observed, 70;
    Dhcpv6VendorClass = 812, "dhcpv6.vendorclass.data", Observed, 80;
    Dhcpv6Name = 813, "dhcpv6.client_fqdn", Hostname, 80;
    LlmnrName = 814, "llmnr.name", Hostname, 80;
    IgmpRole = 815, "igmp.role", Observed, 80;
    MldRole = 882, "icmpv6.mld.role", Observed, 80;
    StpBridge = 816, "stp.bridge", Observed, 90;
    StpRole = 817, "stp.role", Observed, 90;
    EapolRole = 818, "eapol.role", Observed, 85;
    EapMethod = 819, "eap.type", Observed, 85;
    // Building and industry: 700–769.
    BacnetInstance = 700, "bacnet.device_instance", Observed, 90;
    BacnetVendorId = 701, "bacnet.vendor_id", Observed, 90;
    BacnetVendor = 702, "bacnet.vendor_name", Manufacturer, 90;
    BacnetModel = 703, "bacnet.model_name", Model, 90;
    BacnetFirmware = 704, "bacnet.firmware_revision", FirmwareVersion, 90;
    BacnetSoftware = 705, "bacnet.application_software_version", SoftwareVersion, 90;
    BacnetLocation = 706, "bacnet.location", Location, 70;
    BacnetName = 707, "bacnet.object_name", Hostname, 70;
    BacnetSerial = 708, "bacnet.serial_number", SerialNumber, 90;
    ModbusVendor = 715, "modbus.vendor_name", Manufacturer, 90;
    ModbusProductCode = 716, "modbus.product_code", Observed, 85;
    ModbusRevision = 717, "modbus.revision", FirmwareVersion, 85;
    ModbusProduct = 718, "modbus.product_name", Observed, 85;
    ModbusModel = 719, "modbus.model_name", Model, 90;
    EnipVendorId = 725, "enip.vendor_id", Observed, 90;
    EnipDeviceType = 726, "enip.device_type", Observed, 90;
    EnipProductName = 727, "enip.product_name", Model, 90;
    EnipRevision = 728, "enip.revision", FirmwareVersion, 90;
    EnipSerial = 729, "enip.serial", SerialNumber, 90;
    // WS-Discovery, DPWS, IEEE 11073 SDC, UPnP: 500–549.
    WsdType = 500, "wsd.type", Observed, 85;
    WsdDeviceType = 501, "wsd.device_type", Observed, 90;
    WsdLocation = 502, "wsd.location", Location, 90;
    WsdFacility = 503, "wsd.facility", Institution, 80;
    WsdEndpoint = 504, "wsd.endpoint", Observed, 90;
    WsdAddress = 505, "wsd.address", Observed, 80;
    WsdServiceRole = 506, "wsd.service_role", Observed, 90;
    WsdSearched = 507, "wsd.searched", Observed, 60;
    WsdOnvifHardware = 508, "wsd.onvif.hardware", Model, 60;
    WsdOnvifName = 509, "wsd.onvif.name", Observed, 60;
    WsdOnvifLocation = 510, "wsd.onvif.location", Location, 40;
    OnvifManufacturer = 918, "onvif.manufacturer", Manufacturer, 90;
    OnvifModel = 919, "onvif.model", Model, 90;
    OnvifFirmware = 920, "onvif.firmware_version", FirmwareVersion, 90;
    OnvifSerial = 921, "onvif.serial_number", SerialNumber, 90;
    OnvifHardware = 922, "onvif.hardware_id", HardwareVersion, 70;
    DpwsManufacturer = 515, "dpws.manufacturer", Manufacturer, 90;
    DpwsModel = 516, "dpws.model_name", Model, 90;
    DpwsModelNumber = 517, "dpws.model_number", Observed, 90;
    DpwsSerial = 518, "dpws.serial_number", SerialNumber, 90;
    DpwsFirmware = 519, "dpws.firmware_version", FirmwareVersion, 90;
    DpwsComputer = 520, "dpws.computer", Hostname, 80;
    SdcType = 525, "sdc.type", Observed, 95;
    SdcManufacturer = 526, "sdc.manufacturer", Manufacturer, 95;
    SdcModel = 527, "sdc.model_name", Model, 95;
    SdcModelNumber = 528, "sdc.model_number", Observed, 95;
    SdcSerial = 529, "sdc.serial_number", SerialNumber, 95;
    SdcPart = 530, "sdc.part_number", Observed, 90;
    SdcHardware = 531, "sdc.hardware", HardwareVersion, 90;
    SdcSoftware = 532, "sdc.software", SoftwareVersion, 90;
    SdcFirmware = 533, "sdc.firmware", FirmwareVersion, 90;
    SdcUdi = 534, "sdc.udi", Udi, 95;
    SdcUdiDevice = 535, "sdc.udi.di", Observed, 95;
    SdcLocation = 536, "sdc.location", Location, 95;
    SdcFacility = 537, "sdc.facility", Institution, 85;
    SdcMode = 538, "sdc.operating_mode", Observed, 90;
    SdcRole = 539, "sdc.role", Observed, 90;
    UpnpManufacturer = 545, "upnp.manufacturer", Manufacturer, 85;
    UpnpModel = 546, "upnp.model_name", Model, 85;
    UpnpModelNumber = 547, "upnp.model_number", Observed, 85;
    UpnpSerial = 548, "upnp.serial_number", SerialNumber, 85;
    UpnpDeviceType = 549, "upnp.device_type", Observed, 85;
    // Bedside protocols: 550–599.
    IntellivueManufacturer = 550, "intellivue.manufacturer", Manufacturer, 95;
    IntellivueModel = 551, "intellivue.model", Model, 95;
    IntellivueSerial = 552, "intellivue.serial_number", SerialNumber, 95;
    IntellivuePart = 553, "intellivue.part_number", Observed, 90;
    IntellivueSoftware = 554, "intellivue.software", SoftwareVersion, 95;
    IntellivueHardware = 555, "intellivue.hardware", HardwareVersion, 90;
    IntellivueFirmware = 556, "intellivue.firmware", FirmwareVersion, 90;
    IntellivueType = 557, "intellivue.system_type", Observed, 95;
    IntellivueBedLabel = 558, "intellivue.bed_label", Location, 85;
    IntellivueMode = 559, "intellivue.mode", Observed, 90;
    IntellivueArea = 560, "intellivue.area", Observed, 80;
    Ieee11073Role = 562, "ieee11073.role", Observed, 90;
    Ieee11073SystemId = 563, "ieee11073.system_id", Observed, 90;
    Ieee11073Manufacturer = 564, "ieee11073.manufacturer", Manufacturer, 90;
    Ieee11073Model = 565, "ieee11073.model", Model, 90;
    Ieee11073Serial = 566, "ieee11073.serial_number", SerialNumber, 90;
    Ieee11073Part = 567, "ieee11073.part_number", Observed, 90;
    Ieee11073Hardware = 568, "ieee11073.hardware", HardwareVersion, 90;
    Ieee11073Software = 569, "ieee11073.software", SoftwareVersion, 90;
    Ieee11073Firmware = 570, "ieee11073.firmware", FirmwareVersion, 90;
    Ieee11073Specialisation = 571, "ieee11073.specialisation", Observed, 90;
    MedibusId = 573, "medibus.device_id", Observed, 85;
    MedibusDevice = 574, "medibus.device", Model, 85;
    MedibusRevision = 575, "medibus.revision", SoftwareVersion, 80;
    AlarisRole = 577, "alaris.role", Observed, 85;
    AlarisSerial = 578, "alaris.serial_number", SerialNumber, 85;
    AlarisDiscRole = 579, "alaris_disc.role", Observed, 60;
    WacpModel = 580, "wacp.model", Model, 90;
    WacpSerial = 581, "wacp.serial_number", SerialNumber, 90;
    WacpModelNumber = 582, "wacp.model_number", Observed, 90;
    UnityRole = 584, "unity.role", Observed, 70;
    UnityLocation = 585, "unity.location", Location, 70;
    DriRole = 587, "dri.role", Observed, 80;
    DriPlug = 588, "dri.plug_id", Observed, 60;
    DriLevel = 589, "dri.level", Observed, 60;
    AscomalarmRole = 590, "ascomalarm.role", Observed, 60;
    LantronixRole = 591, "lantronix.role", Observed, 80;
    AddpRole = 592, "addp.role", Observed, 85;
    AddpHardware = 593, "addp.hardware_name", Model, 85;
    AddpFirmware = 594, "addp.firmware", FirmwareVersion, 80;
    AddpHostname = 595, "addp.hostname", Hostname, 70;
    MoxaRole = 596, "moxa.role", Observed, 85;
    TapRole = 597, "tap.role", Observed, 80;
    MasimoRole = 598, "masimo.role", Observed, 80;
    MasimoSerial = 599, "masimo.serial_number", SerialNumber, 80;
    // Behaviour: 960–979.
    TlsClientName = 960, "tls.client_name", Observed, 85;
    ContactedName = 961, "contacted.name", Observed, 85;
    DhcpOffer = 962, "dhcp.offer", Observed, 80;
    DhcpUserClass = 910, "dhcp.option.user_class", Observed, 75;
    DhcpVendorsClass = 911, "dhcp.option.vi.vendor_class", Observed, 75;
    DhcpVendorValue = 912, "dhcp.option.vendor.value", Observed, 70;
    DhcpGatewayMaker = 913, "dhcp.option.vi.tr111.device_manufacturer_oui", Observed, 80;
    DhcpGatewaySerial = 914, "dhcp.option.vi.tr111.device_serial_number", SerialNumber, 85;
    DhcpGatewayProduct = 915, "dhcp.option.vi.tr111.device_product_class", Observed, 80;
    ArpRival = 963, "arp.rival", Observed, 80;
    TcpUnanswered = 964, "tcp.unanswered", Observed, 80;
    // Building and industry, the second block: 830–899.
    S7OrderNumber = 830, "s7comm.szl.order_number", Model, 80;
    S7Firmware = 831, "s7comm.szl.firmware", FirmwareVersion, 90;
    S7Hardware = 832, "s7comm.szl.hardware", HardwareVersion, 85;
    S7SystemName = 833, "s7comm.szl.system_name", StationName, 75;
    S7ModuleName = 834, "s7comm.szl.module_name", Observed, 80;
    S7PlantId = 835, "s7comm.szl.plant_id", Location, 60;
    S7Serial = 836, "s7comm.szl.serial", SerialNumber, 90;
    S7ModuleType = 837, "s7comm.szl.module_type", Model, 90;
    OpcuaApplicationName = 838, "opcua.application_name", Observed, 80;
    OpcuaProductUri = 839, "opcua.product_uri", Observed, 80;
    OpcuaProduct = 840, "opcua.build.product_name", Model, 75;
    OpcuaManufacturer = 841, "opcua.build.manufacturer_name", Manufacturer, 75;
    OpcuaSoftware = 842, "opcua.build.software_version", SoftwareVersion, 80;
    OpcuaBuild = 843, "opcua.build.build_number", Observed, 80;
    OpcuaSession = 844, "opcua.session", Observed, 90;
    KipName = 845, "kip.friendly_name", Observed, 80;
    KipSerial = 846, "kip.serial", SerialNumber, 90;
    KipMac = 847, "kip.mac", Observed, 90;
    KipMedium = 848, "kip.medium", Observed, 90;
    KipManufacturer = 849, "kip.manufacturer_id", Observed, 85;
    TcpSyn = 850, "tcp.syn.signature", Observed, 60;
    TcpSynAck = 851, "tcp.syn_ack.signature", Observed, 60;
    Dnp3Address = 852, "dnp3.src", Observed, 90;
    Dnp3Vendor = 853, "dnp3.attribute.vendor", Manufacturer, 90;
    Dnp3Model = 854, "dnp3.attribute.model", Model, 90;
    Dnp3Software = 855, "dnp3.attribute.software", SoftwareVersion, 90;
    Dnp3Hardware = 856, "dnp3.attribute.hardware", HardwareVersion, 90;
    Dnp3Serial = 857, "dnp3.attribute.serial", SerialNumber, 90;
    Dnp3Location = 858, "dnp3.attribute.location", Location, 70;
    Iec104Address = 860, "iec60870_asdu.addr", Observed, 85;
    Iec104Role = 861, "iec60870_104.role", Observed, 90;
    FoxHostName = 862, "fox.host_name", Hostname, 80;
    FoxApplication = 863, "fox.app.name", Observed, 85;
    FoxVersion = 864, "fox.app.version", SoftwareVersion, 85;
    FoxMachineName = 865, "fox.vm.name", Observed, 80;
    FoxMachineVersion = 866, "fox.vm.version", Observed, 80;
    FoxOs = 867, "fox.os.name", Os, 85;
    FoxOsVersion = 868, "fox.os.version", OsVersion, 85;
    FoxHostId = 869, "fox.host_id", Observed, 85;
    FoxBrand = 870, "fox.brand_id", Observed, 80;
    DcpVendorId = 872, "pn_dcp.vendor_id", Observed, 90;
    DcpDeviceId = 873, "pn_dcp.device_id", Observed, 90;
    DcpType = 874, "pn_dcp.type_of_station", Model, 80;
    DcpName = 875, "pn_dcp.name_of_station", Hostname, 80;
    DcpRole = 876, "pn_dcp.role", Observed, 85;
    OmronModel = 877, "omron.controller.model", Model, 90;
    OmronVersion = 878, "omron.controller.version", FirmwareVersion, 85;
    SlmpModel = 879, "slmp.cpu.model", Model, 90;
    MelsoftModel = 890, "melsoft.cpu.model", Model, 90;
    GwmpGateway = 880, "gwmp.gateway_eui", Observed, 90;
    CnipVendor = 881, "cnip.vendor", Observed, 60;
    IpDistance = 885, "ip.distance", Observed, 60;
    TcpSynIpId = 886, "tcp.syn.ip_id", Observed, 50;
    TcpSynAckIpId = 887, "tcp.syn_ack.ip_id", Observed, 50;
    TcpSynClock = 888, "tcp.syn.timestamp", Observed, 50;
    TcpSynAckClock = 889, "tcp.syn_ack.timestamp", Observed, 50;
    NtpVersion = 980, "ntp.ctrl.version", Observed, 80;
    NtpProcessor = 981, "ntp.ctrl.processor", Observed, 60;
    NtpSystem = 982, "ntp.ctrl.system", Observed, 80;
    NbdgmName = 983, "nbdgm.name", Hostname, 80;
    BrowserOsVersion = 984, "browser.os_version", Observed, 70;
    BrowserServerType = 985, "browser.server.type", Observed, 75;
    SmtpBanner = 986, "smtp.banner", Observed, 80;
    SmtpLogin = 987, "smtp.login", Observed, 95;
    ImapBanner = 988, "imap.banner", Observed, 80;
    ImapLogin = 989, "imap.login", Observed, 95;
    PopBanner = 990, "pop.banner", Observed, 80;
    PopLogin = 991, "pop.login", Observed, 95;
    StunSoftware = 992, "stun.att.software", Observed, 75;
    DtlsVersion = 993, "dtls.handshake.version", Observed, 90;
    WinrmVendor = 994, "winrm.product_vendor", Observed, 80;
    WinrmVersion = 995, "winrm.product_version", Observed, 80;
    HttpLogin = 898, "http.login", Observed, 95;
}
