//! The manifest within a component: a custom section at its end, where no part of it holds one already.

use components::manifest::SECTION;
use wasmparser::{Parser, Payload};

/// The component with this manifest inside.
pub(super) fn with_manifest(mut wasm: Vec<u8>, manifest: &str) -> Vec<u8> {
    if has_manifest(&wasm) {
        return wasm;
    }
    let mut section = Vec::new();
    leb128(SECTION.len(), &mut section);
    section.extend_from_slice(SECTION.as_bytes());
    section.extend_from_slice(manifest.as_bytes());
    // a custom section has the id 0
    wasm.push(0);
    leb128(section.len(), &mut wasm);
    wasm.extend(section);
    wasm
}

/// What cannot be read has none; loading it says why.
fn has_manifest(wasm: &[u8]) -> bool {
    let sections = Parser::new(0).parse_all(wasm).map_while(Result::ok);
    sections.into_iter().any(|payload| match payload {
        Payload::CustomSection(section) => section.name() == SECTION,
        _ => false,
    })
}

/// A length, as WebAssembly writes it: seven bits a byte, the lowest first.
fn leb128(mut length: usize, to: &mut Vec<u8>) {
    loop {
        let low = (length & 0x7F) as u8;
        length >>= 7;
        if length == 0 {
            return to.push(low);
        }
        to.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component with nothing in it.
    const EMPTY: [u8; 8] = [0x00, b'a', b's', b'm', 0x0D, 0x00, 0x01, 0x00];

    #[test]
    fn a_manifest_is_put_in_once_and_found_again() {
        // long enough that its length takes two bytes
        let manifest = format!(
            "id = \"desk\"\nversion = \"1.0.0\"\nkind = \"persona\"\ncontract = \"0.1\"\nabout = \"{}\"\n",
            "x".repeat(300)
        );
        let wasm = with_manifest(EMPTY.to_vec(), &manifest);
        let artifact = components::Artifact::from_bytes(wasm.clone(), None).unwrap();
        assert_eq!(artifact.manifest.id, "desk");
        assert_eq!(with_manifest(wasm.clone(), "id = \"other\""), wasm, "the first one stays");
    }
}
