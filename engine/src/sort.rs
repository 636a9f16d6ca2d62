//! A heap sort. The standard library's sorts are quicker and ten times the code, and what is sorted here is short.

use core::cmp::Ordering;

/// Sorts in place, O(n log n) whatever the input; stops at the first comparison that fails.
pub(crate) fn sort<T: Copy, E>(
    items: &mut [T],
    mut compare: impl FnMut(&T, &T) -> Result<Ordering, E>,
) -> Result<(), E> {
    let len = items.len();
    for root in (0..len / 2).rev() {
        sift(items, root, len, &mut compare)?;
    }
    for end in (1..len).rev() {
        items.swap(0, end);
        sift(items, 0, end, &mut compare)?;
    }
    Ok(())
}

fn sift<T: Copy, E>(
    items: &mut [T],
    mut root: usize,
    len: usize,
    compare: &mut impl FnMut(&T, &T) -> Result<Ordering, E>,
) -> Result<(), E> {
    loop {
        let mut child = root * 2 + 1;
        if child >= len {
            return Ok(());
        }
        let (Some(&value), Some(&left)) = (items.get(root), items.get(child)) else {
            return Ok(());
        };
        let mut larger = left;
        if let Some(&right) = items.get(child + 1).filter(|_| child + 1 < len)
            && compare(&left, &right)? == Ordering::Less
        {
            child += 1;
            larger = right;
        }
        if compare(&value, &larger)? != Ordering::Less {
            return Ok(());
        }
        items.swap(root, child);
        root = child;
    }
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
            sort::<_, ()>(&mut items, |a, b| Ok(a.cmp(b))).unwrap();
            assert_eq!(items, expected);
        }
    }
}
