//! The published graphs: colouring as expected, reachability equal to breadth-first search.

#![allow(clippy::print_stdout, reason = "says how much was compared")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;

use common::build::{build, check_intervals, unlimited};
use common::graph::PlainDag;
use common::oracle::past_by_search;
use common::{Rng, vectors};
use serde_json::Value;
use umbel_dag::ReachabilityReader;
use umbel_dag::daa::DaaRule;
use umbel_dag::reachability::{Future, Reachability};
use umbel_dag::replay::{NamedBlock, ReplayError, replay};
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
    let Some(files) = vectors("ghostdag", "json") else { return };
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
        assert_eq!(replayed.len(), expected.len());
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

/// Every pair of blocks of every file, against a search for each block.
fn check_reachability_vectors(tuning: Reachability) {
    let Some(files) = vectors("reachability", "gz") else { return };
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
        let mut plain = PlainDag::from_parents(parents, &mut Rng(1));
        plain.bits.fill(CompactTarget::EASIEST);
        let dag = build(&plain, &unlimited(18), tuning, DaaRule::with_window(2_641));
        check_intervals(&plain, &dag);
        let mut futures: Vec<Future> =
            plain.hash.iter().map(|&block| Future::of(&dag, block).expect("readable")).collect();
        let n = plain.len();
        for (b, &queried) in plain.hash.iter().enumerate() {
            let past = past_by_search(&plain, b);
            let wanted = futures[b].clone();
            for (a, future) in futures.iter_mut().enumerate() {
                let expected = a == b || past.has(a);
                assert_eq!(future.contains(&dag, &wanted), Ok(expected), "{a} before {b} in {}", path.display());
                // The same search without the memory of a `Future`: all near pairs, and some that are far apart.
                if a.abs_diff(b) < 20 || (a + b) % 97 == 0 {
                    assert_eq!(dag.is_dag_ancestor_of(plain.hash[a], queried), Ok(expected), "{a} before {b}");
                }
            }
        }
        println!("{}: {n} blocks, {} pairs, {} moved, {tuning:?}", path.display(), n * n, dag.moved());
    }
}

#[test]
fn reachability_vectors() {
    check_reachability_vectors(Reachability::default());
}

#[test]
fn reachability_vectors_with_little_slack() {
    check_reachability_vectors(Reachability { depth: 10, slack: 8 });
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
    let superfluous = ReplayError::NotAntichain { child: "C".to_owned(), parent: "A".to_owned() };
    for parents in [["A", "B"], ["B", "A"]] {
        assert_eq!(error(&[block("B", &["A"]), block("C", &parents)]), superfluous);
    }
    assert_eq!(error(&[block("C", &["A", "A"])]), superfluous);
    assert_eq!(
        error(&[block("C", &["C"])]),
        ReplayError::UnknownParent { child: "C".to_owned(), parent: "C".to_owned() }
    );
    for name in ["", "x\0", "123456789012345678901234567890123"] {
        assert_eq!(error(&[block(name, &["A"])]), ReplayError::BadName(name.to_owned()));
    }
    assert_eq!(replay(3, "A", &[]), Ok(vec![]));
}
