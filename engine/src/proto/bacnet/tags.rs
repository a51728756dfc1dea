//! Values with their tags (ANSI/ASHRAE 135, clause 20.2): what stands in the body of a message. It
//! knows no service and no property.

use crate::proto::reader::Reader;

/// What a tag begins, or ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A value of a type of the standard.
    Application,
    /// A value whose type the service knows.
    Context,
    /// The beginning of values that belong together.
    Open,
    /// Their end.
    Close,
}

/// A tagged value, clause 20.2.1.
pub struct Tag<'a> {
    /// Whose number it is, and whether it holds a value.
    pub form: Form,
    /// The number of the tag.
    pub number: u8,
    /// The value.
    pub content: &'a [u8],
}

impl Tag<'_> {
    /// A value with this context tag.
    pub fn is_context(&self, number: u8) -> bool {
        self.form == Form::Context && self.number == number
    }

    /// The beginning of what has this context tag.
    pub fn opens(&self, number: u8) -> bool {
        self.form == Form::Open && self.number == number
    }

    /// A number of at most four bytes.
    pub fn unsigned(&self) -> Option<u32> {
        let fits = (1..=4).contains(&self.content.len());
        let add = |sum, byte: &u8| sum << 8 | u32::from(*byte);
        fits.then(|| self.content.iter().fold(0, add))
    }
}

/// Tagged values in a row.
pub struct Tags<'a>(pub &'a [u8]);

impl<'a> Tags<'a> {
    /// The next one; `None` where it is not whole.
    pub fn next(&mut self) -> Option<Tag<'a>> {
        let mut reader = Reader(self.0);
        let head = reader.u8()?;
        let number = match head >> 4 {
            15 => reader.u8()?,
            number => number,
        };
        let is_context = head & 8 != 0;
        let (form, len) = match head & 7 {
            6 if is_context => (Form::Open, 0),
            7 if is_context => (Form::Close, 0),
            // A Boolean is its own length.
            _ if !is_context && number == 1 => (Form::Application, 0),
            5 => {
                let len = match reader.u8()? {
                    254 => usize::from(reader.u16()?),
                    // Four bytes of length: nothing that long fits in a datagram.
                    255 => return None,
                    len => usize::from(len),
                };
                let form = if is_context {
                    Form::Context
                } else {
                    Form::Application
                };
                (form, len)
            }
            len if is_context => (Form::Context, usize::from(len)),
            len => (Form::Application, usize::from(len)),
        };
        let content = reader.take(len)?;
        self.0 = reader.0;
        Some(Tag {
            form,
            number,
            content,
        })
    }

    /// The next value, a number with this application tag.
    pub fn application(&mut self, number: u8) -> Option<u32> {
        let tag = self.next()?;
        let is_it = tag.form == Form::Application && tag.number == number;
        tag.unsigned().filter(|_| is_it)
    }

    /// The next value, a number with this context tag.
    pub fn context(&mut self, number: u8) -> Option<u32> {
        let tag = self.next()?;
        tag.unsigned().filter(|_| tag.is_context(number))
    }
}
