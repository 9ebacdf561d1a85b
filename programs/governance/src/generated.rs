//! Interface of the governance program.
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

/// Most members of the council.
pub const MAX_MEMBERS: usize = 16;
/// Most guardians.
pub const MAX_GUARDIANS: usize = 3;
/// Parameters of the table.
pub const PARAM_COUNT: usize = 32;
/// Longest emergency stop that can be configured: seven days.
pub const MAX_STOP_LENGTH_S: u32 = 604800;
/// Longest timelock that can be configured: ninety days.
pub const MAX_TIMELOCK_S: u32 = 7776000;
/// Most bytes of a proposal's payload; the longest is KIND_SET_MEMBERS with 16 members, 517.
pub const MAX_PAYLOAD: usize = 544;
/// All pause bits: 1 readings, 2 mint and settle, 4 orders, 8 auction, 16 deposits.
pub const PAUSE_ALL: u8 = 31;
/// Decimals of the CREDIT mint: 1 atom = 1 µcredit.
pub const CREDIT_DECIMALS: u8 = 6;
/// Parameter: 0 GRID moves freely, 1 only between active users.
pub const PARAM_TRANSFER_MODE: u8 = 0;
/// Parameter: taker fee, basis points of the traded value.
pub const PARAM_TAKER_FEE_BPS: u8 = 1;
/// Parameter: how far a reading's interval may end after now, seconds.
pub const PARAM_READING_FUTURE_TOLERANCE_S: u8 = 2;
/// Parameter: least lots of an order.
pub const PARAM_MIN_ORDER_LOTS: u8 = 3;
/// Parameter: most open orders of a seat.
pub const PARAM_MAX_OPEN_ORDERS: u8 = 4;
/// Proposal of class 0: payload id u8, value u64.
pub const KIND_SET_PARAM: u8 = 0;
/// Proposal of class 1: payload threshold u8, members vec<pubkey>.
pub const KIND_SET_MEMBERS: u8 = 1;
/// Proposal of class 1: payload guardians vec<pubkey>. Also ends the guardians' waiting time.
pub const KIND_SET_GUARDIANS: u8 = 2;
/// Proposal of class 2: payload token account pubkey, amount u64 µcredit.
pub const KIND_ISSUE_CREDIT: u8 = 3;
/// Proposal without a timelock: payload mask u8, the pause bits to clear.
pub const KIND_RESUME: u8 = 4;
/// Proposal of class 1, for execute_validator: payload identity pubkey, vote account pubkey.
pub const KIND_ADD_VALIDATOR: u8 = 5;
/// Proposal of class 1, for execute_validator: payload identity pubkey.
pub const KIND_REMOVE_VALIDATOR: u8 = 6;
/// Proposal of class 3, for execute_upgrade: payload program pubkey, buffer pubkey, spill pubkey, SHA-256 of the buffer's code.
pub const KIND_APPROVE_UPGRADE: u8 = 7;
/// Proposal of class 1, for execute_call: payload program pubkey, accounts vec<pubkey>, flags bytes (CALL_ constants, one byte for each account), data bytes.
pub const KIND_CALL: u8 = 8;
/// Flag of a call's account: writable.
pub const CALL_WRITABLE: u8 = 1;
/// Flag of a call's account: signs; the council's PDA alone can.
pub const CALL_SIGNER: u8 = 2;
/// Most accounts of a KIND_CALL.
pub const MAX_CALL_ACCOUNTS: usize = 10;
/// Validator status: the council lets it take part.
pub const VALIDATOR_ACTIVE: u8 = 1;
/// Validator status: it must not take part; the council may add it again.
pub const VALIDATOR_REMOVED: u8 = 2;
/// Index of the timelock for parameters.
pub const CLASS_PARAMS: u8 = 0;
/// Index of the timelock for members, guardians, validators and calls of other programs.
pub const CLASS_MEMBERS: u8 = 1;
/// Index of the timelock for the treasury.
pub const CLASS_TREASURY: u8 = 2;
/// Index of the timelock for upgrades.
pub const CLASS_UPGRADE: u8 = 3;
/// Class of a proposal that waits for approvals only.
pub const CLASS_NONE: u8 = 255;
/// The proposal collects approvals or waits for its time.
pub const STATUS_OPEN: u8 = 0;
/// The proposal took effect; terminal.
pub const STATUS_EXECUTED: u8 = 1;
/// Its proposer took it back; terminal.
pub const STATUS_CANCELLED: u8 = 2;

/// Instruction discriminators: the first 8 bytes of the data, read as a little-endian u64.
pub mod ix {
    pub const INITIALIZE: u64 = 0xed9b980d1f6dafaf;
    pub const PROPOSE: u64 = 0x5a662176a852fd5d;
    pub const APPROVE: u64 = 0x4c61757324d94a45;
    pub const REVOKE: u64 = 0xf25dad85221f17aa;
    pub const CANCEL: u64 = 0xbedcecdb29dfdbe8;
    pub const EXECUTE: u64 = 0x1dbdc10d9af2dd82;
    pub const EXECUTE_VALIDATOR: u64 = 0x5f669ca84736cba0;
    pub const EXECUTE_UPGRADE: u64 = 0x18d72742da64dbcd;
    pub const EXECUTE_CALL: u64 = 0x60d9479435cd5c3e;
    pub const EMERGENCY_STOP: u64 = 0x23f8f56c89c88fb3;
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
    /// new; writable. PDA ["council"].
    pub const COUNCIL: usize = 3;
    /// new; writable. PDA ["credit"].
    pub const CREDIT_MINT: usize = 4;
    /// pda:treasury. PDA ["treasury"]; holds no data.
    pub const TREASURY: usize = 5;
    /// program:token. SPL Token.
    pub const TOKEN_PROGRAM: usize = 6;
    /// program:system. System program.
    pub const SYSTEM_PROGRAM: usize = 7;
    pub const COUNT: usize = 8;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 8;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b11;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b11010;
}

/// Accounts of `propose`. An optional account that is not given holds the program's own id.
pub mod propose_accounts {
    /// signer; signer. Member of the council.
    pub const PROPOSER: usize = 0;
    /// signer; signer, writable. Pays the rent.
    pub const PAYER: usize = 1;
    /// state:governance.Council; writable. The council.
    pub const COUNCIL: usize = 2;
    /// new; writable. PDA ["proposal", council.proposal_count u64 LE].
    pub const PROPOSAL: usize = 3;
    /// program:system. System program.
    pub const SYSTEM_PROGRAM: usize = 4;
    pub const COUNT: usize = 5;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 5;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b11;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b1110;
}

/// Accounts of `approve`. An optional account that is not given holds the program's own id.
pub mod approve_accounts {
    /// signer; signer. Member of the council.
    pub const MEMBER: usize = 0;
    /// state:governance.Council. The council.
    pub const COUNCIL: usize = 1;
    /// state:governance.Proposal; writable. The proposal.
    pub const PROPOSAL: usize = 2;
    pub const COUNT: usize = 3;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 3;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b100;
}

/// Accounts of `revoke`. An optional account that is not given holds the program's own id.
pub mod revoke_accounts {
    /// signer; signer. Member of the council.
    pub const MEMBER: usize = 0;
    /// state:governance.Council. The council.
    pub const COUNCIL: usize = 1;
    /// state:governance.Proposal; writable. The proposal.
    pub const PROPOSAL: usize = 2;
    pub const COUNT: usize = 3;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 3;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b100;
}

/// Accounts of `cancel`. An optional account that is not given holds the program's own id.
pub mod cancel_accounts {
    /// signer; signer. Proposer of the proposal.
    pub const PROPOSER: usize = 0;
    /// state:governance.Proposal; writable. The proposal.
    pub const PROPOSAL: usize = 1;
    pub const COUNT: usize = 2;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 2;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b10;
}

/// Accounts of `execute`. An optional account that is not given holds the program's own id.
pub mod execute_accounts {
    /// signer; signer. Member of the council.
    pub const EXECUTOR: usize = 0;
    /// state:governance.Council; writable. The council.
    pub const COUNCIL: usize = 1;
    /// state:governance.Proposal; writable. The proposal.
    pub const PROPOSAL: usize = 2;
    /// mint; writable, optional. CREDIT mint of the council.
    pub const CREDIT_MINT: usize = 3;
    /// token_account; writable, optional. Token account the payload names.
    pub const CREDIT_ACCOUNT: usize = 4;
    /// pda:treasury; optional. PDA ["treasury"].
    pub const TREASURY: usize = 5;
    /// program:token; optional. SPL Token.
    pub const TOKEN_PROGRAM: usize = 6;
    pub const COUNT: usize = 7;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 3;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b11110;
}

/// Accounts of `execute_validator`. An optional account that is not given holds the program's own id.
pub mod execute_validator_accounts {
    /// signer; signer. Member of the council.
    pub const EXECUTOR: usize = 0;
    /// signer; signer, writable. Pays the rent of a new account.
    pub const PAYER: usize = 1;
    /// state:governance.Council. The council.
    pub const COUNCIL: usize = 2;
    /// state:governance.Proposal; writable. The proposal.
    pub const PROPOSAL: usize = 3;
    /// pda:validator; writable. PDA ["validator", identity].
    pub const VALIDATOR: usize = 4;
    /// program:system. System program.
    pub const SYSTEM_PROGRAM: usize = 5;
    pub const COUNT: usize = 6;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 6;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b11;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b11010;
}

/// Accounts of `execute_upgrade`. An optional account that is not given holds the program's own id.
pub mod execute_upgrade_accounts {
    /// signer; signer. Member of the council.
    pub const EXECUTOR: usize = 0;
    /// state:governance.Council. The council.
    pub const COUNCIL: usize = 1;
    /// state:governance.Proposal; writable. The proposal.
    pub const PROPOSAL: usize = 2;
    /// pda:upgrade. PDA ["upgrade"]; holds no data.
    pub const UPGRADE_AUTHORITY: usize = 3;
    /// programdata; writable. ProgramData of the program.
    pub const PROGRAM_DATA: usize = 4;
    /// any; writable. The program that the payload names.
    pub const PROGRAM: usize = 5;
    /// any; writable. The loader's buffer that the payload names.
    pub const BUFFER: usize = 6;
    /// wallet; writable. Account that the payload names; gets the buffer's lamports.
    pub const SPILL: usize = 7;
    /// sysvar:rent. Rent sysvar.
    pub const RENT: usize = 8;
    /// sysvar:clock. Clock sysvar.
    pub const CLOCK: usize = 9;
    /// program:loader. Upgradeable loader.
    pub const LOADER_PROGRAM: usize = 10;
    pub const COUNT: usize = 11;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 11;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b11110100;
}

/// Accounts of `execute_call`. An optional account that is not given holds the program's own id.
pub mod execute_call_accounts {
    /// signer; signer. Member of the council.
    pub const EXECUTOR: usize = 0;
    /// state:governance.Council. The council.
    pub const COUNCIL: usize = 1;
    /// state:governance.Proposal; writable. The proposal.
    pub const PROPOSAL: usize = 2;
    /// any. The program that the payload names.
    pub const PROGRAM: usize = 3;
    pub const COUNT: usize = 4;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 4;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b100;
}

/// Accounts of `emergency_stop`. An optional account that is not given holds the program's own id.
pub mod emergency_stop_accounts {
    /// signer; signer. Guardian.
    pub const GUARDIAN: usize = 0;
    /// state:governance.Council; writable. The council.
    pub const COUNCIL: usize = 1;
    pub const COUNT: usize = 2;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 2;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b10;
}

/// Byte offsets of Council. Who governs, what is paused, and the parameters. Every program reads it; none but this one writes it.
pub mod council_layout {
    pub const SIZE: usize = 1792;
    pub const DISC: [u8; 8] = [0x1c, 0xb8, 0x95, 0xb9, 0xd9, 0x3b, 0xfc, 0x60];
    pub const DISC_U64: u64 = 0x60fc3bd9b995b81c;
    /// u8
    pub const AT_VERSION: usize = 8;
    /// u8
    pub const AT_BUMP: usize = 9;
    /// u8: Members, 1 to 16.
    pub const AT_MEMBER_COUNT: usize = 10;
    /// u8: Approvals a proposal needs, 1 to member_count.
    pub const AT_THRESHOLD: usize = 11;
    /// u8: Guardians, 0 to 3.
    pub const AT_GUARDIAN_COUNT: usize = 12;
    /// u8: Paused parts; in force only while now < pause_until.
    pub const AT_PAUSE_MASK: usize = 13;
    /// u8: Bump of the treasury PDA.
    pub const AT_TREASURY_BUMP: usize = 14;
    /// u8: Bump of the CREDIT mint PDA.
    pub const AT_CREDIT_BUMP: usize = 15;
    /// u32: From 1; +1 at each change of the members.
    pub const AT_COUNCIL_EPOCH: usize = 16;
    /// u32: Length of an emergency stop, seconds.
    pub const AT_STOP_LENGTH_S: usize = 20;
    /// i64: End of the stop in force or of the last one, UTC epoch seconds.
    pub const AT_PAUSE_UNTIL: usize = 24;
    /// u64: Proposals made; the next one's id.
    pub const AT_PROPOSAL_COUNT: usize = 32;
    /// u32: A proposal expires this long after it was made, seconds.
    pub const AT_PROPOSAL_TTL_S: usize = 40;
    /// [u32;4]: Wait between the last approval needed and execution by class: parameters, members, treasury, upgrade.
    pub const AT_TIMELOCK_S: usize = 44;
    /// pubkey: PDA ["credit"].
    pub const AT_CREDIT_MINT: usize = 64;
    /// [pubkey;3]: Guardians; zero beyond guardian_count.
    pub const AT_GUARDIANS: usize = 96;
    /// [pubkey;16]: Members; zero beyond member_count.
    pub const AT_MEMBERS: usize = 192;
    /// [Param;32]: Parameters; one never set up is all zero and fixed.
    pub const AT_PARAMS: usize = 704;
    /// i64: No new emergency stop before this, UTC epoch seconds.
    pub const AT_STOP_ALLOWED_AT: usize = 1728;
    /// u8: Parts of the running stop that the council has let go on; guardians cannot stop them again within it.
    pub const AT_RESUMED_MASK: usize = 1736;
    /// [u8;55]: Zero.
    pub const AT_RESERVED: usize = 1737;
}

/// Byte offsets of Proposal. One proposal and its approvals. Kept for ever: it is the record of what was decided.
pub mod proposal_layout {
    pub const SIZE: usize = 768;
    pub const DISC: [u8; 8] = [0x1a, 0x5e, 0xbd, 0xbb, 0x74, 0x88, 0x35, 0x21];
    pub const DISC_U64: u64 = 0x21358874bbbd5e1a;
    /// u8
    pub const AT_VERSION: usize = 8;
    /// u8
    pub const AT_BUMP: usize = 9;
    /// u8: KIND_ constant.
    pub const AT_KIND: usize = 10;
    /// u8: STATUS_ constant.
    pub const AT_STATUS: usize = 11;
    /// u32: Epoch it was made in; in another one it is dead.
    pub const AT_COUNCIL_EPOCH: usize = 12;
    /// u64: Its number.
    pub const AT_ID: usize = 16;
    /// u16: Bit i: member i approves.
    pub const AT_APPROVALS: usize = 24;
    /// u8: CLASS_ constant.
    pub const AT_CLASS: usize = 26;
    /// u16: Bytes of the payload in use.
    pub const AT_PAYLOAD_LEN: usize = 28;
    /// i64: UTC epoch seconds.
    pub const AT_CREATED_AT: usize = 32;
    /// i64: From when it may be executed; 0 while approvals are missing.
    pub const AT_ETA: usize = 40;
    /// i64: From when it is dead.
    pub const AT_EXPIRES_AT: usize = 48;
    /// i64: When it was executed or cancelled; 0 while open.
    pub const AT_CLOSED_AT: usize = 56;
    /// pubkey: Member who made it.
    pub const AT_PROPOSER: usize = 64;
    /// [u8;544]: Borsh, as the KIND_ constant says; zero beyond payload_len.
    pub const AT_PAYLOAD: usize = 96;
    /// [u8;128]: Zero.
    pub const AT_RESERVED: usize = 640;
}

/// Byte offsets of Validator. One validator that the council has let take part in the network, or has removed. Kept for ever.
pub mod validator_layout {
    pub const SIZE: usize = 128;
    pub const DISC: [u8; 8] = [0x6c, 0x28, 0xac, 0x33, 0xbe, 0xc6, 0x16, 0x0f];
    pub const DISC_U64: u64 = 0x0f16c6be33ac286c;
    /// u8
    pub const AT_VERSION: usize = 8;
    /// u8
    pub const AT_BUMP: usize = 9;
    /// u8: VALIDATOR_ constant.
    pub const AT_STATUS: usize = 10;
    /// pubkey: Identity of the node.
    pub const AT_IDENTITY: usize = 16;
    /// pubkey: Its vote account.
    pub const AT_VOTE_ACCOUNT: usize = 48;
    /// i64: When it was last added, UTC epoch seconds.
    pub const AT_ADDED_AT: usize = 80;
    /// i64: When it was last removed, UTC epoch seconds; 0: never.
    pub const AT_REMOVED_AT: usize = 88;
    /// u64: Proposal that changed it last.
    pub const AT_PROPOSAL_ID: usize = 96;
    /// [u8;24]: Zero.
    pub const AT_RESERVED: usize = 104;
}

/// Custom errors of the program; the code is 6000 + position and is never renumbered.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum GovernanceError {
    /// The signer is not a member of the council
    NotMember = 6000,
    /// The signer is not a guardian
    NotGuardian = 6001,
    /// Members must be 1 to 16 different keys
    BadMembers = 6002,
    /// The threshold must be 1 to the number of members
    BadThreshold = 6003,
    /// Guardians must be at most 3 different keys
    BadGuardians = 6004,
    /// A stop length, timelock or proposal life is out of range, or proposals would expire before a timelock ends
    BadTiming = 6005,
    /// A parameter number is unknown, given twice, or its value and bounds contradict one another
    BadParam = 6006,
    /// The value is outside the parameter's min and max
    OutOfBounds = 6007,
    /// The value differs from the present one by more than the parameter's step
    StepTooLarge = 6008,
    /// There is no such kind of proposal
    BadKind = 6009,
    /// The payload is not what its kind wants
    BadPayload = 6010,
    /// The members have changed since the proposal was made
    StaleEpoch = 6011,
    /// The proposal was executed or cancelled
    NotOpen = 6012,
    /// The member has approved this proposal
    AlreadyApproved = 6013,
    /// The member has not approved this proposal
    NotApproved = 6014,
    /// The proposal has too few approvals
    BelowThreshold = 6015,
    /// The proposal's timelock has not ended
    TimelockActive = 6016,
    /// The proposal has expired
    ProposalExpired = 6017,
    /// The signer did not make this proposal
    NotProposer = 6018,
    /// The amount is zero
    ZeroAmount = 6019,
    /// The mask is empty or has bits that pause nothing
    BadMask = 6020,
    /// These parts are stopped already, and a running stop cannot be made longer
    StopActive = 6021,
    /// The last emergency stop is too recent
    CoolingOff = 6022,
    /// None of these parts is paused
    NotPaused = 6023,
    /// The validator is active already, or not active
    ValidatorUnchanged = 6024,
    /// The buffer's code is not the code that was approved
    HashMismatch = 6025,
    /// The council is not the upgrade authority of both the program and the buffer
    NotUpgradeAuthority = 6026,
    /// A call must name up to 10 accounts, of which the council alone signs, and another program
    BadCall = 6027,
}

impl GovernanceError {
    /// The value an entrypoint returns for this error.
    #[inline(always)]
    pub const fn code(self) -> u64 {
        self as u32 as u64
    }
}

impl From<GovernanceError> for u32 {
    #[inline(always)]
    fn from(error: GovernanceError) -> u32 {
        error as u32
    }
}

impl From<GovernanceError> for u64 {
    #[inline(always)]
    fn from(error: GovernanceError) -> u64 {
        error as u32 as u64
    }
}

/// A parameter and its bounds, 32 bytes.
#[derive(Clone, Copy)]
pub struct Param {
    /// Value in force.
    pub value: u64,
    /// Least value.
    pub min: u64,
    /// Greatest value.
    pub max: u64,
    /// Most that one proposal may change it by; 0: never.
    pub step: u64,
}

impl Param {
    pub const SIZE: usize = 32;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &[u8; 32]) -> Self {
        Self {
            value: u64::from_le_bytes(*part::<8>(bytes, 0)),
            min: u64::from_le_bytes(*part::<8>(bytes, 8)),
            max: u64::from_le_bytes(*part::<8>(bytes, 16)),
            step: u64::from_le_bytes(*part::<8>(bytes, 24)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 32]) {
        out[0..8].copy_from_slice(&self.value.to_le_bytes());
        out[8..16].copy_from_slice(&self.min.to_le_bytes());
        out[16..24].copy_from_slice(&self.max.to_le_bytes());
        out[24..32].copy_from_slice(&self.step.to_le_bytes());
    }
}

/// A parameter as it is set up at initialize, 33 bytes.
#[derive(Clone, Copy)]
pub struct ParamEntry {
    /// Number, 0 to 31.
    pub id: u8,
    /// First value.
    pub value: u64,
    /// Least value.
    pub min: u64,
    /// Greatest value.
    pub max: u64,
    /// Most that one proposal may change it by; 0: never.
    pub step: u64,
}

impl ParamEntry {
    pub const SIZE: usize = 33;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &[u8; 33]) -> Self {
        Self {
            id: u8::from_le_bytes(*part::<1>(bytes, 0)),
            value: u64::from_le_bytes(*part::<8>(bytes, 1)),
            min: u64::from_le_bytes(*part::<8>(bytes, 9)),
            max: u64::from_le_bytes(*part::<8>(bytes, 17)),
            step: u64::from_le_bytes(*part::<8>(bytes, 25)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 33]) {
        out[0] = self.id as u8;
        out[1..9].copy_from_slice(&self.value.to_le_bytes());
        out[9..17].copy_from_slice(&self.min.to_le_bytes());
        out[17..25].copy_from_slice(&self.max.to_le_bytes());
        out[25..33].copy_from_slice(&self.step.to_le_bytes());
    }
}

/// Arguments of `initialize`. Creates the council and the CREDIT mint (6 decimals, no freeze authority) whose mint authority is the treasury PDA
/// ["treasury"]. Once; only by the program's upgrade authority. A plain transaction has room for 13 members, three guardians and
/// five parameters; more members come in by KIND_SET_MEMBERS.
pub struct InitializeArgs<'a> {
    /// Approvals a proposal needs.
    pub threshold: u8,
    /// Length of an emergency stop, 1 to MAX_STOP_LENGTH_S.
    pub stop_length_s: u32,
    /// Life of a proposal; longer than every timelock.
    pub proposal_ttl_s: u32,
    /// Timelocks by class, each at most MAX_TIMELOCK_S.
    pub timelock_s: [u32; 4],
    /// 1 to 16 different keys.
    /// Elements: pubkey.
    pub members: List<'a, 32>,
    /// 0 to 3 different keys.
    /// Elements: pubkey.
    pub guardians: List<'a, 32>,
    /// Parameters to set up, each id at most once; the others stay zero for ever.
    /// Elements: ParamEntry.
    pub params: List<'a, 33>,
}

impl<'a> InitializeArgs<'a> {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(data);
        let threshold = u8::from_le_bytes(*r.take::<1>()?);
        let stop_length_s = u32::from_le_bytes(*r.take::<4>()?);
        let proposal_ttl_s = u32::from_le_bytes(*r.take::<4>()?);
        let timelock_s = { let raw = r.take::<16>()?; [u32::from_le_bytes(*part::<4>(raw, 0)), u32::from_le_bytes(*part::<4>(raw, 4)), u32::from_le_bytes(*part::<4>(raw, 8)), u32::from_le_bytes(*part::<4>(raw, 12))] };
        let members = r.list::<32>()?;
        let guardians = r.list::<32>()?;
        let params = r.list::<33>()?;
        if !r.is_done() {
            return None;
        }
        Some(Self { threshold, stop_length_s, proposal_ttl_s, timelock_s, members, guardians, params })
    }
}

/// Arguments of `propose`. Makes a proposal and approves it for the proposer. The payload is checked now and again at execution.
pub struct ProposeArgs<'a> {
    /// KIND_ constant.
    pub kind: u8,
    /// Borsh, as the KIND_ constant says.
    pub payload: &'a [u8],
}

impl<'a> ProposeArgs<'a> {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(data);
        let kind = u8::from_le_bytes(*r.take::<1>()?);
        let payload = r.bytes()?;
        if !r.is_done() {
            return None;
        }
        Some(Self { kind, payload })
    }
}

/// Arguments of `approve`. Adds a member's approval. The one that reaches the threshold starts the timelock.
pub struct ApproveArgs {
}

impl ApproveArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 0 {
            return None;
        }
        Some(Self {  })
    }
}

/// Arguments of `revoke`. Takes a member's approval back. Below the threshold the timelock starts anew with the approval that reaches it again.
pub struct RevokeArgs {
}

impl RevokeArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 0 {
            return None;
        }
        Some(Self {  })
    }
}

/// Arguments of `cancel`. Ends a proposal for good. Only its proposer can, so that no member has a veto.
pub struct CancelArgs {
}

impl CancelArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 0 {
            return None;
        }
        Some(Self {  })
    }
}

/// Arguments of `execute`. Lets an approved proposal take effect when eta <= now < expires_at, in the epoch it was made in. The four accounts at the end are
/// wanted by KIND_ISSUE_CREDIT alone. Proposals of the kinds from KIND_ADD_VALIDATOR on have an instruction of their own.
pub struct ExecuteArgs {
}

impl ExecuteArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 0 {
            return None;
        }
        Some(Self {  })
    }
}

/// Arguments of `execute_validator`. As execute, for KIND_ADD_VALIDATOR (the account is made the first time) and KIND_REMOVE_VALIDATOR.
pub struct ExecuteValidatorArgs {
}

impl ExecuteValidatorArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 0 {
            return None;
        }
        Some(Self {  })
    }
}

/// Arguments of `execute_upgrade`. As execute, for KIND_APPROVE_UPGRADE: replaces a program's code through the upgradeable loader. The buffer must hold, to the byte, code with
/// the approved SHA-256, and buffer and program must both name the PDA ["upgrade"] as their authority, so nobody can write the
/// buffer any more. Its rent goes to the spill account that the payload names.
pub struct ExecuteUpgradeArgs {
}

impl ExecuteUpgradeArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 0 {
            return None;
        }
        Some(Self {  })
    }
}

/// Arguments of `execute_call`. As execute, for KIND_CALL: calls another program with the data and the accounts of the payload, in that order; the council's PDA signs
/// where the payload says so. No other signature of the transaction is passed on, and this program itself cannot be called.
pub struct ExecuteCallArgs {
}

impl ExecuteCallArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 0 {
            return None;
        }
        Some(Self {  })
    }
}

/// Arguments of `emergency_stop`. Pauses parts of the system for council.stop_length_s. While a stop runs a guardian can add parts to it, never time. After it ends
/// by itself or by KIND_RESUME no new one can begin for another stop_length_s after its scheduled end.
pub struct EmergencyStopArgs {
    /// Parts to pause, a subset of PAUSE_ALL and not 0.
    pub mask: u8,
}

impl EmergencyStopArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 1 {
            return None;
        }
        let mut r = Reader::new(data);
        let mask = u8::from_le_bytes(*r.take::<1>()?);
        Some(Self { mask })
    }
}

/// Event. The council exists.
pub struct CouncilCreated<'a> {
    /// Its address.
    pub council: &'a [u8; 32],
    /// The CREDIT mint.
    pub credit_mint: &'a [u8; 32],
    /// Members.
    pub member_count: u8,
    /// Approvals a proposal needs.
    pub threshold: u8,
}

impl<'a> CouncilCreated<'a> {
    pub const DISC: [u8; 8] = [0x93, 0x46, 0x3b, 0x21, 0xf3, 0x1d, 0x3f, 0x74];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 74;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 74]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..40].copy_from_slice(self.council);
        out[40..72].copy_from_slice(self.credit_mint);
        out[72] = self.member_count as u8;
        out[73] = self.threshold as u8;
    }
}

/// Event. A member made a proposal.
pub struct ProposalCreated<'a> {
    /// Its number.
    pub id: u64,
    /// Member.
    pub proposer: &'a [u8; 32],
    /// Epoch.
    pub council_epoch: u32,
    /// KIND_ constant.
    pub kind: u8,
    /// From when it may be executed; 0 while approvals are missing.
    pub eta: i64,
    /// From when it is dead.
    pub expires_at: i64,
}

impl<'a> ProposalCreated<'a> {
    pub const DISC: [u8; 8] = [0xba, 0x08, 0xa0, 0x6c, 0x51, 0x0d, 0x33, 0xce];
    /// Bytes before the elements of `payload`, the u32 count included.
    pub const HEAD: usize = 73;
    /// Bytes of one element of `payload`.
    pub const ITEM: usize = 1;

    /// Begin the event in `out`; None when it is shorter than HEAD. Then `push` and `finish`.
    #[inline(always)]
    pub fn begin<'b>(&self, out: &'b mut [u8]) -> Option<ProposalCreatedWriter<'b>> {
        if out.len() < 73 {
            return None;
        }
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.id.to_le_bytes());
        out[16..48].copy_from_slice(self.proposer);
        out[48..52].copy_from_slice(&self.council_epoch.to_le_bytes());
        out[52] = self.kind as u8;
        out[53..61].copy_from_slice(&self.eta.to_le_bytes());
        out[61..69].copy_from_slice(&self.expires_at.to_le_bytes());
        Some(ProposalCreatedWriter { out, len: 73, count: 0 })
    }
}

/// Appends to the `payload` of ProposalCreated.
pub struct ProposalCreatedWriter<'b> {
    out: &'b mut [u8],
    len: usize,
    count: u32,
}

impl<'b> ProposalCreatedWriter<'b> {
    /// Room for `len` more bytes, to be filled by the caller; None when the buffer is full.
    #[inline(always)]
    pub fn room(&mut self, len: usize) -> Option<&mut [u8]> {
        let end = self.len.checked_add(len)?;
        let room = self.out.get_mut(self.len..end)?;
        self.len = end;
        self.count += len as u32;
        Some(room)
    }

    /// Write the count and return the event's bytes, for sol_log_data as one field.
    #[inline(always)]
    pub fn finish(self) -> &'b [u8] {
        if let Some(room) = self.out.get_mut(69..73) {
            room.copy_from_slice(&self.count.to_le_bytes());
        }
        match self.out.get(..self.len) {
            Some(bytes) => bytes,
            None => &[],
        }
    }
}

/// Event. A member approved.
pub struct ProposalApproved<'a> {
    /// Proposal.
    pub id: u64,
    /// Member.
    pub member: &'a [u8; 32],
    /// Bit i: member i approves.
    pub approvals: u16,
    /// From when it may be executed; 0 while approvals are missing.
    pub eta: i64,
}

impl<'a> ProposalApproved<'a> {
    pub const DISC: [u8; 8] = [0x46, 0x31, 0x9b, 0xe4, 0x9d, 0x2b, 0x58, 0x31];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 58;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 58]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.id.to_le_bytes());
        out[16..48].copy_from_slice(self.member);
        out[48..50].copy_from_slice(&self.approvals.to_le_bytes());
        out[50..58].copy_from_slice(&self.eta.to_le_bytes());
    }
}

/// Event. A member took an approval back.
pub struct ProposalRevoked<'a> {
    /// Proposal.
    pub id: u64,
    /// Member.
    pub member: &'a [u8; 32],
    /// Bit i: member i approves.
    pub approvals: u16,
    /// From when it may be executed; 0 while approvals are missing.
    pub eta: i64,
}

impl<'a> ProposalRevoked<'a> {
    pub const DISC: [u8; 8] = [0x41, 0x1b, 0xf0, 0xdc, 0xff, 0x4e, 0xc9, 0x4f];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 58;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 58]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.id.to_le_bytes());
        out[16..48].copy_from_slice(self.member);
        out[48..50].copy_from_slice(&self.approvals.to_le_bytes());
        out[50..58].copy_from_slice(&self.eta.to_le_bytes());
    }
}

/// Event. The proposer ended it.
pub struct ProposalCancelled {
    /// Proposal.
    pub id: u64,
}

impl ProposalCancelled {
    pub const DISC: [u8; 8] = [0xfd, 0x3b, 0x68, 0x2e, 0x81, 0x4e, 0x09, 0x0e];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 16;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 16]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.id.to_le_bytes());
    }
}

/// Event. A proposal took effect; what it did is in the event before this one.
pub struct ProposalExecuted<'a> {
    /// Proposal.
    pub id: u64,
    /// KIND_ constant.
    pub kind: u8,
    /// Member.
    pub executor: &'a [u8; 32],
}

impl<'a> ProposalExecuted<'a> {
    pub const DISC: [u8; 8] = [0x5c, 0xd5, 0xbd, 0xc9, 0x65, 0x53, 0x6f, 0x53];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 49;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 49]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.id.to_le_bytes());
        out[16] = self.kind as u8;
        out[17..49].copy_from_slice(self.executor);
    }
}

/// Event. A parameter has a new value.
pub struct ParamChanged {
    /// Parameter.
    pub id: u8,
    /// Before.
    pub old_value: u64,
    /// Now.
    pub new_value: u64,
}

impl ParamChanged {
    pub const DISC: [u8; 8] = [0xb9, 0x0b, 0x80, 0x76, 0x44, 0xeb, 0xa3, 0x60];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 25;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 25]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8] = self.id as u8;
        out[9..17].copy_from_slice(&self.old_value.to_le_bytes());
        out[17..25].copy_from_slice(&self.new_value.to_le_bytes());
    }
}

/// Event. The council has new members; every older proposal is dead.
pub struct MembersChanged {
    /// The new epoch.
    pub council_epoch: u32,
    /// Approvals a proposal needs.
    pub threshold: u8,
}

impl MembersChanged {
    pub const DISC: [u8; 8] = [0x80, 0xab, 0x8f, 0xbd, 0x9f, 0xcf, 0x9f, 0x5e];
    /// Bytes before the elements of `members`, the u32 count included.
    pub const HEAD: usize = 17;
    /// Bytes of one element of `members`.
    pub const ITEM: usize = 32;

    /// Begin the event in `out`; None when it is shorter than HEAD. Then `push` and `finish`.
    #[inline(always)]
    pub fn begin<'b>(&self, out: &'b mut [u8]) -> Option<MembersChangedWriter<'b>> {
        if out.len() < 17 {
            return None;
        }
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..12].copy_from_slice(&self.council_epoch.to_le_bytes());
        out[12] = self.threshold as u8;
        Some(MembersChangedWriter { out, len: 17, count: 0 })
    }
}

/// Appends to the `members` of MembersChanged.
pub struct MembersChangedWriter<'b> {
    out: &'b mut [u8],
    len: usize,
    count: u32,
}

impl<'b> MembersChangedWriter<'b> {
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

/// Event. There are new guardians.
pub struct GuardiansChanged {
}

impl GuardiansChanged {
    pub const DISC: [u8; 8] = [0xb2, 0xaa, 0xbf, 0xe9, 0xec, 0x95, 0x00, 0x7c];
    /// Bytes before the elements of `guardians`, the u32 count included.
    pub const HEAD: usize = 12;
    /// Bytes of one element of `guardians`.
    pub const ITEM: usize = 32;

    /// Begin the event in `out`; None when it is shorter than HEAD. Then `push` and `finish`.
    #[inline(always)]
    pub fn begin<'b>(&self, out: &'b mut [u8]) -> Option<GuardiansChangedWriter<'b>> {
        if out.len() < 12 {
            return None;
        }
        out[0..8].copy_from_slice(&Self::DISC);
        Some(GuardiansChangedWriter { out, len: 12, count: 0 })
    }
}

/// Appends to the `guardians` of GuardiansChanged.
pub struct GuardiansChangedWriter<'b> {
    out: &'b mut [u8],
    len: usize,
    count: u32,
}

impl<'b> GuardiansChangedWriter<'b> {
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
        if let Some(room) = self.out.get_mut(8..12) {
            room.copy_from_slice(&self.count.to_le_bytes());
        }
        match self.out.get(..self.len) {
            Some(bytes) => bytes,
            None => &[],
        }
    }
}

/// Event. The treasury minted CREDIT.
pub struct CreditIssued<'a> {
    /// Who got it.
    pub token_account: &'a [u8; 32],
    /// µcredit.
    pub amount_ucredit: u64,
}

impl<'a> CreditIssued<'a> {
    pub const DISC: [u8; 8] = [0x48, 0xc2, 0x6f, 0x7c, 0xe5, 0xa2, 0xcc, 0xf1];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 48;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 48]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..40].copy_from_slice(self.token_account);
        out[40..48].copy_from_slice(&self.amount_ucredit.to_le_bytes());
    }
}

/// Event. A guardian paused parts of the system.
pub struct EmergencyStopped<'a> {
    /// Guardian.
    pub guardian: &'a [u8; 32],
    /// All parts paused now.
    pub pause_mask: u8,
    /// When it ends by itself.
    pub pause_until: i64,
}

impl<'a> EmergencyStopped<'a> {
    pub const DISC: [u8; 8] = [0xb6, 0x2a, 0x85, 0xf2, 0xae, 0x60, 0xcc, 0xc7];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 49;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 49]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..40].copy_from_slice(self.guardian);
        out[40] = self.pause_mask as u8;
        out[41..49].copy_from_slice(&self.pause_until.to_le_bytes());
    }
}

/// Event. The council ended a pause, or parts of it.
pub struct Resumed {
    /// Parts still paused.
    pub pause_mask: u8,
    /// When the rest ends by itself; 0 if nothing is left.
    pub pause_until: i64,
}

impl Resumed {
    pub const DISC: [u8; 8] = [0x51, 0x83, 0x75, 0xe6, 0xf0, 0x78, 0x78, 0x0e];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 17;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 17]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8] = self.pause_mask as u8;
        out[9..17].copy_from_slice(&self.pause_until.to_le_bytes());
    }
}

/// Event. The council added or removed a validator.
pub struct ValidatorChanged<'a> {
    /// Identity of the node.
    pub identity: &'a [u8; 32],
    /// Its vote account.
    pub vote_account: &'a [u8; 32],
    /// VALIDATOR_ constant.
    pub status: u8,
}

impl<'a> ValidatorChanged<'a> {
    pub const DISC: [u8; 8] = [0x3b, 0x79, 0x04, 0x4d, 0x3e, 0x1d, 0xd6, 0x36];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 73;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 73]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..40].copy_from_slice(self.identity);
        out[40..72].copy_from_slice(self.vote_account);
        out[72] = self.status as u8;
    }
}

/// Event. A program runs other code from the next slot on.
pub struct ProgramUpgraded<'a> {
    /// The program.
    pub program: &'a [u8; 32],
    /// SHA-256 of the buffer's code.
    pub code_sha256: &'a [u8; 32],
    /// Proposal that approved it.
    pub proposal_id: u64,
}

impl<'a> ProgramUpgraded<'a> {
    pub const DISC: [u8; 8] = [0x74, 0x66, 0xdc, 0x04, 0xdc, 0xfa, 0xd1, 0x0d];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 80;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 80]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..40].copy_from_slice(self.program);
        out[40..72].copy_from_slice(self.code_sha256);
        out[72..80].copy_from_slice(&self.proposal_id.to_le_bytes());
    }
}
