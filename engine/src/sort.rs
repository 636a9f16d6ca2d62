//! A heap sort and a binary search. The standard library's sorts are quicker and ten times the code, and what is sorted here is
//! short.

use core::cmp::Ordering;

/// Sorts in place, O(n log n) whatever the input. By a reference to the comparison, so that there is one copy for each type.
pub(crate) fn sort<T: Copy>(items: &mut [T], compare: &mut dyn FnMut(&T, &T) -> Ordering) {
    let len = items.len();
    // The first half of the rounds makes the heap, the second takes the largest from it.
    for round in 0..len + len / 2 {
        let (mut root, end) = match (len / 2).checked_sub(round + 1) {
            Some(root) => (root, len),
            None => {
                let end = len + len / 2 - 1 - round;
                items.swap(0, end);
                (0, end)
            }
        };
        loop {
            let mut child = root * 2 + 1;
            let Some(&left) = items.get(child).filter(|_| child < end) else {
                break;
            };
            let mut larger = left;
            if let Some(right) = items.get(child + 1).filter(|_| child + 1 < end)
                && compare(&left, right) == Ordering::Less
            {
                child += 1;
                larger = *right;
            }
            if items
                .get(root)
                .is_none_or(|value| compare(value, &larger) != Ordering::Less)
            {
                break;
            }
            items.swap(root, child);
            root = child;
        }
    }
}

/// The number from `low` up to `high` for which `probe` says equal, where it says less before that one and greater after it.
#[inline]
pub(crate) fn search(
    mut low: u32,
    mut high: u32,
    probe: &mut dyn FnMut(u32) -> Ordering,
) -> Option<u32> {
    while low < high {
        let middle = low + (high - low) / 2;
        match probe(middle) {
            Ordering::Equal => return Some(middle),
            Ordering::Less => low = middle + 1,
            Ordering::Greater => high = middle,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::sort;
    use alloc::vec::Vec;

    #[test]
    fn any_order_becomes_ascending() {
        let mut seed = 7u32;
        for len in 0..200 {
            let mut items: Vec<u32> = (0..len)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    seed >> 24
                })
                .collect();
            let mut expected = items.clone();
            expected.sort_unstable();
            sort(&mut items, &mut |a, b| a.cmp(b));
            assert_eq!(items, expected);
        }
    }
}
