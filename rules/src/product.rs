//! The software that wrote a value, by its CPE names, so that known weaknesses can be joined.
//! It says nothing about the device that runs it.

/// A software product and, where the value tells it, its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product<'a> {
    /// CPE part: `a` application, `o` operating system, `h` hardware.
    pub part: char,
    /// CPE vendor.
    pub vendor: &'a str,
    /// CPE product.
    pub product: &'a str,
    /// Version as the value states it; never a patch level of a distribution.
    pub version: Option<String>,
}
