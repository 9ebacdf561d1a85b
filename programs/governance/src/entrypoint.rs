//! Turns the first eight bytes of a call into the handler that answers it.
use crate::{generated::ix, processor};
use campusgrid_sdk::{entry, Ctx, Fault};

// Four, and the ten of a call.
entry!(route, 14);

fn route(ctx: &mut Ctx<'_>) -> u64 {
    match ctx.discriminator {
        ix::EMERGENCY_STOP => processor::emergency_stop(ctx),
        ix::APPROVE => processor::approve(ctx),
        ix::EXECUTE => processor::execute(ctx),
        ix::PROPOSE => processor::propose(ctx),
        ix::REVOKE => processor::revoke(ctx),
        ix::CANCEL => processor::cancel(ctx),
        ix::EXECUTE_VALIDATOR => processor::execute_validator(ctx),
        ix::EXECUTE_CALL => processor::execute_call(ctx),
        ix::EXECUTE_UPGRADE => processor::execute_upgrade(ctx),
        ix::INITIALIZE => processor::initialize(ctx),
        _ => Fault::UNKNOWN_INSTRUCTION.code(),
    }
}
