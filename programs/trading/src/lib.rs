//! The market for GRID against CREDIT: turns bytes into one instruction. What each one does is in `processor/`.
#![no_std]

mod book;
mod error;
#[allow(dead_code)]
mod generated;
mod matching;
mod processor;
mod state;
mod units;

use campusgrid_sdk::{entry, fault::code, Ctx, Fault};
use generated::ix;

entry!(route, 16);

fn route(ctx: &mut Ctx<'_>) -> u64 {
    code(match ctx.discriminator {
        ix::PLACE_ORDER => processor::place_order(ctx),
        ix::CANCEL_ORDER => processor::cancel_order(ctx),
        ix::CREDIT_GRID => processor::credit_grid(ctx),
        ix::WITHDRAW_GRID => processor::withdraw_grid(ctx),
        ix::DEPOSIT_CREDIT => processor::deposit_credit(ctx),
        ix::WITHDRAW_CREDIT => processor::withdraw_credit(ctx),
        ix::OPEN_SEAT => processor::open_seat(ctx),
        ix::SYNC_SEAT => processor::sync_seat(ctx),
        ix::CREATE_MARKET => processor::create_market(ctx),
        ix::INITIALIZE => processor::initialize(ctx),
        _ => Err(Fault::UNKNOWN_INSTRUCTION),
    })
}
