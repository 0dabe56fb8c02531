//! umbel-tests
