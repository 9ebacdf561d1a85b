//! Ends a meter for good.
use crate::{
    authority::require_staff,
    generated::{MeterRetired, RetireMeterArgs, METER_RETIRED},
    processor::require_not_retired,
};
use campusgrid_sdk::{event, fault, load_mut, state::Meter, sysvar, Ctx, Fault, Outcome};

#[inline(never)]
pub fn retire_meter(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process(ctx))
}

#[inline(always)]
fn process(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let args = RetireMeterArgs::parse(ctx.data).ok_or(Fault::BAD_ARGUMENTS)?;
    let [authority, authority_user, meter_view] = ctx.take()?;
    require_staff(authority, authority_user, program_id)?;
    let mut meter = load_mut::<Meter>(meter_view, program_id)?;
    require_not_retired(&meter)?;
    let old_status = meter.status;
    meter.status = METER_RETIRED;
    meter.closing_import_wh = args.closing_import_wh;
    meter.closing_export_wh = args.closing_export_wh;
    meter.updated_at = sysvar::now_s()?;
    let mut bytes = [0; MeterRetired::SIZE];
    MeterRetired {
        meter_number: meter.meter_number,
        old_status,
        closing_import_wh: args.closing_import_wh,
        closing_export_wh: args.closing_export_wh,
        authority: authority.address().as_array(),
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
