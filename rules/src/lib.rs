//! Knowledge: this text means that product. Rules are data with their own examples; nothing
//! here knows a parser.
#![deny(unsafe_code)]
