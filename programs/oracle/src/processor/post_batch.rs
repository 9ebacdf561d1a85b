//! Applies readings that oracle keys attest to, for one interval, and puts what was applied under one root. They never credit
//! energy. A reading that fails is reported with its reason and changes nothing.
use crate::{
    error::{arguments, require},
    generated::{
        post_batch_accounts as at, AttestedPosted, AttestedRecord, AttestedSkipped,
        OracleError::{MalformedReadings, Paused, TooManyReadings},
        PostBatchArgs, Record, SkippedReading, ATTESTED_SIZE, ENTRY_FAULTED, ENTRY_OPENED, MAX_ATTESTED, NO_ROOT,
        ROOT_ATTESTED, ROOT_SIGNERS_SHIFT, SKIP_EMPTY_SLOT, SKIP_FAULTED, SKIP_FUTURE_INTERVAL, SKIP_METER_INACTIVE,
        SKIP_NOT_OPENED, SKIP_OVER_CAPACITY, SKIP_STALE_INTERVAL, TOLERANCE_PARAM,
    },
    mountains,
    processor::{end_s, latest_end_s},
    proof::epoch_flags,
    reading::Tail,
    state::{Config, MeterSlab, RootEntry, RootRing, SlabEntry},
};
use campusgrid_sdk::{
    account::{load, load_mut, require_address},
    event,
    state::{MeterStatus, Pause},
    Ctx, Fault, Outcome,
};

const POSTED_BYTES: usize = AttestedPosted::HEAD + MAX_ATTESTED * AttestedPosted::ITEM;
const SKIPPED_BYTES: usize = AttestedSkipped::HEAD + MAX_ATTESTED * AttestedSkipped::ITEM;

#[inline(never)]
pub fn post_batch(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(PostBatchArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let (posted_bytes, rest) = ctx.scratch.split_at_mut(POSTED_BYTES);
    let (skipped_bytes, rest) = rest.split_at_mut(SKIPPED_BYTES);
    let (named, others) = ctx.accounts.split_first_chunk_mut::<{ at::COUNT }>().ok_or(Fault::NOT_ENOUGH_ACCOUNTS)?;
    let [poster, council, config, slab, roots] = named;
    let mut slab = load_mut::<MeterSlab>(slab, program_id)?;
    require_address(config, &slab.config)?;
    require_address(roots, &slab.roots)?;
    let config = load::<Config>(config, program_id)?;
    let signers = config.agreed(poster, others)?;
    let mut roots = load_mut::<RootRing>(roots, program_id)?;
    let council = config.council(council)?;
    council.require_running(Pause::Readings, Paused.into())?;
    let interval = args.interval;
    let is_future = end_s(interval) > latest_end_s(council.param(TOLERANCE_PARAM))?;

    // Every record is written where the event wants it, which is also what the leaves are hashed from.
    let (head_bytes, records) = posted_bytes.split_at_mut(AttestedPosted::HEAD);
    let mut rooms = records.as_chunks_mut().0.iter_mut();
    let mut skipped = AttestedSkipped { zone: slab.zone, interval }.begin(skipped_bytes).ok_or(Fault::OVERFLOW)?;
    let terms = Terms { interval, is_future };
    let mut runs = args.runs;
    let (mut count, mut skipped_count) = (0, 0);
    while let Some(([first, length], after)) = runs.split_first_chunk::<2>() {
        let (first, length) = (*first as usize, *length as usize);
        let (readings, after) = after.split_at_checked(length * ATTESTED_SIZE).ok_or(MalformedReadings)?;
        runs = after;
        count += length;
        require(count <= MAX_ATTESTED, TooManyReadings)?;
        let entries = slab.entries.get_mut(first..first + length).ok_or(MalformedReadings)?;
        require(!entries.is_empty(), MalformedReadings)?;
        let mut slot = first as u16;
        for (entry, sent) in entries.iter_mut().zip(readings.as_chunks::<ATTESTED_SIZE>().0) {
            match attest(entry, sent, &terms) {
                Ok(()) => {
                    let room = rooms.next().ok_or(Fault::OVERFLOW)?;
                    record_of(entry, slot, 0).write(room);
                }
                Err(reason) => {
                    skipped.push(&SkippedReading { slot: slot as u8, reason });
                    skipped_count += 1;
                }
            }
            slot += 1;
        }
    }
    require(runs.is_empty() && count > 0, MalformedReadings)?;

    let applied = count - skipped_count;
    let mut seq = NO_ROOT;
    if applied > 0 {
        let root = mountains::batch_root(&records[..applied * Record::SIZE], rest.as_chunks_mut().0);
        let flags = ROOT_ATTESTED | (signers as u16) << ROOT_SIGNERS_SHIFT;
        seq = mountains::append(&mut roots, RootEntry { interval, count: applied as u16, flags, root })?;
    }
    // The records stand behind the head already, so the writer is left alone and the count is put in here.
    let _ = AttestedPosted { zone: slab.zone, seq, poster: poster.address().as_array(), signers }.begin(head_bytes);
    head_bytes[AttestedPosted::HEAD - 4..].copy_from_slice(&(applied as u32).to_le_bytes());
    event::emit(&posted_bytes[..AttestedPosted::HEAD + applied * AttestedPosted::ITEM]);
    if skipped_count > 0 {
        event::emit(skipped.finish());
    }
    Ok(())
}

/// What holds for every reading of one instruction.
struct Terms {
    interval: u32,
    is_future: bool,
}

/// Take over what oracle keys attest about one meter. Errors: the SKIP_ constant of the first rule that is broken.
#[inline(always)]
fn attest(entry: &mut SlabEntry, sent: &[u8; ATTESTED_SIZE], terms: &Terms) -> Result<(), u8> {
    let is_fit = entry.flags & (ENTRY_OPENED | ENTRY_FAULTED) == ENTRY_OPENED;
    if entry.status != MeterStatus::Active as u8 || !is_fit {
        return Err(why_unfit(entry));
    }
    let (newest_import_wh, newest_export_wh, newest_interval) = entry.newest();
    if terms.interval <= newest_interval {
        return Err(SKIP_STALE_INTERVAL);
    }
    if terms.is_future {
        return Err(SKIP_FUTURE_INTERVAL);
    }
    let [a, b, c, d, e, f] = *sent;
    let import = Tail { low: (u32::from_le_bytes([a, b, c, d]) & 0xff_ffff) as u64, bytes: 3 };
    let export = Tail { low: (u16::from_le_bytes([e, f]) as u64) << 8 | d as u64, bytes: 3 };
    let import_wh = import.register_wh(newest_import_wh).ok_or(SKIP_OVER_CAPACITY)?;
    let export_wh = export.register_wh(newest_export_wh).ok_or(SKIP_OVER_CAPACITY)?;
    let most_wh = (entry.max_wh_interval as u64).wrapping_mul((terms.interval - newest_interval) as u64); // Two u32.
    if import_wh - newest_import_wh > most_wh || export_wh - newest_export_wh > most_wh {
        return Err(SKIP_OVER_CAPACITY);
    }
    entry.attested_import_wh = import_wh;
    entry.attested_export_wh = export_wh;
    entry.attested_interval = terms.interval;
    Ok(())
}

/// Why a slot takes no attested reading at all.
#[inline(never)]
#[cold]
fn why_unfit(entry: &SlabEntry) -> u8 {
    if entry.meter_number == 0 {
        SKIP_EMPTY_SLOT
    } else if entry.status != MeterStatus::Active as u8 {
        SKIP_METER_INACTIVE
    } else if entry.is_faulted() {
        SKIP_FAULTED
    } else {
        SKIP_NOT_OPENED
    }
}

/// The record of what a slot holds as attested.
#[inline(always)]
pub fn record_of(entry: &SlabEntry, slot: u16, flags: u16) -> AttestedRecord {
    AttestedRecord {
        slot,
        interval: entry.attested_interval,
        flags: flags | epoch_flags(entry.register_epoch),
        import_wh: entry.attested_import_wh,
        export_wh: entry.attested_export_wh,
    }
}
