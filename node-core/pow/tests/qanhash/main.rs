//! Qanhash against a second implementation, and a network's proof of work: what is accepted, what is refused, and why.

mod network;
mod reference;
mod slow;
