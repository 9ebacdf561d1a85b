//! The configuration: who the siblings are, which network this is, and who may post for any meter.
use crate::generated::config_layout;
use campusgrid_sdk::{account, state, AccountView, Address, Outcome, Ref};

campusgrid_sdk::account_record! {
    /// PDA ["config"], the only one.
    pub struct Config[512], config_layout::DISC_U64, {
        10 => oracle_key_count: u8,
        11 => threshold: u8,
        12 => pad: [u8; 4],
        16 => governance_program: Address,
        48 => council: Address,
        80 => registry_program: Address,
        112 => trading_program: Address,
        144 => energy_token_program: Address,
        176 => network_tag: [u8; 4],
        180 => pad1: [u8; 4],
        184 => registry_config: Address,
        216 => oracle_keys: [Address; 8],
        472 => reserved: [u8; 40],
    }
}

impl Config {
    /// The council. Errors: `WRONG_ADDRESS` and those of a wrong account.
    #[inline(always)]
    pub fn council<'v>(&self, view: &'v AccountView) -> Outcome<Ref<'v, state::Council>> {
        state::load_council(view, &self.council, &self.governance_program)
    }

    /// Whether `wallet` is one of the oracle keys in use.
    #[inline(always)]
    pub fn is_oracle_key(&self, wallet: &Address) -> bool {
        self.oracle_keys.iter().take(self.oracle_key_count as usize).any(|key| account::same(key, wallet))
    }
}
