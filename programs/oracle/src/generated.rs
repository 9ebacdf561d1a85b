//! Interface of the oracle program.
//! Written by programs/tools/generate.py from interface.toml; do not edit.
#![allow(dead_code, clippy::all)]

/// First `N` bytes at `at`. The callers' offsets are constants below the array's length, so the check folds away.
#[inline(always)]
fn part<const N: usize>(bytes: &[u8], at: usize) -> &[u8; N] {
    match bytes[at..].first_chunk::<N>() {
        Some(chunk) => chunk,
        None => unreachable!(),
    }
}

/// Reads Borsh bytes front to back; what is left over is an error, so one value has one encoding.
pub struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline(always)]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    /// The next `N` bytes, or None when fewer are left.
    #[inline(always)]
    pub fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (head, rest) = self.left.split_first_chunk::<N>()?;
        self.left = rest;
        Some(head)
    }

    /// The next `len` bytes, or None when fewer are left.
    #[inline(always)]
    pub fn slice(&mut self, len: usize) -> Option<&'a [u8]> {
        if len > self.left.len() {
            return None;
        }
        let (head, rest) = self.left.split_at(len);
        self.left = rest;
        Some(head)
    }

    /// Bytes after a u32 length.
    #[inline(always)]
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = u32::from_le_bytes(*self.take::<4>()?) as usize;
        self.slice(len)
    }

    /// `vec<T>` of elements that take `SIZE` bytes each, after a u32 count.
    #[inline(always)]
    pub fn list<const SIZE: usize>(&mut self) -> Option<List<'a, SIZE>> {
        let count = u32::from_le_bytes(*self.take::<4>()?) as usize;
        if count > self.left.len() / SIZE {
            return None;
        }
        Some(List { bytes: self.slice(count * SIZE)? })
    }

    /// A bool: exactly 0 or 1.
    #[inline(always)]
    pub fn flag(&mut self) -> Option<bool> {
        match *self.take::<1>()? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    #[inline(always)]
    pub fn is_done(&self) -> bool {
        self.left.is_empty()
    }
}

/// Elements of `SIZE` bytes each, in place in the instruction's data.
#[derive(Clone, Copy)]
pub struct List<'a, const SIZE: usize> {
    pub bytes: &'a [u8],
}

impl<'a, const SIZE: usize> List<'a, SIZE> {
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.bytes.len() / SIZE
    }

    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Element `index`, or None beyond the end.
    #[inline(always)]
    pub fn at(&self, index: usize) -> Option<&'a [u8; SIZE]> {
        self.bytes.get(index.checked_mul(SIZE)?..)?.first_chunk::<SIZE>()
    }
}

/// Length of an interval, s. Interval i is [900 i, 900 (i + 1)) in UTC epoch seconds.
pub const INTERVAL_S: u64 = 900;
/// Meter slots of a slab.
pub const SLOT_COUNT: u16 = 256;
/// Roots that the ring keeps; the root with sequence number s sits at s mod 220.
pub const RING_LEN: u16 = 220;
/// Peaks of the mountain range; peak k covers 2^k roots and is valid while bit k of next_seq is set.
pub const PEAK_COUNT: u8 = 24;
/// Most oracle keys of the configuration.
pub const MAX_ORACLE_KEYS: u8 = 8;
/// Most readings of one post_verified. A transaction of 1,232 bytes holds 12 usual ones.
pub const MAX_READINGS: usize = 16;
/// Records under one leaf of a batch root.
pub const LEAF_RECORDS: usize = 4;
/// Bytes of the signed core of a reading.
pub const CORE_SIZE: usize = 47;
/// Quality bits with which a reading is never posted: estimated, derived, questionable, clock invalid.
pub const NO_POST_MASK: u16 = 15;
/// Pause bit of governance that stops post_verified, post_batch and post_feed.
pub const PAUSE_READINGS: u8 = 1;
/// Number of the council parameter reading_future_tolerance_s.
pub const TOLERANCE_PARAM: usize = 2;
/// Sequence number in ReadingsPosted of a batch that applied nothing and therefore has no root.
pub const NO_ROOT: u64 = 18446744073709551615;
/// Descriptor bit 4: a quality u16 is sent; without it the signed quality is 0.
pub const DESCRIPTOR_QUALITY: u8 = 16;
/// Descriptor bit 5: a clock error bound u16 (ms) is sent; without it the signed bound is 0.
pub const DESCRIPTOR_CLOCK: u8 = 32;
/// Descriptor bit 6: the reading opens an approved register epoch after the stored one (the first of them that its signature fits), and its registers count from 0.
pub const DESCRIPTOR_NEXT_EPOCH: u8 = 64;
/// Descriptor bit 7: a u16 offset is sent; the reading's interval is base_interval + offset.
pub const DESCRIPTOR_OFFSET: u8 = 128;
/// Result: the reading was applied.
pub const APPLIED: u8 = 0;
/// Result: not after the meter's watermark (also the second copy within one instruction).
pub const SKIP_STALE_INTERVAL: u8 = 1;
/// Result: the interval ends later than now + tolerance.
pub const SKIP_FUTURE_INTERVAL: u8 = 2;
/// Result: an absolute register is below the last verified one of the same register epoch.
pub const SKIP_REGISTER_LOWER: u8 = 3;
/// Result: a register grew by more than max_wh_interval times the intervals since the last verified reading.
pub const SKIP_OVER_CAPACITY: u8 = 4;
/// Result: the signature is not the meter's over this core, or no key of the meter covers the interval.
pub const SKIP_BAD_SIGNATURE: u8 = 5;
/// Result: the quality has a bit of NO_POST_MASK.
pub const SKIP_QUALITY_MASKED: u8 = 6;
/// Result: the meter is not active.
pub const SKIP_METER_INACTIVE: u8 = 7;
/// Result: no meter is enrolled in the slot.
pub const SKIP_EMPTY_SLOT: u8 = 8;
/// Result: a later register epoch was named and none has been approved.
pub const SKIP_WRONG_REGISTER_EPOCH: u8 = 9;
/// Record flag bit 0: the program checked the meter's signature; the last 16 bytes are a digest.
pub const RECORD_VERIFIED: u16 = 1;
/// Record flag bit 1: the reading set the opening registers of its register epoch and credited nothing.
pub const RECORD_OPENING: u16 = 2;
/// Record flag bit 2: import and export of the interval were netted before they were credited.
pub const RECORD_NETTED: u16 = 4;
/// Slab entry flag bit 0: the opening reading of the present register epoch has been applied.
pub const ENTRY_OPENED: u16 = 1;
/// Slab entry flag bit 1: the registry has approved the next register epoch, and as many as bits 8 to 15 say.
pub const ENTRY_NEXT_EPOCH_APPROVED: u16 = 2;
/// Ring entry flag bit 0: every record under the root was verified by signature.
pub const ROOT_VERIFIED: u16 = 1;
/// Result of an attested reading: no verified reading has opened the meter's register epoch yet.
pub const SKIP_NOT_OPENED: u8 = 10;
/// Result of an attested reading: the meter's signature has contradicted an attested record, and the council has not corrected it.
pub const SKIP_FAULTED: u8 = 11;
/// Most readings of one post_batch. A transaction of 1,232 bytes holds 149 with two oracle keys.
pub const MAX_ATTESTED: usize = 152;
/// Bytes of one attested reading: the three low-order bytes of each register.
pub const ATTESTED_SIZE: usize = 6;
/// Record flag bit 3: registers that the council has set in place of attested ones.
pub const RECORD_CORRECTION: u16 = 8;
/// An attested record has the low 12 bits of its register epoch in flag bits 4 to 15.
pub const RECORD_EPOCH_SHIFT: u16 = 4;
/// Slab entry flag bit 2: an attested record of the meter is proven wrong; cleared by correct.
pub const ENTRY_FAULTED: u16 = 4;
/// Slab entry flag bits 8 to 15: how many register epochs after the present one the registry has approved, 255 at most.
pub const ENTRY_AHEAD_SHIFT: u16 = 8;
/// Ring entry flag bit 1: the records under the root are attested by oracle keys.
pub const ROOT_ATTESTED: u16 = 2;
/// Ring entry flag bit 2: the one record under the root is a correction by the council.
pub const ROOT_CORRECTION: u16 = 4;
/// Ring entry flag bits 8 to 15: which oracle keys attested, by their place in the configuration.
pub const ROOT_SIGNERS_SHIFT: u16 = 8;
/// Fault.status: proven and not corrected.
pub const FAULT_OPEN: u8 = 1;
/// Fault.status: the council has corrected it.
pub const FAULT_CORRECTED: u8 = 2;
/// Kind of a feed: weather. Usual series: 0 irradiance in W/m², 1 air temperature in °C.
pub const FEED_WEATHER: u8 = 0;
/// Kind of a feed: grid status. Usual series: 0 frequency in Hz, 1 demand-response level.
pub const FEED_GRID_STATUS: u8 = 1;
/// Kind of a feed: market price outside the campus. Usual series: 0 day-ahead in credit/kWh.
pub const FEED_MARKET_PRICE: u8 = 2;
/// Kind of a feed: forecast of the zone's demand in the interval that the value names. Usual series: 0 in Wh an interval.
pub const FEED_DEMAND_FORECAST: u8 = 3;
/// Kinds of feeds.
pub const FEED_KINDS: u8 = 4;
/// How long close_interval waits for meters that have not reported, s after the interval's end.
pub const CLOSE_GRACE_S: u64 = 900;
/// Closed intervals that ZoneTotals keeps; interval i stands at entry i % 300.
pub const ZONE_TOTALS_LEN: u16 = 300;
/// Intervals that TradeTotals keeps; interval i stands at entry i % 150.
pub const TRADE_TOTALS_LEN: u16 = 150;

/// Instruction discriminators: the first 8 bytes of the data, read as a little-endian u64.
pub mod ix {
    pub const INITIALIZE: u64 = 0xed9b980d1f6dafaf;
    pub const CREATE_ZONE: u64 = 0x3abd82c11ad1fedb;
    pub const ENROLL_METER: u64 = 0x527c2b595070b110;
    pub const SYNC_KEY: u64 = 0xc59c4c627def56a2;
    pub const POST_VERIFIED: u64 = 0x0b1760a5eb6077d8;
    pub const POST_BATCH: u64 = 0x244cd50e66ea7bac;
    pub const CHALLENGE_READING: u64 = 0x38ea06a85c793591;
    pub const CORRECT: u64 = 0x64c0d91c10d98c2b;
    pub const SET_ORACLES: u64 = 0xbc5a29749a4b2655;
    pub const CREATE_FEED: u64 = 0xb443c10d5e5f56ad;
    pub const SET_FEED: u64 = 0x294d6829cf02964f;
    pub const POST_FEED: u64 = 0xd805065c986c989b;
    pub const OPEN_TOTALS: u64 = 0x12e57266183eaa42;
    pub const CLOSE_INTERVAL: u64 = 0xc9eae0c2b22d63ec;
    pub const OPEN_TRADES: u64 = 0x46150b8e9bf63907;
    pub const RECORD_TRADES: u64 = 0xfbe0253f447e3090;
    pub const VERIFY_READING: u64 = 0x6afb9041c3576c93;
}

/// Split instruction data into its discriminator and its arguments; None below 8 bytes.
#[inline(always)]
pub fn split_data(data: &[u8]) -> Option<(u64, &[u8])> {
    let (head, rest) = data.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*head), rest))
}

/// Accounts of `initialize`. An optional account that is not given holds the program's own id.
pub mod initialize_accounts {
    /// wallet; signer, writable. Pays the rent of the configuration.
    pub const PAYER: usize = 0;
    /// signer; signer. Upgrade authority of this program.
    pub const AUTHORITY: usize = 1;
    /// new; writable. PDA ["config"].
    pub const CONFIG: usize = 2;
    /// programdata. ProgramData of this program, loader v3.
    pub const PROGRAMDATA: usize = 3;
    /// state:governance.Council. PDA ["council"] of the program that owns it.
    pub const COUNCIL: usize = 4;
    /// state:registry.Config. PDA ["config"] of the program that owns it; must name this program and the same council.
    pub const REGISTRY_CONFIG: usize = 5;
    /// program:system. System program.
    pub const SYSTEM_PROGRAM: usize = 6;
    pub const COUNT: usize = 7;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 7;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b11;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b101;
}

/// Accounts of `create_zone`. An optional account that is not given holds the program's own id.
pub mod create_zone_accounts {
    /// wallet; signer, writable. Pays the rent of zone and roots.
    pub const PAYER: usize = 0;
    /// signer; signer. Wallet of an active admin.
    pub const ADMIN: usize = 1;
    /// state:registry.User. The admin's User.
    pub const ADMIN_USER: usize = 2;
    /// state:oracle.Config. Configuration.
    pub const CONFIG: usize = 3;
    /// new; writable. Account of 37,024 zero bytes owned by this program, with the rent of that size.
    pub const SLAB: usize = 4;
    /// new; writable. PDA ["zone", zone].
    pub const ZONE: usize = 5;
    /// new; writable. PDA ["roots", zone].
    pub const ROOTS: usize = 6;
    /// program:system. System program.
    pub const SYSTEM_PROGRAM: usize = 7;
    pub const COUNT: usize = 8;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 8;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b11;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b1110001;
}

/// Accounts of `enroll_meter`. An optional account that is not given holds the program's own id.
pub mod enroll_meter_accounts {
    /// state:oracle.MeterSlab; writable. Slab of the meter's zone.
    pub const SLAB: usize = 0;
    /// state:registry.Meter. The meter.
    pub const METER: usize = 1;
    pub const COUNT: usize = 2;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 2;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b0;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b1;
}

/// Accounts of `sync_key`. An optional account that is not given holds the program's own id.
pub mod sync_key_accounts {
    /// state:oracle.MeterSlab; writable. Slab of the meter's zone.
    pub const SLAB: usize = 0;
    /// state:registry.Meter. The meter.
    pub const METER: usize = 1;
    pub const COUNT: usize = 2;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 2;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b0;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b1;
}

/// Accounts of `post_verified`. An optional account that is not given holds the program's own id.
pub mod post_verified_accounts {
    /// signer; signer. Oracle key, or the meter's owner.
    pub const POSTER: usize = 0;
    /// state:governance.Council. Council: pause bits and tolerance.
    pub const COUNCIL: usize = 1;
    /// state:oracle.Config. Configuration that the slab names.
    pub const CONFIG: usize = 2;
    /// state:oracle.MeterSlab; writable. The zone's slab.
    pub const SLAB: usize = 3;
    /// state:oracle.RootRing; writable. The zone's roots, as the slab names them.
    pub const ROOTS: usize = 4;
    /// state:registry.Meter; optional. The poster's own meter, when the poster is no oracle key.
    pub const METER: usize = 5;
    pub const COUNT: usize = 6;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 5;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b11000;
}

/// Accounts of `post_batch`. An optional account that is not given holds the program's own id.
pub mod post_batch_accounts {
    /// signer; signer. Oracle key.
    pub const POSTER: usize = 0;
    /// state:governance.Council. Council: pause bits and tolerance.
    pub const COUNCIL: usize = 1;
    /// state:oracle.Config. Configuration that the slab names.
    pub const CONFIG: usize = 2;
    /// state:oracle.MeterSlab; writable. The zone's slab.
    pub const SLAB: usize = 3;
    /// state:oracle.RootRing; writable. The zone's roots, as the slab names them.
    pub const ROOTS: usize = 4;
    pub const COUNT: usize = 5;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 5;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b11000;
}

/// Accounts of `challenge_reading`. An optional account that is not given holds the program's own id.
pub mod challenge_reading_accounts {
    /// wallet; signer, writable. Challenger; pays the rent.
    pub const PAYER: usize = 0;
    /// state:oracle.Config; writable. Configuration that the slab names.
    pub const CONFIG: usize = 1;
    /// state:oracle.MeterSlab; writable. The zone's slab.
    pub const SLAB: usize = 2;
    /// state:oracle.RootRing. The zone's roots, as the slab names them.
    pub const ROOTS: usize = 3;
    /// pda:fault; writable. PDA ["fault", zone, slot]; made with the first case.
    pub const FAULT: usize = 4;
    /// program:system. System program.
    pub const SYSTEM_PROGRAM: usize = 5;
    pub const COUNT: usize = 6;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 6;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b10111;
}

/// Accounts of `correct`. An optional account that is not given holds the program's own id.
pub mod correct_accounts {
    /// signer; signer. The council's PDA, as the configuration names it.
    pub const COUNCIL: usize = 0;
    /// state:oracle.Config. Configuration that the slab names.
    pub const CONFIG: usize = 1;
    /// state:oracle.MeterSlab; writable. The zone's slab.
    pub const SLAB: usize = 2;
    /// state:oracle.RootRing; writable. The zone's roots, as the slab names them.
    pub const ROOTS: usize = 3;
    /// pda:fault; writable, optional. The meter's Fault, while one is open.
    pub const FAULT: usize = 4;
    pub const COUNT: usize = 5;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 4;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b11100;
}

/// Accounts of `set_oracles`. An optional account that is not given holds the program's own id.
pub mod set_oracles_accounts {
    /// signer; signer. The council's PDA, as the configuration names it.
    pub const COUNCIL: usize = 0;
    /// state:oracle.Config; writable. Configuration.
    pub const CONFIG: usize = 1;
    pub const COUNT: usize = 2;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 2;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b10;
}

/// Accounts of `create_feed`. An optional account that is not given holds the program's own id.
pub mod create_feed_accounts {
    /// wallet; signer, writable. Pays the rent.
    pub const PAYER: usize = 0;
    /// signer; signer. Wallet of an active admin.
    pub const ADMIN: usize = 1;
    /// state:registry.User. The admin's User.
    pub const ADMIN_USER: usize = 2;
    /// state:oracle.Config. Configuration.
    pub const CONFIG: usize = 3;
    /// new; writable. PDA ["feed", kind, series, zone].
    pub const FEED: usize = 4;
    /// program:system. System program.
    pub const SYSTEM_PROGRAM: usize = 5;
    pub const COUNT: usize = 6;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 6;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b11;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b10001;
}

/// Accounts of `set_feed`. An optional account that is not given holds the program's own id.
pub mod set_feed_accounts {
    /// signer; signer. The council's PDA, as the configuration names it.
    pub const COUNCIL: usize = 0;
    /// state:oracle.Config. Configuration that the feed names.
    pub const CONFIG: usize = 1;
    /// state:oracle.Feed; writable. The feed.
    pub const FEED: usize = 2;
    pub const COUNT: usize = 3;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 3;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b100;
}

/// Accounts of `post_feed`. An optional account that is not given holds the program's own id.
pub mod post_feed_accounts {
    /// signer; signer. Oracle key.
    pub const POSTER: usize = 0;
    /// state:governance.Council. Council: pause bits and tolerance.
    pub const COUNCIL: usize = 1;
    /// state:oracle.Config. Configuration that the feed names.
    pub const CONFIG: usize = 2;
    /// state:oracle.Feed; writable. The feed.
    pub const FEED: usize = 3;
    pub const COUNT: usize = 4;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 4;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b1000;
}

/// Accounts of `open_totals`. An optional account that is not given holds the program's own id.
pub mod open_totals_accounts {
    /// wallet; signer, writable. Pays the rent.
    pub const PAYER: usize = 0;
    /// state:oracle.MeterSlab. The zone's slab.
    pub const SLAB: usize = 1;
    /// new; writable. PDA ["totals", zone].
    pub const TOTALS: usize = 2;
    /// program:system. System program.
    pub const SYSTEM_PROGRAM: usize = 3;
    pub const COUNT: usize = 4;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 4;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b101;
}

/// Accounts of `close_interval`. An optional account that is not given holds the program's own id.
pub mod close_interval_accounts {
    /// state:oracle.MeterSlab. Slab that the totals name.
    pub const SLAB: usize = 0;
    /// state:oracle.ZoneTotals; writable. The zone's totals.
    pub const TOTALS: usize = 1;
    pub const COUNT: usize = 2;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 2;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b0;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b10;
}

/// Accounts of `open_trades`. An optional account that is not given holds the program's own id.
pub mod open_trades_accounts {
    /// wallet; signer, writable. Pays the rent.
    pub const PAYER: usize = 0;
    /// state:oracle.Config. Configuration.
    pub const CONFIG: usize = 1;
    /// new; writable. PDA ["trades"].
    pub const TRADES: usize = 2;
    /// program:system. System program.
    pub const SYSTEM_PROGRAM: usize = 3;
    pub const COUNT: usize = 4;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 4;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b101;
}

/// Accounts of `record_trades`. An optional account that is not given holds the program's own id.
pub mod record_trades_accounts {
    /// state:oracle.Config. Configuration.
    pub const CONFIG: usize = 0;
    /// state:trading.Config. Configuration of the trading program that config names.
    pub const TRADING_CONFIG: usize = 1;
    /// state:trading.Market. The market that trading_config names.
    pub const MARKET: usize = 2;
    /// state:oracle.TradeTotals; writable. What traded; names the configuration.
    pub const TRADES: usize = 3;
    pub const COUNT: usize = 4;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 4;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b0;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b1000;
}

/// Accounts of `verify_reading`. An optional account that is not given holds the program's own id.
pub mod verify_reading_accounts {
    /// state:oracle.RootRing. The zone's roots.
    pub const ROOTS: usize = 0;
    /// state:oracle.MeterSlab; optional. The zone's slab, for the device's signature over an attested reading.
    pub const SLAB: usize = 1;
    pub const COUNT: usize = 2;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 1;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b0;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b0;
}

/// Byte offsets of Config. The program's one configuration: its siblings, its network and who may post for any meter.
pub mod config_layout {
    pub const SIZE: usize = 512;
    pub const DISC: [u8; 8] = [0x9b, 0x0c, 0xaa, 0xe0, 0x1e, 0xfa, 0xcc, 0x82];
    pub const DISC_U64: u64 = 0x82ccfa1ee0aa0c9b;
    /// u8
    pub const AT_VERSION: usize = 8;
    /// u8
    pub const AT_BUMP: usize = 9;
    /// u8: Oracle keys in use, 0 to 8.
    pub const AT_ORACLE_KEY_COUNT: usize = 10;
    /// u8: Oracle keys that must agree on attested readings; a verified reading needs one poster.
    pub const AT_THRESHOLD: usize = 11;
    /// pubkey: Governance program.
    pub const AT_GOVERNANCE_PROGRAM: usize = 16;
    /// pubkey: PDA ["council"] of governance: pause bits and parameters.
    pub const AT_COUNCIL: usize = 48;
    /// pubkey: Registry program: users and meters.
    pub const AT_REGISTRY_PROGRAM: usize = 80;
    /// pubkey: Trading program.
    pub const AT_TRADING_PROGRAM: usize = 112;
    /// pubkey: energy_token program.
    pub const AT_ENERGY_TOKEN_PROGRAM: usize = 144;
    /// [u8;4]: Network tag, copied from the registry's Config.
    pub const AT_NETWORK_TAG: usize = 176;
    /// pubkey: PDA ["config"] of the registry.
    pub const AT_REGISTRY_CONFIG: usize = 184;
    /// [pubkey;8]: Oracle keys; the first oracle_key_count are in use.
    pub const AT_ORACLE_KEYS: usize = 216;
    /// [u32;8]: By oracle key: attested records that a meter's signature has contradicted.
    pub const AT_FAULT_COUNTS: usize = 472;
    /// u32: Roots whose interval is not below this were attested by the present keys in their present places.
    pub const AT_KEYS_SINCE_INTERVAL: usize = 504;
}

/// Byte offsets of Feed. One series of values from outside: weather, grid status, price, forecast. A reader takes a value as stale when now - publish_time > max_age_s.
pub mod feed_layout {
    pub const SIZE: usize = 192;
    pub const DISC: [u8; 8] = [0x45, 0xbf, 0x10, 0xe3, 0x84, 0xbb, 0x54, 0xe3];
    pub const DISC_U64: u64 = 0xe354bb84e310bf45;
    /// u8
    pub const AT_VERSION: usize = 8;
    /// u8
    pub const AT_BUMP: usize = 9;
    /// u8: FEED_ constant.
    pub const AT_KIND: usize = 10;
    /// u8: Which quantity of the kind.
    pub const AT_SERIES: usize = 11;
    /// u16: Zone it is about; 65535 = the whole campus.
    pub const AT_ZONE: usize = 12;
    /// i8: A value means value x 10^exponent in the unit of the series.
    pub const AT_EXPONENT: usize = 14;
    /// u32: A value older than this is stale, s.
    pub const AT_MAX_AGE_S: usize = 16;
    /// u32: Interval that the value is about; of a forecast one to come.
    pub const AT_INTERVAL: usize = 20;
    /// i64: Last value.
    pub const AT_VALUE: usize = 24;
    /// u64: Half width of its uncertainty, in units of the value.
    pub const AT_CONFIDENCE: usize = 32;
    /// i64: When its source published it, UTC epoch seconds; 0 before the first value.
    pub const AT_PUBLISH_TIME: usize = 40;
    /// i64: When it came onto the chain, UTC epoch seconds.
    pub const AT_POSTED_AT: usize = 48;
    /// u64: Its number; rises with every value.
    pub const AT_SEQUENCE: usize = 56;
    /// i64: Least value that is taken.
    pub const AT_MIN_VALUE: usize = 64;
    /// i64: Greatest value that is taken.
    pub const AT_MAX_VALUE: usize = 72;
    /// u64: Greatest uncertainty that is taken.
    pub const AT_MAX_CONFIDENCE: usize = 80;
    /// pubkey: This program's Config.
    pub const AT_CONFIG: usize = 88;
}

/// Byte offsets of Fault. What a meter's signature has proven wrong of what was attested about it, last case first. One per meter, made with the first case.
pub mod fault_layout {
    pub const SIZE: usize = 320;
    pub const DISC: [u8; 8] = [0x66, 0x7d, 0xa7, 0xb5, 0x5d, 0xa7, 0xfb, 0x7f];
    pub const DISC_U64: u64 = 0x7ffba75db5a77d66;
    /// u8
    pub const AT_VERSION: usize = 8;
    /// u8
    pub const AT_BUMP: usize = 9;
    /// u8: FAULT_ constant.
    pub const AT_STATUS: usize = 10;
    /// u8: Oracle keys that attested it, by place; 0 = not known any more.
    pub const AT_SIGNERS: usize = 11;
    /// u16: Zone number.
    pub const AT_ZONE: usize = 12;
    /// u16: Slot of the zone.
    pub const AT_SLOT: usize = 14;
    /// u32: Number of the meter.
    pub const AT_METER_NUMBER: usize = 16;
    /// u32: Cases proven so far.
    pub const AT_COUNT: usize = 20;
    /// u32: Attested records up to this interval are settled by a correction.
    pub const AT_CLEARED_INTERVAL: usize = 24;
    /// u64: Root of the attested record.
    pub const AT_SEQ: usize = 32;
    /// i64: UTC epoch seconds.
    pub const AT_PROVEN_AT: usize = 40;
    /// pubkey: Who proved it.
    pub const AT_CHALLENGER: usize = 48;
    /// pubkey: Key that signed the reading.
    pub const AT_DEVICE_KEY: usize = 80;
    /// [u8;64]: Its signature.
    pub const AT_SIGNATURE: usize = 112;
    /// [u8;24]: The attested record.
    pub const AT_RECORD: usize = 176;
    /// [u8;47]: The signed core that contradicts it.
    pub const AT_CORE: usize = 200;
}

/// Byte offsets of ZoneTotals. Totals of a zone's closed intervals.
pub mod zone_totals_layout {
    pub const SIZE: usize = 9664;
    pub const DISC: [u8; 8] = [0x89, 0x33, 0x0b, 0x57, 0x91, 0xa8, 0xe6, 0x26];
    pub const DISC_U64: u64 = 0x26e6a891570b3389;
    /// u8
    pub const AT_VERSION: usize = 8;
    /// u8
    pub const AT_BUMP: usize = 9;
    /// u16: Zone number.
    pub const AT_ZONE: usize = 10;
    /// u32: Last closed interval; 0 = none yet.
    pub const AT_LAST_INTERVAL: usize = 12;
    /// pubkey: The zone's MeterSlab.
    pub const AT_SLAB: usize = 16;
    /// u64: Intervals closed so far.
    pub const AT_CLOSED_COUNT: usize = 48;
    /// [ZoneTotal;300]: Interval i at entry i % 300.
    pub const AT_ENTRIES: usize = 64;
}

/// Byte offsets of TradeTotals. Totals of what traded, by interval, copied from the market.
pub mod trade_totals_layout {
    pub const SIZE: usize = 9664;
    pub const DISC: [u8; 8] = [0x84, 0x0e, 0x8d, 0x90, 0x52, 0x5e, 0x34, 0x8f];
    pub const DISC_U64: u64 = 0x8f345e52908d0e84;
    /// u8
    pub const AT_VERSION: usize = 8;
    /// u8
    pub const AT_BUMP: usize = 9;
    /// pubkey: This program's Config.
    pub const AT_CONFIG: usize = 16;
    /// [TradeTotal;150]: Interval i at entry i % 150.
    pub const AT_ENTRIES: usize = 64;
}

/// Byte offsets of Zone. Where a zone's slab and roots are. One per zone, so a zone has one slab for ever.
pub mod zone_layout {
    pub const SIZE: usize = 128;
    pub const DISC: [u8; 8] = [0xa9, 0xfd, 0xb7, 0xe9, 0x7a, 0xc3, 0x5d, 0xfc];
    pub const DISC_U64: u64 = 0xfc5dc37ae9b7fda9;
    /// u8
    pub const AT_VERSION: usize = 8;
    /// u8
    pub const AT_BUMP: usize = 9;
    /// u16: Zone number.
    pub const AT_ZONE: usize = 10;
    /// u8: 0 gross, 1 net, at creation; the slab's copy is the one that counts.
    pub const AT_NET_MODE: usize = 12;
    /// pubkey: The zone's MeterSlab.
    pub const AT_SLAB: usize = 16;
    /// pubkey: The zone's RootRing.
    pub const AT_ROOTS: usize = 48;
}

/// Byte offsets of MeterSlab. The meters of a zone. Created by a client with create_account_with_seed, seed "slab:<zone>", then adopted by create_zone.
pub mod meter_slab_layout {
    pub const SIZE: usize = 37024;
    pub const DISC: [u8; 8] = [0x3a, 0x9c, 0x8d, 0x9c, 0x42, 0x3c, 0xcc, 0x04];
    pub const DISC_U64: u64 = 0x04cc3c429c8d9c3a;
    /// u8
    pub const AT_VERSION: usize = 8;
    /// u8
    pub const AT_BUMP: usize = 9;
    /// u16: Zone number.
    pub const AT_ZONE: usize = 10;
    /// u16: Slots, 256.
    pub const AT_SLOT_COUNT: usize = 12;
    /// u8: 0 gross, 1 net.
    pub const AT_NET_MODE: usize = 14;
    /// [u8;4]: Network tag that every signed core carries.
    pub const AT_NETWORK_TAG: usize = 16;
    /// pubkey: The zone's RootRing.
    pub const AT_ROOTS: usize = 24;
    /// pubkey: Owner of the Meter accounts that may be enrolled.
    pub const AT_REGISTRY_PROGRAM: usize = 56;
    /// pubkey: This program's Config.
    pub const AT_CONFIG: usize = 88;
    /// [SlabEntry;256]: The slots.
    pub const AT_ENTRIES: usize = 160;
}

/// Byte offsets of RootRing. The last 220 roots of a zone and the peaks of the mountain range over all of them.
pub mod root_ring_layout {
    pub const SIZE: usize = 9728;
    pub const DISC: [u8; 8] = [0x24, 0xc2, 0x3c, 0x7e, 0x11, 0xd8, 0xf3, 0x68];
    pub const DISC_U64: u64 = 0x68f3d8117e3cc224;
    /// u8
    pub const AT_VERSION: usize = 8;
    /// u8
    pub const AT_BUMP: usize = 9;
    /// u16: Zone number.
    pub const AT_ZONE: usize = 10;
    /// u16: Entries of the ring, 220.
    pub const AT_RING_LEN: usize = 12;
    /// u64: Roots appended so far, and the sequence number of the next one.
    pub const AT_NEXT_SEQ: usize = 16;
    /// pubkey: The zone's MeterSlab.
    pub const AT_SLAB: usize = 24;
    /// u64: Records under all roots.
    pub const AT_TOTAL_RECORDS: usize = 56;
    /// [RootEntry;220]: Root of sequence number s at s mod 220.
    pub const AT_RING: usize = 160;
    /// [pubkey;24]: Peak k covers 2^k roots; node = sha256(0x01 ‖ older ‖ newer). Valid while bit k of next_seq is set.
    pub const AT_PEAKS: usize = 8960;
}

/// Custom errors of the program; the code is 6000 + position and is never renumbered.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum OracleError {
    /// Governance has paused this instruction
    Paused = 6000,
    /// The signer is not an active admin of the registry
    NotAdmin = 6001,
    /// The registry names another oracle program or another council
    WrongRegistry = 6002,
    /// Oracle keys must be 1 to 8 different keys, and the threshold between 1 and their number
    InvalidOracleKeys = 6003,
    /// The net mode is neither 0 (gross) nor 1 (net)
    InvalidNetMode = 6004,
    /// The meter belongs to another zone than the slab
    WrongZone = 6005,
    /// The meter's slot is not one of the slab
    SlotOutOfRange = 6006,
    /// Only an active meter can be enrolled
    MeterNotActive = 6007,
    /// This meter is already enrolled in its slot
    AlreadyEnrolled = 6008,
    /// Another meter is enrolled in this slot
    SlotTaken = 6009,
    /// This meter is not enrolled in its slot
    NotEnrolled = 6010,
    /// The poster is neither an oracle key nor the owner of the meter given
    NotPoster = 6011,
    /// An owner may post readings of the given meter alone
    NotPostersMeter = 6012,
    /// The readings do not end where they should, or an interval does not fit
    MalformedReadings = 6013,
    /// More readings than one instruction takes
    TooManyReadings = 6014,
    /// The mountain range holds as many roots as its peaks can cover
    MountainsFull = 6015,
    /// A part of the proof has an impossible length
    MalformedProof = 6016,
    /// No such root, or it left the ring and no mountain path was given
    UnknownRoot = 6017,
    /// The record is of an attested reading: give the slab too, or claim no signature
    NotVerified = 6018,
    /// The record is not that of this core and device key
    WrongRecord = 6019,
    /// The path does not lead to the root
    WrongPath = 6020,
    /// The signature is not the device key's over this core
    BadSignature = 6021,
    /// A poster is no oracle key, or has not signed
    NotOracleKey = 6022,
    /// The same oracle key stands twice among the signers
    SignerTwice = 6023,
    /// Fewer oracle keys have signed than the threshold
    ThresholdNotMet = 6024,
    /// The record is not of an attested reading
    NotAttested = 6025,
    /// The signed reading is not of this meter, network and register epoch, or its key is not the slab's for its interval
    WrongReading = 6026,
    /// The signed reading is masked, not over yet, or at odds with the meter's last verified one
    UnfitReading = 6027,
    /// The signed reading does not contradict the record
    NoContradiction = 6028,
    /// A fault of this meter is open already
    AlreadyFaulted = 6029,
    /// The record is older than the council's last correction of this meter
    FaultCleared = 6030,
    /// The correction lies before what is known, in the future, or below a verified register
    InvalidCorrection = 6031,
    /// The feed's kind, exponent, age or bounds make no sense
    InvalidFeed = 6032,
    /// The value or its uncertainty is out of the feed's bounds
    FeedOutOfBounds = 6033,
    /// The sequence does not rise, or the publish time falls
    FeedOutOfSequence = 6034,
    /// The publish time is stale already, or in the future
    FeedOutOfTime = 6035,
    /// This interval or a later one has been closed
    AlreadyClosed = 6036,
    /// The interval has not ended, or meters may still report it
    StillOpen = 6037,
    /// The totals of that interval have made way for later ones
    TotalsGone = 6038,
}

impl OracleError {
    /// The value an entrypoint returns for this error.
    #[inline(always)]
    pub const fn code(self) -> u64 {
        self as u32 as u64
    }
}

impl From<OracleError> for u32 {
    #[inline(always)]
    fn from(error: OracleError) -> u32 {
        error as u32
    }
}

impl From<OracleError> for u64 {
    #[inline(always)]
    fn from(error: OracleError) -> u64 {
        error as u32 as u64
    }
}

/// One meter slot of a slab, 144 bytes. A slot is empty while meter_number is 0, and is never given to another meter.
#[derive(Clone, Copy)]
pub struct SlabEntry<'a> {
    /// Device key that signs intervals from switch_interval on.
    pub key_current: &'a [u8; 32],
    /// Device key that signed the intervals before; zeros when there is none or it was revoked.
    pub key_previous: &'a [u8; 32],
    /// Import register (+A) of the last verified reading, Wh.
    pub import_wh: u64,
    /// Export register (-A) of the last verified reading, Wh.
    pub export_wh: u64,
    /// Import credited since enrolment, Wh; never falls.
    pub acc_import_wh: u64,
    /// Export credited since enrolment, Wh; never falls.
    pub acc_export_wh: u64,
    /// Import register of the last attested reading, Wh.
    pub attested_import_wh: u64,
    /// Export register of the last attested reading, Wh.
    pub attested_export_wh: u64,
    /// Number of the meter in the registry; 0 for an empty slot.
    pub meter_number: u32,
    /// Interval of the last verified reading; before the opening, the one before the first that its keys may sign.
    pub last_interval: u32,
    /// First interval of key_current.
    pub switch_interval: u32,
    /// Most energy of one interval in either direction, Wh.
    pub max_wh_interval: u32,
    /// Interval of the last attested reading.
    pub attested_interval: u32,
    /// Verified readings applied, modulo 2^32.
    pub applied_count: u32,
    /// Epoch of key_current; key_previous has the one before.
    pub key_epoch: u16,
    /// Register epoch of the registers above.
    pub register_epoch: u16,
    /// Copied from the registry: 0 pending, 1 active, 2 suspended, 3 retired.
    pub status: u8,
    /// Copied from the registry: 0 consumer, 1 producer, 2 prosumer.
    pub kind: u8,
    /// ENTRY_OPENED, ENTRY_NEXT_EPOCH_APPROVED, ENTRY_FAULTED, and from ENTRY_AHEAD_SHIFT on a number.
    pub flags: u16,
}

impl<'a> SlabEntry<'a> {
    pub const SIZE: usize = 144;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &'a [u8; 144]) -> Self {
        Self {
            key_current: part::<32>(bytes, 0),
            key_previous: part::<32>(bytes, 32),
            import_wh: u64::from_le_bytes(*part::<8>(bytes, 64)),
            export_wh: u64::from_le_bytes(*part::<8>(bytes, 72)),
            acc_import_wh: u64::from_le_bytes(*part::<8>(bytes, 80)),
            acc_export_wh: u64::from_le_bytes(*part::<8>(bytes, 88)),
            attested_import_wh: u64::from_le_bytes(*part::<8>(bytes, 96)),
            attested_export_wh: u64::from_le_bytes(*part::<8>(bytes, 104)),
            meter_number: u32::from_le_bytes(*part::<4>(bytes, 112)),
            last_interval: u32::from_le_bytes(*part::<4>(bytes, 116)),
            switch_interval: u32::from_le_bytes(*part::<4>(bytes, 120)),
            max_wh_interval: u32::from_le_bytes(*part::<4>(bytes, 124)),
            attested_interval: u32::from_le_bytes(*part::<4>(bytes, 128)),
            applied_count: u32::from_le_bytes(*part::<4>(bytes, 132)),
            key_epoch: u16::from_le_bytes(*part::<2>(bytes, 136)),
            register_epoch: u16::from_le_bytes(*part::<2>(bytes, 138)),
            status: u8::from_le_bytes(*part::<1>(bytes, 140)),
            kind: u8::from_le_bytes(*part::<1>(bytes, 141)),
            flags: u16::from_le_bytes(*part::<2>(bytes, 142)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 144]) {
        out[0..32].copy_from_slice(self.key_current);
        out[32..64].copy_from_slice(self.key_previous);
        out[64..72].copy_from_slice(&self.import_wh.to_le_bytes());
        out[72..80].copy_from_slice(&self.export_wh.to_le_bytes());
        out[80..88].copy_from_slice(&self.acc_import_wh.to_le_bytes());
        out[88..96].copy_from_slice(&self.acc_export_wh.to_le_bytes());
        out[96..104].copy_from_slice(&self.attested_import_wh.to_le_bytes());
        out[104..112].copy_from_slice(&self.attested_export_wh.to_le_bytes());
        out[112..116].copy_from_slice(&self.meter_number.to_le_bytes());
        out[116..120].copy_from_slice(&self.last_interval.to_le_bytes());
        out[120..124].copy_from_slice(&self.switch_interval.to_le_bytes());
        out[124..128].copy_from_slice(&self.max_wh_interval.to_le_bytes());
        out[128..132].copy_from_slice(&self.attested_interval.to_le_bytes());
        out[132..136].copy_from_slice(&self.applied_count.to_le_bytes());
        out[136..138].copy_from_slice(&self.key_epoch.to_le_bytes());
        out[138..140].copy_from_slice(&self.register_epoch.to_le_bytes());
        out[140] = self.status as u8;
        out[141] = self.kind as u8;
        out[142..144].copy_from_slice(&self.flags.to_le_bytes());
    }
}

/// One root of the ring, 40 bytes.
#[derive(Clone, Copy)]
pub struct RootEntry<'a> {
    /// Highest interval of a record under the root.
    pub interval: u32,
    /// Records under the root.
    pub count: u16,
    /// ROOT_VERIFIED, ROOT_ATTESTED with its signers, or ROOT_CORRECTION.
    pub flags: u16,
    /// Root of the batch: leaves sha256(0x00 ‖ up to 4 records), nodes sha256(0x01 ‖ left ‖ right), an odd node promoted.
    pub root: &'a [u8; 32],
}

impl<'a> RootEntry<'a> {
    pub const SIZE: usize = 40;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &'a [u8; 40]) -> Self {
        Self {
            interval: u32::from_le_bytes(*part::<4>(bytes, 0)),
            count: u16::from_le_bytes(*part::<2>(bytes, 4)),
            flags: u16::from_le_bytes(*part::<2>(bytes, 6)),
            root: part::<32>(bytes, 8),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 40]) {
        out[0..4].copy_from_slice(&self.interval.to_le_bytes());
        out[4..6].copy_from_slice(&self.count.to_le_bytes());
        out[6..8].copy_from_slice(&self.flags.to_le_bytes());
        out[8..40].copy_from_slice(self.root);
    }
}

/// What a root stands for: one applied reading, 24 bytes. Without RECORD_VERIFIED it is an AttestedRecord.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// Slot of the zone.
    pub slot: u16,
    /// Interval of the reading.
    pub interval: u32,
    /// RECORD_VERIFIED, RECORD_OPENING, RECORD_NETTED.
    pub flags: u16,
    /// First 16 bytes of sha256(core ‖ device key).
    pub digest: &'a [u8; 16],
}

impl<'a> Record<'a> {
    pub const SIZE: usize = 24;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &'a [u8; 24]) -> Self {
        Self {
            slot: u16::from_le_bytes(*part::<2>(bytes, 0)),
            interval: u32::from_le_bytes(*part::<4>(bytes, 2)),
            flags: u16::from_le_bytes(*part::<2>(bytes, 6)),
            digest: part::<16>(bytes, 8),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 24]) {
        out[0..2].copy_from_slice(&self.slot.to_le_bytes());
        out[2..6].copy_from_slice(&self.interval.to_le_bytes());
        out[6..8].copy_from_slice(&self.flags.to_le_bytes());
        out[8..24].copy_from_slice(self.digest);
    }
}

/// What became of one reading, 40 bytes, in the order of the instruction.
#[derive(Clone, Copy)]
pub struct ReadingResult<'a> {
    /// Slot of the zone.
    pub slot: u8,
    /// 0 applied, else why it was skipped: the SKIP_ constants.
    pub reason: u8,
    /// Interval that was named.
    pub interval: u32,
    /// Flags of its record; 0 when skipped.
    pub flags: u16,
    /// Digest of its record; zeros when skipped.
    pub digest: &'a [u8; 16],
    /// The meter's credited import afterwards, Wh.
    pub acc_import_wh: u64,
    /// The meter's credited export afterwards, Wh.
    pub acc_export_wh: u64,
}

impl<'a> ReadingResult<'a> {
    pub const SIZE: usize = 40;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &'a [u8; 40]) -> Self {
        Self {
            slot: u8::from_le_bytes(*part::<1>(bytes, 0)),
            reason: u8::from_le_bytes(*part::<1>(bytes, 1)),
            interval: u32::from_le_bytes(*part::<4>(bytes, 2)),
            flags: u16::from_le_bytes(*part::<2>(bytes, 6)),
            digest: part::<16>(bytes, 8),
            acc_import_wh: u64::from_le_bytes(*part::<8>(bytes, 24)),
            acc_export_wh: u64::from_le_bytes(*part::<8>(bytes, 32)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 40]) {
        out[0] = self.slot as u8;
        out[1] = self.reason as u8;
        out[2..6].copy_from_slice(&self.interval.to_le_bytes());
        out[6..8].copy_from_slice(&self.flags.to_le_bytes());
        out[8..24].copy_from_slice(self.digest);
        out[24..32].copy_from_slice(&self.acc_import_wh.to_le_bytes());
        out[32..40].copy_from_slice(&self.acc_export_wh.to_le_bytes());
    }
}

/// The record of an attested reading or of a correction, 24 bytes: the registers stand where a verified one has its digest.
#[derive(Clone, Copy)]
pub struct AttestedRecord {
    /// Slot of the zone.
    pub slot: u16,
    /// Interval of the reading.
    pub interval: u32,
    /// RECORD_CORRECTION or 0, and the register epoch from RECORD_EPOCH_SHIFT on.
    pub flags: u16,
    /// Import register at the interval's end, Wh.
    pub import_wh: u64,
    /// Export register at the interval's end, Wh.
    pub export_wh: u64,
}

impl AttestedRecord {
    pub const SIZE: usize = 24;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &[u8; 24]) -> Self {
        Self {
            slot: u16::from_le_bytes(*part::<2>(bytes, 0)),
            interval: u32::from_le_bytes(*part::<4>(bytes, 2)),
            flags: u16::from_le_bytes(*part::<2>(bytes, 6)),
            import_wh: u64::from_le_bytes(*part::<8>(bytes, 8)),
            export_wh: u64::from_le_bytes(*part::<8>(bytes, 16)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 24]) {
        out[0..2].copy_from_slice(&self.slot.to_le_bytes());
        out[2..6].copy_from_slice(&self.interval.to_le_bytes());
        out[6..8].copy_from_slice(&self.flags.to_le_bytes());
        out[8..16].copy_from_slice(&self.import_wh.to_le_bytes());
        out[16..24].copy_from_slice(&self.export_wh.to_le_bytes());
    }
}

/// An attested reading that was not applied, 2 bytes.
#[derive(Clone, Copy)]
pub struct SkippedReading {
    /// Slot of the zone.
    pub slot: u8,
    /// Why: the SKIP_ constants.
    pub reason: u8,
}

impl SkippedReading {
    pub const SIZE: usize = 2;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &[u8; 2]) -> Self {
        Self {
            slot: u8::from_le_bytes(*part::<1>(bytes, 0)),
            reason: u8::from_le_bytes(*part::<1>(bytes, 1)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 2]) {
        out[0] = self.slot as u8;
        out[1] = self.reason as u8;
    }
}

/// Totals of a zone as they stood when an interval was closed, 32 bytes.
#[derive(Clone, Copy)]
pub struct ZoneTotal {
    /// The interval; 0 = never used.
    pub interval: u32,
    /// Active meters.
    pub active: u16,
    /// Active meters with a verified reading of this interval or a later one.
    pub reported: u16,
    /// Active meters that have not reported, but have an attested reading of this interval or a later one.
    pub attested: u16,
    /// Meters with ENTRY_FAULTED.
    pub faulted: u16,
    /// When it was closed, UTC epoch seconds.
    pub closed_at: u32,
    /// Sum of acc_import_wh over all 256 slots, Wh.
    pub acc_import_wh: u64,
    /// Sum of acc_export_wh over all 256 slots, Wh.
    pub acc_export_wh: u64,
}

impl ZoneTotal {
    pub const SIZE: usize = 32;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &[u8; 32]) -> Self {
        Self {
            interval: u32::from_le_bytes(*part::<4>(bytes, 0)),
            active: u16::from_le_bytes(*part::<2>(bytes, 4)),
            reported: u16::from_le_bytes(*part::<2>(bytes, 6)),
            attested: u16::from_le_bytes(*part::<2>(bytes, 8)),
            faulted: u16::from_le_bytes(*part::<2>(bytes, 10)),
            closed_at: u32::from_le_bytes(*part::<4>(bytes, 12)),
            acc_import_wh: u64::from_le_bytes(*part::<8>(bytes, 16)),
            acc_export_wh: u64::from_le_bytes(*part::<8>(bytes, 24)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 32]) {
        out[0..4].copy_from_slice(&self.interval.to_le_bytes());
        out[4..6].copy_from_slice(&self.active.to_le_bytes());
        out[6..8].copy_from_slice(&self.reported.to_le_bytes());
        out[8..10].copy_from_slice(&self.attested.to_le_bytes());
        out[10..12].copy_from_slice(&self.faulted.to_le_bytes());
        out[12..16].copy_from_slice(&self.closed_at.to_le_bytes());
        out[16..24].copy_from_slice(&self.acc_import_wh.to_le_bytes());
        out[24..32].copy_from_slice(&self.acc_export_wh.to_le_bytes());
    }
}

/// What traded in one interval, 64 bytes, as the market keeps it.
#[derive(Clone, Copy)]
pub struct TradeTotal<'a> {
    /// The interval; 0 = never used.
    pub interval: u32,
    /// Fills.
    pub trades: u32,
    /// Traded lots, Wh.
    pub lots: u64,
    /// Traded value, ucredit.
    pub value_ucredit: u64,
    /// The market's running hash after the interval's last fill; zeros when nothing traded.
    pub fills_hash: &'a [u8; 32],
    /// Number of the interval's last trade; 0 when nothing traded.
    pub last_trade: u64,
}

impl<'a> TradeTotal<'a> {
    pub const SIZE: usize = 64;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &'a [u8; 64]) -> Self {
        Self {
            interval: u32::from_le_bytes(*part::<4>(bytes, 0)),
            trades: u32::from_le_bytes(*part::<4>(bytes, 4)),
            lots: u64::from_le_bytes(*part::<8>(bytes, 8)),
            value_ucredit: u64::from_le_bytes(*part::<8>(bytes, 16)),
            fills_hash: part::<32>(bytes, 24),
            last_trade: u64::from_le_bytes(*part::<8>(bytes, 56)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 64]) {
        out[0..4].copy_from_slice(&self.interval.to_le_bytes());
        out[4..8].copy_from_slice(&self.trades.to_le_bytes());
        out[8..16].copy_from_slice(&self.lots.to_le_bytes());
        out[16..24].copy_from_slice(&self.value_ucredit.to_le_bytes());
        out[24..56].copy_from_slice(self.fills_hash);
        out[56..64].copy_from_slice(&self.last_trade.to_le_bytes());
    }
}

/// One sibling of a proof, 32 bytes.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    /// sha256 of the sibling.
    pub hash: &'a [u8; 32],
}

impl<'a> Node<'a> {
    pub const SIZE: usize = 32;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &'a [u8; 32]) -> Self {
        Self {
            hash: part::<32>(bytes, 0),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 32]) {
        out[0..32].copy_from_slice(self.hash);
    }
}

/// Arguments of `initialize`. Creates the configuration. Governance and registry are taken from the owners of the two accounts given; the network tag is the registry's.
pub struct InitializeArgs<'a> {
    /// Trading program id.
    pub trading_program: &'a [u8; 32],
    /// energy_token program id.
    pub energy_token_program: &'a [u8; 32],
    /// Oracle keys that must agree on attested readings, 1 to the number of keys.
    pub threshold: u8,
    /// 1 to 8 different oracle keys.
    /// Elements: pubkey.
    pub oracle_keys: List<'a, 32>,
}

impl<'a> InitializeArgs<'a> {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(data);
        let trading_program = r.take::<32>()?;
        let energy_token_program = r.take::<32>()?;
        let threshold = u8::from_le_bytes(*r.take::<1>()?);
        let oracle_keys = r.list::<32>()?;
        if !r.is_done() {
            return None;
        }
        Some(Self { trading_program, energy_token_program, threshold, oracle_keys })
    }
}

/// Arguments of `create_zone`. Adopts a slab account that a client has created, and creates the zone's Zone and RootRing.
pub struct CreateZoneArgs {
    /// Zone number, as in the registry.
    pub zone: u16,
    /// 0 gross, 1 net.
    pub net_mode: u8,
}

impl CreateZoneArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 3 {
            return None;
        }
        let mut r = Reader::new(data);
        let zone = u16::from_le_bytes(*r.take::<2>()?);
        let net_mode = u8::from_le_bytes(*r.take::<1>()?);
        Some(Self { zone, net_mode })
    }
}

/// Arguments of `enroll_meter`. Copies an active meter of the registry into its slot of the slab. Anyone may call; nothing but the registry's record decides.
pub struct EnrollMeterArgs {
}

impl EnrollMeterArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 0 {
            return None;
        }
        Some(Self {  })
    }
}

/// Arguments of `sync_key`. Copies what the registry changed about an enrolled meter: status, kind, max_wh_interval, device keys, and the approval of the next
/// register epoch. Anyone may call. Keys move one epoch at a time, and a second rotation waits until the watermark has passed the
/// first switch, so that spooled readings of the key before can still be checked, unless a later key has been revoked; a revoked
/// key is dropped at once. What had to wait is shown by key_epoch in the event, which is then below the registry's.
pub struct SyncKeyArgs {
}

impl SyncKeyArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 0 {
            return None;
        }
        Some(Self {  })
    }
}

/// Arguments of `post_verified`. Applies readings whose signatures the program checks. Each reading is: slot u8; descriptor u8 (bits 0-1 width code of the import
/// register, bits 2-3 of the export register: 0, 1, 2, 3 mean 0, 2, 3, 8 bytes; bits 4 to 7: the DESCRIPTOR_ constants); offset u16 if bit
/// 7; low-order bytes of the import register; of the export register; quality u16 if bit 4; clock error u16 if bit 5; detail hash 8; Ed25519
/// signature 64. The register is the smallest one not below the stored one that ends in these bytes; 8 bytes are the register itself.
/// A reading that fails a rule is skipped with its reason and changes nothing.
pub struct PostVerifiedArgs<'a> {
    /// Interval of every reading without an offset.
    pub base_interval: u32,
    /// 1 to 16 readings, one after the other.
    pub readings: &'a [u8],
}

impl<'a> PostVerifiedArgs<'a> {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(data);
        let base_interval = u32::from_le_bytes(*r.take::<4>()?);
        let readings = r.bytes()?;
        if !r.is_done() {
            return None;
        }
        Some(Self { base_interval, readings })
    }
}

/// Arguments of `post_batch`. Applies readings of one interval that oracle keys attest to without the meters' signatures: cheap data, for zones that are too large to
/// verify every reading. They move the attested registers and the attested watermark of their meters and stand under a root; they never
/// credit energy. runs is one or more runs of slots, each: first slot u8; count u8; then for each of count slots the three low-order
/// bytes of the import register and of the export register. A register is the smallest one not below the meter's newest that ends in
/// these bytes. A reading that fails a rule is skipped with its reason and changes nothing: the SKIP_ constants STALE_INTERVAL (not after
/// both watermarks), FUTURE_INTERVAL, OVER_CAPACITY, METER_INACTIVE, EMPTY_SLOT, NOT_OPENED and FAULTED.
pub struct PostBatchArgs<'a> {
    /// Interval of all readings.
    pub interval: u32,
    /// 1 to 152 readings in runs of slots.
    pub runs: &'a [u8],
}

impl<'a> PostBatchArgs<'a> {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(data);
        let interval = u32::from_le_bytes(*r.take::<4>()?);
        let runs = r.bytes()?;
        if !r.is_done() {
            return None;
        }
        Some(Self { interval, runs })
    }
}

/// Arguments of `challenge_reading`. Proves that an attested record is wrong, by a reading that the meter itself has signed: other registers for the same interval, or a
/// register that would have fallen between the two. Anyone may call. The meter takes no attested reading from then on until the
/// council corrects it; the case is kept in the meter's Fault, and counted for each oracle key that attested the record, where the ring still
/// says which. That accuses nobody by itself, since whoever holds the meter's key can sign a lie too; it is for the council to look
/// at. Verified readings, and the energy they credit, go on as before.
pub struct ChallengeReadingArgs<'a> {
    /// Sequence number of the root.
    pub seq: u64,
    /// Place of the attested record in its leaf, 0 to 3.
    pub record: u8,
    /// Bit k is set when sibling k of batch_path is on the left.
    pub batch_left: u8,
    /// The core that the meter signed.
    pub core: &'a [u8; 47],
    /// Its signature, by the key of the core's interval.
    pub signature: &'a [u8; 64],
    /// The leaf: 1 to 4 records of 24 bytes.
    pub leaf: &'a [u8],
    /// Siblings from the leaf to the batch root, 0 to 6.
    /// Elements: Node.
    pub batch_path: List<'a, 32>,
    /// Siblings from the batch root to its peak; empty to use the ring.
    /// Elements: Node.
    pub mountain_path: List<'a, 32>,
}

impl<'a> ChallengeReadingArgs<'a> {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(data);
        let seq = u64::from_le_bytes(*r.take::<8>()?);
        let record = u8::from_le_bytes(*r.take::<1>()?);
        let batch_left = u8::from_le_bytes(*r.take::<1>()?);
        let core = r.take::<47>()?;
        let signature = r.take::<64>()?;
        let leaf = r.bytes()?;
        let batch_path = r.list::<32>()?;
        let mountain_path = r.list::<32>()?;
        if !r.is_done() {
            return None;
        }
        Some(Self { seq, record, batch_left, core, signature, leaf, batch_path, mountain_path })
    }
}

/// Arguments of `correct`. Sets a meter's attested registers by decision of the council, and ends a fault. The correction is a record of its own under a new root:
/// nothing that was recorded before is changed. Credits, verified registers and keys are out of its reach. It goes forward only:
/// interval must have ended and not lie before what is verified or attested, and no register may be below the verified one.
pub struct CorrectArgs<'a> {
    /// Slot of the zone.
    pub slot: u8,
    /// Interval at whose end the registers stood so.
    pub interval: u32,
    /// Import register, Wh.
    pub import_wh: u64,
    /// Export register, Wh.
    pub export_wh: u64,
    /// SHA-256 of the document that says why.
    pub note_hash: &'a [u8; 32],
}

impl<'a> CorrectArgs<'a> {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        if data.len() != 53 {
            return None;
        }
        let mut r = Reader::new(data);
        let slot = u8::from_le_bytes(*r.take::<1>()?);
        let interval = u32::from_le_bytes(*r.take::<4>()?);
        let import_wh = u64::from_le_bytes(*r.take::<8>()?);
        let export_wh = u64::from_le_bytes(*r.take::<8>()?);
        let note_hash = r.take::<32>()?;
        Some(Self { slot, interval, import_wh, export_wh, note_hash })
    }
}

/// Arguments of `set_oracles`. Replaces the oracle keys and the threshold by decision of the council. No oracle key can credit energy, so until a stolen
/// one is replaced it can but attest what meters may contradict, and withhold. A key that stays keeps its fault count.
pub struct SetOraclesArgs<'a> {
    /// Oracle keys that must agree on attested readings, 1 to the number of keys.
    pub threshold: u8,
    /// 1 to 8 different oracle keys.
    /// Elements: pubkey.
    pub oracle_keys: List<'a, 32>,
}

impl<'a> SetOraclesArgs<'a> {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(data);
        let threshold = u8::from_le_bytes(*r.take::<1>()?);
        let oracle_keys = r.list::<32>()?;
        if !r.is_done() {
            return None;
        }
        Some(Self { threshold, oracle_keys })
    }
}

/// Arguments of `create_feed`. Creates a feed with the bounds within which its values must lie.
pub struct CreateFeedArgs {
    /// FEED_ constant.
    pub kind: u8,
    /// Which quantity of the kind.
    pub series: u8,
    /// Zone it is about; 65535 = the whole campus.
    pub zone: u16,
    /// A value means value x 10^exponent, -18 to 18.
    pub exponent: i8,
    /// A value older than this is stale, s; not 0.
    pub max_age_s: u32,
    /// Least value that is taken.
    pub min_value: i64,
    /// Greatest value that is taken.
    pub max_value: i64,
    /// Greatest uncertainty that is taken.
    pub max_confidence: u64,
}

impl CreateFeedArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 33 {
            return None;
        }
        let mut r = Reader::new(data);
        let kind = u8::from_le_bytes(*r.take::<1>()?);
        let series = u8::from_le_bytes(*r.take::<1>()?);
        let zone = u16::from_le_bytes(*r.take::<2>()?);
        let exponent = i8::from_le_bytes(*r.take::<1>()?);
        let max_age_s = u32::from_le_bytes(*r.take::<4>()?);
        let min_value = i64::from_le_bytes(*r.take::<8>()?);
        let max_value = i64::from_le_bytes(*r.take::<8>()?);
        let max_confidence = u64::from_le_bytes(*r.take::<8>()?);
        Some(Self { kind, series, zone, exponent, max_age_s, min_value, max_value, max_confidence })
    }
}

/// Arguments of `set_feed`. Sets within which bounds a feed's values must lie from now on, by decision of the council. Its last value stays; the sequence begins anew.
pub struct SetFeedArgs {
    /// A value older than this is stale, s; not 0.
    pub max_age_s: u32,
    /// Least value that is taken.
    pub min_value: i64,
    /// Greatest value that is taken.
    pub max_value: i64,
    /// Greatest uncertainty that is taken.
    pub max_confidence: u64,
}

impl SetFeedArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 28 {
            return None;
        }
        let mut r = Reader::new(data);
        let max_age_s = u32::from_le_bytes(*r.take::<4>()?);
        let min_value = i64::from_le_bytes(*r.take::<8>()?);
        let max_value = i64::from_le_bytes(*r.take::<8>()?);
        let max_confidence = u64::from_le_bytes(*r.take::<8>()?);
        Some(Self { max_age_s, min_value, max_value, max_confidence })
    }
}

/// Arguments of `post_feed`. Gives a feed its next value. Refused as a whole when the value or its uncertainty is out of the feed's bounds, when the sequence does not
/// rise or the publish time falls, or when the publish time is stale already or further ahead than the council's tolerance.
pub struct PostFeedArgs {
    /// The value.
    pub value: i64,
    /// Half width of its uncertainty, in units of the value.
    pub confidence: u64,
    /// When its source published it, UTC epoch seconds.
    pub publish_time: i64,
    /// Interval that it is about.
    pub interval: u32,
    /// Its number, above the last one's.
    pub sequence: u64,
}

impl PostFeedArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 36 {
            return None;
        }
        let mut r = Reader::new(data);
        let value = i64::from_le_bytes(*r.take::<8>()?);
        let confidence = u64::from_le_bytes(*r.take::<8>()?);
        let publish_time = i64::from_le_bytes(*r.take::<8>()?);
        let interval = u32::from_le_bytes(*r.take::<4>()?);
        let sequence = u64::from_le_bytes(*r.take::<8>()?);
        Some(Self { value, confidence, publish_time, interval, sequence })
    }
}

/// Arguments of `open_totals`. Creates the account that keeps a zone's totals. Anyone may call, once for each zone.
pub struct OpenTotalsArgs {
}

impl OpenTotalsArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 0 {
            return None;
        }
        Some(Self {  })
    }
}

/// Arguments of `close_interval`. Writes down a zone's totals as they stand. Anyone may call, as soon as every active meter has a verified reading of the interval or a
/// later one, and for certain CLOSE_GRACE_S after its end. The totals are sums over all 256 slots of the zone's one slab, so no caller can leave
/// a meter out: the energy credited so far, import and export (acc_import_wh, acc_export_wh, which never fall), and how many meters
/// have reported. The energy of a meter that reports late is in the totals of the next interval that is closed; what was credited
/// between two closings is their difference. Intervals are closed in rising order, each once.
pub struct CloseIntervalArgs {
    /// The interval.
    pub interval: u32,
}

impl CloseIntervalArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 4 {
            return None;
        }
        let mut r = Reader::new(data);
        let interval = u32::from_le_bytes(*r.take::<4>()?);
        Some(Self { interval })
    }
}

/// Arguments of `open_trades`. Creates the account that keeps what traded. Anyone may call, once.
pub struct OpenTradesArgs {
}

impl OpenTradesArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 0 {
            return None;
        }
        Some(Self {  })
    }
}

/// Arguments of `record_trades`. Copies the totals of an interval that has ended from the market. Anyone may call, as often as they like: the same totals again
/// change nothing, and later ones (of an auction that was settled after the interval) replace them. An interval in which nothing
/// traded is recorded with zeros. The market keeps 128 intervals; an older one is gone.
pub struct RecordTradesArgs {
    /// The interval.
    pub interval: u32,
}

impl RecordTradesArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 4 {
            return None;
        }
        let mut r = Reader::new(data);
        let interval = u32::from_le_bytes(*r.take::<4>()?);
        Some(Self { interval })
    }
}

/// Arguments of `verify_reading`. Proves one reading: that the device signed this core, and that its record is under a root of the zone, by the ring (empty mountain_path,
/// root among the last 220) or by a peak of the mountain range. A verified record holds the digest of core and key. An attested record
/// holds the registers themselves: with slab given, the key is the one the slab has for the core's interval and epoch, and the core must have
/// the record's interval, register epoch and registers; with core, device_key and signature all zero it is proven only that the oracle
/// keys attested it. Changes nothing; the result is the event, and the same fields as return data.
pub struct VerifyReadingArgs<'a> {
    /// Sequence number of the root.
    pub seq: u64,
    /// Place of the record in its leaf, 0 to 3.
    pub record: u8,
    /// Bit k is set when sibling k of batch_path is on the left.
    pub batch_left: u8,
    /// The signed core.
    pub core: &'a [u8; 47],
    /// The meter's key.
    pub device_key: &'a [u8; 32],
    /// The meter's signature over the core.
    pub signature: &'a [u8; 64],
    /// The leaf: 1 to 4 records of 24 bytes.
    pub leaf: &'a [u8],
    /// Siblings from the leaf to the batch root, 0 to 6.
    /// Elements: Node.
    pub batch_path: List<'a, 32>,
    /// Siblings from the batch root to its peak; empty to use the ring.
    /// Elements: Node.
    pub mountain_path: List<'a, 32>,
}

impl<'a> VerifyReadingArgs<'a> {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(data);
        let seq = u64::from_le_bytes(*r.take::<8>()?);
        let record = u8::from_le_bytes(*r.take::<1>()?);
        let batch_left = u8::from_le_bytes(*r.take::<1>()?);
        let core = r.take::<47>()?;
        let device_key = r.take::<32>()?;
        let signature = r.take::<64>()?;
        let leaf = r.bytes()?;
        let batch_path = r.list::<32>()?;
        let mountain_path = r.list::<32>()?;
        if !r.is_done() {
            return None;
        }
        Some(Self { seq, record, batch_left, core, device_key, signature, leaf, batch_path, mountain_path })
    }
}

/// Event. The oracle has been set up.
pub struct ConfigInitialized<'a> {
    /// Council that it obeys.
    pub council: &'a [u8; 32],
    /// Registry that it copies from.
    pub registry_program: &'a [u8; 32],
    /// Network tag of every reading.
    pub network_tag: &'a [u8; 4],
}

impl<'a> ConfigInitialized<'a> {
    pub const DISC: [u8; 8] = [0xb5, 0x31, 0xc8, 0x9c, 0x13, 0xa7, 0xb2, 0x5b];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 76;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 76]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..40].copy_from_slice(self.council);
        out[40..72].copy_from_slice(self.registry_program);
        out[72..76].copy_from_slice(self.network_tag);
    }
}

/// Event. A zone can take meters.
pub struct ZoneCreated<'a> {
    /// Zone number.
    pub zone: u16,
    /// 0 gross, 1 net.
    pub net_mode: u8,
    /// Its slab.
    pub slab: &'a [u8; 32],
    /// Its roots.
    pub roots: &'a [u8; 32],
}

impl<'a> ZoneCreated<'a> {
    pub const DISC: [u8; 8] = [0x29, 0x9d, 0x81, 0x32, 0x9b, 0x30, 0x61, 0xbc];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 75;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 75]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10] = self.net_mode as u8;
        out[11..43].copy_from_slice(self.slab);
        out[43..75].copy_from_slice(self.roots);
    }
}

/// Event. A meter has its slot; its first reading will set the opening registers.
pub struct MeterEnrolled<'a> {
    /// Zone number.
    pub zone: u16,
    /// Slot of the zone.
    pub slot: u16,
    /// Number of the meter.
    pub meter_number: u32,
    /// Epoch of its key.
    pub key_epoch: u16,
    /// Register epoch.
    pub register_epoch: u16,
    /// Device key.
    pub key: &'a [u8; 32],
}

impl<'a> MeterEnrolled<'a> {
    pub const DISC: [u8; 8] = [0x65, 0xdc, 0xab, 0x4d, 0x63, 0xaa, 0x44, 0x0c];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 52;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 52]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..12].copy_from_slice(&self.slot.to_le_bytes());
        out[12..16].copy_from_slice(&self.meter_number.to_le_bytes());
        out[16..18].copy_from_slice(&self.key_epoch.to_le_bytes());
        out[18..20].copy_from_slice(&self.register_epoch.to_le_bytes());
        out[20..52].copy_from_slice(self.key);
    }
}

/// Event. A slot agrees with the registry as far as it may.
pub struct MeterSynced {
    /// Zone number.
    pub zone: u16,
    /// Slot of the zone.
    pub slot: u16,
    /// Number of the meter.
    pub meter_number: u32,
    /// Epoch of the current key now; below the registry's while a rotation waits.
    pub key_epoch: u16,
    /// Register epoch in the slab.
    pub register_epoch: u16,
    /// First interval of the current key.
    pub switch_interval: u32,
    /// Energy bound, Wh an interval.
    pub max_wh_interval: u32,
    /// Status now.
    pub status: u8,
    /// Flags of the slot now.
    pub flags: u16,
}

impl MeterSynced {
    pub const DISC: [u8; 8] = [0x9b, 0x2d, 0xab, 0x83, 0x9c, 0xa9, 0xcb, 0xc0];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 31;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 31]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..12].copy_from_slice(&self.slot.to_le_bytes());
        out[12..16].copy_from_slice(&self.meter_number.to_le_bytes());
        out[16..18].copy_from_slice(&self.key_epoch.to_le_bytes());
        out[18..20].copy_from_slice(&self.register_epoch.to_le_bytes());
        out[20..24].copy_from_slice(&self.switch_interval.to_le_bytes());
        out[24..28].copy_from_slice(&self.max_wh_interval.to_le_bytes());
        out[28] = self.status as u8;
        out[29..31].copy_from_slice(&self.flags.to_le_bytes());
    }
}

/// Event. What became of each reading of one post_verified.
pub struct ReadingsPosted<'a> {
    /// Zone number.
    pub zone: u16,
    /// Sequence number of the root over the applied readings; NO_ROOT when none was applied.
    pub seq: u64,
    /// Who posted.
    pub poster: &'a [u8; 32],
}

impl<'a> ReadingsPosted<'a> {
    pub const DISC: [u8; 8] = [0xaa, 0x79, 0xfd, 0x86, 0x02, 0x7d, 0x3c, 0x3b];
    /// Bytes before the elements of `results`, the u32 count included.
    pub const HEAD: usize = 54;
    /// Bytes of one element of `results`.
    pub const ITEM: usize = 40;

    /// Begin the event in `out`; None when it is shorter than HEAD. Then `push` and `finish`.
    #[inline(always)]
    pub fn begin<'b>(&self, out: &'b mut [u8]) -> Option<ReadingsPostedWriter<'b>> {
        if out.len() < 54 {
            return None;
        }
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..18].copy_from_slice(&self.seq.to_le_bytes());
        out[18..50].copy_from_slice(self.poster);
        Some(ReadingsPostedWriter { out, len: 54, count: 0 })
    }
}

/// Appends to the `results` of ReadingsPosted.
pub struct ReadingsPostedWriter<'b> {
    out: &'b mut [u8],
    len: usize,
    count: u32,
}

impl<'b> ReadingsPostedWriter<'b> {
    /// Room for one more element of 40 bytes (ReadingResult); None when the buffer is full.
    #[inline(always)]
    pub fn next(&mut self) -> Option<&mut [u8; 40]> {
        let room = self.out.get_mut(self.len..)?.first_chunk_mut::<40>()?;
        self.len += 40;
        self.count += 1;
        Some(room)
    }

    /// Append one element; false when the buffer is full.
    #[inline(always)]
    pub fn push(&mut self, item: &ReadingResult<'_>) -> bool {
        match self.next() {
            Some(room) => {
                item.write(room);
                true
            }
            None => false,
        }
    }

    /// Write the count and return the event's bytes, for sol_log_data as one field.
    #[inline(always)]
    pub fn finish(self) -> &'b [u8] {
        if let Some(room) = self.out.get_mut(50..54) {
            room.copy_from_slice(&self.count.to_le_bytes());
        }
        match self.out.get(..self.len) {
            Some(bytes) => bytes,
            None => &[],
        }
    }
}

/// Event. A reading has been proven against a root.
pub struct ReadingVerified<'a> {
    /// Zone number.
    pub zone: u16,
    /// Sequence number of the root.
    pub seq: u64,
    /// Slot of the meter.
    pub slot: u16,
    /// Number of the meter.
    pub meter_number: u32,
    /// Interval of the reading.
    pub interval: u32,
    /// Import register at its end, Wh.
    pub import_wh: u64,
    /// Export register at its end, Wh.
    pub export_wh: u64,
    /// The key that signed.
    pub device_key: &'a [u8; 32],
}

impl<'a> ReadingVerified<'a> {
    pub const DISC: [u8; 8] = [0xa6, 0xc3, 0xeb, 0xff, 0x58, 0x78, 0x07, 0x9c];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 76;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 76]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..18].copy_from_slice(&self.seq.to_le_bytes());
        out[18..20].copy_from_slice(&self.slot.to_le_bytes());
        out[20..24].copy_from_slice(&self.meter_number.to_le_bytes());
        out[24..28].copy_from_slice(&self.interval.to_le_bytes());
        out[28..36].copy_from_slice(&self.import_wh.to_le_bytes());
        out[36..44].copy_from_slice(&self.export_wh.to_le_bytes());
        out[44..76].copy_from_slice(self.device_key);
    }
}

/// Event. An attested reading has been proven against a root; no device signature was checked.
pub struct AttestationProven {
    /// Zone number.
    pub zone: u16,
    /// Sequence number of the root.
    pub seq: u64,
    /// Slot of the meter.
    pub slot: u16,
    /// Interval of the reading.
    pub interval: u32,
    /// Flags of the record.
    pub flags: u16,
    /// Import register at its end, Wh.
    pub import_wh: u64,
    /// Export register at its end, Wh.
    pub export_wh: u64,
}

impl AttestationProven {
    pub const DISC: [u8; 8] = [0x6d, 0x5a, 0xed, 0x32, 0x30, 0x42, 0x63, 0xf3];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 42;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 42]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..18].copy_from_slice(&self.seq.to_le_bytes());
        out[18..20].copy_from_slice(&self.slot.to_le_bytes());
        out[20..24].copy_from_slice(&self.interval.to_le_bytes());
        out[24..26].copy_from_slice(&self.flags.to_le_bytes());
        out[26..34].copy_from_slice(&self.import_wh.to_le_bytes());
        out[34..42].copy_from_slice(&self.export_wh.to_le_bytes());
    }
}

/// Event. Records of the applied readings of one post_batch, as they stand under its root.
pub struct AttestedPosted<'a> {
    /// Zone number.
    pub zone: u16,
    /// Sequence number of the root; NO_ROOT when none was applied.
    pub seq: u64,
    /// Who posted.
    pub poster: &'a [u8; 32],
    /// Oracle keys that attested, bit by place in the configuration.
    pub signers: u8,
}

impl<'a> AttestedPosted<'a> {
    pub const DISC: [u8; 8] = [0x10, 0xdf, 0xb1, 0x03, 0xdc, 0xdc, 0x7f, 0xe6];
    /// Bytes before the elements of `records`, the u32 count included.
    pub const HEAD: usize = 55;
    /// Bytes of one element of `records`.
    pub const ITEM: usize = 24;

    /// Begin the event in `out`; None when it is shorter than HEAD. Then `push` and `finish`.
    #[inline(always)]
    pub fn begin<'b>(&self, out: &'b mut [u8]) -> Option<AttestedPostedWriter<'b>> {
        if out.len() < 55 {
            return None;
        }
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..18].copy_from_slice(&self.seq.to_le_bytes());
        out[18..50].copy_from_slice(self.poster);
        out[50] = self.signers as u8;
        Some(AttestedPostedWriter { out, len: 55, count: 0 })
    }
}

/// Appends to the `records` of AttestedPosted.
pub struct AttestedPostedWriter<'b> {
    out: &'b mut [u8],
    len: usize,
    count: u32,
}

impl<'b> AttestedPostedWriter<'b> {
    /// Room for one more element of 24 bytes (AttestedRecord); None when the buffer is full.
    #[inline(always)]
    pub fn next(&mut self) -> Option<&mut [u8; 24]> {
        let room = self.out.get_mut(self.len..)?.first_chunk_mut::<24>()?;
        self.len += 24;
        self.count += 1;
        Some(room)
    }

    /// Append one element; false when the buffer is full.
    #[inline(always)]
    pub fn push(&mut self, item: &AttestedRecord) -> bool {
        match self.next() {
            Some(room) => {
                item.write(room);
                true
            }
            None => false,
        }
    }

    /// Write the count and return the event's bytes, for sol_log_data as one field.
    #[inline(always)]
    pub fn finish(self) -> &'b [u8] {
        if let Some(room) = self.out.get_mut(51..55) {
            room.copy_from_slice(&self.count.to_le_bytes());
        }
        match self.out.get(..self.len) {
            Some(bytes) => bytes,
            None => &[],
        }
    }
}

/// Event. The readings of one post_batch that were not applied; only when there are any.
pub struct AttestedSkipped {
    /// Zone number.
    pub zone: u16,
    /// Their interval.
    pub interval: u32,
}

impl AttestedSkipped {
    pub const DISC: [u8; 8] = [0x60, 0xe6, 0x02, 0xfb, 0x11, 0x31, 0x91, 0x9c];
    /// Bytes before the elements of `skipped`, the u32 count included.
    pub const HEAD: usize = 18;
    /// Bytes of one element of `skipped`.
    pub const ITEM: usize = 2;

    /// Begin the event in `out`; None when it is shorter than HEAD. Then `push` and `finish`.
    #[inline(always)]
    pub fn begin<'b>(&self, out: &'b mut [u8]) -> Option<AttestedSkippedWriter<'b>> {
        if out.len() < 18 {
            return None;
        }
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..14].copy_from_slice(&self.interval.to_le_bytes());
        Some(AttestedSkippedWriter { out, len: 18, count: 0 })
    }
}

/// Appends to the `skipped` of AttestedSkipped.
pub struct AttestedSkippedWriter<'b> {
    out: &'b mut [u8],
    len: usize,
    count: u32,
}

impl<'b> AttestedSkippedWriter<'b> {
    /// Room for one more element of 2 bytes (SkippedReading); None when the buffer is full.
    #[inline(always)]
    pub fn next(&mut self) -> Option<&mut [u8; 2]> {
        let room = self.out.get_mut(self.len..)?.first_chunk_mut::<2>()?;
        self.len += 2;
        self.count += 1;
        Some(room)
    }

    /// Append one element; false when the buffer is full.
    #[inline(always)]
    pub fn push(&mut self, item: &SkippedReading) -> bool {
        match self.next() {
            Some(room) => {
                item.write(room);
                true
            }
            None => false,
        }
    }

    /// Write the count and return the event's bytes, for sol_log_data as one field.
    #[inline(always)]
    pub fn finish(self) -> &'b [u8] {
        if let Some(room) = self.out.get_mut(14..18) {
            room.copy_from_slice(&self.count.to_le_bytes());
        }
        match self.out.get(..self.len) {
            Some(bytes) => bytes,
            None => &[],
        }
    }
}

/// Event. A meter's signature contradicts what was attested about it.
pub struct FaultProven<'a> {
    /// Zone number.
    pub zone: u16,
    /// Slot of the zone.
    pub slot: u16,
    /// Number of the meter.
    pub meter_number: u32,
    /// Root of the attested record.
    pub seq: u64,
    /// Oracle keys that attested it, by place; 0 = not known any more.
    pub signers: u8,
    /// Interval of the attested record.
    pub attested_interval: u32,
    /// Its import register, Wh.
    pub attested_import_wh: u64,
    /// Its export register, Wh.
    pub attested_export_wh: u64,
    /// Interval of the signed reading.
    pub signed_interval: u32,
    /// Its import register, Wh.
    pub signed_import_wh: u64,
    /// Its export register, Wh.
    pub signed_export_wh: u64,
    /// Who proved it.
    pub challenger: &'a [u8; 32],
}

impl<'a> FaultProven<'a> {
    pub const DISC: [u8; 8] = [0xac, 0x70, 0xbb, 0x83, 0x45, 0xb7, 0xc2, 0x30];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 97;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 97]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..12].copy_from_slice(&self.slot.to_le_bytes());
        out[12..16].copy_from_slice(&self.meter_number.to_le_bytes());
        out[16..24].copy_from_slice(&self.seq.to_le_bytes());
        out[24] = self.signers as u8;
        out[25..29].copy_from_slice(&self.attested_interval.to_le_bytes());
        out[29..37].copy_from_slice(&self.attested_import_wh.to_le_bytes());
        out[37..45].copy_from_slice(&self.attested_export_wh.to_le_bytes());
        out[45..49].copy_from_slice(&self.signed_interval.to_le_bytes());
        out[49..57].copy_from_slice(&self.signed_import_wh.to_le_bytes());
        out[57..65].copy_from_slice(&self.signed_export_wh.to_le_bytes());
        out[65..97].copy_from_slice(self.challenger);
    }
}

/// Event. The council has set a meter's attested registers. Events of this type are the history of corrections; none is ever taken back.
pub struct ReadingCorrected<'a> {
    /// Zone number.
    pub zone: u16,
    /// Slot of the zone.
    pub slot: u16,
    /// Number of the meter.
    pub meter_number: u32,
    /// Root of the correction's record.
    pub seq: u64,
    /// Interval of the correction.
    pub interval: u32,
    /// Attested import register before, Wh.
    pub old_import_wh: u64,
    /// Attested export register before, Wh.
    pub old_export_wh: u64,
    /// Attested import register now, Wh.
    pub import_wh: u64,
    /// Attested export register now, Wh.
    pub export_wh: u64,
    /// 1 when it ended a fault.
    pub was_faulted: u8,
    /// SHA-256 of the document that says why.
    pub note_hash: &'a [u8; 32],
    /// Flags of the record under the root.
    pub flags: u16,
}

impl<'a> ReadingCorrected<'a> {
    pub const DISC: [u8; 8] = [0x7a, 0x1f, 0xa5, 0x9f, 0x79, 0xce, 0xfc, 0xf5];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 95;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 95]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..12].copy_from_slice(&self.slot.to_le_bytes());
        out[12..16].copy_from_slice(&self.meter_number.to_le_bytes());
        out[16..24].copy_from_slice(&self.seq.to_le_bytes());
        out[24..28].copy_from_slice(&self.interval.to_le_bytes());
        out[28..36].copy_from_slice(&self.old_import_wh.to_le_bytes());
        out[36..44].copy_from_slice(&self.old_export_wh.to_le_bytes());
        out[44..52].copy_from_slice(&self.import_wh.to_le_bytes());
        out[52..60].copy_from_slice(&self.export_wh.to_le_bytes());
        out[60] = self.was_faulted as u8;
        out[61..93].copy_from_slice(self.note_hash);
        out[93..95].copy_from_slice(&self.flags.to_le_bytes());
    }
}

/// Event. The council has replaced the oracle keys.
pub struct OraclesChanged {
    /// Oracle keys that must agree on attested readings.
    pub threshold: u8,
    /// First interval whose roots are attributed to these keys.
    pub keys_since_interval: u32,
}

impl OraclesChanged {
    pub const DISC: [u8; 8] = [0xe5, 0x05, 0x22, 0xad, 0xc6, 0x31, 0x8d, 0xb3];
    /// Bytes before the elements of `oracle_keys`, the u32 count included.
    pub const HEAD: usize = 17;
    /// Bytes of one element of `oracle_keys`.
    pub const ITEM: usize = 32;

    /// Begin the event in `out`; None when it is shorter than HEAD. Then `push` and `finish`.
    #[inline(always)]
    pub fn begin<'b>(&self, out: &'b mut [u8]) -> Option<OraclesChangedWriter<'b>> {
        if out.len() < 17 {
            return None;
        }
        out[0..8].copy_from_slice(&Self::DISC);
        out[8] = self.threshold as u8;
        out[9..13].copy_from_slice(&self.keys_since_interval.to_le_bytes());
        Some(OraclesChangedWriter { out, len: 17, count: 0 })
    }
}

/// Appends to the `oracle_keys` of OraclesChanged.
pub struct OraclesChangedWriter<'b> {
    out: &'b mut [u8],
    len: usize,
    count: u32,
}

impl<'b> OraclesChangedWriter<'b> {
    /// Room for one more element of 32 bytes (pubkey); None when the buffer is full.
    #[inline(always)]
    pub fn next(&mut self) -> Option<&mut [u8; 32]> {
        let room = self.out.get_mut(self.len..)?.first_chunk_mut::<32>()?;
        self.len += 32;
        self.count += 1;
        Some(room)
    }

    /// Write the count and return the event's bytes, for sol_log_data as one field.
    #[inline(always)]
    pub fn finish(self) -> &'b [u8] {
        if let Some(room) = self.out.get_mut(13..17) {
            room.copy_from_slice(&self.count.to_le_bytes());
        }
        match self.out.get(..self.len) {
            Some(bytes) => bytes,
            None => &[],
        }
    }
}

/// Event. A feed can take values.
pub struct FeedCreated<'a> {
    /// Its account.
    pub feed: &'a [u8; 32],
    /// FEED_ constant.
    pub kind: u8,
    /// Which quantity of the kind.
    pub series: u8,
    /// Zone it is about.
    pub zone: u16,
    /// A value means value x 10^exponent.
    pub exponent: i8,
    /// A value older than this is stale, s.
    pub max_age_s: u32,
}

impl<'a> FeedCreated<'a> {
    pub const DISC: [u8; 8] = [0x30, 0x72, 0x56, 0xfd, 0x71, 0x42, 0xfa, 0x62];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 49;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 49]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..40].copy_from_slice(self.feed);
        out[40] = self.kind as u8;
        out[41] = self.series as u8;
        out[42..44].copy_from_slice(&self.zone.to_le_bytes());
        out[44] = self.exponent as u8;
        out[45..49].copy_from_slice(&self.max_age_s.to_le_bytes());
    }
}

/// Event. A feed has other bounds.
pub struct FeedBounded {
    /// FEED_ constant.
    pub kind: u8,
    /// Which quantity of the kind.
    pub series: u8,
    /// Zone it is about.
    pub zone: u16,
    /// A value older than this is stale, s.
    pub max_age_s: u32,
    /// Least value that is taken.
    pub min_value: i64,
    /// Greatest value that is taken.
    pub max_value: i64,
    /// Greatest uncertainty that is taken.
    pub max_confidence: u64,
}

impl FeedBounded {
    pub const DISC: [u8; 8] = [0x5c, 0xfc, 0x35, 0x04, 0xc9, 0x65, 0x33, 0xae];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 40;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 40]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8] = self.kind as u8;
        out[9] = self.series as u8;
        out[10..12].copy_from_slice(&self.zone.to_le_bytes());
        out[12..16].copy_from_slice(&self.max_age_s.to_le_bytes());
        out[16..24].copy_from_slice(&self.min_value.to_le_bytes());
        out[24..32].copy_from_slice(&self.max_value.to_le_bytes());
        out[32..40].copy_from_slice(&self.max_confidence.to_le_bytes());
    }
}

/// Event. A feed has a new value.
pub struct FeedPosted {
    /// FEED_ constant.
    pub kind: u8,
    /// Which quantity of the kind.
    pub series: u8,
    /// Zone it is about.
    pub zone: u16,
    /// The value.
    pub value: i64,
    /// Half width of its uncertainty.
    pub confidence: u64,
    /// When its source published it, UTC epoch seconds.
    pub publish_time: i64,
    /// Interval that it is about.
    pub interval: u32,
    /// Its number.
    pub sequence: u64,
    /// Oracle keys that signed, bit by place in the configuration.
    pub signers: u8,
}

impl FeedPosted {
    pub const DISC: [u8; 8] = [0x73, 0x03, 0x5a, 0xb5, 0xc9, 0x97, 0xe8, 0xcd];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 49;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 49]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8] = self.kind as u8;
        out[9] = self.series as u8;
        out[10..12].copy_from_slice(&self.zone.to_le_bytes());
        out[12..20].copy_from_slice(&self.value.to_le_bytes());
        out[20..28].copy_from_slice(&self.confidence.to_le_bytes());
        out[28..36].copy_from_slice(&self.publish_time.to_le_bytes());
        out[36..40].copy_from_slice(&self.interval.to_le_bytes());
        out[40..48].copy_from_slice(&self.sequence.to_le_bytes());
        out[48] = self.signers as u8;
    }
}

/// Event. A zone's totals have been written down.
pub struct IntervalClosed {
    /// Zone number.
    pub zone: u16,
    /// The interval.
    pub interval: u32,
    /// Active meters.
    pub active: u16,
    /// Active meters with a verified reading of it or a later one.
    pub reported: u16,
    /// Active meters that have an attested one alone.
    pub attested: u16,
    /// Meters with an open fault.
    pub faulted: u16,
    /// Import credited to the zone so far, Wh.
    pub acc_import_wh: u64,
    /// Export credited to the zone so far, Wh.
    pub acc_export_wh: u64,
}

impl IntervalClosed {
    pub const DISC: [u8; 8] = [0xd4, 0x1d, 0x94, 0xb4, 0x2b, 0xa6, 0x0c, 0x17];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 38;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 38]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..14].copy_from_slice(&self.interval.to_le_bytes());
        out[14..16].copy_from_slice(&self.active.to_le_bytes());
        out[16..18].copy_from_slice(&self.reported.to_le_bytes());
        out[18..20].copy_from_slice(&self.attested.to_le_bytes());
        out[20..22].copy_from_slice(&self.faulted.to_le_bytes());
        out[22..30].copy_from_slice(&self.acc_import_wh.to_le_bytes());
        out[30..38].copy_from_slice(&self.acc_export_wh.to_le_bytes());
    }
}

/// Event. What traded in an interval has been written down, or has changed since.
pub struct TradesRecorded<'a> {
    /// The interval.
    pub interval: u32,
    /// Fills.
    pub trades: u32,
    /// Traded lots, Wh.
    pub lots: u64,
    /// Traded value, ucredit.
    pub value_ucredit: u64,
    /// The market's running hash after the last fill.
    pub fills_hash: &'a [u8; 32],
    /// Number of the last trade.
    pub last_trade: u64,
}

impl<'a> TradesRecorded<'a> {
    pub const DISC: [u8; 8] = [0xa5, 0x72, 0xea, 0x4f, 0x99, 0xe4, 0xa5, 0x5a];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 72;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 72]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..12].copy_from_slice(&self.interval.to_le_bytes());
        out[12..16].copy_from_slice(&self.trades.to_le_bytes());
        out[16..24].copy_from_slice(&self.lots.to_le_bytes());
        out[24..32].copy_from_slice(&self.value_ucredit.to_le_bytes());
        out[32..64].copy_from_slice(self.fills_hash);
        out[64..72].copy_from_slice(&self.last_trade.to_le_bytes());
    }
}
