//! What can be done about a CVE, by the manufacturer's word, and whose work that is. Of a medical
//! device nothing is a patch but the fix that its manufacturer approved.

use medtap_table::vocabulary::{Category, Class};

use crate::role::Role;

/// What a CSAF advisory says can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remedy {
    /// The manufacturer has a fix.
    VendorFix,
    /// Something that makes an attack less likely, or less bad.
    Mitigation,
    /// Something that avoids the weakness.
    Workaround,
    /// There is nothing yet.
    NoneAvailable,
    /// There will be nothing.
    NoFixPlanned,
}

impl Remedy {
    /// By the name that CSAF has for it.
    pub fn from_csaf(category: &str) -> Option<Self> {
        match category {
            "vendor_fix" => Some(Self::VendorFix),
            "mitigation" => Some(Self::Mitigation),
            "workaround" => Some(Self::Workaround),
            // CSAF 2.1: a fix is on its way; until then there is none.
            "none_available" | "fix_planned" => Some(Self::NoneAvailable),
            "no_fix_planned" => Some(Self::NoFixPlanned),
            _ => None,
        }
    }

    /// The name that CSAF has for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::VendorFix => "vendor_fix",
            Self::Mitigation => "mitigation",
            Self::Workaround => "workaround",
            Self::NoneAvailable => "none_available",
            Self::NoFixPlanned => "no_fix_planned",
        }
    }
}

/// One statement about a CVE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What can be done.
    pub remedy: Remedy,
    /// It is the word of the manufacturer of the device: not of the maker of the system or the
    /// library inside.
    pub by_manufacturer: bool,
}

/// What to do about a CVE of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What the clock runs on.
    pub remedy: Remedy,
    /// Whose work it is, the foremost first.
    pub roles: Vec<Role>,
    /// What to do, in words.
    pub words: &'static str,
}

impl Plan {
    /// The best that the statements allow on a device of a kind.
    pub fn of(statements: &[Statement], category: Category) -> Self {
        let medical = is_clinical(category);
        let allowed = (statements.iter())
            .filter(|one| one.by_manufacturer || !medical || one.remedy != Remedy::VendorFix);
        let best = allowed.map(|one| one.remedy).min();
        let remedy = best.unwrap_or(Remedy::NoneAvailable);
        let (roles, words): (&[Role], _) = match (medical, remedy) {
            (true, Remedy::VendorFix) => (
                &[Role::BiomedicalEngineering, Role::Vendor],
                "install the fix that the manufacturer approved",
            ),
            (true, Remedy::Mitigation | Remedy::Workaround) => (
                &[Role::NetworkEngineering, Role::BiomedicalEngineering],
                "put the manufacturer's mitigation in place; there is no approved fix",
            ),
            (true, Remedy::NoneAvailable) => (
                &[
                    Role::NetworkEngineering,
                    Role::BiomedicalEngineering,
                    Role::Vendor,
                ],
                "contain it in the network and ask the manufacturer for a fix: none is approved",
            ),
            (true, Remedy::NoFixPlanned) => (
                &[Role::NetworkEngineering, Role::BiomedicalEngineering],
                "contain it in the network and plan its replacement: no fix will come",
            ),
            (false, Remedy::VendorFix) => (&[Role::Security], "install the maker's fix"),
            (false, Remedy::Mitigation | Remedy::Workaround) => (
                &[Role::Security, Role::NetworkEngineering],
                "put the maker's mitigation in place",
            ),
            (false, Remedy::NoneAvailable) => (
                &[Role::Security, Role::NetworkEngineering],
                "find the maker's fix; until then contain it in the network",
            ),
            (false, Remedy::NoFixPlanned) => (
                &[Role::Security, Role::NetworkEngineering],
                "contain it in the network and replace it: no fix will come",
            ),
        };
        Self {
            remedy,
            roles: roles.to_vec(),
            words,
        }
    }
}

/// Changed by its manufacturer alone: medical devices, and the systems that are sold with them.
pub fn is_clinical(category: Category) -> bool {
    matches!(category.class(), Class::Medical | Class::ClinicalIt)
}
