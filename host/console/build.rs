//! A file that is added to the page, or taken out, has it embedded anew.

fn main() {
    println!("cargo::rerun-if-changed=page");
}
