//! Whose work something is. It names roles and no persons.

/// A role in a hospital that has work to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Information security.
    Security,
    /// Biomedical engineering: whoever looks after the medical devices.
    BiomedicalEngineering,
    /// Network engineering.
    NetworkEngineering,
    /// The unit that uses the device.
    ClinicalUnit,
    /// The manufacturer.
    Vendor,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [
        Self::Security,
        Self::BiomedicalEngineering,
        Self::NetworkEngineering,
        Self::ClinicalUnit,
        Self::Vendor,
    ];

    /// The name that JSON and commands have for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::BiomedicalEngineering => "biomedical_engineering",
            Self::NetworkEngineering => "network_engineering",
            Self::ClinicalUnit => "clinical_unit",
            Self::Vendor => "vendor",
        }
    }

    /// The role of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}
