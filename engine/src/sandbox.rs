//! What a running engine may still do: receive, count, publish, and nothing else.
