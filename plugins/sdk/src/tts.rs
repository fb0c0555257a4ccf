//! Text to speech: see `wit/tts.wit`.

/// The contract, as `wit-bindgen` puts it.
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "tts-provider",
        pub_export_macro: true,
        export_macro_name: "export_tts",
        default_bindings_module: "plugin::tts::bindings",
        additional_derives: [Clone, PartialEq],
        with: {
            "cordboard:component/types@0.1.0": crate::stt::bindings::cordboard::component::types,
            "cordboard:component/net@0.1.0": crate::stt::bindings::cordboard::component::net,
            "cordboard:component/log@0.1.0": crate::stt::bindings::cordboard::component::log,
        },
    });
}

pub use bindings::exports::cordboard::component::tts::*;

crate::reducer!();

/// Whether there is anything in it to speak. Vendors charge for what is not, or refuse it.
pub fn is_speakable(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// Exports a [`Provider`] as the component that this crate is, with `plugin.toml` inside.
#[macro_export]
macro_rules! tts {
    ($provider:ty) => {
        pub type Exported = $crate::tts::Component<$provider>;
        // a native library, as tests build it, cannot carry the names of the exports
        #[cfg(target_arch = "wasm32")]
        $crate::tts::bindings::export_tts!(Exported with_types_in $crate::tts::bindings);
        $crate::manifest!("plugin.toml");
    };
}
