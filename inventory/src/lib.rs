//! Memory: from the table to devices.
#![deny(unsafe_code)]
