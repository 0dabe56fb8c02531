//! What a person can do on each page.

use crate::Result;
use crate::page::Page;

/// Waits for the first page of the app.
pub(crate) async fn arrive(page: &Page) -> Result<()> {
    page.find("home-page").await.map(|_| ())
}
