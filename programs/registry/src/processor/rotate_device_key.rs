//! Gives a meter a new device key from a future interval on.
use crate::{
    authority::require_staff,
    generated::{DeviceKeyRotated, RegistryError, RotateDeviceKeyArgs, KEY_REVOKED, MAX_SWITCH_AHEAD},
    key_use::record_use,
    possession::require_possession,
    processor::{interval_at, require_not_retired, require_running},
    state::Config,
};
use campusgrid_sdk::{
    account::same,
    event, fault, load, load_mut, require_signer,
    state::{DeviceKey, Meter},
    sysvar, Ctx, Fault, Outcome,
};

#[inline(never)]
pub fn rotate_device_key(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process(ctx))
}

#[inline(always)]
fn process(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let args = RotateDeviceKeyArgs::parse(ctx.data).ok_or(Fault::BAD_ARGUMENTS)?;
    let [authority, authority_user, owner, payer, council, config_view, meter_view, key_record, system] = ctx.take()?;
    require_staff(authority, authority_user, program_id)?;
    require_signer(owner)?;
    let config = load::<Config>(config_view, program_id)?;
    require_running(council, &config)?;
    let mut meter = load_mut::<Meter>(meter_view, program_id)?;
    require_not_retired(&meter)?;
    if !same(&meter.owner, owner.address()) {
        return Err(RegistryError::NotOwner.into());
    }
    let now_s = sysvar::now_s()?;
    let present = interval_at(now_s)?;
    let latest = present.checked_add(MAX_SWITCH_AHEAD).ok_or(Fault::OVERFLOW)?;
    if args.first_interval <= present || args.first_interval > latest {
        return Err(RegistryError::BadFirstInterval.into());
    }
    // Two switches ahead at once would leave an interval without a key that everybody agrees on.
    if meter.keys[0].first_interval > present && !args.compromised {
        return Err(RegistryError::RotationPending.into());
    }
    let epoch = meter.key_epoch.checked_add(1).ok_or(RegistryError::EpochExhausted)?;
    require_possession(&config.network_tag, &meter.owner, &meter.meter_id, args.device_key, args.proof)?;

    let [newest, second, third, _] = meter.keys;
    let revoked = if args.compromised { KEY_REVOKED } else { 0 };
    meter.keys = [
        DeviceKey { key: *args.device_key, first_interval: args.first_interval, epoch, flags: 0 },
        DeviceKey { flags: newest.flags | revoked, ..newest },
        second,
        third,
    ];
    meter.key_epoch = epoch;
    meter.updated_at = now_s;
    record_use(&meter, payer, key_record, system, program_id)?;
    let mut bytes = [0; DeviceKeyRotated::SIZE];
    DeviceKeyRotated {
        meter_number: meter.meter_number,
        key_epoch: epoch,
        first_interval: args.first_interval,
        device_key: args.device_key,
        compromised: args.compromised,
        authority: authority.address().as_array(),
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
