//! The published graphs: colouring as expected, reachability equal to breadth-first search.

#![allow(clippy::cast_possible_truncation, clippy::float_arithmetic, reason = "small numbers of test graphs")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;

use common::{MemoryDag, PlainDag, Rng, vectors};
use serde_json::Value;
use umbel_dag::reachability::Reachability;
use umbel_dag::replay::{NamedBlock, ReplayError, replay};
use umbel_dag::{GhostdagProtocol, ReachabilityReader};
use umbel_types::CompactTarget;

fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().expect("a list");
    list.iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
}

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list
}

#[test]
fn ghostdag_vectors() {
    let Some(folder) = vectors("ghostdag") else { return };
    let mut files: Vec<_> = fs::read_dir(folder).expect("readable").map(|entry| entry.expect("entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|ext| ext == "json"));
    files.sort();
    assert!(!files.is_empty());
    for path in files {
        let file: Value = serde_json::from_slice(&fs::read(&path).expect("readable")).expect("JSON");
        let k = u16::try_from(file["K"].as_u64().expect("K")).expect("small");
        let genesis = file["GenesisID"].as_str().expect("GenesisID");
        let expected = file["Blocks"].as_array().expect("Blocks");
        let blocks: Vec<NamedBlock> = expected
            .iter()
            .map(|block| NamedBlock {
                id: block["ID"].as_str().expect("ID").to_owned(),
                parents: texts(&block["Parents"]),
            })
            .collect();
        let replayed = replay(k, genesis, &blocks).expect("a valid graph");
        for (got, expected) in replayed.iter().zip(expected) {
            let place = format!("{} in {}", got.id, path.display());
            assert_eq!(got.blue_score, expected["ExpectedScore"].as_u64().expect("score"), "{place}");
            assert_eq!(got.selected_parent, expected["ExpectedSelectedParent"].as_str().expect("text"), "{place}");
            assert_eq!(got.blues[0], got.selected_parent, "{place}");
            assert_eq!(got.blues, texts(&expected["ExpectedBlues"]), "{place}");
            assert_eq!(sorted(got.reds.clone()), sorted(texts(&expected["ExpectedReds"])), "{place}");
        }
        println!("{}: {} blocks", path.display(), replayed.len());
    }
}

#[test]
fn reachability_vectors() {
    let Some(folder) = vectors("reachability") else { return };
    let mut files: Vec<_> = fs::read_dir(folder).expect("readable").map(|entry| entry.expect("entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|ext| ext == "gz"));
    files.sort();
    assert!(!files.is_empty());
    for path in files {
        let mut text = String::new();
        flate2::read::GzDecoder::new(fs::File::open(&path).expect("readable")).read_to_string(&mut text).expect("gzip");
        let list: Value = serde_json::from_str(&text).expect("JSON");
        let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
        let mut parents: Vec<Vec<usize>> = Vec::new();
        for block in list.as_array().expect("a list") {
            parents.push(texts(&block["parents"]).iter().map(|parent| numbers[parent]).collect());
            numbers.insert(block["id"].as_str().expect("id").to_owned(), parents.len() - 1);
        }
        let mut rng = Rng(1);
        let mut plain = PlainDag::from_parents(parents, &mut rng);
        plain.bits.fill(CompactTarget::EASIEST);
        let protocol = GhostdagProtocol::new(18, usize::MAX, CompactTarget::work);
        for tuning in [Reachability::default(), Reachability { depth: 10, slack: 8 }] {
            let dag = MemoryDag::of(&plain, &protocol, tuning);
            dag.check_intervals();
            let n = plain.len();
            // All pairs near each other, and as many far apart.
            for b in 0..n {
                let near = b.saturating_sub(20)..(b + 20).min(n);
                for a in near.chain((0..40).map(|_| rng.below(n))) {
                    let got = dag.is_dag_ancestor_of(plain.hash[a], plain.hash[b]);
                    assert_eq!(got, Ok(plain.is_ancestor(a, b)), "{a} before {b}");
                }
            }
            println!("{}: {n} blocks, {:.1} writes a block, {tuning:?}", path.display(), dag.writes as f64 / n as f64);
        }
    }
}

#[test]
fn bad_graphs_are_named() {
    let block = |id: &str, parents: &[&str]| NamedBlock {
        id: id.to_owned(),
        parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
    };
    let error = |blocks: &[NamedBlock]| replay(3, "A", blocks).expect_err("a bad graph");
    assert_eq!(error(&[block("B", &[])]), ReplayError::NoParents("B".to_owned()));
    assert_eq!(error(&[block("A", &["A"])]), ReplayError::Duplicate("A".to_owned()));
    let unknown = ReplayError::UnknownParent { child: "B".to_owned(), parent: "C".to_owned() };
    assert_eq!(error(&[block("B", &["C"]), block("C", &["A"])]), unknown);
    for name in ["", "x\0", "123456789012345678901234567890123"] {
        assert_eq!(error(&[block(name, &["A"])]), ReplayError::BadName(name.to_owned()));
    }
    assert_eq!(replay(3, "A", &[]), Ok(vec![]));
}
