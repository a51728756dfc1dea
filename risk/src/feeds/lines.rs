//! A text file line by line, in constant memory. A line that is too long is told as such, and the
//! next one is read all the same.

use std::io::Read;

use super::limits::LINE_BYTES_MAX;
use super::refusal::Refusal;

/// Bytes read at once.
const BUFFER_BYTES: usize = 256 << 10;

/// One line, from 1, without its end. `None` where it is longer than [`LINE_BYTES_MAX`].
pub struct Line<'a> {
    /// Its number.
    pub number: u64,
    /// Its bytes.
    pub bytes: Option<&'a [u8]>,
}

/// Gives every line that is not empty to `each`.
pub fn read(
    mut reader: impl Read,
    mut each: impl FnMut(Line<'_>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut held = Vec::new();
    let mut number = 0;
    let mut too_long = false;
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        let mut bytes = buffer.get(..count).unwrap_or_default();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(end);
            number += 1;
            if held.is_empty() && !too_long {
                give(number, line, false, &mut each)?;
            } else {
                extend(&mut held, line, &mut too_long);
                give(number, &held, too_long, &mut each)?;
            }
            held.clear();
            too_long = false;
            bytes = rest.get(1..).unwrap_or_default();
        }
        extend(&mut held, bytes, &mut too_long);
        if count == 0 {
            return give(number + 1, &held, too_long, &mut each);
        }
    }
}

fn extend(held: &mut Vec<u8>, bytes: &[u8], too_long: &mut bool) {
    if *too_long || held.len() + bytes.len() > LINE_BYTES_MAX {
        *too_long = true;
        held.clear();
    } else {
        held.extend_from_slice(bytes);
    }
}

fn give(
    number: u64,
    line: &[u8],
    too_long: bool,
    each: &mut impl FnMut(Line<'_>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() && !too_long {
        return Ok(());
    }
    let bytes = (!too_long).then_some(line);
    each(Line { number, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(bytes: &[u8]) -> Vec<(u64, Option<usize>)> {
        let mut found = Vec::new();
        read(bytes, |line| {
            found.push((line.number, line.bytes.map(<[u8]>::len)));
            Ok(())
        })
        .unwrap();
        found
    }

    #[test]
    fn lines_have_numbers_and_bounds() {
        assert_eq!(collect(b"a\r\n\nbcd"), [(1, Some(1)), (3, Some(3))]);
        let mut text = vec![b'x'; 3 * LINE_BYTES_MAX];
        text.extend_from_slice(b"\nok\n");
        assert_eq!(collect(&text), [(1, None), (2, Some(2))]);
        assert_eq!(collect(&text[..2 * LINE_BYTES_MAX]), [(1, None)]);
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let lines = collect(bytes);
            assert!(
                lines
                    .iter()
                    .all(|(_, length)| length.is_some_and(|length| length > 0))
            );
        });
    }
}
