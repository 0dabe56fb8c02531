//! umbel-api
