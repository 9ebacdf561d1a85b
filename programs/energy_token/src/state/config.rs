//! The configuration: who the siblings are, and what the vault must hold for the ledgers.
use crate::{
    error::require,
    generated::{config_layout, EnergyTokenError::VaultShort},
};
use campusgrid_sdk::{
    account::require_address,
    cpi::{SignerSeed, SignerSeeds},
    math, state, AccountView, Address, Atoms, Fault, Outcome, Ref,
};

campusgrid_sdk::account_record! {
    /// PDA ["config"], the only one.
    pub struct Config[512], config_layout::DISC_U64, {
        10 => authority_bump: u8,
        11 => mint_bump: u8,
        12 => vault_bump: u8,
        13 => pad: u8,
        14 => zone_count: u16,
        16 => governance_program: Address,
        48 => council: Address,
        80 => registry_program: Address,
        112 => oracle_program: Address,
        144 => trading_program: Address,
        176 => mint: Address,
        208 => vault: Address,
        240 => authority: Address,
        272 => trading_authority: Address,
        304 => trading_grid_vault: Address,
        /// Sum of all rows' balances in all zones, atoms.
        336 => balance_atoms: u64,
        344 => reserved: [u8; 168],
    }
}

impl Config {
    /// The council. Errors: `WRONG_ADDRESS` and those of a wrong account.
    #[inline(always)]
    pub fn council<'v>(&self, view: &'v AccountView) -> Outcome<Ref<'v, state::Council>> {
        state::load_council(view, &self.council, &self.governance_program)
    }

    /// The three accounts that a token call signed by this program works on. Errors: `WRONG_ADDRESS`.
    #[inline(always)]
    pub fn require_vault_and_authority(&self, vault: &AccountView, authority: &AccountView) -> Outcome {
        require_address(vault, &self.vault)?;
        require_address(authority, &self.authority)
    }

    /// Count GRID that rows have gained. Errors: `OVERFLOW`.
    #[inline(always)]
    pub fn gain(&mut self, amount: Atoms) -> Outcome {
        self.balance_atoms = math::add(self.balance_atoms, amount.0)?;
        Ok(())
    }

    /// Count GRID that rows have lost. Errors: `OVERFLOW` if the rows never had as much.
    #[inline(always)]
    pub fn lose(&mut self, amount: Atoms) -> Outcome {
        self.balance_atoms = math::sub(self.balance_atoms, amount.0)?;
        Ok(())
    }

    /// Require that the vault (address checked before) holds all balances. Asked after every token call, so that a
    /// token program that did not do as told undoes the whole transaction. Errors: `VaultShort`.
    #[inline(always)]
    pub fn require_backed(&self, vault: &AccountView) -> Outcome {
        require(vault_atoms(vault)? >= self.balance_atoms, VaultShort)
    }
}

/// Atoms in a token account whose address was compared with a stored one.
#[inline(always)]
fn vault_atoms(vault: &AccountView) -> Outcome<u64> {
    let data = vault.try_borrow().map_err(|_| Fault::ACCOUNT_BORROWED)?;
    match data.get(64..).and_then(|tail| tail.first_chunk::<8>()) {
        Some(amount) => Ok(u64::from_le_bytes(*amount)),
        None => Err(Fault::WRONG_TOKEN_ACCOUNT),
    }
}

/// Run `call` with the seeds of the authority PDA as signer.
#[inline(always)]
pub fn as_authority(bump: u8, call: impl FnOnce(&[SignerSeeds<'_, '_>]) -> Outcome) -> Outcome {
    let bump = [bump];
    let seeds = [SignerSeed::from(b"authority"), SignerSeed::from(&bump)];
    call(&[SignerSeeds::from(&seeds)])
}
