//! The story: two wallets, a confidential payment, and the same money found again from the words.

use crate::launch::{Stage, delete_wallets};
use crate::page::Page;
use crate::pages::{self, Holding, Place};
use crate::view::View;
use crate::{Args, Result, say};

/// What is paid, as a person types it and as the page keeps it.
const AMOUNT: (&str, &str) = ("1.25", "1.25000000");
/// Blocks there are before pictures are taken: as many as the node's page shows side by side.
const BLOCKS_IN_PICTURE: u64 = 25;
/// Its note.
const NOTE: &str = "rent, November";
/// What is staked, as a person types it, and what of it the page shows: a first stake pays a deposit of 1 STR.
const STAKE: (&str, &str) = ("25", "24.00000000");

/// Tells it in one view.
pub(crate) async fn tell(view: View, args: &Args) -> Result<()> {
    let stage = Stage::set_up(view, args)?;
    let told = chapters(&stage, args).await;
    told.map_err(|error| format!("{error}\n{}", stage.logs()).into())
}

async fn chapters(stage: &Stage, args: &Args) -> Result<()> {
    let app = stage.open().await?;
    let page = &app.page;

    let everyday = pages::create_wallet(page, "Everyday", true).await?;
    say("created a wallet, and three of its words were asked for");
    empty_pages(page).await?;

    pages::mine(page, true).await?;
    pages::until_holding(page, "mined coins to be spendable", |held| is_more(&held.spendable)).await?;
    say("mined test coins that may be spent");

    pages::add_wallet(page).await?;
    let savings = pages::create_wallet(page, "Savings", false).await?;
    let address = pages::receive_address(page).await?;
    say("created a second wallet");
    if args.screens_only {
        pages::go(page, Place::Node).await?;
        pages::until_drawn(page, "node-dag", BLOCKS_IN_PICTURE).await?;
        pages::mine(page, false).await?;
        pages::switch_to(page, &everyday).await?;
        every_page(page).await?;
        pages::lock_and_unlock(page).await?;
        return app.close().await;
    }

    pages::switch_to(page, &everyday).await?;
    pages::prepare_payment(page, &address, AMOUNT.0, NOTE).await?;
    page.assert_fits("send-review").await?;
    page.picture("send-review").await?;
    let stages = pages::pay(page).await?;
    page.picture("send-path").await?;
    if stages.first().map(String::as_str) != Some("building") {
        return Err(format!("the payment was not seen being built: {stages:?}").into());
    }
    say(&format!("paid the second wallet: {}", stages.join(" → ")));

    pages::delegate(page, STAKE.0, STAKE.1).await?;
    say(&format!("staked {} STR, {} of them beside the deposit", STAKE.0, STAKE.1));

    pages::go(page, Place::Node).await?;
    pages::until_drawn(page, "node-dag", BLOCKS_IN_PICTURE).await?;
    pages::mine(page, false).await?;
    every_page(page).await?;
    pages::prove_and_check(page, "order 4711, 20 November").await?;
    say("proved the payment, and checked the proof");
    pages::lock_and_unlock(page).await?;
    say("locked and unlocked");

    pages::switch_to(page, &savings).await?;
    let received = pages::until_holding(page, "the payment to arrive", |held| held.spendable == AMOUNT.1).await?;
    pages::switch_to(page, &everyday).await?;
    let kept = pages::until_holding(page, "the change to come back", |held| !is_more(&held.pending)).await?;
    say(&format!("Everyday has {kept:?}, Savings has {received:?}"));
    app.close().await?;

    delete_wallets(&stage.data())?;
    say("closed the app and deleted the wallets' files");

    let app = stage.open().await?;
    let page = &app.page;
    for (i, (wallet, before)) in [(&everyday, &kept), (&savings, &received)].into_iter().enumerate() {
        if i > 0 {
            pages::add_wallet(page).await?;
        }
        pages::restore_wallet(page, wallet, i == 0).await?;
        let what = format!("{} to hold {before:?} again", wallet.name);
        pages::until_holding(page, &what, |held: &Holding| held == before).await?;
        say(&format!("restored {} from its words, with the same money", wallet.name));
        if i == 0 {
            pages::until_staked(page, STAKE.1).await?;
            say("and with the same stake");
        }
    }
    page.picture("home-restored").await?;
    app.close().await
}

/// Pages before anything happened.
async fn empty_pages(page: &Page) -> Result<()> {
    for place in [Place::Home, Place::Activity] {
        pages::go(page, place).await?;
        picture(page, &format!("{}-empty", place.name())).await?;
    }
    Ok(())
}

/// Every page with something on it.
async fn every_page(page: &Page) -> Result<()> {
    for place in Place::ALL {
        pages::go(page, place).await?;
        match place {
            Place::Home => pages::until_drawn(page, "home-dag", BLOCKS_IN_PICTURE).await?,
            Place::Node => pages::until_drawn(page, "node-dag", BLOCKS_IN_PICTURE).await?,
            _ => {}
        }
        picture(page, place.name()).await?;
    }
    Ok(())
}

async fn picture(page: &Page, name: &str) -> Result<()> {
    page.settled().await?;
    page.assert_well(name).await?;
    page.assert_fits(name).await?;
    page.picture(name).await
}

/// Whether a decimal amount is more than nothing.
fn is_more(amount: &str) -> bool {
    amount.chars().any(|c| matches!(c, '1'..='9'))
}

#[cfg(test)]
mod tests {
    use super::is_more;

    #[test]
    fn amounts_are_told_from_nothing() {
        assert!(is_more("0.00000001"));
        assert!(!is_more("0.00000000"));
        assert!(!is_more(""));
    }
}
