//! umbel-pow
