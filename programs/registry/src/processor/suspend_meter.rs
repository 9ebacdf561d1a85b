//! Keeps the readings of an active meter from counting. The way to stop harm is itself never paused.
use crate::{
    authority::require_staff,
    generated::{MeterStatusChanged, RegistryError, METER_ACTIVE, METER_SUSPENDED},
    processor::require_not_retired,
};
use campusgrid_sdk::{event, fault, load_mut, state::Meter, sysvar, Ctx, Outcome};

#[inline(never)]
pub fn suspend_meter(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process(ctx))
}

#[inline(always)]
fn process(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let [authority, authority_user, meter_view] = ctx.take()?;
    require_staff(authority, authority_user, program_id)?;
    let mut meter = load_mut::<Meter>(meter_view, program_id)?;
    require_not_retired(&meter)?;
    if meter.status != METER_ACTIVE {
        return Err(RegistryError::BadStatus.into());
    }
    meter.status = METER_SUSPENDED;
    meter.updated_at = sysvar::now_s()?;
    let mut bytes = [0; MeterStatusChanged::SIZE];
    MeterStatusChanged {
        meter_number: meter.meter_number,
        old_status: METER_ACTIVE,
        new_status: METER_SUSPENDED,
        authority: authority.address().as_array(),
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
