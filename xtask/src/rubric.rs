//! `rubric.toml`: the points of a graded crate, area by area, and what each of them is given for.
//!
//! ```text
//! title  = "Fault-tolerant HTTP client pool"
//! points = 100
//!
//! [[area]]
//! name   = "Circuit breaker"
//! points = 25
//!
//! [[area.item]]
//! id      = "breaker-transitions"
//! name    = "State transitions work"
//! points  = 10
//! tests   = ["breaker::opens_at_the_threshold"]
//! mutants = ["never-opens"]
//! ```

pub(crate) mod score;

use serde::Deserialize;
use toml::Spanned;

use crate::course::{Course, Item};
use crate::mutants::{Catcher, Mutant};
use crate::{fault, files};

/// Its name, in the item's folder.
pub(crate) const FILE: &str = "rubric.toml";

/// What a crate is graded by, in the place of ten points for each exercise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rubric {
    /// What is graded.
    pub(crate) title: String,
    /// The sum of the areas' points.
    pub(crate) points: Spanned<u32>,
    /// In the order of the report.
    #[serde(rename = "area")]
    pub(crate) areas: Vec<Area>,
}

/// A part of the rubric.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Area {
    /// As the report calls it.
    pub(crate) name: String,
    /// The sum of its entries' points.
    pub(crate) points: Spanned<u32>,
    /// In the order of the report.
    #[serde(rename = "item")]
    pub(crate) entries: Vec<Spanned<Entry>>,
}

/// One line of a rubric.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// Unique in the rubric; small letters, digits and `-`.
    pub(crate) id: String,
    /// What the points are given for.
    pub(crate) name: String,
    /// How many there are to be had.
    #[serde(default)]
    pub(crate) points: u32,
    /// How they are measured.
    #[serde(default)]
    pub(crate) kind: Kind,
    /// The course's tests that measure it.
    #[serde(default)]
    pub(crate) tests: Vec<String>,
    /// Those of its tests without which there are no points at all.
    #[serde(default)]
    pub(crate) gate: Vec<String>,
    /// Wrong answers that lose points here; for [`Kind::Kills`], those to be killed.
    #[serde(default)]
    pub(crate) mutants: Vec<String>,
    /// Lints that are counted, as the compiler or clippy calls them.
    #[serde(default)]
    pub(crate) lints: Vec<String>,
    /// So many findings, or more, leave no points.
    pub(crate) limit: Option<u32>,
    /// What a person looks at.
    #[serde(default)]
    pub(crate) checklist: Vec<String>,
    /// What to try when points are missing.
    pub(crate) hint: Option<String>,
}

/// How an entry is measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// By the course's tests: the share of those that pass.
    #[default]
    Tests,
    /// By tests that compare the running tree with the drawn one.
    Shape,
    /// By the mutants that the learner's own tests kill.
    Kills,
    /// By counting lints: a proxy for what is really meant.
    Source,
    /// By a person; no points.
    Review,
}

impl Kind {
    /// The word in the file and in reports.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Tests => "tests",
            Self::Shape => "shape",
            Self::Kills => "kills",
            Self::Source => "source",
            Self::Review => "review",
        }
    }

    /// Whether the course's tests decide it.
    pub(crate) fn is_behaviour(self) -> bool {
        matches!(self, Self::Tests | Self::Shape)
    }
}

impl Rubric {
    /// The item's rubric, if it has one.
    pub(crate) fn read(course: &Course, item: &Item) -> anyhow::Result<Option<Self>> {
        let path = course.root.join(item.dir()).join(FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let rubric = parse(&item.shown(FILE), &files::read(&path)?);
        rubric.map(Some).map_err(|problems| fault::course(problems.join("\n")))
    }

    /// Every entry, in order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.areas.iter().flat_map(|area| &area.entries).map(Spanned::get_ref)
    }
}

/// Reads a rubric; each problem names file, line and what was expected.
pub(crate) fn parse(file: &str, text: &str) -> Result<Rubric, Vec<String>> {
    let rubric: Rubric =
        toml::from_str(text).map_err(|error| vec![files::toml_fault(file, text, &error)])?;
    let found = problems(&rubric);
    if found.is_empty() {
        return Ok(rubric);
    }
    let shown = |(offset, what)| format!("{file}:{}: {what}", files::line_at(text, offset));
    Err(found.into_iter().map(shown).collect())
}

/// What does not fit, with the place in the file, in bytes.
fn problems(rubric: &Rubric) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let areas = rubric.areas.iter().map(|area| *area.points.get_ref());
    found.extend(sum_of("the areas", &rubric.points, areas));
    for area in &rubric.areas {
        let points = area.entries.iter().map(|entry| entry.get_ref().points);
        let name = format!("the items of `{}`", area.name);
        found.extend(sum_of(&name, &area.points, points));
    }
    let mut earlier: Vec<&Entry> = Vec::new();
    for spanned in rubric.areas.iter().flat_map(|area| &area.entries) {
        let entry = spanned.get_ref();
        let mut complain = |what: String| {
            found.push((spanned.span().start, format!("item `{}`: {what}", entry.id)));
        };
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if entry.id.is_empty() || !entry.id.chars().all(plain) {
            complain("expected an `id` of small letters, digits and `-`".to_owned());
        }
        if earlier.iter().any(|other| other.id == entry.id) {
            complain("its id is used twice".to_owned());
        }
        for test in &entry.tests {
            let owner = earlier.iter().find(|other| other.tests.contains(test));
            if let Some(owner) = owner {
                complain(format!("test `{test}` counts for `{}` already", owner.id));
            }
        }
        for gate in entry.gate.iter().filter(|gate| !entry.tests.contains(gate)) {
            complain(format!("gate `{gate}` is none of its `tests`"));
        }
        fields(entry).into_iter().for_each(&mut complain);
        earlier.push(entry);
    }
    found
}

fn sum_of(
    what: &str,
    expected: &Spanned<u32>,
    points: impl Iterator<Item = u32>,
) -> Option<(usize, String)> {
    let (sum, expected_sum) = (points.sum::<u32>(), *expected.get_ref());
    let wrong = sum != expected_sum;
    wrong.then(|| {
        (expected.span().start, format!("{what} have {sum} points, expected {expected_sum}"))
    })
}

/// Each kind has fields that it needs, and no others.
fn fields(entry: &Entry) -> Vec<String> {
    let kind = entry.kind;
    let mut found = Vec::new();
    let mut field = |name: &str, given: bool, needed: bool, allowed: bool| {
        let word = kind.word();
        if needed && !given {
            found.push(format!("expected `{name}`: its kind is `{word}`"));
        } else if given && !allowed {
            found.push(format!("`{name}` means nothing: its kind is `{word}`"));
        }
    };
    let behaviour = kind.is_behaviour();
    let (kills, source, review) = (kind == Kind::Kills, kind == Kind::Source, kind == Kind::Review);
    field("points", entry.points > 0, !review, !review);
    field("tests", !entry.tests.is_empty(), behaviour, behaviour);
    field("gate", !entry.gate.is_empty(), false, behaviour);
    field("mutants", !entry.mutants.is_empty(), behaviour || kills, behaviour || kills);
    field("lints", !entry.lints.is_empty(), source, source);
    field("limit", entry.limit.is_some_and(|limit| limit > 0), source, source);
    field("checklist", !entry.checklist.is_empty(), review, review);
    found
}

/// Where rubric and mutants do not agree.
pub(crate) fn disagreements(rubric: &Rubric, mutants: &[Mutant]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in rubric.entries() {
        for name in &entry.mutants {
            let id = &entry.id;
            match mutants.iter().find(|mutant| mutant.name == *name) {
                None => found.push(format!("{FILE}: item `{id}`: there is no mutant `{name}`")),
                Some(mutant) if entry.kind.is_behaviour() => {
                    let own = Catcher::Rubric(id.clone());
                    if mutant.catcher != own {
                        let catcher = &mutant.catcher;
                        found.push(format!(
                            "mutants/{name}.patch: expected `# caught by: {own}`, found {catcher}"
                        ));
                    }
                }
                Some(_) => {}
            }
        }
    }
    for mutant in mutants {
        let lists =
            |entry: &Entry| entry.kind.is_behaviour() && entry.mutants.contains(&mutant.name);
        if !rubric.entries().any(lists) {
            let name = &mutant.name;
            found.push(format!("mutants/{name}.patch: no item of {FILE} lists it"));
        }
    }
    found
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const GOOD: &str = r#"title = "Pool"
points = 10

[[area]]
name = "Breaker"
points = 6

[[area.item]]
id = "opens"
name = "It opens"
points = 4
tests = ["a", "b"]
gate = ["a"]
mutants = ["never"]

[[area.item]]
id = "lints"
name = "No unwrap"
points = 2
kind = "source"
lints = ["clippy::unwrap_used"]
limit = 4

[[area]]
name = "Testing"
points = 4

[[area.item]]
id = "kills"
name = "Tests of one's own"
points = 4
kind = "kills"
mutants = ["never"]

[[area.item]]
id = "read"
name = "Names"
kind = "review"
checklist = ["Do names say what they mean?"]
"#;

    #[test]
    fn a_rubric_is_read_with_its_defaults() {
        let rubric = parse("rubric.toml", GOOD).unwrap();
        let kinds: Vec<Kind> = rubric.entries().map(|entry| entry.kind).collect();
        assert_eq!(kinds, [Kind::Tests, Kind::Source, Kind::Kills, Kind::Review]);
        assert_eq!((rubric.title.as_str(), *rubric.points.get_ref()), ("Pool", 10));
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_line() {
        for (from, to, expected) in [
            ("points = 10", "points = 12", "r.toml:2: the areas have 10 points, expected 12"),
            (
                "points = 6",
                "points = 7",
                "r.toml:6: the items of `Breaker` have 6 points, expected 7",
            ),
            ("gate = [\"a\"]", "gate = [\"c\"]", "r.toml:8: item `opens`: gate `c` is none of"),
            ("id = \"lints\"", "id = \"opens\"", "r.toml:16: item `opens`: its id is used twice"),
            ("id = \"lints\"", "id = \"Lints\"", "r.toml:16: item `Lints`: expected an `id` of"),
            ("limit = 4", "", "r.toml:16: item `lints`: expected `limit`: its kind is `source`"),
            ("limit = 4", "limit = 4\ntests = [\"b\"]", "test `b` counts for `opens` already"),
            (
                "limit = 4",
                "limit = 4\ntests = [\"c\"]",
                "`tests` means nothing: its kind is `source`",
            ),
            ("kind = \"review\"", "kind = \"review\"\npoints = 1", "`points` means nothing"),
            ("kind = \"kills\"", "kind = \"kill\"", "expected one of `tests`, `shape`, `kills`"),
            ("name = \"It opens\"", "", "missing field `name`"),
            ("limit = 4", "limits = 4", "unknown field `limits`"),
        ] {
            let problems = parse("r.toml", &GOOD.replacen(from, to, 1)).unwrap_err();
            assert!(problems.iter().any(|problem| problem.contains(expected)), "{problems:?}");
            assert!(problems.iter().all(|problem| problem.starts_with("r.toml:")), "{problems:?}");
        }
    }

    #[test]
    fn rubric_and_mutants_name_each_other() {
        let rubric = parse("r.toml", GOOD).unwrap();
        let mutant = |name: &str, catcher: &str| {
            let text =
                format!("# what: x\n# caught by: {catcher}\n--- a/src/lib.rs\n+++ b/src/lib.rs\n");
            crate::mutants::parse(name, &text).unwrap()
        };
        assert_eq!(disagreements(&rubric, &[mutant("never", "rubric opens")]), [""; 0]);
        let wrong = disagreements(&rubric, &[mutant("never", "exercise 1")]);
        assert!(wrong[0].contains("expected `# caught by: rubric opens`"), "{wrong:?}");
        assert!(disagreements(&rubric, &[])[0].contains("there is no mutant `never`"));
        let unlisted = [mutant("never", "rubric opens"), mutant("late", "rubric opens")];
        assert!(disagreements(&rubric, &unlisted)[0].contains("late.patch: no item"));
    }
}
