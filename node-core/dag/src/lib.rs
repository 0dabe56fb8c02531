//! umbel-dag
