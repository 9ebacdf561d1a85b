//! The addresses this deployment is bound to.
use crate::generated::config_layout as at;
use campusgrid_sdk::{account_record, Address};

account_record! {
    /// PDA ["config"]. Written once by initialize; create_market adds the market.
    pub struct Config[at::SIZE], at::DISC_U64, {
        10 => authority_bump: u8,
        11 => grid_vault_bump: u8,
        12 => credit_vault_bump: u8,
        13 => reserved0: [u8; 3],
        16 => governance_program: Address,
        48 => council: Address,
        80 => registry_program: Address,
        112 => energy_token_program: Address,
        144 => energy_token_authority: Address,
        176 => grid_mint: Address,
        208 => credit_mint: Address,
        /// Zero before create_market.
        240 => market: Address,
        272 => energy_token_vault: Address,
        304 => authority: Address,
        336 => grid_vault: Address,
        368 => credit_vault: Address,
        400 => reserved1: [u8; 112],
    }
}

// The layout that clients read is the one this code writes.
const _: () = {
    assert!(core::mem::offset_of!(Config, authority_bump) == at::AT_AUTHORITY_BUMP);
    assert!(core::mem::offset_of!(Config, grid_vault_bump) == at::AT_GRID_VAULT_BUMP);
    assert!(core::mem::offset_of!(Config, credit_vault_bump) == at::AT_CREDIT_VAULT_BUMP);
    assert!(core::mem::offset_of!(Config, reserved0) == at::AT_RESERVED0);
    assert!(core::mem::offset_of!(Config, governance_program) == at::AT_GOVERNANCE_PROGRAM);
    assert!(core::mem::offset_of!(Config, council) == at::AT_COUNCIL);
    assert!(core::mem::offset_of!(Config, registry_program) == at::AT_REGISTRY_PROGRAM);
    assert!(core::mem::offset_of!(Config, energy_token_program) == at::AT_ENERGY_TOKEN_PROGRAM);
    assert!(core::mem::offset_of!(Config, energy_token_authority) == at::AT_ENERGY_TOKEN_AUTHORITY);
    assert!(core::mem::offset_of!(Config, grid_mint) == at::AT_GRID_MINT);
    assert!(core::mem::offset_of!(Config, credit_mint) == at::AT_CREDIT_MINT);
    assert!(core::mem::offset_of!(Config, market) == at::AT_MARKET);
    assert!(core::mem::offset_of!(Config, energy_token_vault) == at::AT_ENERGY_TOKEN_VAULT);
    assert!(core::mem::offset_of!(Config, authority) == at::AT_AUTHORITY);
    assert!(core::mem::offset_of!(Config, grid_vault) == at::AT_GRID_VAULT);
    assert!(core::mem::offset_of!(Config, credit_vault) == at::AT_CREDIT_VAULT);
    assert!(core::mem::offset_of!(Config, reserved1) == at::AT_RESERVED1);
};
