//! A language model: see `wit/llm.wit`. A session is one reply.

/// The contract, as `wit-bindgen` puts it.
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "llm-provider",
        pub_export_macro: true,
        export_macro_name: "export_llm",
        default_bindings_module: "plugin::llm::bindings",
        additional_derives: [Clone, PartialEq],
        with: {
            "cordboard:component/types@0.1.0": crate::stt::bindings::cordboard::component::types,
            "cordboard:component/net@0.1.0": crate::stt::bindings::cordboard::component::net,
            "cordboard:component/log@0.1.0": crate::stt::bindings::cordboard::component::log,
        },
    });
}

pub use bindings::cordboard::component::chat::{
    Message, Reply, Stop, Tool, ToolCall, ToolChoice, ToolResult,
};
pub use bindings::exports::cordboard::component::llm::*;

crate::reducer!();

/// Exports a [`Provider`] as the component that this crate is, with `plugin.toml` inside.
#[macro_export]
macro_rules! llm {
    ($provider:ty) => {
        pub type Exported = $crate::llm::Component<$provider>;
        // a native library, as tests build it, cannot carry the names of the exports
        #[cfg(target_arch = "wasm32")]
        $crate::llm::bindings::export_llm!(Exported with_types_in $crate::llm::bindings);
        $crate::manifest!("plugin.toml");
    };
}
