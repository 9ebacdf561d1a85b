//! Proves one reading to whoever asks: that the device signed it, and that it stands under a root of the zone. Changes
//! nothing; the answer is the event and the return data, a wrong proof is an error.
use crate::{
    error::{arguments, require},
    generated::{
        verify_reading_accounts as at, AttestationProven, AttestedRecord,
        OracleError::{BadSignature, NotVerified, WrongReading, WrongRecord},
        ReadingVerified, Record, VerifyReadingArgs, RECORD_VERIFIED,
    },
    processor::signed_by_slot,
    proof::{epoch_flags, Inclusion, Signed},
    state::{MeterSlab, RootRing},
};
use campusgrid_sdk::{
    account::{load, require_address, same},
    ed25519::{self, CORE_PADDING, CORE_SIZE},
    event, hash, Ctx, Fault, Outcome,
};

#[inline(never)]
pub fn verify_reading(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(VerifyReadingArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let ([roots], optional) = ctx.accounts.split_first_chunk_mut::<{ at::REQUIRED }>().ok_or(Fault::NOT_ENOUGH_ACCOUNTS)?;
    let roots = load::<RootRing>(roots, program_id)?;
    let inclusion = Inclusion {
        seq: args.seq,
        record: args.record,
        batch_left: args.batch_left,
        leaf: args.leaf,
        batch_path: args.batch_path,
        mountain_path: args.mountain_path,
    };
    let bytes = inclusion.record()?;
    let record = Record::read(bytes);
    let signed = Signed::read(args.core);
    if record.flags & RECORD_VERIFIED != 0 {
        let hashed = hash::sha256(&[args.core, args.device_key]);
        let (digest, _) = hashed.split_first_chunk::<16>().ok_or(WrongRecord)?;
        require(digest == record.digest && signed.interval == record.interval, WrongRecord)?;
    } else {
        let attested = AttestedRecord::read(bytes);
        if claims_no_signature(&args) {
            inclusion.prove(&roots)?;
            return tell_attested(roots.zone, args.seq, &attested);
        }
        let slab = optional.first().ok_or(NotVerified)?;
        require(!same(slab.address(), program_id), NotVerified)?;
        require_address(slab, &roots.slab)?;
        check_attested(&*load::<MeterSlab>(slab, program_id)?, &signed, &attested, args.device_key)?;
    }
    inclusion.prove(&roots)?;

    let mut padded = [CORE_PADDING; CORE_SIZE + 1];
    let (front, _) = padded.split_at_mut(CORE_SIZE);
    front.copy_from_slice(args.core);
    require(ed25519::verify_core(args.device_key, args.signature, &padded), BadSignature)?;

    let mut bytes = [0; ReadingVerified::SIZE];
    ReadingVerified {
        zone: roots.zone,
        seq: args.seq,
        slot: record.slot,
        meter_number: signed.meter_number,
        interval: signed.interval,
        import_wh: signed.import_wh,
        export_wh: signed.export_wh,
        device_key: args.device_key,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    event::set_return_data(&bytes[8..]);
    Ok(())
}

/// Whether core, key and signature are all zeros.
#[inline(always)]
fn claims_no_signature(args: &VerifyReadingArgs<'_>) -> bool {
    let mut any = 0;
    for part in [&args.core[..], &args.device_key[..], &args.signature[..]] {
        for byte in part {
            any |= *byte;
        }
    }
    any == 0
}

/// The core must be this meter's, say what the record says, and name the key that the slab has for it.
///
/// # Errors
/// `WrongRecord`, `WrongReading`.
#[inline(always)]
fn check_attested(slab: &MeterSlab, signed: &Signed<'_>, record: &AttestedRecord, device_key: &[u8; 32]) -> Outcome {
    let says_the_same = signed.interval == record.interval
        && signed.import_wh == record.import_wh
        && signed.export_wh == record.export_wh
        && epoch_flags(signed.register_epoch) == record.flags;
    require(says_the_same, WrongRecord)?;
    let key = signed_by_slot(slab, record.slot, signed)?;
    require(key == device_key, WrongReading)
}

#[inline(always)]
fn tell_attested(zone: u16, seq: u64, record: &AttestedRecord) -> Outcome {
    let mut bytes = [0; AttestationProven::SIZE];
    AttestationProven {
        zone,
        seq,
        slot: record.slot,
        interval: record.interval,
        flags: record.flags,
        import_wh: record.import_wh,
        export_wh: record.export_wh,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    event::set_return_data(&bytes[8..]);
    Ok(())
}
