//! One run from its first event to its report, and many of them side by side.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::error::SimError;
use crate::report::RunReport;
use crate::scenarios::{Entry, Scenario};
use crate::setup::{Options, Setup};
use crate::world::{Event, Message, World};

/// A run that was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The scenario.
    pub scenario: &'static Entry,
    /// The seed.
    pub seed: u64,
}

/// Runs one scenario under one seed.
///
/// # Errors
/// [`SimError`]: the run could not be made. What did not hold is in the report.
pub fn run(wanted: Wanted, options: &Options) -> Result<RunReport, SimError> {
    options.check()?;
    let mut scenario = wanted.scenario.make();
    let setup = scenario.setup(wanted.seed, options);
    run_setup(scenario.as_mut(), setup)
}

/// Runs a scenario on what it is given.
///
/// # Errors
/// As [`run`].
pub fn run_setup(scenario: &mut dyn Scenario, setup: Setup) -> Result<RunReport, SimError> {
    // The clock on the wall only says how long it took.
    let started = Instant::now();
    let mut world = World::new(setup)?;
    while let Some(event) = world.next_event() {
        step(&mut world, scenario, event)?;
    }
    scenario.expects(&mut world)?;
    let end = world.finish()?;
    let finality = world.finality_report();
    let report = RunReport {
        scenario: world.setup.scenario,
        seed: world.setup.seed,
        nodes: world.setup.nodes,
        blocks_per_second: world.setup.blocks_per_second,
        virtual_s: world.setup.seconds as f64,
        delay: world.setup.delay,
        events: world.events,
        sink: end.sink.to_string(),
        digest: end.digest.to_string(),
        blocks: end.blocks,
        reorganisations: world.reorganisations,
        payments: end.payments,
        finality,
        taken: world.taken,
        memory_kib: world.memory,
        figures: world.figures,
        violations: world.violations,
        real_s: started.elapsed().as_secs_f64(),
    };
    Ok(report)
}

fn step(world: &mut World, scenario: &mut dyn Scenario, event: Event) -> Result<(), SimError> {
    match event {
        Event::Found(node) => {
            scenario.found(world, node)?;
            world.schedule_mining(node);
        }
        Event::Arrives { to, message } => {
            world.arrive(to, &message)?;
            if let Message::Block(block) = &message {
                scenario.heard(world, to, block)?;
            }
        }
        Event::Pays(user) => world.pay(user)?,
        Event::Votes(validator) => world.vote(validator)?,
        Event::Begins => scenario.begins(world)?,
        Event::Ends => scenario.ends(world)?,
        Event::Compare => world.compare()?,
        Event::Healed => world.healed()?,
        Event::Timer(tag) => scenario.timer(world, tag)?,
    }
    Ok(())
}

/// Runs all that is wanted on `threads` threads; reports come in the order asked for. `done` hears of each as it ends.
///
/// # Errors
/// The first run that could not be made.
pub fn run_all(
    wanted: &[Wanted],
    options: &Options,
    threads: usize,
    done: &(dyn Fn(&RunReport) + Sync),
) -> Result<Vec<RunReport>, SimError> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, Result<RunReport, SimError>)>> = Mutex::new(Vec::with_capacity(wanted.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some((index, one)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    wanted.get(index).map(|one| (index, *one))
                } {
                    let result = run(one, options);
                    if let Ok(report) = &result {
                        done(report);
                    }
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
