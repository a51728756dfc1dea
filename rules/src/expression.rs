//! A pattern, compiled. What its syntax tells without that is in `outline`; it runs no pattern and
//! knows no rule.

use crate::limits::{AUTOMATON_BYTES_MAX, PATTERN_COMPILED_BYTES_MAX, PATTERN_NESTING_MAX};
use crate::outline::syntax_fault;
use regex::bytes::{Regex, RegexBuilder};

/// Compiles a pattern: ASCII classes, `.` for any byte.
pub fn build(source: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(source)
        .unicode(false)
        .dot_matches_new_line(true)
        .size_limit(PATTERN_COMPILED_BYTES_MAX)
        .dfa_size_limit(AUTOMATON_BYTES_MAX)
        .nest_limit(PATTERN_NESTING_MAX)
        .build()
}

/// One line from the regex crate's picture of the fault.
pub fn fault(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => format!(
            "pattern is larger than {PATTERN_COMPILED_BYTES_MAX} bytes once compiled; \
             allowed are smaller repetitions"
        ),
        _ => syntax_fault(&error.to_string()),
    }
}
