//! Lets a test ask the programs' signature check about messages of any length: no instruction of theirs takes others than
//! of 47 and 88 bytes. A fixture, never deployed.
#![no_std]

use campusgrid_sdk::{ed25519, entry, Ctx, Fault};

entry!(route, 1);

/// Instruction: 8 bytes of no meaning ‖ key (32) ‖ signature (64) ‖ message. 0 when the signature is valid, error 1 when not.
fn route(ctx: &mut Ctx<'_>) -> u64 {
    let Some((key, rest)) = ctx.data.split_first_chunk::<32>() else {
        return Fault::BAD_ARGUMENTS.code();
    };
    let Some((signature, message)) = rest.split_first_chunk::<64>() else {
        return Fault::BAD_ARGUMENTS.code();
    };
    if ed25519::verify(key, signature, message) {
        0
    } else {
        Fault::custom(1).code()
    }
}
