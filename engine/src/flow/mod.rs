//! Which conversation a packet belongs to.
