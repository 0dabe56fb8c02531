//! Calls of the area `send`.

use super::transport::call;
use umbel_api::ApiError;
use umbel_api::api_trait::{DecodeAddress, SendPay, SendPlan, SendStatus};
use umbel_api::send::{DecodeAddressRequest, DecodedAddress, Payment, PaymentPlan, SendRequest, StatusRequest};

/// Reads an address of any kind.
pub(crate) async fn decode_address(text: String) -> Result<DecodedAddress, ApiError> {
    call::<DecodeAddress>(DecodeAddressRequest { text }).await
}

/// What a payment would take.
pub(crate) async fn plan(request: SendRequest) -> Result<PaymentPlan, ApiError> {
    call::<SendPlan>(request).await
}

/// Starts a payment.
pub(crate) async fn pay(request: SendRequest) -> Result<Payment, ApiError> {
    call::<SendPay>(request).await
}

/// How far a payment is.
pub(crate) async fn status(id: u64) -> Result<Payment, ApiError> {
    call::<SendStatus>(StatusRequest { id }).await
}
