//! GRID: turns bytes into one instruction. What each one does is in `processor/`, what it keeps in `state/`.
#![no_std]

mod error;
mod generated;
mod processor;
mod state;

use campusgrid_sdk::{entry, fault::code, Ctx, Fault};
use generated::ix;

entry!(route, 16);

fn route(ctx: &mut Ctx<'_>) -> u64 {
    code(match ctx.discriminator {
        ix::SETTLE_RANGE => processor::settle_range(ctx),
        ix::TRANSFER => processor::transfer(ctx),
        ix::DEPOSIT => processor::deposit(ctx),
        ix::WITHDRAW => processor::withdraw(ctx),
        ix::MOVE_TO_MARKET => processor::move_to_market(ctx),
        ix::CREDIT_FROM_MARKET => processor::credit_from_market(ctx),
        ix::LIST_SURPLUS => processor::list_surplus(ctx),
        ix::RETIRE => processor::retire(ctx),
        ix::OPEN_ACCOUNT => processor::open_account(ctx),
        ix::ATTACH_METER => processor::attach_meter(ctx),
        ix::SET_LISTING_RULE => processor::set_listing_rule(ctx),
        ix::SYNC_FREEZE => processor::sync_freeze(ctx),
        ix::CREATE_ZONE => processor::create_zone(ctx),
        ix::INITIALIZE => processor::initialize(ctx),
        _ => Err(Fault::UNKNOWN_INSTRUCTION),
    })
}
