//! Speech to text: see `wit/stt.wit`.

/// The contract, as `wit-bindgen` puts it.
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "stt-provider",
        pub_export_macro: true,
        export_macro_name: "export_stt",
        default_bindings_module: "plugin::stt::bindings",
        additional_derives: [Clone, PartialEq],
    });
}

pub use bindings::exports::cordboard::component::stt::*;

crate::reducer!();

/// Exports a [`Provider`] as the component that this crate is, with `plugin.toml` inside.
#[macro_export]
macro_rules! stt {
    ($provider:ty) => {
        pub type Exported = $crate::stt::Component<$provider>;
        // a native library, as tests build it, cannot carry the names of the exports
        #[cfg(target_arch = "wasm32")]
        $crate::stt::bindings::export_stt!(Exported with_types_in $crate::stt::bindings);
        $crate::manifest!("plugin.toml");
    };
}
