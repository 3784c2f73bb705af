//! `xtask/oracle.toml`: which scenarios there are.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::files;

/// A part of the BEAM's behaviour.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Area {
    /// For instance `links`.
    pub(crate) name: String,
    scenarios: BTreeMap<String, Scenarios>,
}

/// The scenarios that share a prefix: `LNK-01` to `LNK-25`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenarios {
    count: u32,
    /// Which of them any port must match first, as `1-14, 16`.
    #[serde(default)]
    core: String,
    /// Whether they observe the course's own exercises.
    #[serde(default)]
    exercise: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Areas {
    area: Vec<Area>,
}

impl Area {
    /// All ids, in order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = String> {
        self.scenarios.iter().flat_map(|(prefix, scenarios)| {
            (1..=scenarios.count).map(move |number| id(prefix, number))
        })
    }

    /// The ids that any port must match first.
    pub(crate) fn core(&self) -> impl Iterator<Item = String> {
        self.scenarios.iter().flat_map(|(prefix, scenarios)| {
            ranges(&scenarios.core).unwrap_or_default().into_iter().map(move |n| id(prefix, n))
        })
    }

    fn tier(&self, wanted: &str) -> &'static str {
        let of = |(prefix, scenarios): (&String, &Scenarios)| {
            wanted.strip_prefix(prefix.as_str())?.starts_with('-').then_some(scenarios.exercise)
        };
        match self.scenarios.iter().find_map(of) {
            Some(true) => "exercise",
            _ if self.core().any(|id| id == wanted) => "core",
            _ => "extra",
        }
    }
}

fn id(prefix: &str, number: u32) -> String {
    format!("{prefix}-{number:02}")
}

/// `1-3, 5` as numbers.
fn ranges(text: &str) -> Option<Vec<u32>> {
    let mut numbers = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let number = |digits: &str| digits.trim().parse::<u32>().ok();
        numbers.extend(number(from)?..=number(to)?);
    }
    Some(numbers)
}

/// Reads the areas; the error names file, line and what was expected.
pub(crate) fn parse(file: &str, text: &str) -> Result<Vec<Area>, String> {
    let areas: Areas =
        toml::from_str(text).map_err(|error| files::toml_fault(file, text, &error))?;
    for (prefix, scenarios) in areas.area.iter().flat_map(|area| &area.scenarios) {
        let known = |numbers: &[u32]| numbers.iter().all(|n| (1..=scenarios.count).contains(n));
        if !ranges(&scenarios.core).is_some_and(|numbers| known(&numbers)) {
            return Err(format!(
                "{file}: {prefix}: expected `core` to be like \"1-14, 16\", up to {}",
                scenarios.count
            ));
        }
    }
    Ok(areas.area)
}

/// Areas, ids and tiers must be those of the list that they were made from.
pub(crate) fn compare(areas: &[Area], origin: &str, own: &str, name: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Scenario {
        id: String,
        area: String,
        tier: String,
    }
    let scenarios: Vec<Scenario> = match serde_json::from_str(origin) {
        Ok(scenarios) => scenarios,
        Err(error) => return vec![format!("{name}: {error}")],
    };
    let expected: Vec<[&str; 3]> =
        scenarios.iter().map(|s| [s.area.as_str(), s.id.as_str(), s.tier.as_str()]).collect();
    let mut problems = Vec::new();
    let mut found = 0;
    for area in areas {
        for id in area.ids() {
            found += 1;
            let here = [area.name.as_str(), id.as_str(), area.tier(&id)];
            if !expected.contains(&here) {
                problems.push(format!("{own}: {} is not in {name} like this", here.join(", ")));
            }
        }
    }
    if found != expected.len() {
        problems.push(format!("{own}: expected {} scenarios, found {found}", expected.len()));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
[[area]]
name = \"links\"
[area.scenarios]
LNK = { count = 4, core = \"1-2, 4\" }
[[area]]
name = \"drills\"
[area.scenarios]
C8 = { count = 1, exercise = true }
";

    #[test]
    fn ids_and_tiers_are_spelled_out() {
        let areas = parse("oracle.toml", TEXT).unwrap();
        let ids: Vec<String> = areas[0].ids().collect();
        assert_eq!(ids, ["LNK-01", "LNK-02", "LNK-03", "LNK-04"]);
        assert_eq!(areas[0].core().collect::<Vec<_>>(), ["LNK-01", "LNK-02", "LNK-04"]);
        assert_eq!((areas[0].tier("LNK-03"), areas[1].tier("C8-01")), ("extra", "exercise"));
    }

    #[test]
    fn a_broken_file_is_named() {
        let error = parse("oracle.toml", &TEXT.replace("count = 4", "count = four")).unwrap_err();
        assert!(error.starts_with("oracle.toml:4: "), "{error}");
        let error = parse("oracle.toml", &TEXT.replace("2, 4", "2, 5")).unwrap_err();
        assert!(error.contains("up to 4"), "{error}");
    }

    #[test]
    fn the_origin_is_compared() {
        let areas = parse("oracle.toml", TEXT).unwrap();
        let row = |id: &str, area: &str, tier: &str| {
            format!(r#"{{"id":"{id}","area":"{area}","tier":"{tier}"}}"#)
        };
        let mut rows = vec![
            row("LNK-01", "links", "core"),
            row("LNK-02", "links", "core"),
            row("LNK-03", "links", "extra"),
            row("LNK-04", "links", "core"),
            row("C8-01", "drills", "exercise"),
        ];
        let problems =
            |rows: &[String]| compare(&areas, &format!("[{}]", rows.join(",")), "o", "s");
        assert_eq!(problems(&rows), Vec::<String>::new());
        rows[2] = row("LNK-03", "links", "core");
        assert_eq!(problems(&rows).len(), 1);
        rows.pop();
        assert!(problems(&rows).iter().any(|p| p.contains("expected 4 scenarios")));
    }
}
