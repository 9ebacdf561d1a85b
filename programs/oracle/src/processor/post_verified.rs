//! Applies readings after checking each meter's signature, and puts what was applied under one root. A reading that
//! fails is reported with its reason and changes nothing; only a malformed instruction is refused as a whole.
use crate::{
    error::{arguments, require},
    generated::{
        post_verified_accounts as at,
        OracleError::{MalformedReadings, NotPoster, NotPostersMeter, Paused, TooManyReadings},
        PostVerifiedArgs, ReadingResult, ReadingsPosted, Record, APPLIED, MAX_READINGS, NO_ROOT, ROOT_VERIFIED,
        SKIP_BAD_SIGNATURE, TOLERANCE_PARAM,
    },
    judge::{judge, Change, Terms},
    mountains,
    processor::latest_end_s,
    reading::{core_of, CoreFields, Packed},
    state::{Config, MeterSlab, RootEntry, RootRing, SlabEntry},
};
use campusgrid_sdk::{
    account::{load, load_mut, require_address, same},
    ed25519, event, hash, require_signer,
    state::{Meter, Pause},
    AccountView, Address, Ctx, Fault, Outcome,
};

const RESULTS_BYTES: usize = ReadingsPosted::HEAD + MAX_READINGS * ReadingsPosted::ITEM;
const RECORDS_BYTES: usize = MAX_READINGS * Record::SIZE;

#[inline(never)]
pub fn post_verified(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(PostVerifiedArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let (event_bytes, rest) = ctx.scratch.split_at_mut(RESULTS_BYTES);
    let (records, rest) = rest.split_at_mut(RECORDS_BYTES);
    let (named, optional) =
        ctx.accounts.split_first_chunk_mut::<{ at::REQUIRED }>().ok_or(Fault::NOT_ENOUGH_ACCOUNTS)?;
    let [poster, council, config, slab, roots] = named;
    require_signer(poster)?;
    let mut slab = load_mut::<MeterSlab>(slab, program_id)?;
    require_address(config, &slab.config)?;
    require_address(roots, &slab.roots)?;
    let config = load::<Config>(config, program_id)?;
    let mut roots = load_mut::<RootRing>(roots, program_id)?;
    let council = config.council(council)?;
    council.require_running(Pause::Readings, Paused.into())?;
    let only_meter = if config.is_oracle_key(poster.address()) {
        None
    } else {
        Some(meter_of(poster.address(), optional.first(), program_id, &config.registry_program)?)
    };
    let terms = Terms { latest_end_s: latest_end_s(council.param(TOLERANCE_PARAM))?, is_net: slab.net_mode != 0 };

    let results = event_bytes[ReadingsPosted::HEAD..].as_chunks_mut().0;
    let mut batch = Batch { results, records: records.as_chunks_mut().0, posted: 0, applied: 0, highest: 0 };
    let network_tag = slab.network_tag;
    let mut readings = args.readings;
    while !readings.is_empty() {
        require(batch.posted < MAX_READINGS, TooManyReadings)?;
        let (sent, after) = Packed::read(readings).ok_or(MalformedReadings)?;
        readings = after;
        let interval = args.base_interval.checked_add(sent.offset as u32).ok_or(MalformedReadings)?;
        // A slot is a u8 and there are 256 entries, so this never fails.
        let entry = slab.entries.get_mut(sent.slot as usize).ok_or(MalformedReadings)?;
        if let Some(number) = only_meter {
            require(entry.meter_number == number, NotPostersMeter)?;
        }
        let outcome = match judge(entry, &sent, interval, &terms, 0) {
            Ok(change) => match apply_if_signed(entry, &sent, &change, &network_tag) {
                Err(_) if sent.is_next_epoch && entry.epochs_ahead() > 1 => {
                    let again = Again { args: &args, nth: batch.posted, terms: &terms, network_tag: &network_tag };
                    open_later_epoch(entry, &again)
                }
                outcome => outcome,
            },
            Err(reason) => Err(reason),
        };
        batch.note(entry, &sent, interval, &outcome).ok_or(Fault::OVERFLOW)?;
    }
    require(batch.posted > 0, MalformedReadings)?;

    let Batch { posted, applied, highest, .. } = batch;
    let seq = if applied == 0 {
        NO_ROOT
    } else {
        let root = mountains::batch_root(&records[..applied * Record::SIZE], rest.as_chunks_mut().0);
        mountains::append(&mut roots, RootEntry { interval: highest, count: applied as u16, flags: ROOT_VERIFIED, root })?
    };
    // The results stand behind the head already, so the writer is left alone and the count is put in here.
    let (head, _) = event_bytes.split_at_mut(ReadingsPosted::HEAD);
    let _ = ReadingsPosted { zone: slab.zone, seq, poster: poster.address().as_array() }.begin(head);
    head[ReadingsPosted::HEAD - 4..].copy_from_slice(&(posted as u32).to_le_bytes());
    event::emit(&event_bytes[..ReadingsPosted::HEAD + posted * ReadingsPosted::ITEM]);
    Ok(())
}

/// Number of the meter that a poster who is no oracle key owns.
///
/// # Errors
/// `NotPoster` when no meter is given or it is somebody else's; `WRONG_OWNER` and `WRONG_ACCOUNT_TYPE` when it is none.
#[inline(always)]
fn meter_of(
    poster: &Address,
    meter: Option<&AccountView>,
    program_id: &Address,
    registry_program: &Address,
) -> Outcome<u32> {
    let view = meter.ok_or(NotPoster)?;
    // An optional account that is not given holds the program's own id.
    require(!same(view.address(), program_id), NotPoster)?;
    let meter = load::<Meter>(view, registry_program)?;
    require(same(&meter.owner, poster), NotPoster)?;
    Ok(meter.meter_number)
}

/// An applied reading: the flags and the digest of its record.
struct Applied {
    flags: u16,
    digest: [u8; 16],
}

/// Make the change if the meter has signed for it. Errors: SKIP_BAD_SIGNATURE.
#[inline(always)]
fn apply_if_signed(entry: &mut SlabEntry, sent: &Packed<'_>, change: &Change, network_tag: &[u8; 4]) -> Result<Applied, u8> {
    let (key, key_epoch) = if change.interval >= entry.switch_interval {
        (&entry.key_current, entry.key_epoch)
    } else {
        (&entry.key_previous, entry.key_epoch.wrapping_sub(1))
    };
    let fields = CoreFields {
        network_tag,
        key_epoch,
        register_epoch: change.register_epoch,
        interval: change.interval,
        import_wh: change.import_wh,
        export_wh: change.export_wh,
    };
    let core = core_of(entry, sent, &fields);
    if !ed25519::verify_core(key, sent.signature, &core) {
        return Err(SKIP_BAD_SIGNATURE);
    }
    let (signed, _) = core.split_at(ed25519::CORE_SIZE);
    let hashed = hash::sha256(&[signed, key]);
    let (digest, _) = hashed.split_first_chunk::<16>().ok_or(SKIP_BAD_SIGNATURE)?;

    entry.take(change);
    Ok(Applied { flags: change.record_flags, digest: *digest })
}

/// A reading that may open a later epoch than the next: the one at place `nth`.
struct Again<'a> {
    args: &'a PostVerifiedArgs<'a>,
    nth: usize,
    terms: &'a Terms,
    network_tag: &'a [u8; 4],
}

/// After several swaps without a reading in between, the first approved epoch that the signature fits is meant. The next
/// one has been tried. Errors: the SKIP_ constants.
#[inline(never)]
#[cold]
fn open_later_epoch(entry: &mut SlabEntry, again: &Again<'_>) -> Result<Applied, u8> {
    let mut readings = again.args.readings;
    for _ in 0..again.nth {
        (_, readings) = Packed::read(readings).ok_or(SKIP_BAD_SIGNATURE)?;
    }
    let (sent, _) = Packed::read(readings).ok_or(SKIP_BAD_SIGNATURE)?;
    let interval = again.args.base_interval.wrapping_add(sent.offset as u32); // Added and checked before.
    for passed_over in 1..entry.epochs_ahead() {
        let change = judge(entry, &sent, interval, again.terms, passed_over)?;
        let outcome = apply_if_signed(entry, &sent, &change, again.network_tag);
        if outcome.is_ok() {
            return outcome;
        }
    }
    Err(SKIP_BAD_SIGNATURE)
}

/// What is written down while the readings are gone through.
struct Batch<'a> {
    /// Results of all readings, as in the event.
    results: &'a mut [[u8; ReadingResult::SIZE]],
    /// Records of the applied ones.
    records: &'a mut [[u8; Record::SIZE]],
    posted: usize,
    applied: usize,
    /// Highest applied interval.
    highest: u32,
}

impl Batch<'_> {
    /// Write down one reading; None if there is no room, which the number of readings rules out.
    #[inline(always)]
    fn note(&mut self, entry: &SlabEntry, sent: &Packed<'_>, interval: u32, outcome: &Result<Applied, u8>) -> Option<()> {
        let (reason, flags, digest) = match outcome {
            Ok(applied) => (APPLIED, applied.flags, &applied.digest),
            Err(reason) => (*reason, 0, &[0; 16]),
        };
        let place = self.results.get_mut(self.posted)?;
        let (acc_import_wh, acc_export_wh) = (entry.acc_import_wh, entry.acc_export_wh);
        ReadingResult { slot: sent.slot, reason, interval, flags, digest, acc_import_wh, acc_export_wh }.write(place);
        self.posted += 1;
        if reason != APPLIED {
            return Some(());
        }
        let place = self.records.get_mut(self.applied)?;
        Record { slot: sent.slot as u16, interval, flags, digest }.write(place);
        self.applied += 1;
        if interval > self.highest {
            self.highest = interval;
        }
        Some(())
    }
}
