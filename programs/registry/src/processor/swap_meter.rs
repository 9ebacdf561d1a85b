//! Approves that a meter's registers start anew.
use crate::{
    authority::require_staff,
    generated::{MeterSwapped, RegistryError, SwapMeterArgs},
    processor::{require_not_retired, require_running},
    state::Config,
};
use campusgrid_sdk::{account::same, event, fault, load, load_mut, state::Meter, sysvar, Ctx, Fault, Outcome};

#[inline(never)]
pub fn swap_meter(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process(ctx))
}

#[inline(always)]
fn process(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let args = SwapMeterArgs::parse(ctx.data).ok_or(Fault::BAD_ARGUMENTS)?;
    let [authority, authority_user, second, second_user, council, config_view, meter_view] = ctx.take()?;
    require_staff(authority, authority_user, program_id)?;
    require_staff(second, second_user, program_id)?;
    if same(authority.address(), second.address()) {
        return Err(RegistryError::SameApprover.into());
    }
    require_running(council, &*load::<Config>(config_view, program_id)?)?;
    let mut meter = load_mut::<Meter>(meter_view, program_id)?;
    require_not_retired(&meter)?;
    let register_epoch = meter.register_epoch.checked_add(1).ok_or(RegistryError::EpochExhausted)?;

    meter.register_epoch = register_epoch;
    meter.serial_hash = *args.serial_hash;
    meter.closing_import_wh = args.closing_import_wh;
    meter.closing_export_wh = args.closing_export_wh;
    meter.opening_import_wh = args.opening_import_wh;
    meter.opening_export_wh = args.opening_export_wh;
    meter.updated_at = sysvar::now_s()?;
    let mut bytes = [0; MeterSwapped::SIZE];
    MeterSwapped {
        meter_number: meter.meter_number,
        register_epoch,
        serial_hash: args.serial_hash,
        closing_import_wh: args.closing_import_wh,
        closing_export_wh: args.closing_export_wh,
        opening_import_wh: args.opening_import_wh,
        opening_export_wh: args.opening_export_wh,
        authority: authority.address().as_array(),
        second_authority: second.address().as_array(),
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
