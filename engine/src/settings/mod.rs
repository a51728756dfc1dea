//! What a live engine is asked to do: command line over configuration file, checked.
