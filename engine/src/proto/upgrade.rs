//! TLS that begins inside a conversation of another protocol (STARTTLS and its kin): from where
//! both ends agreed on it, the hellos and the certificate are read as on a port of its own. It
//! decides nothing: the outer protocol says when, and keeps the flow's name.

use super::{Progress, Segment, Session, tls};
use crate::observe::Emit;

/// Nothing, or the TLS that has begun.
#[derive(Default)]
pub(super) struct Upgrade(Option<Box<dyn Session>>);

impl Upgrade {
    /// From here on both ends speak TLS.
    pub fn begin(&mut self) {
        self.0 = Some((tls::CLASSIFIER.session)());
    }

    /// Reads on, if it has begun.
    pub fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Option<Progress> {
        Some(self.0.as_mut()?.observe(segment, emit))
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        let session = self.0.as_deref();
        session.map_or(0, |session| size_of_val(session) + session.kept_bytes())
    }
}
