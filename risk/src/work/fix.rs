//! What can be done about what drives a score, and whose work it is. It does nothing by itself,
//! and no fix of a medical device is one that its manufacturer did not approve.

use medtap_table::vocabulary::{Category, Class, FindingId};

use crate::clock::remedy::{Plan, is_clinical};
use crate::role::Role;

/// One thing to do, on one device or many.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fix {
    /// Stop an attack that seems to be going on.
    Contain(FindingId),
    /// Fix or mitigate the CVEs of a product.
    Patch(String),
    /// Remove a weakness.
    Harden(FindingId),
    /// Let fewer reach the device.
    Segment,
    /// Find out what it is, or see more of it.
    Identify,
}

impl Fix {
    /// A name that stays the same over runs.
    pub fn key(&self) -> String {
        match self {
            Self::Contain(id) => format!("contain:{}", id.name()),
            Self::Patch(product) => format!("patch:{product}"),
            Self::Harden(id) => format!("harden:{}", id.name()),
            Self::Segment => "segment".to_owned(),
            Self::Identify => "identify".to_owned(),
        }
    }

    /// What to do, in words. `plan` is what the manufacturer says of a patch.
    pub fn words(&self, plan: Option<&Plan>) -> String {
        match self {
            Self::Patch(product) => {
                let what = plan.map_or("fix it as its maker says", |plan| plan.words);
                format!("{product}: {what}")
            }
            Self::Contain(id) | Self::Harden(id) => advice(*id).to_owned(),
            Self::Segment => "let only the peers that it needs reach it".to_owned(),
            Self::Identify => "find out what it is, and let the sensor see its traffic".to_owned(),
        }
    }

    /// Whose work it is on a device of a kind, the foremost first.
    pub fn roles(&self, category: Category, plan: Option<&Plan>) -> Vec<Role> {
        let clinical = is_clinical(category);
        let mut roles = match self {
            Self::Contain(_) => vec![Role::Security, Role::NetworkEngineering],
            Self::Patch(_) => plan.map_or_else(|| Plan::of(&[], category).roles, own_roles),
            Self::Harden(id) => hardening(*id, category),
            Self::Segment => vec![Role::NetworkEngineering],
            Self::Identify if clinical => vec![Role::BiomedicalEngineering],
            Self::Identify => vec![Role::NetworkEngineering],
        };
        // Whoever uses it lets go of it for the work, or says that they can't.
        if clinical && matches!(self, Self::Patch(_) | Self::Contain(_)) {
            roles.push(Role::ClinicalUnit);
        }
        roles
    }
}

fn own_roles(plan: &Plan) -> Vec<Role> {
    plan.roles.clone()
}

/// Whose work it is to remove a weakness.
fn hardening(id: FindingId, category: Category) -> Vec<Role> {
    use FindingId as F;
    let keeper = match category.class() {
        Class::Network => Role::NetworkEngineering,
        _ if is_clinical(category) => Role::BiomedicalEngineering,
        _ => Role::Security,
    };
    match id {
        F::RogueDhcp
        | F::GatewayAnomaly
        | F::AddressConflict
        | F::RdpAcrossSegments
        | F::VncAcrossSegments
        | F::PublicContact
        | F::ControlViolated
        | F::ControlExpired => vec![Role::NetworkEngineering],
        F::RemoteAccessTool => vec![Role::Security],
        F::TrainingOverdue => vec![Role::ClinicalUnit],
        F::Recalled => vec![Role::BiomedicalEngineering, Role::Vendor],
        F::EndOfSupport | F::CleartextClinical if is_clinical(category) => {
            vec![Role::BiomedicalEngineering, Role::Vendor]
        }
        _ => vec![keeper],
    }
}

/// What to do about a finding.
pub const fn advice(id: FindingId) -> &'static str {
    use FindingId as F;
    match id {
        F::CleartextCredential => "change the credential and the protocol that shows it",
        F::DefaultCredential => "change the default credential",
        F::Smbv1 => "turn SMB version 1 off, or keep it from the rest of the network",
        F::RogueDhcp => "find the DHCP server and take it off the network",
        F::EndOfSupport => "move to a system that is supported, or contain it in the network",
        F::TelnetLogin => "administer over SSH instead of Telnet",
        F::RshLogin => "administer over SSH instead of rsh",
        F::RdpAcrossSegments => "let Remote Desktop cross segments over a gateway alone",
        F::VncAcrossSegments => "let VNC cross segments over a gateway alone",
        F::SnmpDefaultCommunity => "change the SNMP community, or use version 3",
        F::NotApproved => "approve the device, or take it off the network",
        F::RemoteAccessTool => "approve the remote-access tool, or remove it",
        F::FtpLogin => "move files over SFTP or HTTPS instead of FTP",
        F::AnonymousBind => "require a log-in",
        F::GatewayAnomaly => "find out who claims to be the gateway",
        F::AddressConflict => "give each device an address of its own",
        F::WeakSsh => "turn the old SSH protocol and algorithms off",
        F::WeakTls => "turn TLS below version 1.2 off",
        F::CertificateExpired => "renew the certificate",
        F::CertificateSelfSigned => "install a certificate of the hospital's own authority",
        F::CertificateWeak => "install a certificate with a strong key and signature",
        F::PrivilegedLogon => "find out who administers it over shares, and whether that is needed",
        F::OpcuaUnprotected => "offer only endpoints with a security policy",
        F::CleartextClinical => "encrypt the protocol where both sides can",
        F::PublicContact => "find out whether the contact is needed, and deny it if not",
        F::IndicatorContact => "take the device off the network and examine it",
        F::LateralAdministration => "find out who administers from a medical device",
        F::Scanning => "find out what scans, and stop it",
        F::EncryptedDns => "turn encrypted look-ups off, or deny them",
        F::NewPeer => "find out whether the new peer is needed",
        F::TrainingOverdue => "train the people who use it",
        F::ControlExpired => "renew the compensating control, or end it",
        F::Recalled => "read the recall, and do what its firm says",
        F::ControlViolated => "restore the compensating control, or end it",
        F::MaintenanceOverdue => "do the maintenance that is due",
        F::ChangedWithoutWorkOrder => "find the work order of the change",
        F::SeenAfterDisposal => "find out why a disposed device is on the network",
        F::SerialMismatch => "correct the register, or find the device that it names",
        F::DuplicateSerial => "find out which device bears the serial number",
        F::NotInRegister => "enter the device in the register",
        F::ClockOffset => "set the clock, and let it follow the hospital's time server",
        F::AddressShared => "find out what is behind the address, and bring it into the inventory",
    }
}
