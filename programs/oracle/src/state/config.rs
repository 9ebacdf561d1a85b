//! The configuration: who the siblings are, which network this is, and who may post for any meter.
use crate::{
    error::require,
    generated::{
        config_layout, List,
        OracleError::{InvalidOracleKeys, NotOracleKey, SignerTwice, ThresholdNotMet},
        MAX_ORACLE_KEYS,
    },
};
use campusgrid_sdk::{account, require_signer, state, AccountView, Address, Outcome, Ref};

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
        /// By oracle key: attested records that a meter's signature has contradicted.
        472 => fault_counts: [u32; 8],
        504 => keys_since_interval: u32,
        508 => reserved: [u8; 4],
    }
}

impl Config {
    /// The council. Errors: `WRONG_ADDRESS` and those of a wrong account.
    #[inline(always)]
    pub fn council<'v>(&self, view: &'v AccountView) -> Outcome<Ref<'v, state::Council>> {
        state::load_council(view, &self.council, &self.governance_program)
    }

    /// The council itself must have signed, which its program does for a call that its members have approved.
    ///
    /// # Errors
    /// `NOT_SIGNER`, `WRONG_ADDRESS`.
    #[inline(always)]
    pub fn require_decided(&self, council: &AccountView) -> Outcome {
        require_signer(council)?;
        account::require_address(council, &self.council)
    }

    /// Whether `wallet` is one of the oracle keys in use.
    #[inline(always)]
    pub fn is_oracle_key(&self, wallet: &Address) -> bool {
        self.oracle_keys.iter().take(self.oracle_key_count as usize).any(|key| account::same(key, wallet))
    }

    /// Which oracle keys agree: bit i for the key at place i.
    ///
    /// # Errors
    /// `NOT_SIGNER` for the poster, `NotOracleKey`, `SignerTwice`, `ThresholdNotMet`.
    #[inline(always)]
    pub fn agreed(&self, poster: &AccountView, others: &[AccountView]) -> Outcome<u8> {
        require_signer(poster)?;
        let mut mask = self.place_of(poster)?;
        let mut count = 1;
        for other in others {
            require(other.is_signer(), NotOracleKey)?;
            let bit = self.place_of(other)?;
            require(mask & bit == 0, SignerTwice)?;
            mask |= bit;
            count += 1;
        }
        require(count >= self.threshold, ThresholdNotMet)?;
        Ok(mask)
    }

    /// The bit of an oracle key. Errors: `NotOracleKey`.
    #[inline(always)]
    fn place_of(&self, wallet: &AccountView) -> Outcome<u8> {
        let mut bit = 1;
        for key in self.oracle_keys.iter().take(self.oracle_key_count as usize) {
            if account::same(key, wallet.address()) {
                return Ok(bit);
            }
            bit <<= 1;
        }
        Err(NotOracleKey.into())
    }

    /// Put `keys` in place of the present ones, each with the fault count that it had.
    ///
    /// # Errors
    /// `InvalidOracleKeys` unless they are 1 to 8 different keys and the threshold is 1 to their number.
    #[inline(always)]
    pub fn set_oracles(&mut self, threshold: u8, keys: &List<'_, 32>) -> Outcome {
        let count = keys.len();
        require(count >= 1 && count <= MAX_ORACLE_KEYS as usize, InvalidOracleKeys)?;
        require(threshold >= 1 && threshold as usize <= count, InvalidOracleKeys)?;
        let (old_keys, old_count) = (self.oracle_keys, self.oracle_key_count as usize);
        let old_faults = self.fault_counts;
        self.oracle_keys = [Address::new_from_array([0; 32]); MAX_ORACLE_KEYS as usize];
        self.fault_counts = [0; MAX_ORACLE_KEYS as usize];
        self.oracle_key_count = 0;
        self.threshold = threshold;
        for place in 0..count {
            let Some(key) = keys.at(place) else { break };
            let key = account::as_address(key);
            require(!self.is_oracle_key(key), InvalidOracleKeys)?;
            for (old, faults) in old_keys.iter().zip(old_faults).take(old_count) {
                if account::same(old, key) {
                    self.fault_counts[place] = faults;
                }
            }
            self.oracle_keys[place] = *key;
            self.oracle_key_count += 1;
        }
        Ok(())
    }
}
