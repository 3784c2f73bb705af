//! What the README shows is what happens.

#[allow(dead_code)]
#[path = "../../examples/crash.rs"]
mod crash;

#[test]
fn the_picture_in_the_readme_is_the_one_that_the_example_draws() {
    let readme = include_str!("../../../README.md");
    let picture = crash::picture();
    assert!(readme.contains(&picture), "README.md should contain:\n{picture}");
}
