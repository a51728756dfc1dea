//! What follows heads: chunks, bodies, and the search for a head after a hole. It reads a body only
//! for a page's title or for the application that claimed it.

use medtap_table::vocabulary::Field;

use super::application::Wants;
use super::head::Start;
use super::{Extent, Purpose, Session, Stage, Step, head};
use crate::config::{HTTP_CHUNK_LINE_BYTES_MAX, HTTP_RESYNC_SEGMENTS_MAX, HTTP_TITLE_BYTES_MAX};
use crate::observe::{Emit, Role, Subject};
use crate::proto::Segment;

impl Session {
    /// Reads the line before a chunk: its size in hexadecimal digits, RFC 9112, 7.1.
    pub(super) fn chunk_line(&mut self, from: Role, bytes: &[u8], purpose: Purpose) -> Step {
        let Some(end) = bytes
            .iter()
            .take(HTTP_CHUNK_LINE_BYTES_MAX)
            .position(|byte| *byte == b'\n')
        else {
            return if bytes.len() >= HTTP_CHUNK_LINE_BYTES_MAX {
                Step::Endless
            } else {
                Step::Wait
            };
        };
        let line = bytes.get(..end).unwrap_or_default();
        let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let size = std::str::from_utf8(size.trim_ascii())
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|text| u64::from_str_radix(text, 16).ok());
        let Some(size) = size else {
            return Step::Broken;
        };
        let half = self.half(from);
        match size {
            0 => {
                half.stage = Stage::Trailer;
                Step::Used(end + 1)
            }
            // The chunk's own line end belongs to it.
            size if purpose == Purpose::Pass => Step::Skip(end + 1, size.saturating_add(2)),
            size => {
                half.stage = Stage::Body(Extent::Chunk(size.saturating_add(2)), purpose);
                Step::Used(end + 1)
            }
        }
    }

    /// Steps over the fields after the last chunk, up to the empty line.
    pub(super) fn trailer(&mut self, from: Role, bytes: &[u8], emit: Emit<'_>) -> Step {
        let limit = HTTP_CHUNK_LINE_BYTES_MAX;
        match bytes.iter().take(limit).position(|byte| *byte == b'\n') {
            None if bytes.len() >= limit => Step::Endless,
            None => Step::Wait,
            Some(end) => {
                if matches!(bytes.get(..end), Some(b"" | b"\r")) {
                    let half = self.half(from);
                    half.stage = Stage::Head;
                    if let Some(mut body) = half.body.take() {
                        body.end(emit);
                    }
                }
                Step::Used(end + 1)
            }
        }
    }

    /// Shows an application the next bytes of the body that it reads.
    pub(super) fn body(
        &mut self,
        from: Role,
        bytes: &[u8],
        extent: Extent,
        emit: Emit<'_>,
    ) -> Step {
        let half = self.half(from);
        let left = match extent {
            Extent::Fixed(left) => left,
            // The chunk's own line end belongs to it, not to the body.
            Extent::Chunk(left) => left.saturating_sub(2),
            Extent::Rest => u64::MAX,
        };
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let shown = bytes.get(..here).unwrap_or_default();
        let wants = match &mut half.body {
            Some(body) => body.read(shown, emit),
            None => Wants::Nothing,
        };
        let left = left - here as u64;
        let skip = match wants {
            Wants::More => 0,
            Wants::Skip(bytes) => bytes.min(left),
            Wants::Nothing => left,
        };
        if wants == Wants::Nothing {
            half.body = None;
        } else if let (Wants::Skip(bytes), Some(body)) = (wants, &mut half.body) {
            body.skip(bytes - skip);
        }
        let left = left - skip;
        half.stage = match (extent, half.body.is_some()) {
            (Extent::Rest, false) => return Step::Done,
            (Extent::Rest, true) => Stage::Body(Extent::Rest, Purpose::Read),
            (Extent::Chunk(_), true) if left == 0 => Stage::ChunkLine(Purpose::Read),
            (Extent::Chunk(_), true) => Stage::Body(Extent::Chunk(left + 2), Purpose::Read),
            (Extent::Chunk(_), false) => Stage::ChunkLine(Purpose::Pass),
            (Extent::Fixed(_), _) if left == 0 => Stage::Head,
            (Extent::Fixed(_), _) => Stage::Body(Extent::Fixed(left), Purpose::Read),
        };
        if half.stage == Stage::Head
            && let Some(mut body) = half.body.take()
        {
            body.end(emit);
        }
        let line_end = match half.stage {
            Stage::ChunkLine(_) => 2,
            _ => 0,
        };
        Step::Skip(here, skip + line_end)
    }

    /// Looks for the title in the beginning of a body, then leaves the body.
    pub(super) fn title(
        &mut self,
        from: Role,
        bytes: &[u8],
        extent: Extent,
        emit: Emit<'_>,
    ) -> Step {
        let left = match extent {
            Extent::Fixed(left) | Extent::Chunk(left) => left,
            Extent::Rest => u64::MAX,
        };
        let limit = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(HTTP_TITLE_BYTES_MAX);
        let page = bytes.get(..limit.min(bytes.len())).unwrap_or_default();
        match head::title(page) {
            Some(title) => {
                self.heads
                    .fact(Subject::Sender, Field::HttpTitle, title, emit);
            }
            None if page.len() < limit => return Step::Wait,
            None => {}
        }
        self.half(from).stage = match extent {
            Extent::Fixed(_) => Stage::Head,
            Extent::Chunk(_) => Stage::ChunkLine(Purpose::Pass),
            Extent::Rest => return Step::Done,
        };
        let used = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        Step::Skip(used, left.saturating_sub(used as u64))
    }

    /// Looks for a head at the beginning of a segment.
    pub(super) fn lost(&mut self, segment: &Segment<'_>, segments: u8, emit: Emit<'_>) -> Step {
        let half = self.half(segment.from);
        let bytes = segment.bytes;
        match Start::probe(bytes) {
            Some(Some(_)) => {
                half.stage = Stage::Head;
                self.head(segment, emit)
            }
            Some(None) => Step::Wait,
            None if segments >= HTTP_RESYNC_SEGMENTS_MAX => {
                half.stage = Stage::Over;
                Step::Used(bytes.len())
            }
            None => {
                half.stage = Stage::Lost {
                    segments: segments + 1,
                };
                Step::Used(bytes.len())
            }
        }
    }
}
