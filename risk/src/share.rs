//! Numbers that cannot lie outside their range: shares (0–1) and grades (0–10). Nothing computes
//! with a number from outside before it is one of them: what is not a number is refused here.

use std::fmt;

/// Why a number is refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{value} is no number from 0 to {max}")]
pub struct RangeError {
    /// The number as it came.
    pub value: f64,
    /// The largest that is allowed.
    pub max: f64,
}

/// Declares a number from 0 to a largest one.
macro_rules! bounded {
    ($(#[$meta:meta])* $name:ident, $max:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
        pub struct $name(f64);

        impl $name {
            /// The smallest.
            pub const ZERO: Self = Self(0.0);
            /// The largest.
            pub const MAX: Self = Self($max);

            /// The number, unless it is none, or out of range.
            pub fn new(value: f64) -> Result<Self, RangeError> {
                if (0.0..=$max).contains(&value) {
                    Ok(Self(value))
                } else {
                    Err(RangeError { value, max: $max })
                }
            }

            /// The number.
            pub const fn get(self) -> f64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

bounded! {
    /// A share or a probability, 0–1.
    Share, 1.0
}

bounded! {
    /// A grade of impact, 0–10.
    Grade, 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_in_range_pass() {
        for bad in [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            -0.1,
            1.000_000_1,
        ] {
            assert!(Share::new(bad).is_err(), "{bad}");
        }
        assert_eq!(Share::new(1.0).map(Share::get), Ok(1.0));
        assert_eq!(Share::new(-0.0).map(Share::get), Ok(0.0));
        assert_eq!(Grade::new(10.0), Ok(Grade::MAX));
        assert_eq!(
            Grade::new(11.0).map_err(|error| error.to_string()),
            Err("11 is no number from 0 to 10".to_owned())
        );
    }
}
