//! What is found out.

use super::*;

fn save(scene: &mut Scene, name: &str, value: Value) -> String {
    scene.calls("save_field", json!({ "name": name, "value": value }))
}

/// An order that is known but for its address.
fn nearly_ordered() -> Scene {
    let mut scene = Scene::greeted(PIZZA);
    scene.says("Two large Funghi.");
    save(&mut scene, "pizza", json!("funghi"));
    save(&mut scene, "size", json!("large"));
    save(&mut scene, "quantity", json!("2"));
    scene
}

#[test]
fn what_the_caller_says_is_kept_at_once_in_its_type() {
    let mut scene = Scene::greeted(PIZZA);
    scene.says("Two Funghi.");
    assert_eq!(
        save(&mut scene, "quantity", json!("2")),
        "Saved: quantity is 2. Still missing: pizza, size, address."
    );
    assert_eq!(
        save(&mut scene, "pizza", json!("funghi")),
        "Saved: pizza is \"Funghi\". Still missing: size, address."
    );
    assert_eq!((&scene.kept["quantity"], &scene.kept["pizza"]), (&json!(2), &json!("Funghi")));
    scene.answers("Which size?");
    scene.says("Hm.");
    assert!(
        scene.instructions().contains("- quantity: How many would you like?"),
        "{}",
        scene.instructions()
    );
    assert!(scene.instructions().contains("; known: 2"), "{}", scene.instructions());
}

#[test]
fn what_is_none_is_said_to_be_none_and_not_kept() {
    let mut scene = Scene::greeted(PIZZA);
    scene.says("A hundred huge ones.");
    assert_eq!(
        save(&mut scene, "quantity", json!(100)),
        "Error: quantity was not saved: 100 is not a whole number from 1 to 20. Ask the caller again."
    );
    let told = save(&mut scene, "size", json!("huge"));
    assert!(told.contains("\"huge\" is not one of: small, medium, large"), "{told}");
    let told = save(&mut scene, "colour", json!("red"));
    assert!(told.contains("there are: pizza, size, quantity, address, note"), "{told}");
    let told = scene.calls("save_field", json!({ "name": "size" }));
    assert!(told.contains("null is not one of"), "{told}");
    assert!(scene.kept.is_empty());
}

#[test]
fn nobody_has_confirmed_what_was_not_asked_yet() {
    let mut scene = nearly_ordered();
    let address = |confirmed: bool| json!({ "name": "address", "value": "1 Quay", "confirmed": confirmed });
    let told = scene.calls("save_field", address(true));
    assert!(told.contains("it is not confirmed") && told.contains("Still missing: address."), "{told}");
    assert_eq!(scene.kept["address"], "1 Quay", "it is kept all the same");
    scene.answers("One Quay, is that right?");
    scene.says("Yes.");
    assert!(scene.instructions().contains("heard: \"1 Quay\", to be confirmed"), "{}", scene.instructions());
    let told = scene.calls("save_field", address(true));
    assert!(
        told.starts_with("Saved: address is \"1 Quay\". Everything is known. Read all of it back"),
        "{told}"
    );
    let told = scene.calls("save_field", json!({ "name": "address", "value": "2 Quay", "confirmed": true }));
    assert!(told.contains("it is not confirmed"), "another one is another question: {told}");
}

fn ordered() -> Scene {
    let mut scene = nearly_ordered();
    save(&mut scene, "address", json!("1 Quay"));
    scene.answers("One Quay?");
    scene.says("Yes.");
    scene.calls("save_field", json!({ "name": "address", "value": "1 Quay", "confirmed": true }));
    scene.answers("Two large Funghi to one Quay, is that right?");
    assert!(!scene.hung_up);
    scene
}

#[test]
fn what_is_all_known_is_read_back_and_then_the_call_ends() {
    let mut scene = ordered();
    scene.is_restored();
    scene.says("Yes, that is right.");
    assert!(scene.instructions().contains("was read back"), "{}", scene.instructions());
    scene.answers("It is on its way.");
    assert_eq!(scene.last_said(), "Thank you for calling Luigi's. Enjoy your meal!");
}

#[test]
fn a_correction_is_read_back_too_and_a_question_is_waited_for() {
    let mut scene = ordered();
    scene.says("No, three.");
    let told = save(&mut scene, "quantity", json!(3));
    assert!(told.contains("Read all of it back"), "{told}");
    scene.answers("Three large Funghi, is that right?");
    scene.says("Do you have drinks?");
    scene.answers("I am afraid not. Is that all right?");
    let said = scene.said.len();
    scene.says("Yes.");
    scene.done(Ending::Interrupted, "It is");
    scene.says("Thanks.");
    assert_eq!(scene.said.len(), said, "who cuts in is listened to");
    scene.answers("It is on its way.");
    assert_eq!(scene.last_said(), "Thank you for calling Luigi's. Enjoy your meal!");
}

#[test]
fn what_was_found_out_is_not_lost_between_versions() {
    let mut scene = nearly_ordered();
    scene.answers("Where to?");
    scene.is_restored();
    scene.says("One Quay.");
    assert!(scene.instructions().contains("Still missing: address."), "{}", scene.instructions());
    scene.is_restored();
    let told = save(&mut scene, "address", json!("1 Quay"));
    assert!(told.contains("Still missing: address."), "{told}");
    scene.is_restored();
    scene.answers("One Quay?");
    scene.says("Yes.");
    let told = scene.calls("save_field", json!({ "name": "address", "value": "1 Quay", "confirmed": true }));
    assert!(told.contains("Everything is known"), "{told}");
}
