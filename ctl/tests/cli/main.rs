//! The command line as its users meet it: the program itself, its exit codes, its messages.

mod agreement;
mod doctor;
mod expressions;
mod faults;
mod live;
mod memory;
mod outputs;
mod program;
mod risk;
mod roster;
mod serve;
