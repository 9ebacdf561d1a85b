//! Pauses parts of the system for a while, at one guardian's word.
use crate::{
    change::check_mask,
    council::require_guardian,
    generated::{EmergencyStopArgs, EmergencyStopped, GovernanceError},
};
use campusgrid_sdk::{event, fault, load_mut, state::Council, sysvar, Ctx, Fault, Outcome};

#[inline(never)]
pub fn emergency_stop(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process(ctx))
}

#[inline(always)]
fn process(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let args = EmergencyStopArgs::parse(ctx.data).ok_or(Fault::BAD_ARGUMENTS)?;
    let [guardian, council_view] = ctx.take()?;
    let mut council = load_mut::<Council>(council_view, program_id)?;
    require_guardian(&council, guardian)?;
    check_mask(args.mask)?;
    let now_s = sysvar::now_s()?;
    if now_s < council.pause_until {
        // More parts may join a running stop, but it ends when it was to end.
        if council.pause_mask | args.mask == council.pause_mask {
            return Err(GovernanceError::StopActive.into());
        }
        // What the council has let go on stays so until the next stop: one guardian does not outvote it.
        if args.mask & council.resumed_mask != 0 {
            return Err(GovernanceError::CoolingOff.into());
        }
        council.pause_mask |= args.mask;
    } else {
        // Without the wait two guardians could take turns and hold the system for ever.
        if now_s < council.stop_allowed_at {
            return Err(GovernanceError::CoolingOff.into());
        }
        let length_s = council.stop_length_s as i64;
        council.pause_mask = args.mask;
        council.resumed_mask = 0;
        council.pause_until = now_s.checked_add(length_s).ok_or(Fault::OVERFLOW)?;
        council.stop_allowed_at = council.pause_until.checked_add(length_s).ok_or(Fault::OVERFLOW)?;
    }
    let mut bytes = [0; EmergencyStopped::SIZE];
    EmergencyStopped {
        guardian: guardian.address().as_array(),
        pause_mask: council.pause_mask,
        pause_until: council.pause_until,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
