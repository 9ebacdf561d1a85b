//! The oracle: turns bytes into one instruction. What each one does is in `processor/`, what it keeps in `state/`, how a
//! reading is judged in `judge.rs`, how roots are made in `mountains.rs`.
#![no_std]

mod error;
mod generated;
mod judge;
mod keys;
mod mountains;
mod processor;
mod reading;
mod state;

use campusgrid_sdk::{entry, fault::code, Ctx, Fault};
use generated::ix;

entry!(route, 8);

fn route(ctx: &mut Ctx<'_>) -> u64 {
    code(match ctx.discriminator {
        ix::POST_VERIFIED => processor::post_verified(ctx),
        ix::VERIFY_READING => processor::verify_reading(ctx),
        ix::SYNC_KEY => processor::sync_key(ctx),
        ix::ENROLL_METER => processor::enroll_meter(ctx),
        ix::CREATE_ZONE => processor::create_zone(ctx),
        ix::INITIALIZE => processor::initialize(ctx),
        _ => Err(Fault::UNKNOWN_INSTRUCTION),
    })
}
