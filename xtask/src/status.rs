//! `status`: the whole course on one page, with what has been reached.

use std::fmt::Write as _;

use crate::course::{Chapter, Course, EXERCISE_TENTHS, Item};
use crate::fault::Verdict;
use crate::notebook::{Entry, Notebook};
use crate::plan::Plan;
use crate::report::points;
use crate::style::{self, Mark, paint};
use crate::{files, quiz, workbook};

/// What the page says of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    id: String,
    started: bool,
    entry: Entry,
    /// Points that can be had, in tenths.
    of: u32,
    /// Questions that were answered right at least once, and all of them.
    quiz: (usize, usize),
}

/// Prints the page.
pub(crate) fn run(course: &Course, id: Option<&str>) -> anyhow::Result<Verdict> {
    let root = course.root.join(workbook::FOLDER);
    let notebook = Notebook::load(&root)?;
    let wanted = course.select(id)?;
    let mut chapters = Vec::new();
    for chapter in &course.chapters {
        let items = chapter.items.iter().filter(|item| wanted.contains(item));
        let lines = items
            .map(|item| line(course, &root, &notebook, item))
            .collect::<anyhow::Result<Vec<Line>>>()?;
        if !lines.is_empty() {
            chapters.push((title(course, chapter), lines));
        }
    }
    anstream::print!("{}", page(&chapters, style::columns()));
    Ok(Verdict::Full)
}

fn line(
    course: &Course,
    root: &std::path::Path,
    notebook: &Notebook,
    item: &Item,
) -> anyhow::Result<Line> {
    let entry = notebook.item(&item.id());
    let plan = Plan::read(course, item)?;
    let of = match &plan.rubric {
        Some(rubric) => rubric.points.get_ref() * 10,
        None => plan.exercises.iter().map(|_| EXERCISE_TENTHS).sum(),
    };
    let questions = quiz::ids(course, item)?;
    let right = questions.iter().filter(|id| notebook.answers(id).right > 0).count();
    Ok(Line {
        id: item.id(),
        started: workbook::started(root, item),
        of: entry.last.and(entry.of).unwrap_or(of),
        entry,
        quiz: (right, questions.len()),
    })
}

/// The headline of the chapter's README, or else its number.
fn title(course: &Course, chapter: &Chapter) -> String {
    let readme = course.root.join(&chapter.folder).join("README.md");
    let readme = files::read(&readme).unwrap_or_default();
    let headline = readme.lines().find_map(|line| line.strip_prefix("# "));
    headline.map_or_else(|| format!("Chapter {}", chapter.number), |title| title.trim().to_owned())
}

impl Line {
    fn mark(&self) -> Mark {
        match self.entry.last {
            None => style::OPEN,
            Some(last) => style::mark(last, self.of),
        }
    }

    fn score(&self) -> String {
        match (self.started, self.entry.last) {
            (_, Some(last)) => format!("{} / {}", points(last), points(self.of)),
            (true, None) => "not graded".to_owned(),
            (false, None) => "not started".to_owned(),
        }
    }

    fn hints(&self) -> String {
        match self.entry.hints() {
            0 => String::new(),
            count => style::counted(count as usize, "hint"),
        }
    }

    fn quiz(&self) -> String {
        match self.quiz {
            (_, 0) => String::new(),
            (right, all) => format!("quiz {right}/{all}"),
        }
    }

    fn spoiled(&self) -> &'static str {
        if self.entry.spoiled { "spoiled" } else { "" }
    }

    /// Everything behind the id.
    fn cells(&self) -> [String; 4] {
        [self.score(), self.hints(), self.quiz(), self.spoiled().to_owned()]
    }
}

/// The page, for a terminal of `width` columns.
fn page(chapters: &[(String, Vec<Line>)], width: usize) -> String {
    let lines: Vec<&Line> = chapters.iter().flat_map(|(_, lines)| lines).collect();
    let widest = |text: &dyn Fn(&Line) -> String| {
        lines.iter().map(|line| text(line).chars().count()).max().unwrap_or(0)
    };
    let id = widest(&|line| line.id.clone());
    let cells = [0, 1, 2, 3].map(|index| widest(&|line| line.cells()[index].clone()));
    let gaps = 2 * cells.iter().filter(|cell| **cell > 0).count();
    let fits = 4 + id + cells.iter().sum::<usize>() + gaps <= width;
    let mut text = String::new();
    for (title, lines) in chapters {
        for part in style::wrap(title, width) {
            let _ = writeln!(text, "{}", paint(style::TITLE, &part));
        }
        for line in lines {
            if fits {
                let columns = columns(line, cells);
                let row = format!("  {} {:<id$}{columns}", line.mark(), line.id);
                let _ = writeln!(text, "{}", row.trim_end());
            } else {
                stacked(&mut text, line, width);
            }
        }
        text.push('\n');
    }
    totals(&mut text, &lines, width);
    text
}

/// Points stand right below points, everything else left below its like.
fn columns(line: &Line, [score, hints, quiz, spoiled]: [usize; 4]) -> String {
    let [this_score, this_hints, this_quiz, this_spoiled] = line.cells();
    let mut text = String::new();
    let cells = [
        (score, format!("{this_score:>score$}")),
        (hints, format!("{this_hints:<hints$}")),
        (quiz, format!("{this_quiz:<quiz$}")),
        (spoiled, format!("{this_spoiled:<spoiled$}")),
    ];
    for (_, cell) in cells.iter().filter(|(width, _)| *width > 0) {
        text.push_str("  ");
        text.push_str(cell);
    }
    let text = text.trim_end();
    if line.entry.last.is_none() { paint(style::FAINT, text) } else { text.to_owned() }
}

/// On a narrow terminal the facts go below the id.
fn stacked(text: &mut String, line: &Line, width: usize) {
    const INDENT: usize = 4;
    let id = style::wrap(&line.id, width.saturating_sub(INDENT));
    for (index, part) in id.iter().enumerate() {
        let _ = match index {
            0 => writeln!(text, "  {} {part}", line.mark()),
            _ => writeln!(text, "{:INDENT$}{part}", ""),
        };
    }
    let cells: Vec<String> = line.cells().into_iter().filter(|cell| !cell.is_empty()).collect();
    for part in style::wrap(&cells.join(", "), width.saturating_sub(INDENT)) {
        let _ = writeln!(text, "{:INDENT$}{}", "", paint(style::FAINT, &part));
    }
}

fn totals(text: &mut String, lines: &[&Line], width: usize) {
    const BAR: u32 = 20;
    let score: u32 = lines.iter().filter_map(|line| line.entry.last).sum();
    let of: u32 = lines.iter().map(|line| line.of).sum();
    let done = lines.iter().filter(|line| line.entry.done).count();
    let hints: u32 = lines.iter().map(|line| line.entry.hints()).sum();
    let right: usize = lines.iter().map(|line| line.quiz.0).sum();
    let questions: usize = lines.iter().map(|line| line.quiz.1).sum();
    let facts = format!(
        "{done} of {} done, {}, quiz {right}/{questions}",
        style::counted(lines.len(), "item"),
        style::counted(hints as usize, "hint"),
    );
    let total = format!("{} of {} points", points(score), points(of));
    let bar = style::bar(score, of, BAR);
    if BAR as usize + 2 + total.len() <= width {
        let _ = writeln!(text, "{bar}  {}", paint(style::TITLE, &total));
    } else {
        let _ = writeln!(text, "{}", paint(style::TITLE, &total));
    }
    for part in style::wrap(&facts, width) {
        let _ = writeln!(text, "{part}");
    }
    if lines.iter().all(|line| !line.started) {
        let _ = writeln!(text, "\nBegin with {}", paint(style::ACTION, "cargo xtask start"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, last: Option<u32>, hints: u32) -> Line {
        let mut notebook = Notebook::default();
        if let Some(last) = last {
            notebook.graded(id, last, 300, Vec::new());
        }
        if hints > 0 {
            notebook.hinted(id, 1, hints);
        }
        Line {
            id: id.to_owned(),
            started: last.is_some(),
            entry: notebook.item(id),
            of: 300,
            quiz: (1, 4),
        }
    }

    fn plain(lines: Vec<Line>, width: usize) -> String {
        let page = page(&[("Chapter 8: Faults".to_owned(), lines)], width);
        anstream::adapter::strip_str(&page).to_string()
    }

    fn example() -> Vec<Line> {
        let mut spoiled = line("ch08/drill_05_supervisor", Some(67), 3);
        spoiled.entry.spoiled = true;
        vec![line("ch08/drill_03_links", Some(300), 0), spoiled, line("ch08/drill_06_x", None, 0)]
    }

    #[test]
    fn each_item_has_a_line_and_the_course_has_totals() {
        assert_eq!(
            plain(example(), 80),
            "\
Chapter 8: Faults
  ✓ ch08/drill_03_links           30 / 30           quiz 1/4
  ◐ ch08/drill_05_supervisor     6.7 / 30  3 hints  quiz 1/4  spoiled
  · ch08/drill_06_x           not started           quiz 1/4

████████░░░░░░░░░░░░  36.7 of 90 points
1 of 3 items done, 3 hints, quiz 3/12
"
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_nothing_is_left_out() {
        for width in [20, 30, 40, 60, 80, 200] {
            let text = plain(example(), width);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}\n{text}");
            let joined: String = text.split_whitespace().collect();
            for fact in ["drill_05_supervisor", "6.7/30", "3hints", "spoiled", "36.7of90points"] {
                assert!(joined.contains(fact), "{fact} at {width}\n{text}");
            }
        }
    }

    #[test]
    fn who_has_not_begun_is_told_how() {
        let text = plain(vec![line("ch08/drill_03_links", None, 0)], 80);
        assert!(text.ends_with("\nBegin with cargo xtask start\n"), "{text}");
        assert!(!plain(example(), 80).contains("Begin with"));
    }
}
