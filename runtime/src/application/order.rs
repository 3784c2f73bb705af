//! In which order applications start: each behind those that it requires.

use super::OrderError;

/// An application as the order sees it: its name, and the names that must start before it.
pub(super) type Required<'a> = (&'a str, &'a [&'static str]);

/// The indices of the applications in the order of their start.
///
/// As given, but for what is required later in the list: that comes just before whoever needs it.
pub(super) fn order(applications: &[Required<'_>]) -> Result<Vec<usize>, OrderError> {
    let find = |name: &str| applications.iter().position(|(known, _)| *known == name);
    for (index, (name, requires)) in applications.iter().enumerate() {
        if find(name) != Some(index) {
            return Err(OrderError::Duplicate((*name).to_owned()));
        }
        if let Some(missing) = requires.iter().find(|required| find(required).is_none()) {
            let (name, required) = ((*name).to_owned(), (*missing).to_owned());
            return Err(OrderError::Missing { name, required });
        }
    }
    let mut order = Vec::with_capacity(applications.len());
    for index in 0..applications.len() {
        visit(index, applications, &find, &mut Vec::new(), &mut order)?;
    }
    Ok(order)
}

/// Puts an application into the order, behind what it requires; `path` leads to it.
fn visit(
    index: usize,
    applications: &[Required<'_>],
    find: &impl Fn(&str) -> Option<usize>,
    path: &mut Vec<usize>,
    order: &mut Vec<usize>,
) -> Result<(), OrderError> {
    if order.contains(&index) {
        return Ok(());
    }
    if let Some(begin) = path.iter().position(|&known| known == index) {
        let circle = path[begin..].iter().chain([&index]);
        let names = circle.map(|&at| applications[at].0.to_owned()).collect();
        return Err(OrderError::Circle(names));
    }
    path.push(index);
    for required in applications[index].1.iter().filter_map(|name| find(name)) {
        visit(required, applications, find, path, order)?;
    }
    path.pop();
    order.push(index);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<'a>(applications: &[Required<'a>]) -> Result<Vec<&'a str>, String> {
        let order = order(applications).map_err(|error| error.to_string())?;
        Ok(order.into_iter().map(|index| applications[index].0).collect())
    }

    #[test]
    fn the_order_is_the_given_one_where_nothing_is_required() {
        assert_eq!(names(&[("a", &[]), ("b", &[]), ("c", &[])]).unwrap(), ["a", "b", "c"]);
        assert!(names(&[]).unwrap().is_empty());
    }

    #[test]
    fn what_is_required_comes_first_and_once() {
        let web: Required<'_> = ("web", &["shop", "log"]);
        let shop: Required<'_> = ("shop", &["storage"]);
        let all = [web, shop, ("log", &[]), ("storage", &["log"])];
        assert_eq!(names(&all).unwrap(), ["log", "storage", "shop", "web"]);
    }

    #[test]
    fn an_order_that_cannot_be_says_why() {
        let error = |all: &[Required<'_>]| names(all).unwrap_err();
        assert_eq!(error(&[("a", &[]), ("a", &[])]), "two applications are called \"a\"");
        assert_eq!(
            error(&[("a", &["b"])]),
            "application \"a\" requires \"b\", which is not in the release"
        );
        assert_eq!(
            error(&[("z", &["a"]), ("a", &["b"]), ("b", &["c"]), ("c", &["a"])]),
            "applications require each other in a circle: a -> b -> c -> a"
        );
        assert_eq!(error(&[("a", &["a"])]), "applications require each other in a circle: a -> a");
    }
}
