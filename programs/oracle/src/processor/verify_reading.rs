//! Proves one reading to whoever asks: that the device signed it, and that it stands under a root of the zone. Changes
//! nothing; the answer is the event and the return data, a wrong proof is an error.
use crate::{
    error::{arguments, require},
    generated::{
        verify_reading_accounts as at,
        OracleError::{BadSignature, MalformedProof, NotVerified, UnknownRoot, WrongPath, WrongRecord},
        ReadingVerified, Record, VerifyReadingArgs, RECORD_VERIFIED, RING_LEN,
    },
    mountains::{self, LEAF_BYTES, MAX_HEIGHT},
    state::RootRing,
};
use campusgrid_sdk::{
    account::load,
    ed25519::{self, CORE_PADDING, CORE_SIZE},
    event, hash, Ctx, Outcome, Reader,
};

const MAX_BATCH_HEIGHT: usize = 4;

#[inline(never)]
pub fn verify_reading(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(VerifyReadingArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [roots] = ctx.take::<{ at::COUNT }>()?;
    let roots = load::<RootRing>(roots, program_id)?;

    let is_leaf = !args.leaf.is_empty() && args.leaf.len() <= LEAF_BYTES && args.leaf.len() % Record::SIZE == 0;
    require(is_leaf && args.batch_path.len() <= MAX_BATCH_HEIGHT, MalformedProof)?;
    let record = args.leaf.chunks_exact(Record::SIZE).nth(args.record as usize).ok_or(MalformedProof)?;
    let record = Record::read(record.first_chunk().ok_or(MalformedProof)?);
    require(record.flags & RECORD_VERIFIED != 0, NotVerified)?;
    let hashed = hash::sha256(&[args.core, args.device_key]);
    let (digest, _) = hashed.split_first_chunk::<16>().ok_or(WrongRecord)?;
    let core = Signed::read(args.core)?;
    require(digest == record.digest && core.interval == record.interval, WrongRecord)?;

    let mut node = mountains::leaf(args.leaf);
    for level in 0..args.batch_path.len() {
        let sibling = args.batch_path.at(level).ok_or(MalformedProof)?;
        node = if args.batch_left >> level & 1 == 1 { mountains::node(sibling, &node) } else { mountains::node(&node, sibling) };
    }
    if args.mountain_path.is_empty() {
        let is_in_ring = args.seq < roots.next_seq && roots.next_seq - args.seq <= RING_LEN as u64;
        require(is_in_ring, UnknownRoot)?;
        let entry = roots.ring.get((args.seq % RING_LEN as u64) as usize).ok_or(UnknownRoot)?;
        require(node == entry.root, WrongPath)?;
    } else {
        let height = mountains::height_of(args.seq, roots.next_seq).ok_or(UnknownRoot)? as usize;
        require(args.mountain_path.len() == height && height <= MAX_HEIGHT, MalformedProof)?;
        for level in 0..height {
            let sibling = args.mountain_path.at(level).ok_or(MalformedProof)?;
            // The number of the root says on which side it stands at every height.
            node = if args.seq >> level & 1 == 1 { mountains::node(sibling, &node) } else { mountains::node(&node, sibling) };
        }
        let peak = roots.peaks.get(height).ok_or(UnknownRoot)?;
        require(node == *peak, WrongPath)?;
    }

    let mut padded = [CORE_PADDING; CORE_SIZE + 1];
    let (front, _) = padded.split_at_mut(CORE_SIZE);
    front.copy_from_slice(args.core);
    require(ed25519::verify_core(args.device_key, args.signature, &padded), BadSignature)?;

    let mut bytes = [0; ReadingVerified::SIZE];
    ReadingVerified {
        zone: roots.zone,
        seq: args.seq,
        slot: record.slot,
        meter_number: core.meter_number,
        interval: core.interval,
        import_wh: core.import_wh,
        export_wh: core.export_wh,
        device_key: args.device_key,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    event::set_return_data(&bytes[8..]);
    Ok(())
}

/// The fields of a signed core that a caller wants to know.
struct Signed {
    meter_number: u32,
    interval: u32,
    import_wh: u64,
    export_wh: u64,
}

impl Signed {
    #[inline(always)]
    fn read(core: &[u8; CORE_SIZE]) -> Outcome<Signed> {
        let mut reader = Reader::new(core);
        reader.take(7)?; // domain, version, network tag
        let meter_number = reader.u32()?;
        reader.take(4)?; // key epoch, register epoch
        Ok(Signed { meter_number, interval: reader.u32()?, import_wh: reader.u64()?, export_wh: reader.u64()? })
    }
}
