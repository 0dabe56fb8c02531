//! Shapes of random graphs, each chosen to reach code that the others leave alone.

use super::Rng;
use super::graph::{Grower, PlainDag};

/// How a graph grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Each block sees the graph with its own delay.
    Honest,
    /// Delays, secret branches and blocks on long gone ones, mixed.
    Mixed,
    /// Many blocks on the same tips at once.
    Bursts,
    /// Branches that grow apart for long and are merged now and then.
    Forks,
    /// A chain mined in secret beside an honest graph, released late.
    Withheld,
    /// Two chains that name each other's blocks with a lag: anticones near k.
    Ladder,
    /// 16 parents wherever there are as many tips.
    ManyParents,
    /// A long chain with late blocks far below its tip: the reachability tree is rebalanced.
    DeepChain,
    /// More children on one block than an interval can be halved.
    Star,
    /// Parents anywhere.
    Wild,
}

impl Shape {
    pub const ALL: [Self; 10] = [
        Self::Honest,
        Self::Mixed,
        Self::Bursts,
        Self::Forks,
        Self::Withheld,
        Self::Ladder,
        Self::ManyParents,
        Self::DeepChain,
        Self::Star,
        Self::Wild,
    ];

    /// A graph of `n` blocks.
    pub fn graph(self, rng: &mut Rng, n: usize) -> PlainDag {
        let mut g = Grower::default();
        g.start();
        match self {
            Self::Honest => honest(&mut g, rng, n),
            Self::Mixed => mixed(&mut g, rng, n),
            Self::Bursts => bursts(&mut g, rng, n),
            Self::Forks => forks(&mut g, rng, n),
            Self::Withheld => withheld(&mut g, rng, n),
            Self::Ladder => ladder(&mut g, rng, n),
            Self::ManyParents => many_parents(&mut g, rng, n),
            Self::DeepChain => deep_chain(&mut g, rng, n),
            Self::Star => star(&mut g, rng, n),
            Self::Wild => wild(&mut g, rng, n),
        }
        g.parents.truncate(n);
        PlainDag::from_parents(g.parents, rng)
    }
}

fn honest(g: &mut Grower, rng: &mut Rng, n: usize) {
    let (max_delay, max_parents) = (1 + rng.below(16), 1 + rng.below(16));
    while g.len() < n {
        let visible = g.len().saturating_sub(rng.below(max_delay)).max(1);
        let mut tips = g.tips(visible);
        tips.truncate(max_parents);
        g.add(&tips);
    }
}

fn mixed(g: &mut Grower, rng: &mut Rng, n: usize) {
    let (max_delay, max_parents, oddity) = (1 + rng.below(12), 1 + rng.below(8), rng.below(30));
    let mut secret: Option<usize> = None;
    while g.len() < n {
        let visible = g.len().saturating_sub(rng.below(max_delay)).max(1);
        let roll = rng.below(100);
        let mut chosen = match secret {
            Some(tip) if roll < 40 => vec![tip],
            _ if roll < 40 + oddity => vec![rng.below(visible)],
            _ => g.tips(visible).into_iter().take(max_parents).collect(),
        };
        if rng.below(10) == 0 {
            chosen.push(rng.below(visible));
        }
        let block = g.add(&chosen);
        if secret.is_some() && roll < 40 {
            secret = Some(block);
        }
        if rng.below(40) == 0 {
            secret = if secret.is_some() { None } else { Some(block) };
        }
    }
}

fn bursts(g: &mut Grower, rng: &mut Rng, n: usize) {
    let widest = 2 + rng.below(24);
    while g.len() < n {
        let mut tips = g.tips(g.len());
        tips.truncate(16);
        for _ in 0..1 + rng.below(widest) {
            g.add(&tips);
        }
    }
}

fn forks(g: &mut Grower, rng: &mut Rng, n: usize) {
    let mut branches = vec![0; 2 + rng.below(3)];
    let meet = 1 + rng.below(30);
    while g.len() < n {
        let own = rng.below(branches.len());
        branches[own] = if rng.below(meet) == 0 { g.add(&branches) } else { g.add(&[branches[own]]) };
    }
}

fn withheld(g: &mut Grower, rng: &mut Rng, n: usize) {
    let mut public = vec![0];
    while g.len() < n {
        let fork = public[public.len() - 1 - rng.below(public.len().min(30))];
        let (mut secret, longest) = (fork, 1 + rng.below(40));
        let share = 1 + rng.below(9);
        for _ in 0..longest {
            let tip = public[public.len() - 1];
            if rng.below(10) < share {
                secret = g.add(&[secret]);
            } else {
                public.push(g.add(&[tip]));
            }
        }
        let tip = public[public.len() - 1];
        public.push(g.add(&[tip, secret]));
    }
}

fn ladder(g: &mut Grower, rng: &mut Rng, n: usize) {
    let mut rails = [vec![0], vec![0]];
    let lag = rng.below(12);
    while g.len() < n {
        let own = rng.below(2);
        let other = &rails[1 - own];
        let seen = other[(other.len() - 1).saturating_sub(lag + rng.below(2))];
        let tip = rails[own][rails[own].len() - 1];
        let block = g.add(&[tip, seen]);
        rails[own].push(block);
    }
}

fn many_parents(g: &mut Grower, rng: &mut Rng, n: usize) {
    let width = 16 + rng.below(6);
    while g.len() < n {
        let mut tips = g.tips(g.len());
        if tips.len() < width {
            // Widen: on some of the tips that there were.
            let blocks = g.len();
            let from = g.tips(blocks - rng.below(blocks.min(width)));
            g.add(&[from[rng.below(from.len())], from[rng.below(from.len())]]);
        } else {
            let first = rng.below(tips.len() - 15);
            tips.drain(..first);
            tips.truncate(16);
            g.add(&tips);
        }
    }
}

fn deep_chain(g: &mut Grower, rng: &mut Rng, n: usize) {
    let mut chain = vec![0];
    let (late, merge) = (2 + rng.below(12), 1 + rng.below(6));
    let mut stray: Option<usize> = None;
    while g.len() < n {
        let tip = chain[chain.len() - 1];
        if rng.below(late) == 0 {
            // On an old chain block, or on the last such block: side branches grow too.
            let on = match stray {
                Some(block) if rng.below(2) == 0 => block,
                _ => chain[rng.below(chain.len())],
            };
            stray = Some(g.add(&[on]));
        } else if let (Some(block), true) = (stray, rng.below(merge) == 0) {
            chain.push(g.add(&[tip, block]));
        } else {
            chain.push(g.add(&[tip]));
        }
    }
}

fn star(g: &mut Grower, rng: &mut Rng, n: usize) {
    let mut center = 0;
    while g.len() < n {
        let mut last = center;
        for _ in 0..1 + rng.below(100) {
            last = g.add(&[center]);
        }
        if rng.below(3) > 0 {
            let mut tips = g.tips(g.len());
            tips.truncate(16);
            last = g.add(&tips);
        }
        // Now and then the same block gets more children, with others grown on beside them.
        for _ in 0..rng.below(6) {
            last = g.add(&[last]);
        }
        if rng.below(3) > 0 {
            center = last;
        }
    }
}

fn wild(g: &mut Grower, rng: &mut Rng, n: usize) {
    let most = 1 + rng.below(8);
    while g.len() < n {
        let chosen: Vec<usize> = (0..1 + rng.below(most)).map(|_| rng.below(g.len())).collect();
        g.add(&chosen);
    }
}
