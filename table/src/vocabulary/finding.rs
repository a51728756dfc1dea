//! The weaknesses and threats that are told of a device. It weighs none: weights are policy.

/// Declares the findings: number, name, and a title for people.
macro_rules! findings {
    ($($variant:ident = $number:literal, $text:literal, $title:literal;)+) => {
        vocabulary! {
            /// A weakness or a threat.
            FindingId: u16 { $($variant = $number, $text;)+ }
        }

        impl FindingId {
            /// What it is, for people: a few words without a full stop.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }
        }
    };
}

findings! {
    CleartextCredential = 1, "cleartext_credential", "Credential sent in clear text";
    DefaultCredential = 2, "default_credential", "Default credential in use";
    Smbv1 = 3, "smbv1", "SMB version 1 in use";
    RogueDhcp = 4, "rogue_dhcp", "DHCP server that is not expected";
    EndOfSupport = 5, "end_of_support", "Operating system past its end of support";
    TelnetLogin = 6, "telnet_login", "Log-in over Telnet";
    RshLogin = 7, "rsh_login", "Log-in over rsh or rlogin";
    RdpAcrossSegments = 8, "rdp_across_segments", "Remote Desktop across segments";
    VncAcrossSegments = 9, "vnc_across_segments", "VNC across segments";
    SnmpDefaultCommunity = 10, "snmp_default_community", "SNMP with a default community";
    NotApproved = 11, "not_approved", "Device that nobody approved";
    RemoteAccessTool = 12, "remote_access_tool", "Remote-access tool in use";
    FtpLogin = 13, "ftp_login", "Log-in over FTP";
    AnonymousBind = 14, "anonymous_bind", "Anonymous bind or log-in accepted";
    GatewayAnomaly = 15, "gateway_anomaly", "Default gateway changed or claimed by another";
    AddressConflict = 16, "address_conflict", "Address used by two devices";
    WeakSsh = 17, "weak_ssh", "SSH protocol or algorithms of old";
    WeakTls = 18, "weak_tls", "TLS below version 1.2";
    CertificateExpired = 19, "certificate_expired", "Certificate past its validity";
    CertificateSelfSigned = 20, "certificate_self_signed", "Self-signed certificate";
    CertificateWeak = 21, "certificate_weak", "Certificate with a weak key or signature";
    CleartextClinical = 22, "cleartext_clinical", "Clinical data sent in clear text";
    PublicContact = 23, "public_contact", "Contact with a public address";
    IndicatorContact = 24, "indicator_contact", "Contact with an address on a threat list";
    LateralAdministration = 25, "lateral_administration", "Medical device that runs others";
    Scanning = 26, "scanning", "Scanning of addresses or ports";
    NewPeer = 27, "new_peer", "Approved device with a new peer";
    ControlViolated = 28, "control_violated", "Compensating control contradicted by traffic";
    MaintenanceOverdue = 29, "maintenance_overdue", "Preventive maintenance overdue";
    ChangedWithoutWorkOrder = 30, "changed_without_work_order", "Changed without a work order";
    SeenAfterDisposal = 31, "seen_after_disposal", "Seen after its disposal";
    SerialMismatch = 32, "serial_mismatch", "Other serial number than in the asset register";
    NotInRegister = 33, "not_in_register", "Not in the asset register";
    ClockOffset = 34, "clock_offset", "Clock of the device is wrong";
    AddressShared = 35, "address_shared", "Several devices behind one address";
    EncryptedDns = 36, "encrypted_dns", "Names looked up past the hospital's own servers";
    TrainingOverdue = 37, "training_overdue", "Training of its users overdue";
    ControlExpired = 38, "control_expired", "Compensating control past its end";
    Recalled = 39, "recalled", "Model named in a recall of the FDA";
    OpcuaUnprotected = 42, "opcua_unprotected", "OPC UA session without protection";
    DuplicateSerial = 44, "duplicate_serial", "Serial number of another device as well";
    PrivilegedLogon = 48, "privileged_logon", "Log-on to a share for administrators alone";
}
