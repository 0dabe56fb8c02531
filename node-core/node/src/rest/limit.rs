//! How often the server may be asked.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A bucket of permits that fills again at a steady rate. One program asks here at a time, so there is one bucket for
/// all of loopback.
#[derive(Debug)]
struct Bucket {
    burst: u32,
    /// Time in which one permit comes back.
    interval: Duration,
    /// When the bucket would be full again.
    full_at: Mutex<Option<Instant>>,
}

impl Bucket {
    fn new(burst: u32, per_second: u32) -> Self {
        Self { burst, interval: Duration::from_secs(1) / per_second, full_at: Mutex::new(None) }
    }

    /// Takes a permit.
    fn take(&self, now: Instant) -> bool {
        let mut full_at = self.full_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let next = full_at.unwrap_or(now).max(now) + self.interval;
        let fits = next.duration_since(now) <= self.interval * self.burst;
        if fits {
            *full_at = Some(next);
        }
        fits
    }
}

/// The buckets.
#[derive(Debug)]
pub(super) struct Limits {
    calls: Bucket,
    secrets: Bucket,
    refusals: Bucket,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A page that follows every event asks some ten times a second; several pages and a script beside it fit.
            calls: Bucket::new(400, 200),
            // Each costs half a second of Argon2 and 256 MiB: this bounds guessing and memory alike.
            secrets: Bucket::new(8, 2),
            // Wrong tokens: a page that holds an old one asks on for a moment; guessing 256 bits gets nowhere.
            refusals: Bucket::new(40, 20),
        }
    }
}

/// Calls in which words or passwords cross.
const SECRET_CALLS: [&str; 8] = [
    "wallet/create",
    "wallet/restore",
    "wallet/unlock",
    "wallet/reveal",
    "stake/register",
    "validator/start",
    "validator/move_out",
    "validator/move_in",
];

impl Limits {
    /// Whether the call may be made now.
    pub(super) fn allow_call(&self, path: &str) -> bool {
        let now = Instant::now();
        self.calls.take(now) && (!SECRET_CALLS.contains(&path) || self.secrets.take(now))
    }

    /// Whether another wrong token is answered at all.
    pub(super) fn allow_refusal(&self) -> bool {
        self.refusals.take(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let bucket = Bucket::new(3, 2);
        let start = Instant::now();
        assert!((0..3).all(|_| bucket.take(start)));
        assert!(!bucket.take(start));
        assert!(!bucket.take(start + Duration::from_millis(499)));
        assert!(bucket.take(start + Duration::from_millis(500)));
        assert!(!bucket.take(start + Duration::from_millis(500)));
        assert!((0..3).all(|_| bucket.take(start + Duration::from_secs(60))));
    }

    #[test]
    fn secret_calls_exist() {
        for path in SECRET_CALLS {
            assert!(umbel_api::api_trait::PATHS.contains(&path), "{path}");
        }
    }
}
