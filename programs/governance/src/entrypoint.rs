//! Turns the first eight bytes of a call into the handler that answers it.
use crate::{generated::ix, processor};
use campusgrid_sdk::{entry, Ctx, Fault};

entry!(route, 8);

fn route(ctx: &mut Ctx<'_>) -> u64 {
    match ctx.discriminator {
        ix::EMERGENCY_STOP => processor::emergency_stop(ctx),
        ix::APPROVE => processor::approve(ctx),
        ix::EXECUTE => processor::execute(ctx),
        ix::PROPOSE => processor::propose(ctx),
        ix::REVOKE => processor::revoke(ctx),
        ix::CANCEL => processor::cancel(ctx),
        ix::INITIALIZE => processor::initialize(ctx),
        _ => Fault::UNKNOWN_INSTRUCTION.code(),
    }
}
