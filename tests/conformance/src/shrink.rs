//! Makes a CIB smaller while what is strange about it stays.

use crate::element::Element;

/// Takes away elements, the large ones first, as long as `strange` still holds; until nothing more can go.
#[must_use]
pub fn shrink(mut cib: Element, mut strange: impl FnMut(&Element) -> bool) -> Element {
    loop {
        let before = cib.paths(|_| true).len();
        let mut places = cib.paths(|_| true);
        // Later places first: what is taken away moves only what comes after it.
        places.sort_by_key(|path| std::cmp::Reverse(size(&cib, path)));
        let mut at = 0;
        while at < places.len() {
            let path = places[at].clone();
            at += 1;
            if path.len() < 2 {
                continue;
            }
            let mut smaller = cib.clone();
            smaller.remove(&path);
            if strange(&smaller) {
                cib = smaller;
                places = cib.paths(|_| true);
                places.sort_by_key(|path| std::cmp::Reverse(size(&cib, path)));
                at = at.saturating_sub(1);
            }
        }
        if cib.paths(|_| true).len() == before {
            return cib;
        }
    }
}

fn size(cib: &Element, path: &[usize]) -> usize {
    cib.at(path).paths(|_| true).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_needed_stays() {
        let cib = Element::read("<cib><a><b><c/></b><d><e/><f/></d></a><g/></cib>").expect("well-formed");
        let needed = |it: &Element| !it.paths(|it| it.name == "e").is_empty();
        let names = |it: &Element| it.paths(|_| true).iter().map(|path| it.at(path).name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&shrink(cib, needed)), ["cib", "a", "d", "e", "g"]);
    }
}
