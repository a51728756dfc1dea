//! Which address space a frame belongs to. Sites reuse addresses behind different interfaces and
//! VLANs; where that is so, a configuration says which is which. It guesses none.

/// The scope of each interface, and of VLANs on it that are another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    interfaces: Vec<u16>,
    /// (interface, VLAN), scope; in order.
    vlans: Vec<((u16, u16), u16)>,
}

impl Scopes {
    /// One scope for everything: 0.
    pub const ONE: Self = Self {
        interfaces: Vec::new(),
        vlans: Vec::new(),
    };

    /// Gives the next interface, in the order of the run, its scope.
    pub fn push_interface(&mut self, scope: u16) {
        self.interfaces.push(scope);
    }

    /// Gives a VLAN of an interface a scope of its own.
    pub fn set_vlan(&mut self, interface: u16, vlan: u16, scope: u16) {
        let key = (interface, vlan);
        match self.vlans.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(place) => self.vlans[place].1 = scope,
            Err(place) => self.vlans.insert(place, (key, scope)),
        }
    }

    /// The scope of a frame that came from this interface with this VLAN tag (0 without).
    #[inline]
    pub fn of(&self, interface: u16, vlan: u16) -> u16 {
        if self.interfaces.is_empty() {
            return 0;
        }
        self.configured(interface, vlan)
    }

    #[inline(never)]
    fn configured(&self, interface: u16, vlan: u16) -> u16 {
        let key = (interface, vlan);
        match self.vlans.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(place) => self.vlans.get(place).map_or(0, |(_, scope)| *scope),
            Err(_) => {
                let scope = self.interfaces.get(usize::from(interface));
                scope.copied().unwrap_or(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vlans_override_their_interface() {
        let mut scopes = Scopes::ONE;
        assert_eq!(scopes.of(3, 7), 0);
        scopes.push_interface(1);
        scopes.push_interface(2);
        scopes.set_vlan(1, 20, 5);
        scopes.set_vlan(1, 10, 4);
        scopes.set_vlan(1, 10, 6);
        let found = [(0, 10), (1, 10), (1, 20), (1, 30), (2, 10)];
        assert_eq!(found.map(|(i, v)| scopes.of(i, v)), [1, 6, 5, 2, 0]);
    }
}
