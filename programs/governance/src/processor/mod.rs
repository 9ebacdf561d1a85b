//! One instruction a file: take, check, compute, write.
mod approve;
mod cancel;
mod emergency_stop;
mod execute;
mod execute_call;
mod execute_upgrade;
mod execute_validator;
mod initialize;
mod propose;

pub use approve::{approve, revoke};
pub use cancel::cancel;
pub use emergency_stop::emergency_stop;
pub use execute::execute;
pub use execute_call::execute_call;
pub use execute_upgrade::execute_upgrade;
pub use execute_validator::execute_validator;
pub use initialize::initialize;
pub use propose::propose;
