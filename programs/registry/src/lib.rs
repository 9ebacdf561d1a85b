//! Placeholder of this program until its instructions are written: refuses every call.
#![no_std]

use campusgrid_sdk::{entry, Ctx, Fault};

entry!(route, 16);

fn route(_ctx: &mut Ctx<'_>) -> u64 {
    Fault::UNKNOWN_INSTRUCTION.code()
}
