//! The proof that a device holds the key it is enrolled with.
use crate::generated::RegistryError;
use campusgrid_sdk::{ed25519, Address, Outcome};

/// Bytes of the signed message: `CGP1` 4, network tag 4, owner 32, meter id 16, key 32.
const MESSAGE_SIZE: usize = 88;

/// Check `signature` of `key` over `CGP1` ‖ network tag ‖ owner ‖ meter id ‖ key. The tag keeps a proof from counting on
/// another network, the owner and the id from counting for another meter.
///
/// # Errors
/// `BadPossessionProof`.
#[inline(always)]
pub fn require_possession(
    network_tag: &[u8; 4],
    owner: &Address,
    meter_id: &[u8; 16],
    key: &[u8; 32],
    signature: &[u8; 64],
) -> Outcome {
    let mut message = [0u8; MESSAGE_SIZE];
    message[0..4].copy_from_slice(b"CGP1");
    message[4..8].copy_from_slice(network_tag);
    message[8..40].copy_from_slice(owner.as_array());
    message[40..56].copy_from_slice(meter_id);
    message[56..88].copy_from_slice(key);
    if !ed25519::verify(key, signature, &message) {
        return Err(RegistryError::BadPossessionProof.into());
    }
    Ok(())
}
