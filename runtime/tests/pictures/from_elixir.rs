//! What the page for readers from Elixir shows is a program that runs.

#[allow(dead_code, clippy::missing_docs_in_private_items)]
#[path = "../../examples/todo_tree.rs"]
mod todo_tree;

/// The blocks of a page that are in `language`.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let open = format!("```{language}\n");
    page.split(open.as_str()).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn every_line_of_rust_on_the_page_stands_in_the_example() {
    let page = include_str!("../../../docs/FROM_ELIXIR.md");
    let example = include_str!("../../examples/todo_tree.rs");
    let blocks = blocks(page, "rust");
    assert!(blocks.len() >= 7, "the page has {} blocks", blocks.len());
    for block in blocks {
        assert!(example.contains(block), "this is not in examples/todo_tree.rs:\n{block}");
    }
}

#[test]
fn the_example_keeps_what_was_written_before_the_crash() {
    todo_tree::main().expect("the example runs");
}
