//! The sheet of paper between the engine, which records what was seen, and the control plane,
//! which says what it means. It imports nothing of ours.
#![deny(unsafe_code)]

pub mod vocabulary;
