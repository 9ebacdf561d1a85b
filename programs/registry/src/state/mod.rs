//! The program's records, one a file. User and Meter are in the sdk, because other programs read them.
mod config;
mod key_record;
mod zone;

pub use config::Config;
pub use key_record::KeyRecord;
pub use zone::Zone;

use crate::generated::{config_layout, key_record_layout, meter_layout, user_layout, zone_layout};
use campusgrid_sdk::{
    account::State,
    state::{Meter, User},
};
use core::mem::{offset_of, size_of};

const _: () = {
    assert!(size_of::<Config>() == config_layout::SIZE);
    assert!(offset_of!(Config, network_tag) == config_layout::AT_NETWORK_TAG);
    assert!(size_of::<KeyRecord>() == key_record_layout::SIZE);
    assert!(offset_of!(KeyRecord, first_interval) == key_record_layout::AT_FIRST_INTERVAL);
    assert!(size_of::<Zone>() == zone_layout::SIZE);
    assert!(User::DISCRIMINATOR == user_layout::DISC_U64 && size_of::<User>() == user_layout::SIZE);
    assert!(offset_of!(User, wallet) == user_layout::AT_WALLET);
    assert!(offset_of!(User, personal_hash) == user_layout::AT_PERSONAL_HASH);
    assert!(Meter::DISCRIMINATOR == meter_layout::DISC_U64 && size_of::<Meter>() == meter_layout::SIZE);
    assert!(offset_of!(Meter, keys) == meter_layout::AT_KEYS);
    assert!(offset_of!(Meter, location_hash) == meter_layout::AT_LOCATION_HASH);
    assert!(offset_of!(Meter, serial_hash) == meter_layout::AT_SERIAL_HASH);
    assert!(offset_of!(Meter, updated_at) == meter_layout::AT_UPDATED_AT);
};
