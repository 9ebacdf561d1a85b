//! The records of this program, one a file, and what it reads of the registry's configuration.
mod config;
mod registry_config;
mod roots;
mod slab;
mod zone;

pub use config::Config;
pub use registry_config::RegistryConfig;
pub use roots::{RootEntry, RootRing};
pub use slab::{MeterSlab, SlabEntry};
pub use zone::Zone;
