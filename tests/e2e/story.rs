//! The story.

use crate::launch::Stage;
use crate::view::View;
use crate::{Args, Result, pages, say};

/// Tells it in one view.
pub(crate) async fn tell(view: View, args: &Args) -> Result<()> {
    let stage = Stage::set_up(view, args)?;
    let app = stage.open().await?;
    say("the page is there");
    pages::arrive(&app.page).await?;
    app.page.assert_fits("home").await?;
    app.page.picture("home").await?;
    app.close().await
}
