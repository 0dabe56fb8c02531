//! Calls of the area `tx`. Transactions made elsewhere have no page: `tx/build` and `tx/submit` are the command line's.
