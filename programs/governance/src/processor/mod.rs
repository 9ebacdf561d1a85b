//! One instruction a file: take, check, compute, write.
mod approve;
mod cancel;
mod emergency_stop;
mod execute;
mod initialize;
mod propose;

pub use approve::{approve, revoke};
pub use cancel::cancel;
pub use emergency_stop::emergency_stop;
pub use execute::execute;
pub use initialize::initialize;
pub use propose::propose;
