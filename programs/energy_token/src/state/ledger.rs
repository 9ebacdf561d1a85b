//! One zone's balances: what each meter has settled, and what each row owns and owes.
use crate::{
    error::require,
    generated::{
        ledger_layout,
        EnergyTokenError::{InDebt, InsufficientBalance, NoSuchRow, NotRowOwner},
    },
};
use campusgrid_sdk::{account::same, math, Address, Atoms, Outcome};

campusgrid_sdk::record! {
    /// What the meter of one slot has settled.
    pub struct LedgerMeter[24] {
        0 => settled_import_wh: u64,
        8 => settled_export_wh: u64,
        /// 0 while no meter is attached.
        16 => meter_number: u32,
        /// `NO_ROW` while no meter is attached.
        20 => row: u16,
        22 => pad: u16,
    }
}

campusgrid_sdk::record! {
    /// One user's account in the zone.
    pub struct LedgerRow[96] {
        0 => wallet: Address,
        32 => balance_atoms: u64,
        /// Import that no GRID has covered yet.
        40 => debt_atoms: u64,
        48 => minted_atoms: u64,
        56 => burned_atoms: u64,
        64 => keep_atoms: u64,
        72 => listed_interval: u32,
        76 => reserve_ticks: u16,
        /// Bit 0: listing on.
        78 => flags: u16,
        80 => user_number: u32,
        84 => pad: u32,
        88 => retired_atoms: u64,
    }
}

campusgrid_sdk::account_record! {
    /// The whole account, made by the client and bound to its zone for ever.
    pub struct Ledger[55_552], ledger_layout::DISC_U64, {
        10 => zone: u16,
        12 => rows_used: u16,
        14 => row_capacity: u16,
        16 => slab: Address,
        48 => config: Address,
        80 => minted_atoms: u64,
        88 => burned_atoms: u64,
        96 => debt_atoms: u64,
        104 => balance_atoms: u64,
        112 => seq: u64,
        /// GRID retired with a certificate.
        120 => retired_atoms: u64,
        128 => reserved: [u8; 128],
        256 => meters: [LedgerMeter; 256],
        6400 => rows: [LedgerRow; 512],
    }
}

impl Ledger {
    /// The number of the change that is being made; every event carries one.
    #[inline(always)]
    pub fn next_seq(&mut self) -> u64 {
        // 2⁶⁴ changes are out of reach, so this cannot wrap.
        self.seq = self.seq.wrapping_add(1);
        self.seq
    }

    /// The row, which must be the wallet's. Errors: `NoSuchRow`, `NotRowOwner`.
    #[inline(always)]
    pub fn row_of(&mut self, row: u16, wallet: &Address) -> Outcome<&mut LedgerRow> {
        require(row < self.rows_used, NoSuchRow)?;
        let found = self.rows.get_mut(row as usize).ok_or(NoSuchRow)?;
        require(same(&found.wallet, wallet), NotRowOwner)?;
        Ok(found)
    }

    /// Give the wallet's row GRID and return its new balance. Errors: `NoSuchRow`, `NotRowOwner`, `OVERFLOW`.
    #[inline(always)]
    pub fn credit(&mut self, row: u16, wallet: &Address, amount: Atoms) -> Outcome<u64> {
        let total = math::add(self.balance_atoms, amount.0)?;
        let found = self.row_of(row, wallet)?;
        found.balance_atoms = math::add(found.balance_atoms, amount.0)?;
        let balance = found.balance_atoms;
        self.balance_atoms = total;
        Ok(balance)
    }

    /// Take GRID from the wallet's row and return its new balance: the one way out of a row but for burning, so the
    /// rule that a debtor pays first stands here. Errors: `NoSuchRow`, `NotRowOwner`, `InDebt`, `InsufficientBalance`.
    #[inline(always)]
    pub fn debit(&mut self, row: u16, wallet: &Address, amount: Atoms) -> Outcome<u64> {
        let found = self.row_of(row, wallet)?;
        require(found.debt_atoms == 0, InDebt)?;
        require(amount.0 <= found.balance_atoms, InsufficientBalance)?;
        found.balance_atoms = math::sub(found.balance_atoms, amount.0)?;
        let balance = found.balance_atoms;
        self.balance_atoms = math::sub(self.balance_atoms, amount.0)?;
        Ok(balance)
    }
}

const _: () = {
    assert!(ledger_layout::AT_METERS == core::mem::offset_of!(Ledger, meters));
    assert!(ledger_layout::AT_ROWS == core::mem::offset_of!(Ledger, rows));
    assert!(ledger_layout::AT_RETIRED_ATOMS == core::mem::offset_of!(Ledger, retired_atoms));
    assert!(ledger_layout::AT_SEQ == core::mem::offset_of!(Ledger, seq));
};
