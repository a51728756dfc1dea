use super::*;
use crate::proto::driver::{PORTS as TEST_PORTS, check_any, check_cuts, probe, run};
