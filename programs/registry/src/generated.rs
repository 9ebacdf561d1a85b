//! Interface of the registry program.
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

/// Most meters of a zone.
pub const MAX_ZONE_SLOTS: u16 = 256;
/// Role: student.
pub const ROLE_STUDENT: u8 = 0;
/// Role: faculty.
pub const ROLE_FACULTY: u8 = 1;
/// Role: external partner.
pub const ROLE_EXTERNAL_PARTNER: u8 = 2;
/// Role: facilities.
pub const ROLE_FACILITIES: u8 = 3;
/// Role: operator.
pub const ROLE_OPERATOR: u8 = 4;
/// Role: auditor.
pub const ROLE_AUDITOR: u8 = 5;
/// Role: admin.
pub const ROLE_ADMIN: u8 = 6;
/// User status: known, may not act yet.
pub const USER_PENDING: u8 = 0;
/// User status: may act.
pub const USER_ACTIVE: u8 = 1;
/// User status: may not act for now.
pub const USER_SUSPENDED: u8 = 2;
/// User status: terminal.
pub const USER_CLOSED: u8 = 3;
/// Meter status: registered, its readings do not count yet.
pub const METER_PENDING: u8 = 0;
/// Meter status: its readings count.
pub const METER_ACTIVE: u8 = 1;
/// Meter status: its readings do not count for now.
pub const METER_SUSPENDED: u8 = 2;
/// Meter status: terminal.
pub const METER_RETIRED: u8 = 3;
/// Meter kind: draws energy.
pub const KIND_CONSUMER: u8 = 0;
/// Meter kind: delivers energy.
pub const KIND_PRODUCER: u8 = 1;
/// Meter kind: both.
pub const KIND_PROSUMER: u8 = 2;
/// Bit 0 of a device key's flags: compromised, never to be believed again.
pub const KEY_REVOKED: u16 = 1;
/// Most intervals ahead that a key may begin: 31 days.
pub const MAX_SWITCH_AHEAD: u32 = 2976;
/// Most intervals back that a new meter's first key may begin: 31 days.
pub const MAX_FIRST_BEHIND: u32 = 2976;
/// Pause bit that also stops what would let new readings count: register_meter, activate_meter, rotate_device_key, swap_meter.
pub const PAUSE_READINGS: u8 = 1;

/// Instruction discriminators: the first 8 bytes of the data, read as a little-endian u64.
pub mod ix {
    pub const INITIALIZE: u64 = 0xed9b980d1f6dafaf;
    pub const CREATE_ZONE: u64 = 0x3abd82c11ad1fedb;
    pub const REGISTER_USER: u64 = 0x6174d663df96f102;
    pub const SET_ROLE: u64 = 0xbec73dc0e93e4e4d;
    pub const SET_USER_STATUS: u64 = 0xf3d021a6bfcebbd2;
    pub const CLOSE_USER: u64 = 0xc87618ec8c8adb56;
    pub const REGISTER_METER: u64 = 0x7de0d68a48576a31;
    pub const ACTIVATE_METER: u64 = 0xf250daa1aefb0c41;
    pub const SUSPEND_METER: u64 = 0xf0e2a6f5505b4e98;
    pub const RETIRE_METER: u64 = 0x9a5eaf8f1d775e92;
    pub const ROTATE_DEVICE_KEY: u64 = 0x993b2e5c24b18560;
    pub const SWAP_METER: u64 = 0x4bb6c825b91f291c;
}

/// Split instruction data into its discriminator and its arguments; None below 8 bytes.
#[inline(always)]
pub fn split_data(data: &[u8]) -> Option<(u64, &[u8])> {
    let (head, rest) = data.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*head), rest))
}

/// Accounts of `initialize`. An optional account that is not given holds the program's own id.
pub mod initialize_accounts {
    /// signer; signer. Upgrade authority of this program.
    pub const UPGRADE_AUTHORITY: usize = 0;
    /// signer; signer, writable. Pays the rent.
    pub const PAYER: usize = 1;
    /// programdata. ProgramData of this program.
    pub const PROGRAM_DATA: usize = 2;
    /// new; writable. PDA ["config"].
    pub const CONFIG: usize = 3;
    /// pda:council. PDA ["council"] of the governance program; need not exist yet.
    pub const COUNCIL: usize = 4;
    /// signer; signer. Wallet of the first admin.
    pub const ADMIN: usize = 5;
    /// new; writable. PDA ["user", admin].
    pub const ADMIN_USER: usize = 6;
    /// program:system. System program.
    pub const SYSTEM_PROGRAM: usize = 7;
    pub const COUNT: usize = 8;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 8;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b100011;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b1001010;
}

/// Accounts of `create_zone`. An optional account that is not given holds the program's own id.
pub mod create_zone_accounts {
    /// signer; signer. Admin.
    pub const AUTHORITY: usize = 0;
    /// state:registry.User. User of the authority.
    pub const AUTHORITY_USER: usize = 1;
    /// signer; signer, writable. Pays the rent.
    pub const PAYER: usize = 2;
    /// state:registry.Config; writable. Configuration.
    pub const CONFIG: usize = 3;
    /// new; writable. PDA ["zone", zone u16 LE].
    pub const ZONE: usize = 4;
    /// program:system. System program.
    pub const SYSTEM_PROGRAM: usize = 5;
    pub const COUNT: usize = 6;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 6;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b101;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b11100;
}

/// Accounts of `register_user`. An optional account that is not given holds the program's own id.
pub mod register_user_accounts {
    /// signer; signer. Admin or operator.
    pub const AUTHORITY: usize = 0;
    /// state:registry.User. User of the authority.
    pub const AUTHORITY_USER: usize = 1;
    /// signer; signer, writable. Pays the rent.
    pub const PAYER: usize = 2;
    /// state:registry.Config; writable. Configuration.
    pub const CONFIG: usize = 3;
    /// wallet. Wallet of the new user.
    pub const WALLET: usize = 4;
    /// new; writable. PDA ["user", wallet].
    pub const USER: usize = 5;
    /// program:system. System program.
    pub const SYSTEM_PROGRAM: usize = 6;
    pub const COUNT: usize = 7;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 7;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b101;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b101100;
}

/// Accounts of `set_role`. An optional account that is not given holds the program's own id.
pub mod set_role_accounts {
    /// signer; signer. Admin.
    pub const AUTHORITY: usize = 0;
    /// state:registry.User. User of the authority.
    pub const AUTHORITY_USER: usize = 1;
    /// state:registry.User; writable. The user.
    pub const USER: usize = 2;
    pub const COUNT: usize = 3;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 3;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b100;
}

/// Accounts of `set_user_status`. An optional account that is not given holds the program's own id.
pub mod set_user_status_accounts {
    /// signer; signer. Admin or operator.
    pub const AUTHORITY: usize = 0;
    /// state:registry.User. User of the authority.
    pub const AUTHORITY_USER: usize = 1;
    /// state:registry.User; writable. The user.
    pub const USER: usize = 2;
    pub const COUNT: usize = 3;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 3;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b100;
}

/// Accounts of `close_user`. An optional account that is not given holds the program's own id.
pub mod close_user_accounts {
    /// signer; signer. Admin, or the user's wallet.
    pub const AUTHORITY: usize = 0;
    /// state:registry.User. User of the authority: an active admin, or the same account as user.
    pub const AUTHORITY_USER: usize = 1;
    /// state:registry.User; writable. The user.
    pub const USER: usize = 2;
    pub const COUNT: usize = 3;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 3;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b100;
}

/// Accounts of `register_meter`. An optional account that is not given holds the program's own id.
pub mod register_meter_accounts {
    /// signer; signer. Admin or operator.
    pub const AUTHORITY: usize = 0;
    /// state:registry.User. User of the authority.
    pub const AUTHORITY_USER: usize = 1;
    /// signer; signer. Owner of the meter.
    pub const OWNER: usize = 2;
    /// state:registry.User. User of the owner.
    pub const OWNER_USER: usize = 3;
    /// signer; signer, writable. Pays the rent.
    pub const PAYER: usize = 4;
    /// state:governance.Council. Pause bit 1.
    pub const COUNCIL: usize = 5;
    /// state:registry.Config; writable. Configuration.
    pub const CONFIG: usize = 6;
    /// state:registry.Zone; writable. Zone of the meter.
    pub const ZONE: usize = 7;
    /// new; writable. PDA ["meter", meter_id].
    pub const METER: usize = 8;
    /// new; writable. PDA ["key", device key].
    pub const KEY_RECORD: usize = 9;
    /// program:system. System program.
    pub const SYSTEM_PROGRAM: usize = 10;
    pub const COUNT: usize = 11;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 11;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b10101;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b1111010000;
}

/// Accounts of `activate_meter`. An optional account that is not given holds the program's own id.
pub mod activate_meter_accounts {
    /// signer; signer. Admin or operator.
    pub const AUTHORITY: usize = 0;
    /// state:registry.User. User of the authority.
    pub const AUTHORITY_USER: usize = 1;
    /// state:governance.Council. Pause bit 1.
    pub const COUNCIL: usize = 2;
    /// state:registry.Config. Configuration.
    pub const CONFIG: usize = 3;
    /// state:registry.User. User of the meter's owner.
    pub const OWNER_USER: usize = 4;
    /// state:registry.Meter; writable. The meter.
    pub const METER: usize = 5;
    pub const COUNT: usize = 6;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 6;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b100000;
}

/// Accounts of `suspend_meter`. An optional account that is not given holds the program's own id.
pub mod suspend_meter_accounts {
    /// signer; signer. Admin or operator.
    pub const AUTHORITY: usize = 0;
    /// state:registry.User. User of the authority.
    pub const AUTHORITY_USER: usize = 1;
    /// state:registry.Meter; writable. The meter.
    pub const METER: usize = 2;
    pub const COUNT: usize = 3;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 3;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b100;
}

/// Accounts of `retire_meter`. An optional account that is not given holds the program's own id.
pub mod retire_meter_accounts {
    /// signer; signer. Admin or operator.
    pub const AUTHORITY: usize = 0;
    /// state:registry.User. User of the authority.
    pub const AUTHORITY_USER: usize = 1;
    /// state:registry.Meter; writable. The meter.
    pub const METER: usize = 2;
    pub const COUNT: usize = 3;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 3;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b100;
}

/// Accounts of `rotate_device_key`. An optional account that is not given holds the program's own id.
pub mod rotate_device_key_accounts {
    /// signer; signer. Admin or operator.
    pub const AUTHORITY: usize = 0;
    /// state:registry.User. User of the authority.
    pub const AUTHORITY_USER: usize = 1;
    /// signer; signer. Owner of the meter.
    pub const OWNER: usize = 2;
    /// signer; signer, writable. Pays the rent.
    pub const PAYER: usize = 3;
    /// state:governance.Council. Pause bit 1.
    pub const COUNCIL: usize = 4;
    /// state:registry.Config. Configuration.
    pub const CONFIG: usize = 5;
    /// state:registry.Meter; writable. The meter.
    pub const METER: usize = 6;
    /// new; writable. PDA ["key", device key].
    pub const KEY_RECORD: usize = 7;
    /// program:system. System program.
    pub const SYSTEM_PROGRAM: usize = 8;
    pub const COUNT: usize = 9;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 9;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1101;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b11001000;
}

/// Accounts of `swap_meter`. An optional account that is not given holds the program's own id.
pub mod swap_meter_accounts {
    /// signer; signer. Admin or operator.
    pub const AUTHORITY: usize = 0;
    /// state:registry.User. User of the authority.
    pub const AUTHORITY_USER: usize = 1;
    /// signer; signer. Another admin or operator.
    pub const SECOND_AUTHORITY: usize = 2;
    /// state:registry.User. User of the second authority.
    pub const SECOND_AUTHORITY_USER: usize = 3;
    /// state:governance.Council. Pause bit 1.
    pub const COUNCIL: usize = 4;
    /// state:registry.Config. Configuration.
    pub const CONFIG: usize = 5;
    /// state:registry.Meter; writable. The meter.
    pub const METER: usize = 6;
    pub const COUNT: usize = 7;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 7;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b101;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b1000000;
}

/// Byte offsets of Config. Siblings, network and counters.
pub mod config_layout {
    pub const SIZE: usize = 256;
    pub const DISC: [u8; 8] = [0x9b, 0x0c, 0xaa, 0xe0, 0x1e, 0xfa, 0xcc, 0x82];
    pub const DISC_U64: u64 = 0x82ccfa1ee0aa0c9b;
    /// u8
    pub const AT_VERSION: usize = 8;
    /// u8
    pub const AT_BUMP: usize = 9;
    /// pubkey: Governance program.
    pub const AT_GOVERNANCE_PROGRAM: usize = 16;
    /// pubkey: PDA ["council"] of governance.
    pub const AT_COUNCIL: usize = 48;
    /// pubkey: Oracle program.
    pub const AT_ORACLE_PROGRAM: usize = 80;
    /// [u8;32]: Genesis hash of the network.
    pub const AT_GENESIS_HASH: usize = 112;
    /// [u8;4]: First 4 bytes of SHA-256("campusgrid" ‖ genesis hash ‖ oracle program id).
    pub const AT_NETWORK_TAG: usize = 144;
    /// u32: Users registered; the last one's number.
    pub const AT_USER_COUNT: usize = 148;
    /// u32: Meters registered; the last one's number.
    pub const AT_METER_COUNT: usize = 152;
    /// u32: Zones created.
    pub const AT_ZONE_COUNT: usize = 156;
    /// [u8;96]: Zero.
    pub const AT_RESERVED: usize = 160;
}

/// Byte offsets of User. A person, building or service with a wallet.
pub mod user_layout {
    pub const SIZE: usize = 160;
    pub const DISC: [u8; 8] = [0x9f, 0x75, 0x5f, 0xe3, 0xef, 0x97, 0x3a, 0xec];
    pub const DISC_U64: u64 = 0xec3a97efe35f759f;
    /// u8
    pub const AT_VERSION: usize = 8;
    /// u8
    pub const AT_BUMP: usize = 9;
    /// u8: ROLE_ constant.
    pub const AT_ROLE: usize = 10;
    /// u8: USER_ constant.
    pub const AT_STATUS: usize = 11;
    /// u32: The registry's counter, from 1.
    pub const AT_USER_NUMBER: usize = 12;
    /// pubkey: Wallet.
    pub const AT_WALLET: usize = 16;
    /// [u8;32]: SHA-256 of salted personal data, which is never on chain.
    pub const AT_PERSONAL_HASH: usize = 48;
    /// i64: UTC epoch seconds.
    pub const AT_REGISTERED_AT: usize = 80;
    /// i64: UTC epoch seconds.
    pub const AT_UPDATED_AT: usize = 88;
    /// [u8;64]: Zero.
    pub const AT_RESERVED: usize = 96;
}

/// Byte offsets of Zone. A part of the campus that shares one meter slab; gives out its slots.
pub mod zone_layout {
    pub const SIZE: usize = 64;
    pub const DISC: [u8; 8] = [0xa9, 0xfd, 0xb7, 0xe9, 0x7a, 0xc3, 0x5d, 0xfc];
    pub const DISC_U64: u64 = 0xfc5dc37ae9b7fda9;
    /// u8
    pub const AT_VERSION: usize = 8;
    /// u8
    pub const AT_BUMP: usize = 9;
    /// u16: Its number.
    pub const AT_ZONE: usize = 10;
    /// u16: Slot of the next meter.
    pub const AT_NEXT_SLOT: usize = 12;
    /// u16: Slots, at most 256.
    pub const AT_CAPACITY: usize = 14;
    /// [u8;48]: Zero.
    pub const AT_RESERVED: usize = 16;
}

/// Byte offsets of Meter. One meter: its owner, keys, limits and place.
pub mod meter_layout {
    pub const SIZE: usize = 384;
    pub const DISC: [u8; 8] = [0x05, 0x73, 0xe3, 0xf0, 0x3f, 0xa6, 0xce, 0xb6];
    pub const DISC_U64: u64 = 0xb6cea63ff0e37305;
    /// u8
    pub const AT_VERSION: usize = 8;
    /// u8
    pub const AT_BUMP: usize = 9;
    /// u8: METER_ constant.
    pub const AT_STATUS: usize = 10;
    /// u8: KIND_ constant.
    pub const AT_KIND: usize = 11;
    /// u32: The registry's counter, from 1.
    pub const AT_METER_NUMBER: usize = 12;
    /// [u8;16]: Its identity.
    pub const AT_METER_ID: usize = 16;
    /// pubkey: Wallet of the owner.
    pub const AT_OWNER: usize = 32;
    /// u16: Zone.
    pub const AT_ZONE: usize = 64;
    /// u16: Slot in the zone.
    pub const AT_SLOT: usize = 66;
    /// u32: Rating of the connection, W.
    pub const AT_CAPACITY_W: usize = 68;
    /// u32: Most energy of one interval, Wh.
    pub const AT_MAX_WH_INTERVAL: usize = 72;
    /// u16: Epoch of the newest key, from 0.
    pub const AT_KEY_EPOCH: usize = 76;
    /// u16: From 0; +1 at each approved swap.
    pub const AT_REGISTER_EPOCH: usize = 78;
    /// [DeviceKey;4]: Last four keys, newest first.
    pub const AT_KEYS: usize = 80;
    /// [u8;32]: SHA-256 of the salted location.
    pub const AT_LOCATION_HASH: usize = 240;
    /// i64: UTC epoch seconds.
    pub const AT_REGISTERED_AT: usize = 272;
    /// u64: Import register at the last swap or at retirement, as read by people, Wh.
    pub const AT_CLOSING_IMPORT_WH: usize = 280;
    /// u64: Export register, likewise.
    pub const AT_CLOSING_EXPORT_WH: usize = 288;
    /// u64: Import register of the new device at the last swap, as read by people, Wh.
    pub const AT_OPENING_IMPORT_WH: usize = 296;
    /// u64: Export register, likewise.
    pub const AT_OPENING_EXPORT_WH: usize = 304;
    /// [u8;32]: SHA-256 of the device's serial number.
    pub const AT_SERIAL_HASH: usize = 312;
    /// i64: UTC epoch seconds.
    pub const AT_UPDATED_AT: usize = 344;
    /// [u8;32]: Zero.
    pub const AT_RESERVED: usize = 352;
}

/// Byte offsets of KeyRecord. That a device key is or was some meter's. Made with the key's first use and kept for ever.
pub mod key_record_layout {
    pub const SIZE: usize = 96;
    pub const DISC: [u8; 8] = [0x47, 0x03, 0xe0, 0x28, 0x10, 0x6f, 0x1c, 0xe6];
    pub const DISC_U64: u64 = 0xe61c6f1028e00347;
    /// u8
    pub const AT_VERSION: usize = 8;
    /// u8
    pub const AT_BUMP: usize = 9;
    /// u16: Key epoch it has at its meter.
    pub const AT_EPOCH: usize = 10;
    /// u32: The meter's number.
    pub const AT_METER_NUMBER: usize = 12;
    /// [u8;16]: The meter's identity.
    pub const AT_METER_ID: usize = 16;
    /// [u8;32]: Ed25519 public key.
    pub const AT_DEVICE_KEY: usize = 32;
    /// i64: UTC epoch seconds.
    pub const AT_REGISTERED_AT: usize = 64;
    /// u32: First interval it signs.
    pub const AT_FIRST_INTERVAL: usize = 72;
    /// [u8;20]: Zero.
    pub const AT_RESERVED: usize = 76;
}

/// Custom errors of the program; the code is 6000 + position and is never renumbered.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum RegistryError {
    /// The signer is not an active user of a role that may do this
    Unauthorized = 6000,
    /// The owner is not an active user
    UserInactive = 6001,
    /// There is no such role, or the signer may not give it
    BadRole = 6002,
    /// There is no such status, or it cannot follow the present one
    BadStatus = 6003,
    /// Nobody changes their own role or status
    OwnRecord = 6004,
    /// A closed user or a retired meter stays so
    TerminalStatus = 6005,
    /// A zone has 1 to 256 slots
    BadZone = 6006,
    /// The zone has no free slot
    ZoneFull = 6007,
    /// There is no such kind of meter
    BadMeterKind = 6008,
    /// The energy of an interval must be 1 Wh to half the rating
    BadCapacity = 6009,
    /// The device key has not signed for this network, owner and meter
    BadPossessionProof = 6010,
    /// This key is or was some meter's
    KeyReuse = 6011,
    /// The key begins too early or too far ahead
    BadFirstInterval = 6012,
    /// The last rotation has not taken effect yet
    RotationPending = 6013,
    /// The epoch cannot be counted further
    EpochExhausted = 6014,
    /// The two approvals must come from two users
    SameApprover = 6015,
    /// The signer does not own the meter
    NotOwner = 6016,
    /// The council has paused readings
    Paused = 6017,
}

impl RegistryError {
    /// The value an entrypoint returns for this error.
    #[inline(always)]
    pub const fn code(self) -> u64 {
        self as u32 as u64
    }
}

impl From<RegistryError> for u32 {
    #[inline(always)]
    fn from(error: RegistryError) -> u32 {
        error as u32
    }
}

impl From<RegistryError> for u64 {
    #[inline(always)]
    fn from(error: RegistryError) -> u64 {
        error as u32 as u64
    }
}

/// A device key and since when it signs, 40 bytes.
#[derive(Clone, Copy)]
pub struct DeviceKey<'a> {
    /// Ed25519 public key; zero: none.
    pub key: &'a [u8; 32],
    /// First interval it signs.
    pub first_interval: u32,
    /// Key epoch.
    pub epoch: u16,
    /// Bit 0: KEY_REVOKED.
    pub flags: u16,
}

impl<'a> DeviceKey<'a> {
    pub const SIZE: usize = 40;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &'a [u8; 40]) -> Self {
        Self {
            key: part::<32>(bytes, 0),
            first_interval: u32::from_le_bytes(*part::<4>(bytes, 32)),
            epoch: u16::from_le_bytes(*part::<2>(bytes, 36)),
            flags: u16::from_le_bytes(*part::<2>(bytes, 38)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 40]) {
        out[0..32].copy_from_slice(self.key);
        out[32..36].copy_from_slice(&self.first_interval.to_le_bytes());
        out[36..38].copy_from_slice(&self.epoch.to_le_bytes());
        out[38..40].copy_from_slice(&self.flags.to_le_bytes());
    }
}

/// Arguments of `initialize`. Creates the configuration and the first user, an active admin. Once; only by the program's upgrade authority.
pub struct InitializeArgs<'a> {
    /// Governance program id.
    pub governance_program: &'a [u8; 32],
    /// Oracle program id.
    pub oracle_program: &'a [u8; 32],
    /// Genesis hash of the network.
    pub genesis_hash: &'a [u8; 32],
    /// Of the admin.
    pub personal_hash: &'a [u8; 32],
}

impl<'a> InitializeArgs<'a> {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        if data.len() != 128 {
            return None;
        }
        let mut r = Reader::new(data);
        let governance_program = r.take::<32>()?;
        let oracle_program = r.take::<32>()?;
        let genesis_hash = r.take::<32>()?;
        let personal_hash = r.take::<32>()?;
        Some(Self { governance_program, oracle_program, genesis_hash, personal_hash })
    }
}

/// Arguments of `create_zone`. Creates a zone.
pub struct CreateZoneArgs {
    /// Number of the zone.
    pub zone: u16,
    /// Slots, 1 to 256.
    pub capacity: u16,
}

impl CreateZoneArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 4 {
            return None;
        }
        let mut r = Reader::new(data);
        let zone = u16::from_le_bytes(*r.take::<2>()?);
        let capacity = u16::from_le_bytes(*r.take::<2>()?);
        Some(Self { zone, capacity })
    }
}

/// Arguments of `register_user`. Creates a user. An operator may give the roles below its own (student to facilities), an admin any.
pub struct RegisterUserArgs<'a> {
    /// ROLE_ constant.
    pub role: u8,
    /// USER_PENDING or USER_ACTIVE.
    pub status: u8,
    /// SHA-256 of salted personal data.
    pub personal_hash: &'a [u8; 32],
}

impl<'a> RegisterUserArgs<'a> {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        if data.len() != 34 {
            return None;
        }
        let mut r = Reader::new(data);
        let role = u8::from_le_bytes(*r.take::<1>()?);
        let status = u8::from_le_bytes(*r.take::<1>()?);
        let personal_hash = r.take::<32>()?;
        Some(Self { role, status, personal_hash })
    }
}

/// Arguments of `set_role`. Gives a user another role.
pub struct SetRoleArgs {
    /// ROLE_ constant.
    pub role: u8,
}

impl SetRoleArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 1 {
            return None;
        }
        let mut r = Reader::new(data);
        let role = u8::from_le_bytes(*r.take::<1>()?);
        Some(Self { role })
    }
}

/// Arguments of `set_user_status`. Activates or suspends a user. An operator may do so for roles below its own.
pub struct SetUserStatusArgs {
    /// USER_ACTIVE or USER_SUSPENDED.
    pub status: u8,
}

impl SetUserStatusArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 1 {
            return None;
        }
        let mut r = Reader::new(data);
        let status = u8::from_le_bytes(*r.take::<1>()?);
        Some(Self { status })
    }
}

/// Arguments of `close_user`. Ends a user for good and forgets the hash of the personal data; the wallet is never registered again. An admin closes anybody else, and
/// everybody but an admin closes their own record. While GRID moves only between active users a closed one cannot withdraw
/// any more, so take it out first.
pub struct CloseUserArgs {
}

impl CloseUserArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 0 {
            return None;
        }
        Some(Self {  })
    }
}

/// Arguments of `register_meter`. Creates a pending meter, gives it the next number and the zone's next slot. `proof` is the device key's signature over
/// `CGP1` ‖ network tag ‖ owner wallet ‖ meter id ‖ device key (88 bytes), checked by the program.
pub struct RegisterMeterArgs<'a> {
    /// Identity of the meter.
    pub meter_id: &'a [u8; 16],
    /// KIND_ constant.
    pub kind: u8,
    /// Rating of the connection, W, at least 4.
    pub capacity_w: u32,
    /// Most energy of one interval, Wh: 1 to capacity_w / 2, which is twice what the rating carries in 900 s.
    pub max_wh_interval: u32,
    /// First interval the key signs: at most MAX_FIRST_BEHIND back and MAX_SWITCH_AHEAD ahead of now.
    pub first_interval: u32,
    /// Ed25519 public key of the device.
    pub device_key: &'a [u8; 32],
    /// Its signature, see above.
    pub proof: &'a [u8; 64],
    /// SHA-256 of the salted location.
    pub location_hash: &'a [u8; 32],
    /// SHA-256 of the serial number.
    pub serial_hash: &'a [u8; 32],
}

impl<'a> RegisterMeterArgs<'a> {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        if data.len() != 189 {
            return None;
        }
        let mut r = Reader::new(data);
        let meter_id = r.take::<16>()?;
        let kind = u8::from_le_bytes(*r.take::<1>()?);
        let capacity_w = u32::from_le_bytes(*r.take::<4>()?);
        let max_wh_interval = u32::from_le_bytes(*r.take::<4>()?);
        let first_interval = u32::from_le_bytes(*r.take::<4>()?);
        let device_key = r.take::<32>()?;
        let proof = r.take::<64>()?;
        let location_hash = r.take::<32>()?;
        let serial_hash = r.take::<32>()?;
        Some(Self { meter_id, kind, capacity_w, max_wh_interval, first_interval, device_key, proof, location_hash, serial_hash })
    }
}

/// Arguments of `activate_meter`. Lets the readings of a pending or suspended meter count. Its owner must be an active user.
pub struct ActivateMeterArgs {
}

impl ActivateMeterArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 0 {
            return None;
        }
        Some(Self {  })
    }
}

/// Arguments of `suspend_meter`. Keeps the readings of an active meter from counting, until it is activated again. No pause stops this.
pub struct SuspendMeterArgs {
}

impl SuspendMeterArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 0 {
            return None;
        }
        Some(Self {  })
    }
}

/// Arguments of `retire_meter`. Ends a meter for good and records its registers as people read them; they credit nothing.
pub struct RetireMeterArgs {
    /// Import register, Wh.
    pub closing_import_wh: u64,
    /// Export register, Wh.
    pub closing_export_wh: u64,
}

impl RetireMeterArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 16 {
            return None;
        }
        let mut r = Reader::new(data);
        let closing_import_wh = u64::from_le_bytes(*r.take::<8>()?);
        let closing_export_wh = u64::from_le_bytes(*r.take::<8>()?);
        Some(Self { closing_import_wh, closing_export_wh })
    }
}

/// Arguments of `rotate_device_key`. Gives a meter a new key from a future interval on. The key before must have begun, unless it is revoked as compromised. `proof` is
/// the new key's signature over the same 88 bytes as in register_meter.
pub struct RotateDeviceKeyArgs<'a> {
    /// The new key.
    pub device_key: &'a [u8; 32],
    /// First interval it signs: after the present one, at most MAX_SWITCH_AHEAD from now.
    pub first_interval: u32,
    /// Revoke the key before.
    pub compromised: bool,
    /// The new key's signature.
    pub proof: &'a [u8; 64],
}

impl<'a> RotateDeviceKeyArgs<'a> {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        if data.len() != 101 {
            return None;
        }
        let mut r = Reader::new(data);
        let device_key = r.take::<32>()?;
        let first_interval = u32::from_le_bytes(*r.take::<4>()?);
        let compromised = r.flag()?;
        let proof = r.take::<64>()?;
        Some(Self { device_key, first_interval, compromised, proof })
    }
}

/// Arguments of `swap_meter`. Approves that a meter's registers start anew, after the device was exchanged or reset: register epoch + 1. Records the registers as
/// people read them; they credit nothing. The first accepted reading of the new epoch sets the opening registers.
pub struct SwapMeterArgs<'a> {
    /// Of the new device.
    pub serial_hash: &'a [u8; 32],
    /// Import register of the old device, Wh.
    pub closing_import_wh: u64,
    /// Export register of the old device, Wh.
    pub closing_export_wh: u64,
    /// Import register of the new device, Wh.
    pub opening_import_wh: u64,
    /// Export register of the new device, Wh.
    pub opening_export_wh: u64,
}

impl<'a> SwapMeterArgs<'a> {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        if data.len() != 64 {
            return None;
        }
        let mut r = Reader::new(data);
        let serial_hash = r.take::<32>()?;
        let closing_import_wh = u64::from_le_bytes(*r.take::<8>()?);
        let closing_export_wh = u64::from_le_bytes(*r.take::<8>()?);
        let opening_import_wh = u64::from_le_bytes(*r.take::<8>()?);
        let opening_export_wh = u64::from_le_bytes(*r.take::<8>()?);
        Some(Self { serial_hash, closing_import_wh, closing_export_wh, opening_import_wh, opening_export_wh })
    }
}

/// Event. The registry exists.
pub struct ConfigCreated<'a> {
    /// Governance program.
    pub governance_program: &'a [u8; 32],
    /// Oracle program.
    pub oracle_program: &'a [u8; 32],
    /// Network tag.
    pub network_tag: &'a [u8; 4],
}

impl<'a> ConfigCreated<'a> {
    pub const DISC: [u8; 8] = [0xc3, 0x49, 0x68, 0xa1, 0xa6, 0xf5, 0x04, 0x78];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 76;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 76]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..40].copy_from_slice(self.governance_program);
        out[40..72].copy_from_slice(self.oracle_program);
        out[72..76].copy_from_slice(self.network_tag);
    }
}

/// Event. A zone exists.
pub struct ZoneCreated {
    /// Its number.
    pub zone: u16,
    /// Slots.
    pub capacity: u16,
}

impl ZoneCreated {
    pub const DISC: [u8; 8] = [0x29, 0x9d, 0x81, 0x32, 0x9b, 0x30, 0x61, 0xbc];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 12;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 12]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..12].copy_from_slice(&self.capacity.to_le_bytes());
    }
}

/// Event. A user exists.
pub struct UserRegistered<'a> {
    /// Wallet.
    pub wallet: &'a [u8; 32],
    /// Number.
    pub user_number: u32,
    /// Role.
    pub role: u8,
    /// Status.
    pub status: u8,
    /// Who registered it.
    pub authority: &'a [u8; 32],
}

impl<'a> UserRegistered<'a> {
    pub const DISC: [u8; 8] = [0x15, 0x2a, 0xd8, 0xa3, 0x63, 0x33, 0xc8, 0xde];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 78;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 78]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..40].copy_from_slice(self.wallet);
        out[40..44].copy_from_slice(&self.user_number.to_le_bytes());
        out[44] = self.role as u8;
        out[45] = self.status as u8;
        out[46..78].copy_from_slice(self.authority);
    }
}

/// Event. A user has another role.
pub struct UserRoleChanged<'a> {
    /// Wallet.
    pub wallet: &'a [u8; 32],
    /// Before.
    pub old_role: u8,
    /// Now.
    pub new_role: u8,
    /// Who changed it.
    pub authority: &'a [u8; 32],
}

impl<'a> UserRoleChanged<'a> {
    pub const DISC: [u8; 8] = [0x07, 0x59, 0x60, 0xe9, 0xf3, 0x8e, 0x0d, 0x8c];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 74;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 74]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..40].copy_from_slice(self.wallet);
        out[40] = self.old_role as u8;
        out[41] = self.new_role as u8;
        out[42..74].copy_from_slice(self.authority);
    }
}

/// Event. A user has another status.
pub struct UserStatusChanged<'a> {
    /// Wallet.
    pub wallet: &'a [u8; 32],
    /// Before.
    pub old_status: u8,
    /// Now.
    pub new_status: u8,
    /// Who changed it.
    pub authority: &'a [u8; 32],
}

impl<'a> UserStatusChanged<'a> {
    pub const DISC: [u8; 8] = [0x6a, 0x3d, 0x0b, 0xb4, 0xcf, 0xc0, 0xba, 0x29];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 74;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 74]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..40].copy_from_slice(self.wallet);
        out[40] = self.old_status as u8;
        out[41] = self.new_status as u8;
        out[42..74].copy_from_slice(self.authority);
    }
}

/// Event. A user has ended, and the hash of its personal data is gone from the account.
pub struct UserClosed<'a> {
    /// Wallet.
    pub wallet: &'a [u8; 32],
    /// Before.
    pub old_status: u8,
    /// Who closed it.
    pub authority: &'a [u8; 32],
}

impl<'a> UserClosed<'a> {
    pub const DISC: [u8; 8] = [0x4e, 0xcd, 0x04, 0xf5, 0xe2, 0x18, 0xdb, 0x33];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 73;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 73]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..40].copy_from_slice(self.wallet);
        out[40] = self.old_status as u8;
        out[41..73].copy_from_slice(self.authority);
    }
}

/// Event. A meter exists, pending.
pub struct MeterRegistered<'a> {
    /// Its account.
    pub meter: &'a [u8; 32],
    /// Identity.
    pub meter_id: &'a [u8; 16],
    /// Number.
    pub meter_number: u32,
    /// Owner.
    pub owner: &'a [u8; 32],
    /// Zone.
    pub zone: u16,
    /// Slot.
    pub slot: u16,
    /// Key.
    pub device_key: &'a [u8; 32],
    /// First interval it signs.
    pub first_interval: u32,
    /// Who registered it.
    pub authority: &'a [u8; 32],
}

impl<'a> MeterRegistered<'a> {
    pub const DISC: [u8; 8] = [0x94, 0xa8, 0x72, 0xfe, 0x4f, 0x2d, 0xda, 0x8f];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 164;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 164]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..40].copy_from_slice(self.meter);
        out[40..56].copy_from_slice(self.meter_id);
        out[56..60].copy_from_slice(&self.meter_number.to_le_bytes());
        out[60..92].copy_from_slice(self.owner);
        out[92..94].copy_from_slice(&self.zone.to_le_bytes());
        out[94..96].copy_from_slice(&self.slot.to_le_bytes());
        out[96..128].copy_from_slice(self.device_key);
        out[128..132].copy_from_slice(&self.first_interval.to_le_bytes());
        out[132..164].copy_from_slice(self.authority);
    }
}

/// Event. A meter has another status.
pub struct MeterStatusChanged<'a> {
    /// Number.
    pub meter_number: u32,
    /// Before.
    pub old_status: u8,
    /// Now.
    pub new_status: u8,
    /// Who changed it.
    pub authority: &'a [u8; 32],
}

impl<'a> MeterStatusChanged<'a> {
    pub const DISC: [u8; 8] = [0x74, 0x97, 0x80, 0x97, 0x6f, 0x40, 0xff, 0x42];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 46;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 46]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..12].copy_from_slice(&self.meter_number.to_le_bytes());
        out[12] = self.old_status as u8;
        out[13] = self.new_status as u8;
        out[14..46].copy_from_slice(self.authority);
    }
}

/// Event. A meter has ended.
pub struct MeterRetired<'a> {
    /// Number.
    pub meter_number: u32,
    /// Before.
    pub old_status: u8,
    /// Import register, Wh.
    pub closing_import_wh: u64,
    /// Export register, Wh.
    pub closing_export_wh: u64,
    /// Who retired it.
    pub authority: &'a [u8; 32],
}

impl<'a> MeterRetired<'a> {
    pub const DISC: [u8; 8] = [0x94, 0x50, 0x3e, 0xd1, 0x34, 0x54, 0x14, 0x15];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 61;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 61]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..12].copy_from_slice(&self.meter_number.to_le_bytes());
        out[12] = self.old_status as u8;
        out[13..21].copy_from_slice(&self.closing_import_wh.to_le_bytes());
        out[21..29].copy_from_slice(&self.closing_export_wh.to_le_bytes());
        out[29..61].copy_from_slice(self.authority);
    }
}

/// Event. A meter gets a new key.
pub struct DeviceKeyRotated<'a> {
    /// Number.
    pub meter_number: u32,
    /// Epoch of the new key.
    pub key_epoch: u16,
    /// First interval it signs.
    pub first_interval: u32,
    /// The new key.
    pub device_key: &'a [u8; 32],
    /// Whether the key before was revoked.
    pub compromised: bool,
    /// Who approved it beside the owner.
    pub authority: &'a [u8; 32],
}

impl<'a> DeviceKeyRotated<'a> {
    pub const DISC: [u8; 8] = [0xdc, 0x2b, 0x8f, 0x6b, 0xb7, 0x78, 0xa1, 0x3b];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 83;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 83]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..12].copy_from_slice(&self.meter_number.to_le_bytes());
        out[12..14].copy_from_slice(&self.key_epoch.to_le_bytes());
        out[14..18].copy_from_slice(&self.first_interval.to_le_bytes());
        out[18..50].copy_from_slice(self.device_key);
        out[50] = self.compromised as u8;
        out[51..83].copy_from_slice(self.authority);
    }
}

/// Event. A meter's registers start anew.
pub struct MeterSwapped<'a> {
    /// Number.
    pub meter_number: u32,
    /// The new epoch.
    pub register_epoch: u16,
    /// Of the new device.
    pub serial_hash: &'a [u8; 32],
    /// Old device, Wh.
    pub closing_import_wh: u64,
    /// Old device, Wh.
    pub closing_export_wh: u64,
    /// New device, Wh.
    pub opening_import_wh: u64,
    /// New device, Wh.
    pub opening_export_wh: u64,
    /// First approval.
    pub authority: &'a [u8; 32],
    /// Second approval.
    pub second_authority: &'a [u8; 32],
}

impl<'a> MeterSwapped<'a> {
    pub const DISC: [u8; 8] = [0xd5, 0x61, 0x6c, 0x0e, 0xca, 0x9e, 0xcc, 0x22];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 142;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 142]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..12].copy_from_slice(&self.meter_number.to_le_bytes());
        out[12..14].copy_from_slice(&self.register_epoch.to_le_bytes());
        out[14..46].copy_from_slice(self.serial_hash);
        out[46..54].copy_from_slice(&self.closing_import_wh.to_le_bytes());
        out[54..62].copy_from_slice(&self.closing_export_wh.to_le_bytes());
        out[62..70].copy_from_slice(&self.opening_import_wh.to_le_bytes());
        out[70..78].copy_from_slice(&self.opening_export_wh.to_le_bytes());
        out[78..110].copy_from_slice(self.authority);
        out[110..142].copy_from_slice(self.second_authority);
    }
}
