//! The components that Cordboard ships, as built by `build.rs`.

use crate::component::embedded_manifest;
use crate::manifest::Manifest;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Their bytes; each says in its manifest what it is.
pub(crate) static COMPONENTS: &[&[u8]] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// What they say, by id. This is what the operator trusted with the program, whatever file stands in
/// the place of one of them. One that cannot be read is reported where the components are read.
pub(crate) fn manifests() -> &'static BTreeMap<String, Manifest> {
    static MANIFESTS: OnceLock<BTreeMap<String, Manifest>> = OnceLock::new();
    MANIFESTS.get_or_init(|| {
        let manifests = COMPONENTS.iter().filter_map(|wasm| embedded_manifest(wasm));
        manifests.map(|manifest| (manifest.id.clone(), manifest)).collect()
    })
}
