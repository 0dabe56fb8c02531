//! Any graph of blocks: colouring and reachability against their definitions.

use arbitrary::Unstructured;
use umbel_dag::replay::{NamedBlock, ReplayError, ReplayedBlock, replay};

/// Most blocks: the definitions are checked in cubic time.
const MAX_BLOCKS: usize = 48;

/// k, then for each block a mask over the eight newest blocks before it.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let wide: Vec<u8> = (0..40u8).map(|n| 0x11 << (n % 4)).collect();
    vec![vec![0, 1, 1, 1], vec![1; 20], [vec![2], vec![0x0f; 30]].concat(), [vec![3], wide].concat(), vec![0x55; 40]]
}

fn name(n: usize) -> String {
    if n == 0 { "genesis".to_owned() } else { format!("b{n:02}") }
}

fn number(name: &str) -> usize {
    name.strip_prefix('b').map_or(0, |n| n.parse().unwrap())
}

/// Parents of each block, genesis first; none of them in the past of another.
fn graph(u: &mut Unstructured<'_>) -> Vec<Vec<usize>> {
    let mut parents: Vec<Vec<usize>> = vec![Vec::new()];
    let mut pasts: Vec<u64> = vec![0];
    while parents.len() < MAX_BLOCKS
        && let Ok(mask) = u.arbitrary::<u8>()
        && !u.is_empty()
    {
        let n = parents.len();
        let named: Vec<usize> = (0..n.min(8)).filter(|i| mask >> i & 1 == 1).map(|i| n - 1 - i).collect();
        let named = if named.is_empty() { vec![n - 1] } else { named };
        let own: Vec<usize> =
            named.iter().copied().filter(|p| !named.iter().any(|other| pasts[*other] >> p & 1 == 1)).collect();
        pasts.push(own.iter().fold(0, |past, p| past | pasts[*p] | 1 << p));
        parents.push(own);
    }
    parents
}

pub(crate) fn run(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok(k) = u.int_in_range(0..=5u16) else { return };
    let parents = graph(&mut u);
    let blocks: Vec<NamedBlock> = (1..parents.len())
        .map(|n| NamedBlock { id: name(n), parents: parents[n].iter().map(|p| name(*p)).collect() })
        .collect();
    let replayed = replay(k, "genesis", &blocks).unwrap();
    assert_eq!(replayed.len(), blocks.len());
    agrees_with_the_definition(usize::from(k), &parents, &replayed);
    refused(k, &blocks, u.len());
}

fn agrees_with_the_definition(k: usize, parents: &[Vec<usize>], replayed: &[ReplayedBlock]) {
    let mut pasts = vec![0u64];
    for own in &parents[1..] {
        pasts.push(own.iter().fold(0, |past, p| past | pasts[*p] | 1 << p));
    }
    let in_past = |a: usize, b: usize| pasts[b] >> a & 1 == 1;
    // Blues of each block's past, as its own colouring and those of its selected chain give them.
    let mut blues = vec![0u64];
    for (n, block) in (1..).zip(replayed) {
        assert_eq!(number(&block.id), n);
        let selected = number(&block.selected_parent);
        let score = |p: usize| if p == 0 { 0 } else { replayed[p - 1].blue_score };
        let best = parents[n].iter().copied().max_by_key(|p| (score(*p), name(*p))).unwrap();
        assert_eq!(selected, best, "the selected parent has the most blue work");
        let mut mergeset: Vec<usize> = (0..n).filter(|b| in_past(*b, n) && !in_past(*b, selected)).collect();
        mergeset.sort_unstable();
        let own: Vec<usize> = block.blues.iter().map(|b| number(b)).collect();
        let mut coloured: Vec<usize> = own.iter().copied().chain(block.reds.iter().map(|b| number(b))).collect();
        coloured.sort_unstable();
        assert_eq!(coloured, mergeset, "each block of the mergeset has one colour");
        assert_eq!(own.first(), Some(&selected));
        assert_eq!(block.blue_score, score(selected) + own.len() as u64);
        let blue = own.iter().fold(blues[selected], |set, b| set | 1 << b);
        for b in (0..n).filter(|b| blue >> b & 1 == 1) {
            let anticone = (0..n).filter(|c| *c != b && blue >> c & 1 == 1 && !in_past(*c, b) && !in_past(b, *c));
            assert!(anticone.count() <= k, "the blues are no k-cluster");
        }
        blues.push(blue);
    }
}

/// A graph that names what is not there, or one block twice, is refused by name.
fn refused(k: u16, blocks: &[NamedBlock], which: usize) {
    let Some(block) = blocks.get(which % blocks.len().max(1)) else { return };
    let mut twice = blocks.to_vec();
    twice.push(block.clone());
    assert_eq!(replay(k, "genesis", &twice), Err(ReplayError::Duplicate(block.id.clone())));
    let unknown = NamedBlock { id: "x".to_owned(), parents: vec!["y".to_owned()] };
    let error = ReplayError::UnknownParent { child: "x".to_owned(), parent: "y".to_owned() };
    assert_eq!(replay(k, "genesis", &[unknown]), Err(error));
}
