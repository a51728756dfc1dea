//! Tests of the whole house, one program. Those of one parser, one rule or one record stand
//! beside what they test.
#![allow(missing_docs)]

/// What takes several devices to see.
mod behaviour;
/// No output names a person of those that the captures hold.
mod canary;
/// Every committed capture leaves exactly the table that was approved.
mod captures;
/// A disk that is full, and rules that other programs take.
mod disk;
/// Ports, tags, tunnels and the order of segments change nothing of what is said.
mod elsewhere;
/// What can be wrong with an input: one sentence and one exit code each.
mod faults;
/// Captures that are not ours, where there are some.
mod foreign;
/// A few frames by hand.
mod frames;
/// What the program finds on the hospital's network, against what truly is there.
mod hospital;
/// Limits are counted where they refuse something.
mod limits;
/// What a network brings, into a history: the inventory that a person would draw.
mod memory;
/// The BPF object that is committed: what is in it, and that its source gives it.
mod object;
/// What a worker leaves out when it does not keep up, and that it learns it later.
mod overload;
/// The program as it is typed: same devices whatever the way there.
mod program;
/// A new engine begins with what the one before knew.
mod restart;
/// A saved table reads like the run that made it.
mod saved;
/// A packet that is counted by its summary leaves what it leaves with all its headers read.
mod summaries;
/// Saved tables of every layout that there was.
mod tables;
/// A live worker goes on between bursts.
mod tending;
/// The tree itself: floors, fences, provenance, glossary, size.
mod tidy;
/// Captures that were cut, at every byte and at every length of their packets.
mod truncation;
/// What the scripts made devices be, against what is reported of them: all of it, from its own
/// field, and nothing besides.
mod truth;
/// The number of workers changes nothing.
mod workers;
