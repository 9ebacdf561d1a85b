//! Turns the first eight bytes of a call into the handler that answers it.
use crate::{generated::ix, processor};
use campusgrid_sdk::{entry, Ctx, Fault};

entry!(route, 11);

fn route(ctx: &mut Ctx<'_>) -> u64 {
    match ctx.discriminator {
        ix::REGISTER_METER => processor::register_meter(ctx),
        ix::REGISTER_USER => processor::register_user(ctx),
        ix::ACTIVATE_METER => processor::activate_meter(ctx),
        ix::SUSPEND_METER => processor::suspend_meter(ctx),
        ix::ROTATE_DEVICE_KEY => processor::rotate_device_key(ctx),
        ix::SWAP_METER => processor::swap_meter(ctx),
        ix::RETIRE_METER => processor::retire_meter(ctx),
        ix::SET_USER_STATUS => processor::set_user_status(ctx),
        ix::CLOSE_USER => processor::close_user(ctx),
        ix::SET_ROLE => processor::set_role(ctx),
        ix::CREATE_ZONE => processor::create_zone(ctx),
        ix::INITIALIZE => processor::initialize(ctx),
        _ => Fault::UNKNOWN_INSTRUCTION.code(),
    }
}
