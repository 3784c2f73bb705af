//! The list that the document was made from.

use super::{FILE, ORIGIN, Row};

/// Ids, kinds and texts must be those of the list that the document was made from.
pub(super) fn compare(rows: &[Row], origin: &str) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Origin {
        id: String,
        kind: String,
        #[serde(rename = "crate")]
        group: String,
        points: Option<u32>,
        text: String,
    }
    let items: Vec<Origin> = match serde_json::from_str(origin) {
        Ok(items) => items,
        Err(error) => return vec![format!("{ORIGIN}: {error}")],
    };
    let mut problems = Vec::new();
    if items.len() != rows.len() {
        problems.push(format!("{FILE}: expected {} items, found {}", items.len(), rows.len()));
    }
    for (item, row) in items.iter().zip(rows) {
        let kind = match item.points {
            None => item.kind.clone(),
            Some(points) => format!("{}, {points} points", item.kind),
        };
        let same = item.id == row.id
            && item.group == row.group
            && kind == row.kind
            && item.text.trim() == row.text.replace("\\|", "|");
        if !same {
            problems.push(format!(
                "{FILE}:{}: expected | {} | {kind} | {} | below `{}`",
                row.line + 1,
                item.id,
                item.text,
                item.group
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::super::tests::DOCUMENT;
    use super::*;

    #[test]
    fn the_origin_is_compared_item_by_item() {
        let rows = parse(DOCUMENT);
        let origin = |text: &str| {
            format!(
                r#"[{{"id":"A-1","kind":"drill","crate":"a/drill_01","points":null,"text":"{text}"}},
                   {{"id":"A-2","kind":"rubric","crate":"a/drill_01","points":5,"text":"Two."}}]"#
            )
        };
        assert_eq!(compare(&rows, &origin("One | two.")), Vec::<String>::new());
        assert!(compare(&rows, &origin("Another."))[0].contains("COVERAGE.md:11: expected | A-1"));
        assert!(compare(&rows[..1], &origin("One | two."))[0].contains("expected 2 items"));
    }
}
