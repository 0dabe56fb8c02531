//! Calls of the area `tx`. Transactions made elsewhere have no page: `tx/build`, `tx/submit` and `tx/fees` are the command
//! line's.

use super::transport::call;
use umbel_api::ApiError;
use umbel_api::api_trait::VerifyPayment;
use umbel_api::tx::{VerifiedPayment, VerifyPaymentRequest};

/// Whether a proof of payment holds.
pub(crate) async fn verify_payment(request: VerifyPaymentRequest) -> Result<VerifiedPayment, ApiError> {
    call::<VerifyPayment>(request).await
}
