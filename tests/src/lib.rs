//! What the tests of the whole house share: where the captures are, how one is replayed, how the
//! table after it reads as text, and how a text is compared with the one that was approved. It
//! tests nothing itself; that is `tests/house`.
#![deny(unsafe_code)]

mod devices;
mod expect;
mod files;
mod program;
mod replay;
mod rewrite;
mod text;

pub use devices::devices_text;
pub use expect::{expect, expect_part};
pub use files::{captures, data_folder, files_below, relative, root};
pub use program::{Ran, medtap, medtap_path, medtap_reading};
pub use replay::{Run, matcher, replay, replay_with};
pub use rewrite::Capture;
pub use text::table_text;
