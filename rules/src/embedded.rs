//! The rule files that ship, as they stand in `data`. It holds no knowledge of its own; a test
//! compares the list with the folder.

/// Lists files of `data` with their contents.
macro_rules! embed {
    ($($field:literal,)+) => {
        /// Name and text of every rule file.
        pub const FILES: &[(&str, &str)] =
            &[$((concat!($field, ".toml"), include_str!(concat!("../data/", $field, ".toml"))),)+];
    };
}

embed! {
    "http.server",
}
