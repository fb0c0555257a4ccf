//! A `.wasm` that was built later, in the folder of components, takes the place of one that ships,
//! without building the host.

use crate::house::*;

#[tokio::test]
async fn a_file_in_the_folder_answers_in_place_of_the_shipped_component() {
    let setup = Setup::brief().guest("parrot-llm").toml("[route]\nllm = \"openai-llm\"\n");
    let server = setup.start().await;
    assert!(server.log().contains("openai-llm 9.0.0"), "{}", server.log());
    let mut phone = Phone::begin(&server, "CA-parrot").await;
    phone.hears().await;
    phone.say("Polly wants a cracker.").await;
    assert_eq!(phone.hears().await, "The parrot says Polly wants a cracker.");
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("broken.wasm"), b"not wasm").unwrap();
    let mut command = program(folder.path());
    let output = command.args(["serve", "--components", "."]).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("broken.wasm is not a WebAssembly component"), "{said}");
}
