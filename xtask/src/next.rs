//! Where a learner goes on after full marks.

use std::fmt::Write as _;

use crate::course::{Course, Item};
use crate::notebook::Notebook;
use crate::quiz;
use crate::style::{self, paint};

/// What is left when `graded` have full marks: their questions, and the item that comes next.
pub(crate) fn after(
    course: &Course,
    notebook: &Notebook,
    graded: &[&Item],
) -> anyhow::Result<String> {
    let mut text = String::new();
    let mut line = |what: &str, command: String| {
        let _ = writeln!(text, "{what}: {}", paint(style::ACTION, &command));
    };
    for item in graded {
        let ids = quiz::ids(course, item)?;
        if ids.iter().any(|id| notebook.answers(id).right == 0) {
            line("Its questions", format!("cargo xtask quiz {item}"));
            break;
        }
    }
    let all: Vec<&Item> = course.items().collect();
    match follower(&all, graded, |item| notebook.item(&item.id()).done) {
        Some(item) => line("Next", format!("cargo xtask start {item}")),
        None => line("The whole course is done", "cargo xtask status".to_owned()),
    }
    Ok(text)
}

/// The first item behind the last graded one that is not done, or else the first before it; those
/// of its chapter come first.
fn follower<'a>(
    all: &[&'a Item],
    graded: &[&Item],
    done: impl Fn(&Item) -> bool,
) -> Option<&'a Item> {
    let last = all.iter().rposition(|item| graded.contains(item));
    let (before, after) = all.split_at(last.map_or(0, |at| at + 1));
    let chapter = last.map(|at| all[at].chapter);
    let open = after.iter().chain(before).copied();
    let mut open = open.filter(|item| !done(item) && !graded.contains(item));
    let first = open.clone().find(|item| Some(item.chapter) == chapter);
    first.or_else(|| open.next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::parse_item;

    #[test]
    fn what_is_skipped_comes_again_at_the_end() {
        let names = ["warmup_01_a", "drill_01_b", "drill_02_c", "drill_03_d"];
        let mut items: Vec<Item> =
            names.iter().filter_map(|name| parse_item(8, "ch08_x", name)).collect();
        items.extend(parse_item(9, "ch09_y", "drill_01_e"));
        let all: Vec<&Item> = items.iter().collect();
        let next = |graded: usize, done: &[usize]| {
            let done = |item: &Item| done.iter().any(|&at| items[at] == *item);
            let next = follower(&all, &[&items[graded]], done)?;
            items.iter().position(|item| item == next)
        };
        assert_eq!(next(0, &[]), Some(1));
        assert_eq!(next(1, &[0, 2]), Some(3));
        assert_eq!(next(3, &[0, 2]), Some(1));
        assert_eq!(next(3, &[0, 1, 2]), Some(4), "the chapter is done");
        assert_eq!(next(4, &[1, 2, 3]), Some(0));
        assert_eq!(next(3, &[0, 1, 2, 4]), None);
    }
}
