//! Made HTTP/1.1 messages, RFC 9112. Bodies are the caller's.

/// A request of exactly `len` bytes, made so by the path; the shortest possible one where `len`
/// is too small for it.
pub fn request(host: &str, agent: &str, len: usize) -> Vec<u8> {
    let rest = format!(
        " HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: */*\r\n\
         Connection: keep-alive\r\n\r\n"
    );
    let start = "GET /studies/";
    let path = "x".repeat(len.saturating_sub(start.len() + rest.len()));
    format!("{start}{path}{rest}").into_bytes()
}

/// The head of a response with a body of `body_len` bytes.
pub fn response(server: &str, body_len: usize) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nServer: {server}\r\nContent-Type: application/octet-stream\r\n\
         Content-Length: {body_len}\r\nConnection: keep-alive\r\n\r\n"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_length_asked_for() {
        assert_eq!(request("a.example", "Viewer/1.0", 536).len(), 536);
        assert!(request("a.example", "Viewer/1.0", 0).ends_with(b"\r\n\r\n"));
    }
}
