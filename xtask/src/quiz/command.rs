//! `quiz`: asks the course's questions on a terminal, or prints them.

use std::io::IsTerminal as _;

use super::session::{self, Around};
use super::{Question, Quiz, parse};
use crate::course::{Course, Item};
use crate::fault::{self, Verdict};
use crate::notebook::Notebook;
use crate::style::{self, paint};
use crate::{files, trace, workbook};

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Request {
    /// Which items; all of them if there is none.
    pub(crate) id: Option<String>,
    /// Print questions and answers instead of asking.
    pub(crate) print: bool,
}

/// Asks, or prints.
pub(crate) fn run(course: &Course, request: &Request) -> anyhow::Result<Verdict> {
    let items = course.select(request.id.as_deref())?;
    let quizzes: Vec<(&Item, Quiz)> = items
        .into_iter()
        .map(|item| Ok((item, read(course, item)?)))
        .collect::<anyhow::Result<_>>()?;
    let asked: Vec<(&Item, &Question)> = quizzes
        .iter()
        .flat_map(|(item, quiz)| quiz.questions.iter().map(|question| (*item, question)))
        .collect();
    if request.print {
        print(&asked);
        return Ok(Verdict::Full);
    }
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return Err(fault::input(
            "a quiz asks on a terminal; `--print` prints the questions and their answers",
        ));
    }
    let questions: Vec<&Question> = asked.iter().map(|(_, question)| *question).collect();
    let mut around = AtHome { course, asked: &asked };
    if !course.root.join(workbook::FOLDER).is_dir() {
        anstream::println!("There is no workbook yet, so your answers are not kept.");
    }
    let mut out = anstream::stdout();
    let (mut input, width) = (std::io::stdin().lock(), style::told_columns().unwrap_or(usize::MAX));
    let score = session::run(&questions, &mut input, &mut out, &mut around, width)?;
    let said = format!("{} of {} right at the first try", score.right, score.asked);
    anstream::println!("\n{}", paint(style::TITLE, &said));
    Ok(Verdict::Full)
}

fn read(course: &Course, item: &Item) -> anyhow::Result<Quiz> {
    let file = item.shown("quiz.toml");
    parse(&file, &files::read(&course.root.join(&file))?).map_err(fault::course)
}

fn print(asked: &[(&Item, &Question)]) {
    for (item, question) in asked {
        let heading = format!("{} ({item})", question.id);
        anstream::println!("{}\n{}", paint(style::TITLE, &heading), session::put(question));
        let short = match session::solution(question) {
            words if words == "see below" => String::new(),
            right => format!("{right}. "),
        };
        anstream::println!("Answer: {short}{}", question.answer.trim());
        if let Some(proof) = &question.proof {
            let seed = match question.seed {
                0 => String::new(),
                seed => format!(" --seed {seed}"),
            };
            let command = format!("cargo xtask trace {item} {proof} --reference{seed}");
            anstream::println!("See it happen: {}", paint(style::ACTION, &command));
        }
        anstream::println!();
    }
}

/// A session on a real course.
struct AtHome<'a> {
    course: &'a Course,
    asked: &'a [(&'a Item, &'a Question)],
}

impl Around for AtHome<'_> {
    fn record(&mut self, question: &Question, right: bool) -> anyhow::Result<()> {
        let folder = self.course.root.join(workbook::FOLDER);
        if folder.is_dir() {
            Notebook::change(&folder, |notebook| notebook.answered(&question.id, right))?;
        }
        Ok(())
    }

    fn draw(&mut self, question: &Question) -> anyhow::Result<()> {
        let of = self.asked.iter().find(|(_, asked)| std::ptr::eq(*asked, question));
        match (of, &question.proof) {
            (Some((item, _)), Some(proof)) => trace::proof(self.course, item, proof, question.seed),
            _ => Ok(()),
        }
    }
}
