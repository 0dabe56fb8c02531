//! Who is in whose past, in logarithmic time: intervals over the tree of selected parents, and future covering sets.

mod data;
mod future_covering;
mod inquirer;
mod interval;
mod reindex;
mod tree;

pub use data::{MAX_STORED_LIST, ReachabilityData, ReachabilityStore, ReachabilityStoreReader};
pub(crate) use inquirer::is_before;
pub use inquirer::{
    Future, Reachability, add_block, hint_virtual_selected_parent, init, is_chain_ancestor_of, is_dag_ancestor_of,
    next_chain_ancestor,
};
pub use interval::Interval;
