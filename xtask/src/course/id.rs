//! From what a person types to the items that are meant.

use std::fmt;
use std::path::Path;

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
        match (self.ambiguous, self.candidates.as_slice()) {
            (true, _) => writeln!(f, "`{}` could be any of these:", self.query)?,
            (false, []) => {
                return write!(f, "no item `{}`; `cargo xtask status` lists all", self.query);
            }
            (false, [one]) => {
                return write!(f, "no item `{}`; did you mean `{one}`?", self.query);
            }
            (false, _) => {
                writeln!(f, "no item `{}`; did you mean one of these?", self.query)?;
            }
        }
        let lines: Vec<String> = self.candidates.iter().map(|id| format!("  {id}")).collect();
        write!(f, "{}", lines.join("\n"))
    }
}

/// The items that `query` names: one item, or a whole chapter.
///
/// A chapter is `ch08`, `ch8`, `8` or its folder; an item is its folder, `drill_03`, its topic, a
/// bare number (then the drill of that number is meant), a beginning of its folder, of its topic or
/// of a word of its topic, with or without its chapter in front; a package name works as well.
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

/// What a folder below the root of the course is called as a query; the root itself means all.
pub(crate) fn of_folder(below: &Path) -> Option<String> {
    let below = below.strip_prefix("workbook").unwrap_or(below);
    let parts: Vec<_> = below.iter().take(2).map(|part| part.to_string_lossy()).collect();
    // A chapter's own `src` and `tests` belong to the chapter.
    match parts.as_slice() {
        [] => None,
        [chapter, folder] if !matches!(&**folder, "src" | "tests") => {
            Some(format!("{chapter}/{folder}"))
        }
        [chapter, ..] => Some(chapter.to_string()),
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
    let begun = !wanted.is_empty() && number.is_none();
    let ways: [&dyn Fn(&Item) -> bool; 8] = [
        &|item| item.folder == wanted,
        &|item| numbered(item, wanted),
        &|item| topic(item) == wanted,
        &|item| number.is_some() && item.number == number && item.kind == Kind::Drill,
        &|item| number.is_some() && item.number == number,
        &|item| begun && item.folder.starts_with(wanted),
        &|item| begun && topic(item).starts_with(wanted),
        &|item| begun && topic(item).split('_').any(|word| word.starts_with(wanted)),
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
    const SIMILAR_ENOUGH: f64 = 0.75;
    const NEAR_THE_BEST: f64 = 0.04;
    const SHOWN: usize = 3;
    let likeness = |item: &Item| {
        let chapter = format!("ch{:02}", item.chapter);
        let short = match item.number {
            Some(number) => format!("{}_{number:02}", item.kind.word()),
            None => item.kind.word().to_owned(),
        };
        let topic = topic(item).to_owned();
        let with_chapter = [&short, &topic].map(|name| format!("{chapter}/{name}"));
        [item.id(), item.package(), item.folder.clone(), short, topic]
            .iter()
            .chain(&with_chapter)
            .map(|name| strsim::jaro_winkler(name, query))
            .fold(0.0, f64::max)
    };
    let items = chapters.iter().flat_map(|chapter| &chapter.items);
    let mut ranked: Vec<(f64, String)> = items
        .map(|item| (likeness(item), item.id()))
        .filter(|(l, _)| *l > SIMILAR_ENOUGH)
        .collect();
    ranked.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let best = ranked.first().map_or(0.0, |(likeness, _)| *likeness);
    ranked.retain(|(likeness, _)| best - likeness <= NEAR_THE_BEST);
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
            ("lin", "ch08/drill_03_links"),
            ("spec", "ch08/warmup_03_child_spec"),
            ("ch09/trees", "ch09/drill_03_supervision_trees"),
        ] {
            assert_eq!(ids(query).unwrap(), [id], "{query}");
        }
    }

    #[test]
    fn a_folder_is_the_item_or_the_chapter_around_it() {
        for (folder, expected) in [
            ("", None),
            ("workbook", None),
            ("workbook/ch08_x", Some("ch08_x")),
            ("ch08_x/tests", Some("ch08_x")),
            ("ch08_x/drill_03_links", Some("ch08_x/drill_03_links")),
            ("workbook/ch08_x/drill_03_links/src/deep", Some("ch08_x/drill_03_links")),
        ] {
            assert_eq!(of_folder(Path::new(folder)).as_deref(), expected, "{folder}");
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
        assert_eq!(
            error.to_string(),
            "`drill_03` could be any of these:\n  ch08/drill_03_links\n  \
             ch09/drill_03_supervision_trees"
        );
    }

    #[test]
    fn an_unknown_id_suggests_the_nearest() {
        for (query, candidates) in [
            ("ch08/drill_03_lnks", vec!["ch08/drill_03_links"]),
            ("lnks", vec!["ch08/drill_03_links"]),
            ("drill_14", vec!["ch08/drill_04_monitors"]),
            ("drill_33", vec!["ch08/drill_03_links", "ch09/drill_03_supervision_trees"]),
            ("ch08/monitor_s", vec!["ch08/drill_04_monitors"]),
            ("zebra", vec![]),
        ] {
            let error = ids(query).unwrap_err();
            assert!(!error.ambiguous);
            assert_eq!(error.candidates, candidates, "{query}");
        }
        assert_eq!(
            ids("lnks").unwrap_err().to_string(),
            "no item `lnks`; did you mean `ch08/drill_03_links`?"
        );
        assert!(
            ids("drill_33").unwrap_err().to_string().contains("; did you mean one of these?\n")
        );
        assert!(ids("zebra").unwrap_err().to_string().contains("cargo xtask status"));
        assert!(ids("ch07/drill_03").is_err());
        assert!(ids("").is_err());
    }
}
