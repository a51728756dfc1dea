//! `medtapd`: the live engine. Everything is in the library, so that tests can call it.
#![deny(unsafe_code)]

fn main() {}
