//! Names of versions and cipher suites, as IANA's registry of TLS parameters spells them. A number
//! that is not in the table stays a number.

/// The name of a version: `TLS 1.2`, `SSL 3.0`, or the number as `0x7f1c`.
pub fn version(version: u16) -> String {
    match version {
        0x0002 => "SSL 2.0".to_owned(),
        0x0300 => "SSL 3.0".to_owned(),
        0x0301..=0x0304 => format!("TLS 1.{}", version - 0x0301),
        other => format!("0x{other:04x}"),
    }
}

/// The name of a cipher suite, or the number as `0x1a2b`.
pub fn cipher(number: u16) -> String {
    match CIPHERS.binary_search_by_key(&number, |(number, _)| *number) {
        Ok(index) => CIPHERS
            .get(index)
            .map(|(_, name)| format!("TLS_{name}"))
            .unwrap_or_default(),
        Err(_) => format!("0x{number:04x}"),
    }
}

/// A suite that does not encrypt.
pub fn is_clear(number: u16) -> bool {
    matches!(
        number,
        0x0000..=0x0002
            | 0x002c..=0x002e
            | 0x003b
            | 0x00b0 | 0x00b1 | 0x00b4 | 0x00b5 | 0x00b8 | 0x00b9
            | 0xc001 | 0xc006 | 0xc00b | 0xc010 | 0xc015
            | 0xc039..=0xc03b
            | 0xc0b4 | 0xc0b5
    )
}

/// Suites that are met in practice, without the `TLS_` that begins every name; ascending.
const CIPHERS: &[(u16, &str)] = &[
    (0x0000, "NULL_WITH_NULL_NULL"),
    (0x0001, "RSA_WITH_NULL_MD5"),
    (0x0002, "RSA_WITH_NULL_SHA"),
    (0x0003, "RSA_EXPORT_WITH_RC4_40_MD5"),
    (0x0004, "RSA_WITH_RC4_128_MD5"),
    (0x0005, "RSA_WITH_RC4_128_SHA"),
    (0x0006, "RSA_EXPORT_WITH_RC2_CBC_40_MD5"),
    (0x0007, "RSA_WITH_IDEA_CBC_SHA"),
    (0x0008, "RSA_EXPORT_WITH_DES40_CBC_SHA"),
    (0x0009, "RSA_WITH_DES_CBC_SHA"),
    (0x000a, "RSA_WITH_3DES_EDE_CBC_SHA"),
    (0x0013, "DHE_DSS_WITH_3DES_EDE_CBC_SHA"),
    (0x0014, "DHE_RSA_EXPORT_WITH_DES40_CBC_SHA"),
    (0x0015, "DHE_RSA_WITH_DES_CBC_SHA"),
    (0x0016, "DHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0x0018, "DH_anon_WITH_RC4_128_MD5"),
    (0x001b, "DH_anon_WITH_3DES_EDE_CBC_SHA"),
    (0x002f, "RSA_WITH_AES_128_CBC_SHA"),
    (0x0032, "DHE_DSS_WITH_AES_128_CBC_SHA"),
    (0x0033, "DHE_RSA_WITH_AES_128_CBC_SHA"),
    (0x0034, "DH_anon_WITH_AES_128_CBC_SHA"),
    (0x0035, "RSA_WITH_AES_256_CBC_SHA"),
    (0x0038, "DHE_DSS_WITH_AES_256_CBC_SHA"),
    (0x0039, "DHE_RSA_WITH_AES_256_CBC_SHA"),
    (0x003a, "DH_anon_WITH_AES_256_CBC_SHA"),
    (0x003b, "RSA_WITH_NULL_SHA256"),
    (0x003c, "RSA_WITH_AES_128_CBC_SHA256"),
    (0x003d, "RSA_WITH_AES_256_CBC_SHA256"),
    (0x0041, "RSA_WITH_CAMELLIA_128_CBC_SHA"),
    (0x0045, "DHE_RSA_WITH_CAMELLIA_128_CBC_SHA"),
    (0x0067, "DHE_RSA_WITH_AES_128_CBC_SHA256"),
    (0x006b, "DHE_RSA_WITH_AES_256_CBC_SHA256"),
    (0x0084, "RSA_WITH_CAMELLIA_256_CBC_SHA"),
    (0x0088, "DHE_RSA_WITH_CAMELLIA_256_CBC_SHA"),
    (0x008c, "PSK_WITH_AES_128_CBC_SHA"),
    (0x008d, "PSK_WITH_AES_256_CBC_SHA"),
    (0x0096, "RSA_WITH_SEED_CBC_SHA"),
    (0x009c, "RSA_WITH_AES_128_GCM_SHA256"),
    (0x009d, "RSA_WITH_AES_256_GCM_SHA384"),
    (0x009e, "DHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0x009f, "DHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0x00a8, "PSK_WITH_AES_128_GCM_SHA256"),
    (0x00a9, "PSK_WITH_AES_256_GCM_SHA384"),
    (0x1301, "AES_128_GCM_SHA256"),
    (0x1302, "AES_256_GCM_SHA384"),
    (0x1303, "CHACHA20_POLY1305_SHA256"),
    (0x1304, "AES_128_CCM_SHA256"),
    (0x1305, "AES_128_CCM_8_SHA256"),
    (0xc006, "ECDHE_ECDSA_WITH_NULL_SHA"),
    (0xc007, "ECDHE_ECDSA_WITH_RC4_128_SHA"),
    (0xc008, "ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA"),
    (0xc009, "ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
    (0xc00a, "ECDHE_ECDSA_WITH_AES_256_CBC_SHA"),
    (0xc010, "ECDHE_RSA_WITH_NULL_SHA"),
    (0xc011, "ECDHE_RSA_WITH_RC4_128_SHA"),
    (0xc012, "ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0xc013, "ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    (0xc014, "ECDHE_RSA_WITH_AES_256_CBC_SHA"),
    (0xc023, "ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"),
    (0xc024, "ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"),
    (0xc027, "ECDHE_RSA_WITH_AES_128_CBC_SHA256"),
    (0xc028, "ECDHE_RSA_WITH_AES_256_CBC_SHA384"),
    (0xc02b, "ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    (0xc02c, "ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    (0xc02f, "ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0xc030, "ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0xc09c, "RSA_WITH_AES_128_CCM"),
    (0xc09d, "RSA_WITH_AES_256_CCM"),
    (0xc0a0, "RSA_WITH_AES_128_CCM_8"),
    (0xc0a8, "PSK_WITH_AES_128_CCM_8"),
    (0xc0ac, "ECDHE_ECDSA_WITH_AES_128_CCM"),
    (0xc0ae, "ECDHE_ECDSA_WITH_AES_128_CCM_8"),
    (0xcca8, "ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0xcca9, "ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0xccaa, "DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_and_clear_suites_are_named_so() {
        assert!(CIPHERS.is_sorted_by_key(|(number, _)| *number));
        for (number, name) in CIPHERS {
            assert_eq!(is_clear(*number), name.contains("_NULL_"), "{name}");
        }
    }

    #[test]
    fn names_and_numbers() {
        assert_eq!(version(0x0300), "SSL 3.0");
        assert_eq!(version(0x0301), "TLS 1.0");
        assert_eq!(version(0x0304), "TLS 1.3");
        assert_eq!(version(0x7f1c), "0x7f1c");
        assert_eq!(cipher(0xc02f), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
        assert_eq!(cipher(0x1301), "TLS_AES_128_GCM_SHA256");
        assert_eq!(cipher(0xfefe), "0xfefe");
    }
}
