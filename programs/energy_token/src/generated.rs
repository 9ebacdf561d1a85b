//! Interface of the energy_token program.
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

/// GRID atoms of one watt-hour; also the atoms of one lot, which is 1 Wh.
pub const ATOMS_PER_WH: u64 = 1000;
/// Decimals of the GRID mint: 1 GRID = 1 kWh = 1,000,000 atoms.
pub const DECIMALS: u8 = 6;
/// Meter entries of a ledger, one for each slot of the zone's oracle slab.
pub const METER_SLOTS: u16 = 256;
/// Rows of a ledger, one for each user who opened an account in the zone.
pub const ROW_CAPACITY: u16 = 512;
/// Rows that anyone may open for a user. The rest, one for each meter a zone can have, are opened with the user's signature only, so that nobody can fill a zone with people who do not come.
pub const ROWS_FOR_ANYONE: u16 = 256;
/// Row number of a meter entry to which no row is attached.
pub const NO_ROW: u16 = 65535;
/// Most slots of one settle_range: the Settled event then stays below 6 kB (58 + 35 x 128 = 4,538 B).
pub const MAX_SETTLE_COUNT: u16 = 128;
/// Most growth of one register that one settlement takes; the rest is taken by the next, so that the product with ATOMS_PER_WH cannot overflow.
pub const MAX_GROWTH_WH: u64 = 4294967295;
/// Bit 0 of a row's flags: the owner asked that the surplus be listed.
pub const LISTING_ON: u16 = 1;
/// Pause bit of governance that stops settle_range and retire: nothing is minted or burned.
pub const PAUSE_SETTLE: u8 = 2;
/// Pause bit of governance that stops deposit, transfer, move_to_market and list_surplus. No bit stops withdraw or credit_from_market.
pub const PAUSE_DEPOSITS: u8 = 16;
/// Number of the council parameter transfer_mode: 0 free, 1 restricted.
pub const TRANSFER_MODE_PARAM: u8 = 0;

/// Instruction discriminators: the first 8 bytes of the data, read as a little-endian u64.
pub mod ix {
    pub const INITIALIZE: u64 = 0xed9b980d1f6dafaf;
    pub const CREATE_ZONE: u64 = 0x3abd82c11ad1fedb;
    pub const OPEN_ACCOUNT: u64 = 0x65bd24b0f35b9865;
    pub const ATTACH_METER: u64 = 0x1e671ed8f42cefda;
    pub const SETTLE_RANGE: u64 = 0x4c1b3c5dfcec73ce;
    pub const TRANSFER: u64 = 0xba45038ce7c834a3;
    pub const DEPOSIT: u64 = 0xb6f2e15289c623f2;
    pub const WITHDRAW: u64 = 0x22a16d949c4612b7;
    pub const MOVE_TO_MARKET: u64 = 0x39e14d3cfd148b6f;
    pub const CREDIT_FROM_MARKET: u64 = 0x6088651b2fde6976;
    pub const SET_LISTING_RULE: u64 = 0x46b17702c6d2a7db;
    pub const SYNC_FREEZE: u64 = 0xbf66841af17057ac;
    pub const LIST_SURPLUS: u64 = 0x8c648b77ae07173a;
    pub const RETIRE: u64 = 0x101535de1f998a2c;
}

/// Split instruction data into its discriminator and its arguments; None below 8 bytes.
#[inline(always)]
pub fn split_data(data: &[u8]) -> Option<(u64, &[u8])> {
    let (head, rest) = data.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*head), rest))
}

/// Accounts of `initialize`. An optional account that is not given holds the program's own id.
pub mod initialize_accounts {
    /// signer; signer. The upgrade authority named in ProgramData.
    pub const UPGRADE_AUTHORITY: usize = 0;
    /// signer; signer, writable. Pays the rent.
    pub const PAYER: usize = 1;
    /// programdata. ProgramData of this program (loader v3).
    pub const PROGRAM_DATA: usize = 2;
    /// new; writable. PDA ["config"].
    pub const CONFIG: usize = 3;
    /// new; writable. PDA ["mint"].
    pub const MINT: usize = 4;
    /// new; writable. PDA ["vault"].
    pub const VAULT: usize = 5;
    /// pda:authority. PDA ["authority"].
    pub const AUTHORITY: usize = 6;
    /// any. PDA ["council"] of governance; need not exist yet.
    pub const COUNCIL: usize = 7;
    /// any. PDA ["authority"] of trading.
    pub const TRADING_AUTHORITY: usize = 8;
    /// any. PDA ["grid_vault"] of trading; need not exist yet.
    pub const MARKET_GRID_VAULT: usize = 9;
    /// program:token. SPL Token.
    pub const TOKEN_PROGRAM: usize = 10;
    /// program:system. System program.
    pub const SYSTEM_PROGRAM: usize = 11;
    pub const COUNT: usize = 12;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 12;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b11;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b111010;
}

/// Accounts of `create_zone`. An optional account that is not given holds the program's own id.
pub mod create_zone_accounts {
    /// signer; signer. A registry user of role admin.
    pub const ADMIN: usize = 0;
    /// signer; signer, writable. Pays the rent of the zone account.
    pub const PAYER: usize = 1;
    /// state:registry.User. The admin's registry User: role 6, active.
    pub const ADMIN_USER: usize = 2;
    /// state:energy_token.Config; writable. Config.
    pub const CONFIG: usize = 3;
    /// state:oracle.Zone. The oracle's Zone of this number: names the slab.
    pub const ORACLE_ZONE: usize = 4;
    /// state:oracle.MeterSlab. The zone's meter slab.
    pub const SLAB: usize = 5;
    /// new; writable. Client-created account of 55,552 zero bytes owned by this program.
    pub const LEDGER: usize = 6;
    /// new; writable. PDA ["zone", zone].
    pub const ZONE_ACCOUNT: usize = 7;
    /// program:system. System program.
    pub const SYSTEM_PROGRAM: usize = 8;
    pub const COUNT: usize = 9;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 9;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b11;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b11001010;
}

/// Accounts of `open_account`. An optional account that is not given holds the program's own id.
pub mod open_account_accounts {
    /// signer; signer, writable. Pays the rent of the row account.
    pub const PAYER: usize = 0;
    /// state:energy_token.Config. Config.
    pub const CONFIG: usize = 1;
    /// state:registry.User. Registry User for whom the row is opened.
    pub const USER: usize = 2;
    /// state:energy_token.Ledger; writable. The zone's ledger.
    pub const LEDGER: usize = 3;
    /// new; writable. PDA ["row", zone, wallet].
    pub const ROW_ACCOUNT: usize = 4;
    /// program:system. System program.
    pub const SYSTEM_PROGRAM: usize = 5;
    pub const COUNT: usize = 6;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 6;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b11001;
}

/// Accounts of `attach_meter`. An optional account that is not given holds the program's own id.
pub mod attach_meter_accounts {
    /// state:energy_token.Config. Config.
    pub const CONFIG: usize = 0;
    /// state:registry.Meter. Registry Meter.
    pub const METER: usize = 1;
    /// state:oracle.MeterSlab. The zone's meter slab; the meter must be enrolled in its slot.
    pub const SLAB: usize = 2;
    /// state:energy_token.Ledger; writable. The zone's ledger.
    pub const LEDGER: usize = 3;
    pub const COUNT: usize = 4;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 4;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b0;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b1000;
}

/// Accounts of `settle_range`. An optional account that is not given holds the program's own id.
pub mod settle_range_accounts {
    /// state:governance.Council. Governance Council; pause bit 2.
    pub const COUNCIL: usize = 0;
    /// state:energy_token.Config; writable. Config.
    pub const CONFIG: usize = 1;
    /// state:oracle.MeterSlab. The zone's meter slab.
    pub const SLAB: usize = 2;
    /// state:energy_token.Ledger; writable. The zone's ledger.
    pub const LEDGER: usize = 3;
    /// mint; writable. GRID mint.
    pub const MINT: usize = 4;
    /// token_account; writable. GRID vault.
    pub const VAULT: usize = 5;
    /// pda:authority. PDA ["authority"].
    pub const AUTHORITY: usize = 6;
    /// program:token. SPL Token.
    pub const TOKEN_PROGRAM: usize = 7;
    pub const COUNT: usize = 8;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 8;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b0;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b111010;
}

/// Accounts of `transfer`. An optional account that is not given holds the program's own id.
pub mod transfer_accounts {
    /// signer; signer. Owner of the sending row.
    pub const OWNER: usize = 0;
    /// state:governance.Council. Governance Council; pause bit 16, transfer mode.
    pub const COUNCIL: usize = 1;
    /// state:energy_token.Config. Config.
    pub const CONFIG: usize = 2;
    /// state:energy_token.Ledger; writable. Ledger of the sending row.
    pub const FROM_LEDGER: usize = 3;
    /// state:energy_token.Ledger; writable. Ledger of the receiving row; may be the same account.
    pub const TO_LEDGER: usize = 4;
    /// state:registry.User. Registry User of the receiving row's owner.
    pub const TO_USER: usize = 5;
    /// state:registry.User. The sender's registry User; read in restricted mode.
    pub const FROM_USER: usize = 6;
    pub const COUNT: usize = 7;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 7;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b11000;
}

/// Accounts of `deposit`. An optional account that is not given holds the program's own id.
pub mod deposit_accounts {
    /// signer; signer. Owner of the row and of the token account.
    pub const OWNER: usize = 0;
    /// state:governance.Council. Governance Council; pause bit 16, transfer mode.
    pub const COUNCIL: usize = 1;
    /// state:energy_token.Config; writable. Config.
    pub const CONFIG: usize = 2;
    /// state:energy_token.Ledger; writable. Ledger of the row.
    pub const LEDGER: usize = 3;
    /// token_account; writable. GRID vault.
    pub const VAULT: usize = 4;
    /// token_account; writable. A GRID token account of the owner.
    pub const TOKEN_ACCOUNT: usize = 5;
    /// mint. GRID mint.
    pub const MINT: usize = 6;
    /// pda:authority. PDA ["authority"], the freeze authority.
    pub const AUTHORITY: usize = 7;
    /// state:registry.User. The owner's registry User; read in restricted mode.
    pub const USER: usize = 8;
    /// program:token. SPL Token.
    pub const TOKEN_PROGRAM: usize = 9;
    pub const COUNT: usize = 10;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 10;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b111100;
}

/// Accounts of `withdraw`. An optional account that is not given holds the program's own id.
pub mod withdraw_accounts {
    /// signer; signer. Owner of the row and of the token account.
    pub const OWNER: usize = 0;
    /// state:governance.Council. Governance Council; transfer mode only.
    pub const COUNCIL: usize = 1;
    /// state:energy_token.Config; writable. Config.
    pub const CONFIG: usize = 2;
    /// state:energy_token.Ledger; writable. Ledger of the row.
    pub const LEDGER: usize = 3;
    /// token_account; writable. GRID vault.
    pub const VAULT: usize = 4;
    /// token_account; writable. A GRID token account of the owner.
    pub const TOKEN_ACCOUNT: usize = 5;
    /// mint. GRID mint.
    pub const MINT: usize = 6;
    /// pda:authority. PDA ["authority"], owner of the vault and freeze authority.
    pub const AUTHORITY: usize = 7;
    /// state:registry.User. The owner's registry User; read in restricted mode.
    pub const USER: usize = 8;
    /// program:token. SPL Token.
    pub const TOKEN_PROGRAM: usize = 9;
    pub const COUNT: usize = 10;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 10;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b111100;
}

/// Accounts of `move_to_market`. An optional account that is not given holds the program's own id.
pub mod move_to_market_accounts {
    /// signer; signer. Owner of the row and of the seat.
    pub const OWNER: usize = 0;
    /// state:governance.Council. Governance Council; pause bit 16.
    pub const COUNCIL: usize = 1;
    /// state:energy_token.Config; writable. Config.
    pub const CONFIG: usize = 2;
    /// state:energy_token.Ledger; writable. Ledger of the row.
    pub const LEDGER: usize = 3;
    /// token_account; writable. GRID vault.
    pub const VAULT: usize = 4;
    /// token_account; writable. The market's GRID vault, PDA ["grid_vault"] of trading.
    pub const MARKET_GRID_VAULT: usize = 5;
    /// pda:authority. PDA ["authority"], owner of the vault.
    pub const AUTHORITY: usize = 6;
    /// state:trading.Market; writable. The market; checked by trading.
    pub const MARKET: usize = 7;
    /// program:trading. Trading program.
    pub const TRADING_PROGRAM: usize = 8;
    /// program:token. SPL Token.
    pub const TOKEN_PROGRAM: usize = 9;
    pub const COUNT: usize = 10;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 10;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b10111100;
}

/// Accounts of `credit_from_market`. An optional account that is not given holds the program's own id.
pub mod credit_from_market_accounts {
    /// signer; signer. PDA ["authority"] of trading.
    pub const TRADING_AUTHORITY: usize = 0;
    /// state:energy_token.Config; writable. Config.
    pub const CONFIG: usize = 1;
    /// state:energy_token.Ledger; writable. Ledger of the row.
    pub const LEDGER: usize = 2;
    /// token_account. GRID vault, filled before this call.
    pub const VAULT: usize = 3;
    pub const COUNT: usize = 4;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 4;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b110;
}

/// Accounts of `set_listing_rule`. An optional account that is not given holds the program's own id.
pub mod set_listing_rule_accounts {
    /// signer; signer. Owner of the row.
    pub const OWNER: usize = 0;
    /// state:energy_token.Ledger; writable. Ledger of the row.
    pub const LEDGER: usize = 1;
    pub const COUNT: usize = 2;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 2;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b10;
}

/// Accounts of `sync_freeze`. An optional account that is not given holds the program's own id.
pub mod sync_freeze_accounts {
    /// state:governance.Council. Governance Council; transfer mode only.
    pub const COUNCIL: usize = 0;
    /// state:energy_token.Config. Config.
    pub const CONFIG: usize = 1;
    /// token_account; writable. Any GRID token account.
    pub const TOKEN_ACCOUNT: usize = 2;
    /// mint. GRID mint.
    pub const MINT: usize = 3;
    /// pda:authority. PDA ["authority"], the freeze authority.
    pub const AUTHORITY: usize = 4;
    /// program:token. SPL Token.
    pub const TOKEN_PROGRAM: usize = 5;
    pub const COUNT: usize = 6;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 6;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b0;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b100;
}

/// Accounts of `list_surplus`. An optional account that is not given holds the program's own id.
pub mod list_surplus_accounts {
    /// state:governance.Council. Governance Council; pause bits 16 and, by trading, 8.
    pub const COUNCIL: usize = 0;
    /// state:energy_token.Config; writable. Config.
    pub const CONFIG: usize = 1;
    /// state:energy_token.Ledger; writable. Ledger of the row.
    pub const LEDGER: usize = 2;
    /// token_account; writable. GRID vault.
    pub const VAULT: usize = 3;
    /// token_account; writable. The market's GRID vault, PDA ["grid_vault"] of trading.
    pub const MARKET_GRID_VAULT: usize = 4;
    /// pda:authority. PDA ["authority"], owner of the vault.
    pub const AUTHORITY: usize = 5;
    /// state:trading.Market; writable. The market; checked by trading.
    pub const MARKET: usize = 6;
    /// state:trading.Auctions; writable. The market's auctions; checked by trading.
    pub const AUCTIONS: usize = 7;
    /// program:trading. Trading program.
    pub const TRADING_PROGRAM: usize = 8;
    /// program:token. SPL Token.
    pub const TOKEN_PROGRAM: usize = 9;
    pub const COUNT: usize = 10;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 10;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b0;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b11011110;
}

/// Accounts of `retire`. An optional account that is not given holds the program's own id.
pub mod retire_accounts {
    /// signer; signer. Owner of the row.
    pub const OWNER: usize = 0;
    /// state:governance.Council. Governance Council; pause bit 2.
    pub const COUNCIL: usize = 1;
    /// state:energy_token.Config; writable. Config.
    pub const CONFIG: usize = 2;
    /// state:energy_token.Ledger; writable. Ledger of the row.
    pub const LEDGER: usize = 3;
    /// state:oracle.RootRing. The zone's root ring.
    pub const ROOTS: usize = 4;
    /// mint; writable. GRID mint.
    pub const MINT: usize = 5;
    /// token_account; writable. GRID vault.
    pub const VAULT: usize = 6;
    /// pda:authority. PDA ["authority"], owner of the vault.
    pub const AUTHORITY: usize = 7;
    /// program:token. SPL Token.
    pub const TOKEN_PROGRAM: usize = 8;
    pub const COUNT: usize = 9;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 9;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b1101100;
}

/// Byte offsets of Config. The program's one configuration: who its siblings are and what the vault must hold.
pub mod config_layout {
    pub const SIZE: usize = 512;
    pub const DISC: [u8; 8] = [0x9b, 0x0c, 0xaa, 0xe0, 0x1e, 0xfa, 0xcc, 0x82];
    pub const DISC_U64: u64 = 0x82ccfa1ee0aa0c9b;
    /// [u8;8]: sha256("account:Config")[:8].
    pub const AT_DISCRIMINATOR: usize = 0;
    /// u8: Layout version, 1.
    pub const AT_VERSION: usize = 8;
    /// u8: Bump of this account.
    pub const AT_BUMP: usize = 9;
    /// u8: Bump of the authority PDA.
    pub const AT_AUTHORITY_BUMP: usize = 10;
    /// u8: Bump of the mint PDA.
    pub const AT_MINT_BUMP: usize = 11;
    /// u8: Bump of the vault PDA.
    pub const AT_VAULT_BUMP: usize = 12;
    /// u8: Zero.
    pub const AT_PAD: usize = 13;
    /// u16: Zones created.
    pub const AT_ZONE_COUNT: usize = 14;
    /// pubkey: Governance program.
    pub const AT_GOVERNANCE_PROGRAM: usize = 16;
    /// pubkey: PDA ["council"] of governance: pause bits and parameters.
    pub const AT_COUNCIL: usize = 48;
    /// pubkey: Registry program: users and meters.
    pub const AT_REGISTRY_PROGRAM: usize = 80;
    /// pubkey: Oracle program: owner of the meter slabs.
    pub const AT_ORACLE_PROGRAM: usize = 112;
    /// pubkey: Trading program.
    pub const AT_TRADING_PROGRAM: usize = 144;
    /// pubkey: GRID mint, PDA ["mint"].
    pub const AT_MINT: usize = 176;
    /// pubkey: GRID vault of the ledgers, PDA ["vault"].
    pub const AT_VAULT: usize = 208;
    /// pubkey: PDA ["authority"]: mint and freeze authority, owner of the vault, signer of credit_grid.
    pub const AT_AUTHORITY: usize = 240;
    /// pubkey: PDA ["authority"] of trading: the only signer of credit_from_market.
    pub const AT_TRADING_AUTHORITY: usize = 272;
    /// pubkey: PDA ["grid_vault"] of trading: the only target of move_to_market.
    pub const AT_TRADING_GRID_VAULT: usize = 304;
    /// u64: Sum of all rows' balances in all zones, atoms: what the vault must hold.
    pub const AT_BALANCE_ATOMS: usize = 336;
    /// [u8;168]: Zero.
    pub const AT_RESERVED: usize = 344;
}

/// Byte offsets of Zone. Names the ledger and the oracle slab of one zone.
pub mod zone_layout {
    pub const SIZE: usize = 128;
    pub const DISC: [u8; 8] = [0xa9, 0xfd, 0xb7, 0xe9, 0x7a, 0xc3, 0x5d, 0xfc];
    pub const DISC_U64: u64 = 0xfc5dc37ae9b7fda9;
    /// [u8;8]: sha256("account:Zone")[:8].
    pub const AT_DISCRIMINATOR: usize = 0;
    /// u8: Layout version, 1.
    pub const AT_VERSION: usize = 8;
    /// u8: Bump of this account.
    pub const AT_BUMP: usize = 9;
    /// u16: Zone number.
    pub const AT_ZONE: usize = 10;
    /// [u8;4]: Zero.
    pub const AT_PAD: usize = 12;
    /// pubkey: The zone's ledger.
    pub const AT_LEDGER: usize = 16;
    /// pubkey: The zone's meter slab, owned by the oracle program.
    pub const AT_SLAB: usize = 48;
    /// [u8;48]: Zero.
    pub const AT_RESERVED: usize = 80;
}

/// Byte offsets of Row. Proof that a user has a row in a zone, and which one. Made once by open_account and never changed: it is what makes a second row impossible, and where a client looks its row number up.
pub mod row_layout {
    pub const SIZE: usize = 64;
    pub const DISC: [u8; 8] = [0xc4, 0x0b, 0xe2, 0x68, 0xa3, 0x94, 0xf2, 0x33];
    pub const DISC_U64: u64 = 0x33f294a368e20bc4;
    /// [u8;8]: sha256("account:Row")[:8].
    pub const AT_DISCRIMINATOR: usize = 0;
    /// u8: Layout version, 1.
    pub const AT_VERSION: usize = 8;
    /// u8: Bump of this account.
    pub const AT_BUMP: usize = 9;
    /// u16: Zone number.
    pub const AT_ZONE: usize = 10;
    /// u16: Row number in the zone's ledger.
    pub const AT_ROW: usize = 12;
    /// [u8;2]: Zero.
    pub const AT_PAD: usize = 14;
    /// pubkey: Owner of the row.
    pub const AT_WALLET: usize = 16;
    /// [u8;16]: Zero.
    pub const AT_RESERVED: usize = 48;
}

/// Byte offsets of Ledger. One zone's balances. Made by the client with system create_account_with_seed, seed "ledger:<zone>", owner this program; bound by create_zone. Header, 256 meter entries of 24 bytes, 512 rows of 96 bytes.
pub mod ledger_layout {
    pub const SIZE: usize = 55552;
    pub const DISC: [u8; 8] = [0x2b, 0x29, 0x15, 0xd5, 0xb4, 0xb0, 0x5f, 0x20];
    pub const DISC_U64: u64 = 0x205fb0b4d515292b;
    /// [u8;8]: sha256("account:Ledger")[:8].
    pub const AT_DISCRIMINATOR: usize = 0;
    /// u8: Layout version, 1.
    pub const AT_VERSION: usize = 8;
    /// u8: Zero: the address is not a PDA.
    pub const AT_BUMP: usize = 9;
    /// u16: Zone number.
    pub const AT_ZONE: usize = 10;
    /// u16: Rows opened; row n exists when n < rows_used.
    pub const AT_ROWS_USED: usize = 12;
    /// u16: 512.
    pub const AT_ROW_CAPACITY: usize = 14;
    /// pubkey: The zone's meter slab.
    pub const AT_SLAB: usize = 16;
    /// pubkey: Config of this program.
    pub const AT_CONFIG: usize = 48;
    /// u64: GRID minted for this zone, atoms = 1,000 x settled export.
    pub const AT_MINTED_ATOMS: usize = 80;
    /// u64: GRID burned for import of this zone, atoms.
    pub const AT_BURNED_ATOMS: usize = 88;
    /// u64: Import not yet covered by GRID, atoms: sum of the rows' debts.
    pub const AT_DEBT_ATOMS: usize = 96;
    /// u64: Sum of the rows' balances, atoms.
    pub const AT_BALANCE_ATOMS: usize = 104;
    /// u64: Changes so far; every event of this ledger carries the number it got, so an indexer sees a gap.
    pub const AT_SEQ: usize = 112;
    /// u64: GRID retired out of this zone's rows with a certificate, atoms.
    pub const AT_RETIRED_ATOMS: usize = 120;
    /// [u8;128]: Zero.
    pub const AT_RESERVED: usize = 128;
    /// [LedgerMeter;256]: Entry of each slot: settled_import_wh u64, settled_export_wh u64, meter_number u32, row u16 (65535 = none), pad u16.
    pub const AT_METERS: usize = 256;
    /// [LedgerRow;512]: wallet 32, balance_atoms u64 at 32, debt_atoms u64 at 40, minted_atoms u64 at 48, burned_atoms u64 at 56, keep_atoms u64 at 64, listed_interval u32 at 72, reserve_ticks u16 at 76, flags u16 at 78, user_number u32 at 80, pad u32 at 84, retired_atoms u64 at 88.
    pub const AT_ROWS: usize = 6400;
}

/// Custom errors of the program; the code is 6000 + position and is never renumbered.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum EnergyTokenError {
    /// two of the sibling program ids are equal, or one is this program's
    SiblingsNotDistinct = 6000,
    /// the signer is not an active registry admin
    NotAdmin = 6001,
    /// the account is the registry user of another wallet
    WrongUser = 6002,
    /// the registry user is not active
    UserInactive = 6003,
    /// governance has paused this
    Paused = 6004,
    /// the zone already has a ledger
    ZoneExists = 6005,
    /// the account is the oracle's zone of another number
    WrongOracleZone = 6006,
    /// the account is not the meter slab of this zone
    WrongSlab = 6007,
    /// the meter belongs to another zone
    ZoneMismatch = 6008,
    /// the ledger has no free row
    LedgerFull = 6009,
    /// the wallet already has a row in this zone
    AccountExists = 6010,
    /// the ledger has no such row
    NoSuchRow = 6011,
    /// the row belongs to another wallet
    NotRowOwner = 6012,
    /// the oracle's slab does not hold this meter in its slot
    MeterNotEnrolled = 6013,
    /// the meter is already attached
    AlreadyAttached = 6014,
    /// the slot is attached to another meter
    SlotTaken = 6015,
    /// the slots asked for are none, more than 128, or beyond 255
    RangeOutOfBounds = 6016,
    /// the amount is zero
    ZeroAmount = 6017,
    /// the row's balance is too small
    InsufficientBalance = 6018,
    /// the row is in debt
    InDebt = 6019,
    /// sender and receiver are the same row
    SameRow = 6020,
    /// the token account belongs to another wallet
    TokenAccountNotOwned = 6021,
    /// the token account has a delegate, which restricted mode does not allow
    TokenAccountDelegated = 6022,
    /// somebody else may close the token account, which restricted mode does not allow
    TokenAccountHasCloseAuthority = 6023,
    /// the vault holds less than the ledgers say
    VaultShort = 6024,
    /// the signer is not the trading program's authority
    NotTradingAuthority = 6025,
    /// the account belongs to the ledgers or to the market and is never frozen
    ExemptAccount = 6026,
    /// the token account already follows the transfer mode
    AlreadyInLine = 6027,
    /// the row's owner has not asked for listing
    ListingOff = 6028,
    /// the row has no whole lot above what its owner keeps
    NothingToList = 6029,
    /// the row has been listed in this auction
    AlreadyListed = 6030,
    /// the last interval comes before the first, or is not over
    BadIntervals = 6031,
    /// the account is the root ring of another zone
    WrongRoots = 6032,
    /// the rows that anyone may open are taken, and the user has not signed
    OwnerMustSign = 6033,
}

impl EnergyTokenError {
    /// The value an entrypoint returns for this error.
    #[inline(always)]
    pub const fn code(self) -> u64 {
        self as u32 as u64
    }
}

impl From<EnergyTokenError> for u32 {
    #[inline(always)]
    fn from(error: EnergyTokenError) -> u32 {
        error as u32
    }
}

impl From<EnergyTokenError> for u64 {
    #[inline(always)]
    fn from(error: EnergyTokenError) -> u64 {
        error as u32 as u64
    }
}

/// State of one meter entry and of its row right after a settlement that changed one of them, 35 bytes. A row with several meters comes once for each; the last one holds.
#[derive(Clone, Copy)]
pub struct SettledSlot {
    /// Slot of the zone, 0 to 255.
    pub slot: u8,
    /// Row of the meter's owner.
    pub row: u16,
    /// Verified import settled so far, Wh.
    pub settled_import_wh: u64,
    /// Verified export settled so far, Wh.
    pub settled_export_wh: u64,
    /// The row's balance afterwards, atoms.
    pub balance_atoms: u64,
    /// The row's debt afterwards, atoms.
    pub debt_atoms: u64,
}

impl SettledSlot {
    pub const SIZE: usize = 35;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &[u8; 35]) -> Self {
        Self {
            slot: u8::from_le_bytes(*part::<1>(bytes, 0)),
            row: u16::from_le_bytes(*part::<2>(bytes, 1)),
            settled_import_wh: u64::from_le_bytes(*part::<8>(bytes, 3)),
            settled_export_wh: u64::from_le_bytes(*part::<8>(bytes, 11)),
            balance_atoms: u64::from_le_bytes(*part::<8>(bytes, 19)),
            debt_atoms: u64::from_le_bytes(*part::<8>(bytes, 27)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 35]) {
        out[0] = self.slot as u8;
        out[1..3].copy_from_slice(&self.row.to_le_bytes());
        out[3..11].copy_from_slice(&self.settled_import_wh.to_le_bytes());
        out[11..19].copy_from_slice(&self.settled_export_wh.to_le_bytes());
        out[19..27].copy_from_slice(&self.balance_atoms.to_le_bytes());
        out[27..35].copy_from_slice(&self.debt_atoms.to_le_bytes());
    }
}

/// What one meter slot has settled, 24 bytes.
#[derive(Clone, Copy)]
pub struct LedgerMeter {
    /// Verified import settled so far, Wh.
    pub settled_import_wh: u64,
    /// Verified export settled so far, Wh.
    pub settled_export_wh: u64,
    /// Registry number of the attached meter; 0 while none is.
    pub meter_number: u32,
    /// Row of the meter's owner; 65535 while none is attached.
    pub row: u16,
    /// Zero.
    pub pad: u16,
}

impl LedgerMeter {
    pub const SIZE: usize = 24;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &[u8; 24]) -> Self {
        Self {
            settled_import_wh: u64::from_le_bytes(*part::<8>(bytes, 0)),
            settled_export_wh: u64::from_le_bytes(*part::<8>(bytes, 8)),
            meter_number: u32::from_le_bytes(*part::<4>(bytes, 16)),
            row: u16::from_le_bytes(*part::<2>(bytes, 20)),
            pad: u16::from_le_bytes(*part::<2>(bytes, 22)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 24]) {
        out[0..8].copy_from_slice(&self.settled_import_wh.to_le_bytes());
        out[8..16].copy_from_slice(&self.settled_export_wh.to_le_bytes());
        out[16..20].copy_from_slice(&self.meter_number.to_le_bytes());
        out[20..22].copy_from_slice(&self.row.to_le_bytes());
        out[22..24].copy_from_slice(&self.pad.to_le_bytes());
    }
}

/// One user's account in one zone, 96 bytes.
#[derive(Clone, Copy)]
pub struct LedgerRow<'a> {
    /// Owner.
    pub wallet: &'a [u8; 32],
    /// GRID owned, atoms.
    pub balance_atoms: u64,
    /// Import not yet covered, atoms. While it is above 0 the row cannot withdraw, transfer or move to the market.
    pub debt_atoms: u64,
    /// GRID minted into this row so far, atoms.
    pub minted_atoms: u64,
    /// GRID burned for import out of this row so far, atoms.
    pub burned_atoms: u64,
    /// Listing rule: balance that is never listed, atoms.
    pub keep_atoms: u64,
    /// Listing rule: last auction interval the surplus was listed in.
    pub listed_interval: u32,
    /// Listing rule: lowest price, ticks of 0.01 credit/kWh.
    pub reserve_ticks: u16,
    /// Bit 0: listing on.
    pub flags: u16,
    /// Registry number of the owner.
    pub user_number: u32,
    /// Zero.
    pub pad: u32,
    /// GRID retired out of this row so far, atoms.
    pub retired_atoms: u64,
}

impl<'a> LedgerRow<'a> {
    pub const SIZE: usize = 96;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &'a [u8; 96]) -> Self {
        Self {
            wallet: part::<32>(bytes, 0),
            balance_atoms: u64::from_le_bytes(*part::<8>(bytes, 32)),
            debt_atoms: u64::from_le_bytes(*part::<8>(bytes, 40)),
            minted_atoms: u64::from_le_bytes(*part::<8>(bytes, 48)),
            burned_atoms: u64::from_le_bytes(*part::<8>(bytes, 56)),
            keep_atoms: u64::from_le_bytes(*part::<8>(bytes, 64)),
            listed_interval: u32::from_le_bytes(*part::<4>(bytes, 72)),
            reserve_ticks: u16::from_le_bytes(*part::<2>(bytes, 76)),
            flags: u16::from_le_bytes(*part::<2>(bytes, 78)),
            user_number: u32::from_le_bytes(*part::<4>(bytes, 80)),
            pad: u32::from_le_bytes(*part::<4>(bytes, 84)),
            retired_atoms: u64::from_le_bytes(*part::<8>(bytes, 88)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 96]) {
        out[0..32].copy_from_slice(self.wallet);
        out[32..40].copy_from_slice(&self.balance_atoms.to_le_bytes());
        out[40..48].copy_from_slice(&self.debt_atoms.to_le_bytes());
        out[48..56].copy_from_slice(&self.minted_atoms.to_le_bytes());
        out[56..64].copy_from_slice(&self.burned_atoms.to_le_bytes());
        out[64..72].copy_from_slice(&self.keep_atoms.to_le_bytes());
        out[72..76].copy_from_slice(&self.listed_interval.to_le_bytes());
        out[76..78].copy_from_slice(&self.reserve_ticks.to_le_bytes());
        out[78..80].copy_from_slice(&self.flags.to_le_bytes());
        out[80..84].copy_from_slice(&self.user_number.to_le_bytes());
        out[84..88].copy_from_slice(&self.pad.to_le_bytes());
        out[88..96].copy_from_slice(&self.retired_atoms.to_le_bytes());
    }
}

/// Arguments of `initialize`. Creates Config, the GRID mint (6 decimals; mint and freeze authority the authority PDA) and the vault, and stores the sibling programs and the three addresses derived from them, which it compares. Once; only the program's upgrade authority.
pub struct InitializeArgs<'a> {
    /// Governance program id.
    pub governance_program: &'a [u8; 32],
    /// Registry program id.
    pub registry_program: &'a [u8; 32],
    /// Oracle program id.
    pub oracle_program: &'a [u8; 32],
    /// Trading program id.
    pub trading_program: &'a [u8; 32],
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
        let registry_program = r.take::<32>()?;
        let oracle_program = r.take::<32>()?;
        let trading_program = r.take::<32>()?;
        Some(Self { governance_program, registry_program, oracle_program, trading_program })
    }
}

/// Arguments of `create_zone`. Initialises the zone's client-created ledger, which must be rent-exempt, and binds it to the zone's oracle slab. Once a zone.
pub struct CreateZoneArgs {
    /// Zone number.
    pub zone: u16,
}

impl CreateZoneArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 2 {
            return None;
        }
        let mut r = Reader::new(data);
        let zone = u16::from_le_bytes(*r.take::<2>()?);
        Some(Self { zone })
    }
}

/// Arguments of `open_account`. Opens the next free row of a zone for a user whom the registry has vouched for (suspended since or not, but not pending), and writes the row's number into a PDA of (zone, wallet) so that there is never a second. Anyone may call and pay for the first ROWS_FOR_ANYONE rows; for those after them the user signs, as payer or as an account after the named ones. No pause: GRID that leaves the market needs a row to go to.
pub struct OpenAccountArgs {
}

impl OpenAccountArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 0 {
            return None;
        }
        Some(Self {  })
    }
}

/// Arguments of `attach_meter`. Points a meter's entry of the ledger at its owner's row, from the registry's Meter and the oracle's slab. Anyone may call; only one outcome is possible. All energy verified since the enrolment is settled to that row. For good: a slot has one meter and a meter one owner.
pub struct AttachMeterArgs {
    /// The owner's row in this ledger.
    pub row: u16,
}

impl AttachMeterArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 2 {
            return None;
        }
        let mut r = Reader::new(data);
        let row = u16::from_le_bytes(*r.take::<2>()?);
        Some(Self { row })
    }
}

/// Arguments of `settle_range`. Settles verified energy of the slots [from_slot, from_slot + count) to the rows of the meters' owners. For each meter, in this order: mint 1,000 atoms for each Wh of export growth, pay the row's old debt, burn 1,000 atoms for each Wh of import growth, write the rest as debt. One mint and one burn at most, for the sums. Debt is paid from any balance, with growth or without. Anyone may call; a second call on the same slab changes nothing and emits nothing. Slots without an attached meter are passed over.
pub struct SettleRangeArgs {
    /// First slot, 0 to 255.
    pub from_slot: u16,
    /// Slots, 1 to 128; from_slot + count at most 256.
    pub count: u16,
}

impl SettleRangeArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 4 {
            return None;
        }
        let mut r = Reader::new(data);
        let from_slot = u16::from_le_bytes(*r.take::<2>()?);
        let count = u16::from_le_bytes(*r.take::<2>()?);
        Some(Self { from_slot, count })
    }
}

/// Arguments of `transfer`. Moves GRID from the signer's row to another row, in the same zone or in another one. The sender's row must be free of debt, the receiver an active user, and in restricted mode the sender too. No token moves: both rows are in the vault.
pub struct TransferArgs {
    /// Sending row.
    pub from_row: u16,
    /// Receiving row.
    pub to_row: u16,
    /// GRID, atoms, above 0.
    pub amount_atoms: u64,
}

impl TransferArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 12 {
            return None;
        }
        let mut r = Reader::new(data);
        let from_row = u16::from_le_bytes(*r.take::<2>()?);
        let to_row = u16::from_le_bytes(*r.take::<2>()?);
        let amount_atoms = u64::from_le_bytes(*r.take::<8>()?);
        Some(Self { from_row, to_row, amount_atoms })
    }
}

/// Arguments of `deposit`. Moves GRID from the signer's token account into the signer's row. In restricted mode the account is thawed, moved from and frozen within this instruction, for an active user only; a delegate or a close authority does not keep GRID from coming back. Allowed in debt: it is how debt is paid.
pub struct DepositArgs {
    /// The owner's row.
    pub row: u16,
    /// GRID, atoms, above 0.
    pub amount_atoms: u64,
}

impl DepositArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 10 {
            return None;
        }
        let mut r = Reader::new(data);
        let row = u16::from_le_bytes(*r.take::<2>()?);
        let amount_atoms = u64::from_le_bytes(*r.take::<8>()?);
        Some(Self { row, amount_atoms })
    }
}

/// Arguments of `withdraw`. Moves GRID from the signer's row into a token account the signer owns. In restricted mode the account is thawed, filled and frozen within this instruction, for an active user only, and must have no delegate and no close authority. Never while in debt; never stopped by a pause (the council is read for its transfer mode alone).
pub struct WithdrawArgs {
    /// The owner's row.
    pub row: u16,
    /// GRID, atoms, above 0.
    pub amount_atoms: u64,
}

impl WithdrawArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 10 {
            return None;
        }
        let mut r = Reader::new(data);
        let row = u16::from_le_bytes(*r.take::<2>()?);
        let amount_atoms = u64::from_le_bytes(*r.take::<8>()?);
        Some(Self { row, amount_atoms })
    }
}

/// Arguments of `move_to_market`. Moves whole lots (1 lot = 1 Wh = 1,000 atoms) from the signer's row to the signer's seat on the market: an SPL transfer from the vault to the market's GRID vault, then trading.credit_grid signed by the authority PDA.
pub struct MoveToMarketArgs {
    /// The owner's row.
    pub row: u16,
    /// The owner's seat; checked by trading.
    pub seat: u16,
    /// GRID, lots of 1 Wh, above 0.
    pub lots: u64,
}

impl MoveToMarketArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 12 {
            return None;
        }
        let mut r = Reader::new(data);
        let row = u16::from_le_bytes(*r.take::<2>()?);
        let seat = u16::from_le_bytes(*r.take::<2>()?);
        let lots = u64::from_le_bytes(*r.take::<8>()?);
        Some(Self { row, seat, lots })
    }
}

/// Arguments of `credit_from_market`. Credits lots that trading has just sent to the vault to a row of their owner. By CPI only: the signer is trading's authority PDA. The program believes the vault and not the caller: it must hold the lots beyond all balances already. Never stopped by a pause.
pub struct CreditFromMarketArgs<'a> {
    /// Row of the wallet in this ledger.
    pub row: u16,
    /// Owner of the seat and of the row.
    pub wallet: &'a [u8; 32],
    /// GRID, lots of 1 Wh, above 0.
    pub lots: u64,
}

impl<'a> CreditFromMarketArgs<'a> {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        if data.len() != 42 {
            return None;
        }
        let mut r = Reader::new(data);
        let row = u16::from_le_bytes(*r.take::<2>()?);
        let wallet = r.take::<32>()?;
        let lots = u64::from_le_bytes(*r.take::<8>()?);
        Some(Self { row, wallet, lots })
    }
}

/// Arguments of `set_listing_rule`. Sets what of the row's balance may be listed for sale in the auctions: all above keep_atoms, at reserve_ticks or better. Moves nothing; off stops it. list_surplus does the listing.
pub struct SetListingRuleArgs {
    /// The owner's row.
    pub row: u16,
    /// Whether surplus is listed.
    pub enabled: bool,
    /// Balance that is never listed, atoms.
    pub keep_atoms: u64,
    /// Lowest price, ticks of 0.01 credit/kWh.
    pub reserve_ticks: u16,
}

impl SetListingRuleArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 13 {
            return None;
        }
        let mut r = Reader::new(data);
        let row = u16::from_le_bytes(*r.take::<2>()?);
        let enabled = r.flag()?;
        let keep_atoms = u64::from_le_bytes(*r.take::<8>()?);
        let reserve_ticks = u16::from_le_bytes(*r.take::<2>()?);
        Some(Self { row, enabled, keep_atoms, reserve_ticks })
    }
}

/// Arguments of `sync_freeze`. Brings one GRID token account into line with the transfer mode: frozen in restricted mode, thawed in free mode. Anyone may call; a switch of mode is complete when all accounts are swept. The ledgers' and the market's own accounts are never frozen.
pub struct SyncFreezeArgs {
}

impl SyncFreezeArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 0 {
            return None;
        }
        Some(Self {  })
    }
}

/// Arguments of `list_surplus`. Lists a row's surplus under its owner's rule: all whole lots above keep_atoms go to the owner's seat as a sell at the reserve in the running auction. Anyone may call, once for each row and auction; a sell of the owner's own there, cancelled or not, counts as listed, and of a wallet's rows in two zones the first that is called is listed. Nothing while in debt. What does not sell is the seat's afterwards.
pub struct ListSurplusArgs {
    /// The row.
    pub row: u16,
    /// Its owner's seat; checked by trading.
    pub seat: u16,
    /// The auction; trading takes the running interval alone.
    pub interval: u32,
}

impl ListSurplusArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 8 {
            return None;
        }
        let mut r = Reader::new(data);
        let row = u16::from_le_bytes(*r.take::<2>()?);
        let seat = u16::from_le_bytes(*r.take::<2>()?);
        let interval = u32::from_le_bytes(*r.take::<4>()?);
        Some(Self { row, seat, interval })
    }
}

/// Arguments of `retire`. Burns GRID of the signer's row for good and emits a certificate: how much, of which intervals, for whom, and how many roots of readings the zone had. The ledger's change number makes (zone, seq) the certificate's name. Never while in debt.
pub struct RetireArgs<'a> {
    /// The owner's row.
    pub row: u16,
    /// GRID, atoms, above 0.
    pub amount_atoms: u64,
    /// First interval whose energy is claimed.
    pub from_interval: u32,
    /// Last interval, not before the first; it must be over.
    pub to_interval: u32,
    /// For whom: a wallet, or the SHA-256 of a name.
    pub beneficiary: &'a [u8; 32],
}

impl<'a> RetireArgs<'a> {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        if data.len() != 50 {
            return None;
        }
        let mut r = Reader::new(data);
        let row = u16::from_le_bytes(*r.take::<2>()?);
        let amount_atoms = u64::from_le_bytes(*r.take::<8>()?);
        let from_interval = u32::from_le_bytes(*r.take::<4>()?);
        let to_interval = u32::from_le_bytes(*r.take::<4>()?);
        let beneficiary = r.take::<32>()?;
        Some(Self { row, amount_atoms, from_interval, to_interval, beneficiary })
    }
}

/// Event. The program was set up.
pub struct Initialized<'a> {
    /// Governance program.
    pub governance_program: &'a [u8; 32],
    /// Registry program.
    pub registry_program: &'a [u8; 32],
    /// Oracle program.
    pub oracle_program: &'a [u8; 32],
    /// Trading program.
    pub trading_program: &'a [u8; 32],
    /// GRID mint.
    pub mint: &'a [u8; 32],
    /// GRID vault.
    pub vault: &'a [u8; 32],
}

impl<'a> Initialized<'a> {
    pub const DISC: [u8; 8] = [0xd0, 0xd5, 0x73, 0x62, 0x73, 0x52, 0xc9, 0xd1];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 200;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 200]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..40].copy_from_slice(self.governance_program);
        out[40..72].copy_from_slice(self.registry_program);
        out[72..104].copy_from_slice(self.oracle_program);
        out[104..136].copy_from_slice(self.trading_program);
        out[136..168].copy_from_slice(self.mint);
        out[168..200].copy_from_slice(self.vault);
    }
}

/// Event. A zone got its ledger.
pub struct ZoneCreated<'a> {
    /// Zone.
    pub zone: u16,
    /// Ledger.
    pub ledger: &'a [u8; 32],
    /// Oracle slab.
    pub slab: &'a [u8; 32],
}

impl<'a> ZoneCreated<'a> {
    pub const DISC: [u8; 8] = [0x29, 0x9d, 0x81, 0x32, 0x9b, 0x30, 0x61, 0xbc];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 74;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 74]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..42].copy_from_slice(self.ledger);
        out[42..74].copy_from_slice(self.slab);
    }
}

/// Event. A user got a row.
pub struct AccountOpened<'a> {
    /// Zone.
    pub zone: u16,
    /// Change number of the ledger.
    pub seq: u64,
    /// Row.
    pub row: u16,
    /// Owner.
    pub wallet: &'a [u8; 32],
    /// Registry number of the owner.
    pub user_number: u32,
}

impl<'a> AccountOpened<'a> {
    pub const DISC: [u8; 8] = [0xfa, 0x59, 0x27, 0x43, 0x23, 0x77, 0x7e, 0x3f];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 56;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 56]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..18].copy_from_slice(&self.seq.to_le_bytes());
        out[18..20].copy_from_slice(&self.row.to_le_bytes());
        out[20..52].copy_from_slice(self.wallet);
        out[52..56].copy_from_slice(&self.user_number.to_le_bytes());
    }
}

/// Event. A meter's energy is from now on settled to a row.
pub struct MeterAttached<'a> {
    /// Zone.
    pub zone: u16,
    /// Change number of the ledger.
    pub seq: u64,
    /// Slot of the meter.
    pub slot: u16,
    /// Registry number of the meter.
    pub meter_number: u32,
    /// Row.
    pub row: u16,
    /// Owner.
    pub wallet: &'a [u8; 32],
}

impl<'a> MeterAttached<'a> {
    pub const DISC: [u8; 8] = [0xb1, 0xf1, 0x08, 0x18, 0x76, 0xe4, 0x0d, 0xf7];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 58;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 58]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..18].copy_from_slice(&self.seq.to_le_bytes());
        out[18..20].copy_from_slice(&self.slot.to_le_bytes());
        out[20..24].copy_from_slice(&self.meter_number.to_le_bytes());
        out[24..26].copy_from_slice(&self.row.to_le_bytes());
        out[26..58].copy_from_slice(self.wallet);
    }
}

/// Event. A range was settled and something changed. minted_atoms = 1,000 x export growth; burned_atoms + debt_added_atoms = 1,000 x import growth + debt_paid_atoms.
pub struct Settled {
    /// Zone.
    pub zone: u16,
    /// Change number of the ledger.
    pub seq: u64,
    /// First slot asked for.
    pub from_slot: u16,
    /// Slots asked for.
    pub count: u16,
    /// GRID minted, atoms.
    pub minted_atoms: u64,
    /// GRID burned for import and old debt, atoms.
    pub burned_atoms: u64,
    /// Import that no balance covered, atoms.
    pub debt_added_atoms: u64,
    /// Old debt paid, atoms; part of burned_atoms.
    pub debt_paid_atoms: u64,
}

impl Settled {
    pub const DISC: [u8; 8] = [0xe8, 0xd2, 0x28, 0x11, 0x8e, 0x7c, 0x91, 0xee];
    /// Bytes before the elements of `changes`, the u32 count included.
    pub const HEAD: usize = 58;
    /// Bytes of one element of `changes`.
    pub const ITEM: usize = 35;

    /// Begin the event in `out`; None when it is shorter than HEAD. Then `push` and `finish`.
    #[inline(always)]
    pub fn begin<'b>(&self, out: &'b mut [u8]) -> Option<SettledWriter<'b>> {
        if out.len() < 58 {
            return None;
        }
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..18].copy_from_slice(&self.seq.to_le_bytes());
        out[18..20].copy_from_slice(&self.from_slot.to_le_bytes());
        out[20..22].copy_from_slice(&self.count.to_le_bytes());
        out[22..30].copy_from_slice(&self.minted_atoms.to_le_bytes());
        out[30..38].copy_from_slice(&self.burned_atoms.to_le_bytes());
        out[38..46].copy_from_slice(&self.debt_added_atoms.to_le_bytes());
        out[46..54].copy_from_slice(&self.debt_paid_atoms.to_le_bytes());
        Some(SettledWriter { out, len: 58, count: 0 })
    }
}

/// Appends to the `changes` of Settled.
pub struct SettledWriter<'b> {
    out: &'b mut [u8],
    len: usize,
    count: u32,
}

impl<'b> SettledWriter<'b> {
    /// Room for one more element of 35 bytes (SettledSlot); None when the buffer is full.
    #[inline(always)]
    pub fn next(&mut self) -> Option<&mut [u8; 35]> {
        let room = self.out.get_mut(self.len..)?.first_chunk_mut::<35>()?;
        self.len += 35;
        self.count += 1;
        Some(room)
    }

    /// Append one element; false when the buffer is full.
    #[inline(always)]
    pub fn push(&mut self, item: &SettledSlot) -> bool {
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
        if let Some(room) = self.out.get_mut(54..58) {
            room.copy_from_slice(&self.count.to_le_bytes());
        }
        match self.out.get(..self.len) {
            Some(bytes) => bytes,
            None => &[],
        }
    }
}

/// Event. GRID went from one row to another.
pub struct Transferred {
    /// Zone of the sender.
    pub from_zone: u16,
    /// Change number of the sender's ledger.
    pub from_seq: u64,
    /// Row of the sender.
    pub from_row: u16,
    /// Zone of the receiver.
    pub to_zone: u16,
    /// Change number of the receiver's ledger; equal to from_seq within one zone.
    pub to_seq: u64,
    /// Row of the receiver.
    pub to_row: u16,
    /// GRID, atoms.
    pub amount_atoms: u64,
    /// The sender's balance afterwards, atoms.
    pub from_balance_atoms: u64,
    /// The receiver's balance afterwards, atoms.
    pub to_balance_atoms: u64,
}

impl Transferred {
    pub const DISC: [u8; 8] = [0x15, 0x84, 0xef, 0x40, 0x92, 0xef, 0xa6, 0x44];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 56;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 56]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.from_zone.to_le_bytes());
        out[10..18].copy_from_slice(&self.from_seq.to_le_bytes());
        out[18..20].copy_from_slice(&self.from_row.to_le_bytes());
        out[20..22].copy_from_slice(&self.to_zone.to_le_bytes());
        out[22..30].copy_from_slice(&self.to_seq.to_le_bytes());
        out[30..32].copy_from_slice(&self.to_row.to_le_bytes());
        out[32..40].copy_from_slice(&self.amount_atoms.to_le_bytes());
        out[40..48].copy_from_slice(&self.from_balance_atoms.to_le_bytes());
        out[48..56].copy_from_slice(&self.to_balance_atoms.to_le_bytes());
    }
}

/// Event. GRID came from a token account into a row.
pub struct Deposited<'a> {
    /// Zone.
    pub zone: u16,
    /// Change number of the ledger.
    pub seq: u64,
    /// Row.
    pub row: u16,
    /// Token account.
    pub token_account: &'a [u8; 32],
    /// GRID, atoms.
    pub amount_atoms: u64,
    /// The row's balance afterwards, atoms.
    pub balance_atoms: u64,
}

impl<'a> Deposited<'a> {
    pub const DISC: [u8; 8] = [0x6f, 0x8d, 0x1a, 0x2d, 0xa1, 0x23, 0x64, 0x39];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 68;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 68]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..18].copy_from_slice(&self.seq.to_le_bytes());
        out[18..20].copy_from_slice(&self.row.to_le_bytes());
        out[20..52].copy_from_slice(self.token_account);
        out[52..60].copy_from_slice(&self.amount_atoms.to_le_bytes());
        out[60..68].copy_from_slice(&self.balance_atoms.to_le_bytes());
    }
}

/// Event. GRID went from a row to a token account.
pub struct Withdrawn<'a> {
    /// Zone.
    pub zone: u16,
    /// Change number of the ledger.
    pub seq: u64,
    /// Row.
    pub row: u16,
    /// Token account.
    pub token_account: &'a [u8; 32],
    /// GRID, atoms.
    pub amount_atoms: u64,
    /// The row's balance afterwards, atoms.
    pub balance_atoms: u64,
}

impl<'a> Withdrawn<'a> {
    pub const DISC: [u8; 8] = [0x14, 0x59, 0xdf, 0xc6, 0xc2, 0x7c, 0xdb, 0x0d];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 68;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 68]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..18].copy_from_slice(&self.seq.to_le_bytes());
        out[18..20].copy_from_slice(&self.row.to_le_bytes());
        out[20..52].copy_from_slice(self.token_account);
        out[52..60].copy_from_slice(&self.amount_atoms.to_le_bytes());
        out[60..68].copy_from_slice(&self.balance_atoms.to_le_bytes());
    }
}

/// Event. GRID went from a row to its owner's seat.
pub struct MovedToMarket<'a> {
    /// Zone.
    pub zone: u16,
    /// Change number of the ledger.
    pub seq: u64,
    /// Row.
    pub row: u16,
    /// Owner.
    pub wallet: &'a [u8; 32],
    /// GRID, lots of 1 Wh.
    pub lots: u64,
    /// The row's balance afterwards, atoms.
    pub balance_atoms: u64,
}

impl<'a> MovedToMarket<'a> {
    pub const DISC: [u8; 8] = [0xdb, 0x56, 0x54, 0xd5, 0x6b, 0x9b, 0xd6, 0x81];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 68;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 68]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..18].copy_from_slice(&self.seq.to_le_bytes());
        out[18..20].copy_from_slice(&self.row.to_le_bytes());
        out[20..52].copy_from_slice(self.wallet);
        out[52..60].copy_from_slice(&self.lots.to_le_bytes());
        out[60..68].copy_from_slice(&self.balance_atoms.to_le_bytes());
    }
}

/// Event. GRID came from a seat into its owner's row.
pub struct CreditedFromMarket<'a> {
    /// Zone.
    pub zone: u16,
    /// Change number of the ledger.
    pub seq: u64,
    /// Row.
    pub row: u16,
    /// Owner.
    pub wallet: &'a [u8; 32],
    /// GRID, lots of 1 Wh.
    pub lots: u64,
    /// The row's balance afterwards, atoms.
    pub balance_atoms: u64,
}

impl<'a> CreditedFromMarket<'a> {
    pub const DISC: [u8; 8] = [0x8c, 0x49, 0x20, 0x65, 0x7d, 0x01, 0xf6, 0x09];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 68;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 68]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..18].copy_from_slice(&self.seq.to_le_bytes());
        out[18..20].copy_from_slice(&self.row.to_le_bytes());
        out[20..52].copy_from_slice(self.wallet);
        out[52..60].copy_from_slice(&self.lots.to_le_bytes());
        out[60..68].copy_from_slice(&self.balance_atoms.to_le_bytes());
    }
}

/// Event. An owner changed what may be listed.
pub struct ListingRuleSet {
    /// Zone.
    pub zone: u16,
    /// Change number of the ledger.
    pub seq: u64,
    /// Row.
    pub row: u16,
    /// Whether surplus is listed.
    pub enabled: bool,
    /// Balance that is never listed, atoms.
    pub keep_atoms: u64,
    /// Lowest price, ticks.
    pub reserve_ticks: u16,
}

impl ListingRuleSet {
    pub const DISC: [u8; 8] = [0xc1, 0x35, 0xd3, 0x10, 0x35, 0x5e, 0x49, 0x3b];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 31;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 31]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..18].copy_from_slice(&self.seq.to_le_bytes());
        out[18..20].copy_from_slice(&self.row.to_le_bytes());
        out[20] = self.enabled as u8;
        out[21..29].copy_from_slice(&self.keep_atoms.to_le_bytes());
        out[29..31].copy_from_slice(&self.reserve_ticks.to_le_bytes());
    }
}

/// Event. A GRID token account was brought into line with the transfer mode.
pub struct FreezeSynced<'a> {
    /// Token account.
    pub token_account: &'a [u8; 32],
    /// Its state afterwards.
    pub frozen: bool,
}

impl<'a> FreezeSynced<'a> {
    pub const DISC: [u8; 8] = [0x50, 0x99, 0xfc, 0x05, 0x11, 0xa7, 0x06, 0x93];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 41;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 41]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..40].copy_from_slice(self.token_account);
        out[40] = self.frozen as u8;
    }
}

/// Event. A row's surplus stands in an auction under its owner's rule.
pub struct SurplusListed<'a> {
    /// Zone.
    pub zone: u16,
    /// Change number of the ledger.
    pub seq: u64,
    /// Row.
    pub row: u16,
    /// Owner.
    pub wallet: &'a [u8; 32],
    /// The owner's seat.
    pub seat: u16,
    /// The auction.
    pub interval: u32,
    /// GRID, lots of 1 Wh.
    pub lots: u32,
    /// Lowest price, ticks.
    pub reserve_ticks: u16,
    /// The row's balance afterwards, atoms.
    pub balance_atoms: u64,
}

impl<'a> SurplusListed<'a> {
    pub const DISC: [u8; 8] = [0xbb, 0xdf, 0x5d, 0x5f, 0xfd, 0xe8, 0x01, 0xcf];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 72;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 72]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..18].copy_from_slice(&self.seq.to_le_bytes());
        out[18..20].copy_from_slice(&self.row.to_le_bytes());
        out[20..52].copy_from_slice(self.wallet);
        out[52..54].copy_from_slice(&self.seat.to_le_bytes());
        out[54..58].copy_from_slice(&self.interval.to_le_bytes());
        out[58..62].copy_from_slice(&self.lots.to_le_bytes());
        out[62..64].copy_from_slice(&self.reserve_ticks.to_le_bytes());
        out[64..72].copy_from_slice(&self.balance_atoms.to_le_bytes());
    }
}

/// Event. A certificate: GRID was burned for good for a beneficiary. (zone, seq) names it.
pub struct Retired<'a> {
    /// Zone.
    pub zone: u16,
    /// Change number of the ledger.
    pub seq: u64,
    /// Row.
    pub row: u16,
    /// Owner.
    pub wallet: &'a [u8; 32],
    /// GRID, atoms.
    pub amount_atoms: u64,
    /// First interval whose energy is claimed.
    pub from_interval: u32,
    /// Last interval.
    pub to_interval: u32,
    /// For whom: a wallet, or the SHA-256 of a name.
    pub beneficiary: &'a [u8; 32],
    /// The zone's root ring.
    pub roots: &'a [u8; 32],
    /// Roots in it so far: the readings behind the GRID are in these.
    pub root_seq: u64,
    /// Clock sysvar, UTC seconds.
    pub campus_time: i64,
    /// The row's balance afterwards, atoms.
    pub balance_atoms: u64,
}

impl<'a> Retired<'a> {
    pub const DISC: [u8; 8] = [0x6a, 0xca, 0xa1, 0xff, 0xff, 0x27, 0xde, 0x0a];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 156;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 156]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..10].copy_from_slice(&self.zone.to_le_bytes());
        out[10..18].copy_from_slice(&self.seq.to_le_bytes());
        out[18..20].copy_from_slice(&self.row.to_le_bytes());
        out[20..52].copy_from_slice(self.wallet);
        out[52..60].copy_from_slice(&self.amount_atoms.to_le_bytes());
        out[60..64].copy_from_slice(&self.from_interval.to_le_bytes());
        out[64..68].copy_from_slice(&self.to_interval.to_le_bytes());
        out[68..100].copy_from_slice(self.beneficiary);
        out[100..132].copy_from_slice(self.roots);
        out[132..140].copy_from_slice(&self.root_seq.to_le_bytes());
        out[140..148].copy_from_slice(&self.campus_time.to_le_bytes());
        out[148..156].copy_from_slice(&self.balance_atoms.to_le_bytes());
    }
}
