//! How many points an entry of a rubric gives, in tenths. No input, no output.

use super::{Entry, Kind};

/// What was measured for one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Measured {
    /// Nothing was, for a reason that the report gives elsewhere.
    Nothing,
    /// Names of the entry's tests that passed.
    Tests(Vec<String>),
    /// How many mutants the learner's tests killed, of how many.
    Kills(usize, usize),
    /// How many findings the lints have.
    Findings(usize),
}

/// The entry's points, in tenths; `behaves` says that its area's behaviour reaches half.
pub(crate) fn tenths(entry: &Entry, measured: &Measured, behaves: bool) -> u32 {
    let whole = entry.points * 10;
    match measured {
        Measured::Tests(passed) => {
            let shut = entry.gate.iter().any(|gate| !passed.contains(gate));
            if shut { 0 } else { part(whole, passed.len(), entry.tests.len()) }
        }
        Measured::Kills(killed, of) => part(whole, *killed, *of),
        Measured::Findings(found) if behaves => {
            let limit = entry.limit.unwrap_or(1) as usize;
            part(whole, limit.saturating_sub(*found), limit)
        }
        Measured::Findings(_) | Measured::Nothing => 0,
    }
}

/// Whether entries of behaviour, each with points had and points to be had, reach half.
pub(crate) fn behaves(entries: impl Iterator<Item = (Kind, u32, u32)>) -> bool {
    let behaviour = entries.filter(|(kind, _, _)| kind.is_behaviour());
    let (had, of) = behaviour.fold((0, 0), |(had, of), (_, score, max)| (had + score, of + max));
    of > 0 && 2 * had >= of
}

/// Rounded down: all of it only for all.
fn part(whole: u32, count: usize, of: usize) -> u32 {
    let (count, of) = (u64::try_from(count).unwrap_or(0), u64::try_from(of).unwrap_or(0));
    let share = (u64::from(whole) * count).checked_div(of).unwrap_or(0);
    u32::try_from(share).unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rubric::{parse, tests::GOOD};

    #[test]
    fn each_kind_has_its_own_measure() {
        let rubric = parse("r.toml", GOOD).unwrap();
        let entries: Vec<&Entry> = rubric.entries().collect();
        let passed =
            |names: &[&str]| Measured::Tests(names.iter().map(|name| (*name).to_owned()).collect());
        for (entry, measured, behaves, expected) in [
            (0, passed(&["a", "b"]), true, 40),
            (0, passed(&["a"]), true, 20),
            (0, passed(&["b"]), true, 0),
            (0, passed(&[]), true, 0),
            (0, Measured::Nothing, true, 0),
            (1, Measured::Findings(0), true, 20),
            (1, Measured::Findings(0), false, 0),
            (1, Measured::Findings(1), true, 15),
            (1, Measured::Findings(4), true, 0),
            (1, Measured::Findings(99), true, 0),
            (2, Measured::Kills(1, 3), true, 13),
            (2, Measured::Kills(3, 3), true, 40),
            (2, Measured::Kills(0, 0), true, 0),
            (3, Measured::Nothing, true, 0),
        ] {
            let points = tenths(entries[entry], &measured, behaves);
            assert_eq!(points, expected, "{entry} {measured:?} {behaves}");
        }
    }

    #[test]
    fn an_area_behaves_from_half_of_its_behaviour_on() {
        let area = |had| behaves([(Kind::Tests, had, 40), (Kind::Kills, 0, 40)].into_iter());
        assert_eq!([area(0), area(19), area(20), area(40)], [false, false, true, true]);
        assert!(!behaves([(Kind::Kills, 40, 40)].into_iter()), "nothing behaves there");
    }
}
