//! From what a person types to the items that are meant.

use std::fmt;

use super::{Chapter, Item, Kind};

/// Nothing, or too much, is called like this.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoSuchId {
    query: String,
    candidates: Vec<String>,
    ambiguous: bool,
}

impl fmt::Display for NoSuchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ambiguous {
            writeln!(f, "`{}` could be any of these:", self.query)?;
        } else {
            write!(f, "nothing in the course is called `{}`", self.query)?;
            if self.candidates.is_empty() {
                return write!(f, ".");
            }
            writeln!(f, ". Did you mean one of these?")?;
        }
        let lines: Vec<String> = self.candidates.iter().map(|id| format!("  {id}")).collect();
        write!(f, "{}", lines.join("\n"))
    }
}

/// The items that `query` names: one item, or a whole chapter.
///
/// A chapter is `ch08`, `ch8`, `8` or its folder; an item is its folder, `drill_03`, its topic, a
/// beginning of its folder, or a bare number (then the drill of that number is meant), with or
/// without its chapter in front; a package name works as well.
pub(crate) fn select<'a>(chapters: &'a [Chapter], query: &str) -> Result<Vec<&'a Item>, NoSuchId> {
    let query = query.trim().trim_start_matches("./").trim_matches('/');
    let query = query.strip_prefix("workbook/").unwrap_or(query);
    let (scope, wanted) = match query.rsplit_once('/') {
        Some((chapter, item)) => (in_chapter(chapters, chapter), item),
        None => {
            let whole = in_chapter(chapters, query);
            if let [chapter] = whole.as_slice() {
                return Ok(chapter.items.iter().collect());
            }
            split_package(chapters, query).unwrap_or((chapters.iter().collect(), query))
        }
    };
    let items: Vec<&Item> = scope.iter().flat_map(|chapter| &chapter.items).collect();
    let found = matching(&items, wanted);
    match found.as_slice() {
        [item] => Ok(vec![item]),
        [] => Err(NoSuchId {
            query: query.to_owned(),
            candidates: nearest(chapters, query),
            ambiguous: false,
        }),
        several => Err(NoSuchId {
            query: query.to_owned(),
            candidates: several.iter().map(|item| item.id()).collect(),
            ambiguous: true,
        }),
    }
}

fn in_chapter<'a>(chapters: &'a [Chapter], word: &str) -> Vec<&'a Chapter> {
    let digits = word.strip_prefix("ch").unwrap_or(word);
    let number: Option<u32> = digits.parse().ok();
    chapters
        .iter()
        .filter(|chapter| {
            number == Some(chapter.number)
                || chapter.folder == word
                || (word.len() > "ch00_".len() && chapter.folder.starts_with(word))
        })
        .collect()
}

fn split_package<'a, 'q>(
    chapters: &'a [Chapter],
    query: &'q str,
) -> Option<(Vec<&'a Chapter>, &'q str)> {
    let (chapter, item) = query.strip_prefix("ch")?.split_once('_')?;
    let number: u32 = chapter.parse().ok()?;
    Some((chapters.iter().filter(|chapter| chapter.number == number).collect(), item))
}

/// The first way of reading `wanted` that finds anything decides.
fn matching<'a>(items: &[&'a Item], wanted: &str) -> Vec<&'a Item> {
    let number: Option<u32> = wanted.parse().ok();
    let ways: [&dyn Fn(&Item) -> bool; 6] = [
        &|item| item.folder == wanted,
        &|item| numbered(item, wanted),
        &|item| topic(item) == wanted,
        &|item| number.is_some() && item.number == number && item.kind == Kind::Drill,
        &|item| number.is_some() && item.number == number,
        &|item| !wanted.is_empty() && number.is_none() && item.folder.starts_with(wanted),
    ];
    ways.iter()
        .map(|way| items.iter().copied().filter(|item| way(item)).collect::<Vec<_>>())
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// `drill_03`, `drill_3`, `drill3` or `drill-3`.
fn numbered(item: &Item, wanted: &str) -> bool {
    wanted
        .strip_prefix(item.kind.word())
        .map(|rest| rest.trim_start_matches(['_', '-']))
        .and_then(|digits| digits.parse::<u32>().ok())
        .is_some_and(|number| item.number == Some(number))
}

fn topic(item: &Item) -> &str {
    item.folder
        .trim_start_matches(item.kind.word())
        .trim_start_matches(|c: char| c == '_' || c.is_ascii_digit())
}

fn nearest(chapters: &[Chapter], query: &str) -> Vec<String> {
    const SIMILAR_ENOUGH: f64 = 0.7;
    const SHOWN: usize = 3;
    let likeness = |item: &Item| {
        [item.id(), item.package(), item.folder.clone(), topic(item).to_owned()]
            .iter()
            .map(|name| strsim::jaro_winkler(name, query))
            .fold(0.0, f64::max)
    };
    let items = chapters.iter().flat_map(|chapter| &chapter.items);
    let mut ranked: Vec<(f64, String)> = items
        .map(|item| (likeness(item), item.id()))
        .filter(|(l, _)| *l > SIMILAR_ENOUGH)
        .collect();
    ranked.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    ranked.into_iter().take(SHOWN).map(|(_, id)| id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::parse_item;

    fn chapters() -> Vec<Chapter> {
        let chapter = |number, folder: &str, names: &[&str]| Chapter {
            folder: folder.to_owned(),
            number,
            items: names.iter().filter_map(|name| parse_item(number, folder, name)).collect(),
        };
        vec![
            chapter(
                8,
                "ch08_fault_tolerance",
                &["warmup_03_child_spec", "drill_03_links", "drill_04_monitors", "project_todo"],
            ),
            chapter(9, "ch09_isolation", &["drill_03_supervision_trees", "exercise_04_pipeline"]),
        ]
    }

    fn ids(query: &str) -> Result<Vec<String>, NoSuchId> {
        let chapters = chapters();
        select(&chapters, query).map(|items| items.iter().map(|item| item.id()).collect())
    }

    #[test]
    fn every_usual_way_to_name_an_item_is_understood() {
        for (query, id) in [
            ("ch08/drill_03_links", "ch08/drill_03_links"),
            ("ch08/drill_03_links/", "ch08/drill_03_links"),
            ("ch08/3", "ch08/drill_03_links"),
            ("ch08/drill_03", "ch08/drill_03_links"),
            ("ch8/drill3", "ch08/drill_03_links"),
            ("8/03", "ch08/drill_03_links"),
            ("drill_03_links", "ch08/drill_03_links"),
            ("links", "ch08/drill_03_links"),
            ("drill_04", "ch08/drill_04_monitors"),
            ("drill_03_l", "ch08/drill_03_links"),
            ("ch08_drill_03_links", "ch08/drill_03_links"),
            ("ch09_drill_03", "ch09/drill_03_supervision_trees"),
            ("ch08_fault_tolerance/drill_03_links", "ch08/drill_03_links"),
            ("workbook/ch08_fault_tolerance/drill_03_links", "ch08/drill_03_links"),
            ("ch09/4", "ch09/exercise_04_pipeline"),
            ("ch08/warmup_03", "ch08/warmup_03_child_spec"),
            ("ch08/project", "ch08/project_todo"),
        ] {
            assert_eq!(ids(query).unwrap(), [id], "{query}");
        }
    }

    #[test]
    fn a_chapter_means_all_of_its_items() {
        for query in ["ch09", "ch9", "9", "ch09_isolation", "ch09_iso"] {
            assert_eq!(ids(query).unwrap().len(), 2, "{query}");
        }
    }

    #[test]
    fn an_ambiguous_id_lists_what_it_could_be() {
        let error = ids("drill_03").unwrap_err();
        assert!(error.ambiguous);
        assert_eq!(error.candidates, ["ch08/drill_03_links", "ch09/drill_03_supervision_trees"]);
    }

    #[test]
    fn an_unknown_id_suggests_the_nearest() {
        let error = ids("ch08/drill_03_lnks").unwrap_err();
        assert!(!error.ambiguous);
        assert_eq!(error.candidates[0], "ch08/drill_03_links");
        assert!(error.to_string().contains("Did you mean"));
        assert!(ids("zebra").unwrap_err().candidates.is_empty());
        assert!(ids("ch07/drill_03").is_err());
        assert!(ids("").is_err());
    }
}
