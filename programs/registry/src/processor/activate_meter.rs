//! Lets the readings of a pending or suspended meter count.
use crate::{
    authority::{require_active_owner, require_staff},
    generated::{MeterStatusChanged, RegistryError, METER_ACTIVE},
    processor::{require_not_retired, require_running},
    state::Config,
};
use campusgrid_sdk::{event, fault, load, load_mut, state::Meter, sysvar, Ctx, Outcome};

#[inline(never)]
pub fn activate_meter(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process(ctx))
}

#[inline(always)]
fn process(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let [authority, authority_user, council, config_view, owner_user, meter_view] = ctx.take()?;
    require_staff(authority, authority_user, program_id)?;
    require_running(council, &*load::<Config>(config_view, program_id)?)?;
    let mut meter = load_mut::<Meter>(meter_view, program_id)?;
    require_not_retired(&meter)?;
    if meter.status == METER_ACTIVE {
        return Err(RegistryError::BadStatus.into());
    }
    require_active_owner(owner_user, &meter.owner, program_id)?;
    let old_status = meter.status;
    meter.status = METER_ACTIVE;
    meter.updated_at = sysvar::now_s()?;
    let mut bytes = [0; MeterStatusChanged::SIZE];
    MeterStatusChanged {
        meter_number: meter.meter_number,
        old_status,
        new_status: METER_ACTIVE,
        authority: authority.address().as_array(),
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
