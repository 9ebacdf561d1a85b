//! Sets a meter's attested registers by decision of the council, under a root of its own, and ends a fault. Credits, verified
//! registers and keys are out of its reach.
use crate::{
    error::{arguments, require},
    generated::{
        correct_accounts as at, CorrectArgs,
        OracleError::{InvalidCorrection, NotEnrolled},
        ReadingCorrected, Record, ENTRY_FAULTED, FAULT_CORRECTED, RECORD_CORRECTION, ROOT_CORRECTION,
    },
    mountains,
    processor::{end_s, now_s, post_batch::record_of},
    state::{Config, FaultRecord, MeterSlab, RootEntry, RootRing},
};
use campusgrid_sdk::{
    account::{load, load_mut, require_address, same},
    event, pda, Ctx, Fault, Outcome,
};

#[inline(never)]
pub fn correct(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(CorrectArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let (named, optional) = ctx.accounts.split_first_chunk_mut::<{ at::REQUIRED }>().ok_or(Fault::NOT_ENOUGH_ACCOUNTS)?;
    let [council, config, slab, roots] = named;
    let mut slab = load_mut::<MeterSlab>(slab, program_id)?;
    require_address(config, &slab.config)?;
    require_address(roots, &slab.roots)?;
    load::<Config>(config, program_id)?.require_decided(council)?;
    let mut roots = load_mut::<RootRing>(roots, program_id)?;
    let zone = slab.zone;
    let slot = args.slot as u16;
    let entry = slab.entries.get_mut(args.slot as usize).ok_or(NotEnrolled)?;
    require(entry.meter_number != 0, NotEnrolled)?;
    let is_forward = args.interval >= entry.last_interval && args.interval >= entry.attested_interval;
    let is_over = end_s(args.interval) <= now_s()?;
    let is_above = args.import_wh >= entry.import_wh && args.export_wh >= entry.export_wh;
    require(entry.is_opened() && is_forward && is_over && is_above, InvalidCorrection)?;

    let was_faulted = entry.is_faulted();
    if was_faulted {
        let fault = optional.first_mut().ok_or(InvalidCorrection)?;
        // An optional account that is not given holds the program's own id.
        require(!same(fault.address(), program_id), InvalidCorrection)?;
        let (zone_key, slot_key) = (zone.to_le_bytes(), slot.to_le_bytes());
        pda::require_canonical(fault, &[b"fault", &zone_key, &slot_key], program_id)?;
        let mut fault = load_mut::<FaultRecord>(fault, program_id)?;
        fault.status = FAULT_CORRECTED;
        fault.cleared_interval = args.interval;
    }
    let (old_import_wh, old_export_wh) = (entry.attested_import_wh, entry.attested_export_wh);
    entry.attested_import_wh = args.import_wh;
    entry.attested_export_wh = args.export_wh;
    entry.attested_interval = args.interval;
    entry.flags &= !ENTRY_FAULTED;
    let mut record = [0; Record::SIZE];
    let corrected = record_of(entry, slot, RECORD_CORRECTION);
    corrected.write(&mut record);
    let root = mountains::leaf(&record);
    let seq = mountains::append(&mut roots, RootEntry { interval: args.interval, count: 1, flags: ROOT_CORRECTION, root })?;

    let mut bytes = [0; ReadingCorrected::SIZE];
    ReadingCorrected {
        zone,
        slot,
        meter_number: entry.meter_number,
        seq,
        interval: args.interval,
        old_import_wh,
        old_export_wh,
        import_wh: args.import_wh,
        export_wh: args.export_wh,
        was_faulted: was_faulted as u8,
        note_hash: args.note_hash,
        flags: corrected.flags,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
