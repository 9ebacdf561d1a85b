//! Lets anybody prove that what oracle keys attested about a meter is not what the meter has signed. From then on the meter
//! takes no attested reading until the council corrects it. Nothing that a meter has been credited changes.
use crate::{
    error::{arguments, require},
    generated::{
        challenge_reading_accounts as at, AttestedRecord, ChallengeReadingArgs, FaultProven,
        OracleError::{AlreadyFaulted, BadSignature, FaultCleared, NoContradiction, NotAttested, UnfitReading},
        ENTRY_FAULTED, FAULT_OPEN, NO_POST_MASK, RECORD_CORRECTION, RECORD_EPOCH_SHIFT, RECORD_VERIFIED, ROOT_ATTESTED,
        ROOT_SIGNERS_SHIFT,
    },
    processor::{create, end_s, now_s, signed_by_slot, Part},
    proof::{epoch_flags, Inclusion, Signed},
    state::{Config, FaultRecord, MeterSlab, RootEntry, RootRing, SlabEntry},
};
use campusgrid_sdk::{
    account::{self, load, load_mut, require_address},
    ed25519::{self, CORE_PADDING, CORE_SIZE},
    event, pda, require_signer, AccountView, Address, Ctx, Outcome, RefMut,
};

#[inline(never)]
pub fn challenge_reading(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(ChallengeReadingArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [payer, config, slab, roots, fault, system] = ctx.take::<{ at::COUNT }>()?;
    require_signer(payer)?; // Also where there is no rent to pay: the case names its challenger.
    let mut slab = load_mut::<MeterSlab>(slab, program_id)?;
    require_address(config, &slab.config)?;
    require_address(roots, &slab.roots)?;
    let mut config = load_mut::<Config>(config, program_id)?;
    let roots = load::<RootRing>(roots, program_id)?;
    let inclusion = Inclusion {
        seq: args.seq,
        record: args.record,
        batch_left: args.batch_left,
        leaf: args.leaf,
        batch_path: args.batch_path,
        mountain_path: args.mountain_path,
    };
    let record_bytes = inclusion.record()?;
    let record = AttestedRecord::read(record_bytes);
    require(record.flags & (RECORD_VERIFIED | RECORD_CORRECTION) == 0, NotAttested)?;
    let root = inclusion.prove(&roots)?;
    let signers = match root {
        Some(root) => signers_of(&config, root),
        None => 0,
    };

    let signed = Signed::read(args.core);
    let device_key = *signed_by_slot(&slab, record.slot, &signed)?;
    let now_s = now_s()?;
    let zone = slab.zone;
    let slot = record.slot as usize;
    let entry = slab.entries.get_mut(slot).ok_or(NotAttested)?; // signed_by_slot has found it.
    require(is_epoch_of(&record, signed.register_epoch, entry.register_epoch), NoContradiction)?;
    require(contradicts(&signed, &record), NoContradiction)?;
    require(!entry.is_faulted(), AlreadyFaulted)?;
    let is_over = end_s(signed.interval) <= now_s;
    require(is_over && signed.quality & NO_POST_MASK == 0 && agrees(entry, &signed), UnfitReading)?;
    let mut padded = [CORE_PADDING; CORE_SIZE + 1];
    let (front, _) = padded.split_at_mut(CORE_SIZE);
    front.copy_from_slice(args.core);
    require(ed25519::verify_core(&device_key, args.signature, &padded), BadSignature)?;

    let mut key = [0; 4];
    key[..2].copy_from_slice(&zone.to_le_bytes());
    key[2..].copy_from_slice(&record.slot.to_le_bytes());
    let size = core::mem::size_of::<FaultRecord>() as u64;
    let challenger = *payer.address();
    let mut fault = open_fault(&Part { payer, system, program_id, name: b"fault", key: &key, size }, fault)?;
    require(record.interval > fault.cleared_interval, FaultCleared)?;
    fault.status = FAULT_OPEN;
    fault.signers = signers;
    fault.zone = zone;
    fault.slot = record.slot;
    fault.meter_number = entry.meter_number;
    fault.count = fault.count.wrapping_add(1);
    fault.seq = args.seq;
    fault.proven_at = now_s as i64;
    fault.challenger = challenger;
    fault.device_key = device_key;
    fault.signature = *args.signature;
    fault.record = *record_bytes;
    fault.core = *args.core;
    entry.flags |= ENTRY_FAULTED;
    for (place, count) in config.fault_counts.iter_mut().enumerate() {
        *count = count.wrapping_add((signers >> place & 1) as u32);
    }

    let mut bytes = [0; FaultProven::SIZE];
    FaultProven {
        zone,
        slot: record.slot,
        meter_number: entry.meter_number,
        seq: args.seq,
        signers,
        attested_interval: record.interval,
        attested_import_wh: record.import_wh,
        attested_export_wh: record.export_wh,
        signed_interval: signed.interval,
        signed_import_wh: signed.import_wh,
        signed_export_wh: signed.export_wh,
        challenger: challenger.as_array(),
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}

/// Whether `signed` is the register epoch of a record, which keeps its low 12 bits: the last such epoch up to the slot's `present`
/// one. Else a device could contradict by an epoch that never began, of which no verified register is known.
#[inline(always)]
fn is_epoch_of(record: &AttestedRecord, signed: u16, present: u16) -> bool {
    let passed = present.wrapping_sub(signed);
    passed <= u16::MAX >> RECORD_EPOCH_SHIFT && epoch_flags(signed) >> RECORD_EPOCH_SHIFT == record.flags >> RECORD_EPOCH_SHIFT
}

/// Other registers at the same instant; or one that would have fallen from the earlier to the later of the two.
#[inline(always)]
fn contradicts(signed: &Signed<'_>, record: &AttestedRecord) -> bool {
    let is_below = signed.import_wh < record.import_wh || signed.export_wh < record.export_wh;
    let is_above = signed.import_wh > record.import_wh || signed.export_wh > record.export_wh;
    (signed.interval >= record.interval && is_below) || (signed.interval <= record.interval && is_above)
}

/// Whether a signed reading fits the meter's last verified one. What the program would not accept as a reading, such as a glitch
/// that a device has signed, proves nothing against others either.
#[inline(always)]
fn agrees(entry: &SlabEntry, signed: &Signed<'_>) -> bool {
    if !entry.is_opened() || signed.register_epoch != entry.register_epoch {
        return true;
    }
    let is_below = signed.import_wh < entry.import_wh || signed.export_wh < entry.export_wh;
    let is_above = signed.import_wh > entry.import_wh || signed.export_wh > entry.export_wh;
    !(signed.interval >= entry.last_interval && is_below || signed.interval <= entry.last_interval && is_above)
}

/// Which oracle keys attested the records under a root of the ring; 0 when they have been replaced since.
#[inline(always)]
fn signers_of(config: &Config, root: &RootEntry) -> u8 {
    if root.flags & ROOT_ATTESTED == 0 || root.interval < config.keys_since_interval {
        return 0;
    }
    (root.flags >> ROOT_SIGNERS_SHIFT) as u8
}

/// The meter's Fault, made if this is its first case.
#[inline(always)]
fn open_fault<'v>(part: &Part<'_>, view: &'v mut AccountView) -> Outcome<RefMut<'v, FaultRecord>> {
    let program_id: &Address = part.program_id;
    if view.is_data_empty() {
        let bump = create(part, view)?;
        return account::init::<FaultRecord>(view, program_id, bump);
    }
    pda::require_canonical(view, &[part.name, part.key], program_id)?;
    load_mut::<FaultRecord>(view, program_id)
}
