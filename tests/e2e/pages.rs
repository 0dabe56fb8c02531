//! What a person can do on each page. Only this file and the story know the handles of docs/testids.md.

use crate::Result;
use crate::page::{LONG, Page, SHORT};
use crate::view::View;
use serde_json::json;

/// Password of every wallet of a run: nothing of it outlives the run.
const PASSWORD: &str = "correct horse battery staple";

/// A wallet as its owner knows it.
#[derive(Debug, Clone)]
pub(crate) struct Wallet {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its words, written down.
    pub(crate) words: String,
}

/// Places the navigation leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Balances and the last payments.
    Home,
    /// Pay somebody.
    Send,
    /// Addresses.
    Receive,
    /// What came and went.
    Activity,
    /// Validators and stake.
    Govern,
    /// The own node.
    Node,
    /// Security, appearance, wallets.
    Settings,
}

impl Place {
    /// Every place.
    pub(crate) const ALL: [Self; 7] =
        [Self::Home, Self::Send, Self::Receive, Self::Activity, Self::Govern, Self::Node, Self::Settings];

    /// Its name in handles and pictures.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Send => "send",
            Self::Receive => "receive",
            Self::Activity => "activity",
            Self::Govern => "govern",
            Self::Node => "node",
            Self::Settings => "settings",
        }
    }
}

/// What a wallet holds, in STR as the page has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holding {
    /// May be spent now.
    pub(crate) spendable: String,
    /// On its way.
    pub(crate) pending: String,
    /// Mined, not mature.
    pub(crate) immature: String,
}

/// Goes to a place by the navigation: the rail, or on a phone the bar and the sheet behind "more".
pub(crate) async fn go(page: &Page, place: Place) -> Result<()> {
    let name = place.name();
    match (page.view(), place) {
        (View::Phone, Place::Govern | Place::Node | Place::Settings) => {
            page.click("tab-more").await?;
            page.click(&format!("more-{name}")).await?;
        }
        (View::Phone, _) => page.click(&format!("tab-{name}")).await?,
        _ => page.click(&format!("nav-{name}")).await?,
    }
    page.find(&format!("{name}-page")).await.map(|_| ())
}

/// Creates a wallet from the Welcome page, with the three-word check.
pub(crate) async fn create_wallet(page: &Page, name: &'static str, pictures: bool) -> Result<Wallet> {
    page.find_within("welcome-page", LONG).await?;
    picture_if(page, pictures, "welcome").await?;
    page.click("welcome-create").await?;
    page.fill("create-name", name).await?;
    page.fill("password-new", PASSWORD).await?;
    page.fill("password-repeat", PASSWORD).await?;
    picture_if(page, pictures, "create").await?;
    page.click("create-submit").await?;

    // Hidden until asked for, and then twelve.
    page.find_within("words-list", LONG).await?;
    page.click("words-show").await?;
    let words = page
        .until("twelve words", SHORT, async || {
            let shown = page.texts("words-list", "b").await?;
            let are_words = shown.len() == 12 && shown.iter().all(|w| w.chars().all(|c| c.is_ascii_lowercase()));
            Ok(are_words.then_some(shown))
        })
        .await?;
    picture_if(page, pictures, "create-words").await?;
    page.click("create-written").await?;

    // The page asks for three words by their numbers.
    let asked = page.find_all("check-word", 3).await?;
    for field in asked {
        let place: usize =
            field.attr("data-place").await?.ok_or("a field does not say which word it asks for")?.parse()?;
        let word =
            place.checked_sub(1).and_then(|i| words.get(i)).ok_or_else(|| format!("word {place} was asked for"))?;
        field.send_keys(word).await?;
    }
    picture_if(page, pictures, "create-check").await?;
    page.click("check-submit").await?;
    page.find("create-address").await?;
    picture_if(page, pictures, "create-done").await?;
    page.click("create-finish").await?;
    page.find_within("home-page", LONG).await?;
    Ok(Wallet { name, words: words.join(" ") })
}

/// Restores a wallet from the Welcome page: words, what they give, name and password.
pub(crate) async fn restore_wallet(page: &Page, wallet: &Wallet, pictures: bool) -> Result<()> {
    page.find_within("welcome-page", LONG).await?;
    page.click("welcome-restore").await?;
    page.fill("restore-words", &wallet.words).await?;
    picture_if(page, pictures, "restore").await?;
    page.click("restore-look").await?;
    page.find_within("restore-confidential", LONG).await?;
    page.fill("restore-name", wallet.name).await?;
    page.fill("password-new", PASSWORD).await?;
    page.fill("password-repeat", PASSWORD).await?;
    picture_if(page, pictures, "restore-found").await?;
    page.click("restore-submit").await?;
    page.find_within("home-page", LONG).await.map(|_| ())
}

/// Opens the list of wallets.
async fn open_wallets(page: &Page) -> Result<()> {
    page.click(if page.view() == View::Phone { "tab-more" } else { "wallet-switch" }).await
}

/// Opens the Welcome page for one more wallet.
pub(crate) async fn add_wallet(page: &Page) -> Result<()> {
    open_wallets(page).await?;
    page.click("wallet-add").await
}

/// Makes another wallet the current one.
pub(crate) async fn switch_to(page: &Page, wallet: &Wallet) -> Result<()> {
    go(page, Place::Home).await?;
    open_wallets(page).await?;
    page.click_where("wallet-choose", "data-wallet", wallet.name).await?;
    page.find("home-page").await.map(|_| ())
}

/// What the current wallet holds, once its home page shows it.
pub(crate) async fn holding(page: &Page) -> Result<Holding> {
    go(page, Place::Home).await?;
    let part = async |id: &str| -> Result<String> {
        let shown =
            page.until(&format!("an amount in `{id}`"), SHORT, async || page.attr(id, "data-amount").await).await?;
        Ok(shown)
    };
    Ok(Holding {
        spendable: part("home-spendable").await?,
        pending: part("home-pending").await?,
        immature: part("home-immature").await?,
    })
}

/// Waits until the current wallet's home page shows what `fits`.
pub(crate) async fn until_holding(page: &Page, what: &str, fits: impl Fn(&Holding) -> bool) -> Result<Holding> {
    page.until(what, LONG, async || {
        let held = holding(page).await?;
        Ok(fits(&held).then_some(held))
    })
    .await
}

/// Switches mining on, with two threads where the machine has them, or off.
pub(crate) async fn mine(page: &Page, on: bool) -> Result<()> {
    go(page, Place::Node).await?;
    if on && page.find("mining-more").await?.is_enabled().await? {
        page.click("mining-more").await?;
        page.until_text("mining-threads", SHORT, |text| text.starts_with('2')).await?;
    }
    let wanted = on.to_string();
    if page.attr("mining-switch", "aria-checked").await?.as_deref() != Some(wanted.as_str()) {
        page.click("mining-switch").await?;
    }
    page.until("the mining switch", SHORT, async || {
        let is_on = page.attr("mining-switch", "aria-checked").await?;
        Ok((is_on.as_deref() == Some(wanted.as_str())).then_some(()))
    })
    .await
}

/// Waits until a canvas draws so many blocks.
pub(crate) async fn until_drawn(page: &Page, canvas: &str, at_least: u64) -> Result<()> {
    page.until(&format!("{at_least} blocks in `{canvas}`"), LONG, async || {
        let drawn = page.attr(canvas, "data-blocks").await?.and_then(|count| count.parse::<u64>().ok());
        Ok(drawn.filter(|count| *count >= at_least).map(|_| ()))
    })
    .await
}

/// The newest confidential address of the current wallet.
pub(crate) async fn receive_address(page: &Page) -> Result<String> {
    go(page, Place::Receive).await?;
    page.until_text("receive-address", SHORT, |text| text.starts_with("dumbel1")).await
}

/// Proves the newest sent payment, and checks the proof as a stranger would; the wrong challenge first.
pub(crate) async fn prove_and_check(page: &Page, challenge: &str) -> Result<()> {
    go(page, Place::Activity).await?;
    page.click("activity-sent").await?;
    page.until("only what was sent", SHORT, async || {
        let pressed = page.attr("activity-sent", "aria-pressed").await?;
        Ok((pressed.as_deref() == Some("true")).then_some(()))
    })
    .await?;
    page.find_all("activity-entry", 1).await?;
    page.click("activity-entry").await?;
    page.click("proof-open").await?;
    page.fill("proof-challenge", challenge).await?;
    page.click("proof-make").await?;
    let proof = page
        .until("the proof to be made", LONG, async || {
            Ok(page.find("proof-text").await?.prop("value").await?.filter(|text| text.contains("signature")))
        })
        .await?;
    page.assert_fits("proof").await?;
    page.picture("proof").await?;
    page.click("dialog-close").await?;
    page.click("proof-check-open").await?;
    // A field takes line ends as a form's key; the text means the same without them.
    let line: String = proof.lines().map(str::trim).collect();
    page.fill("proof-paste", &line).await?;
    page.fill("proof-asked", "another question").await?;
    page.click("proof-check-now").await?;
    page.until("the refusal", LONG, async || {
        Ok((page.attr("form-error", "data-code").await?.as_deref() == Some("bad_proof")).then_some(()))
    })
    .await?;
    page.fill("proof-asked", challenge).await?;
    page.click("proof-check-now").await?;
    page.until("the verdict", LONG, async || {
        Ok((page.attr("proof-verdict", "data-paid").await?.as_deref() == Some("true")).then_some(()))
    })
    .await?;
    page.assert_fits("proof-check").await?;
    page.picture("proof-check").await?;
    page.click("dialog-close").await?;
    page.click("activity-all").await
}

/// Fills in a payment and reviews it.
pub(crate) async fn prepare_payment(page: &Page, to: &str, amount: &str, note: &str) -> Result<()> {
    go(page, Place::Send).await?;
    page.fill("send-to", to).await?;
    page.fill("send-amount", amount).await?;
    page.fill("send-note", note).await?;
    picture_if(page, true, "send-form").await?;
    page.click("send-review").await?;
    page.find_within("send-pay", LONG).await.map(|_| ())
}

/// Pays, and returns every stage the page showed until the payment was final.
pub(crate) async fn pay(page: &Page) -> Result<Vec<String>> {
    page.record("payment-path", "data-stage").await?;
    page.click("send-pay").await?;
    page.until("the payment to be final", LONG, async || {
        let stages = page.recorded().await?;
        let ended = ["conflicted", "expired", "dropped", "failed"].iter().find(|end| stages.iter().any(|s| s == *end));
        if let Some(end) = ended {
            return Ok(Some(Err(format!("the payment is {end}: {stages:?}"))));
        }
        Ok(stages.iter().any(|s| s == "final").then_some(Ok(stages)))
    })
    .await?
    .map_err(Into::into)
}

/// Stakes with the first validator; returns once the chain has the stake.
pub(crate) async fn delegate(page: &Page, amount: &str, staked: &str) -> Result<()> {
    go(page, Place::Govern).await?;
    page.find_within("govern-mine-empty", LONG).await?;
    page.click("govern-delegate").await?;
    page.fill("govern-amount", amount).await?;
    if page.find("govern-delegate-submit").await?.is_enabled().await? {
        return Err("stake can be sent without accepting that it is public".into());
    }
    page.click("govern-public").await?;
    page.assert_fits("govern-delegate").await?;
    page.picture("govern-delegate").await?;
    page.click("govern-delegate-submit").await?;
    until_staked(page, staked).await
}

/// Waits until the wallet's stake is shown.
pub(crate) async fn until_staked(page: &Page, staked: &str) -> Result<()> {
    go(page, Place::Govern).await?;
    page.until(&format!("{staked} STR to be staked"), LONG, async || {
        Ok((page.attr("govern-position", "data-staked").await?.as_deref() == Some(staked)).then_some(()))
    })
    .await
}

/// Locks the current wallet and opens it again.
pub(crate) async fn lock_and_unlock(page: &Page) -> Result<()> {
    if page.view() == View::Phone {
        page.click("tab-more").await?;
        page.click("more-lock").await?;
    } else {
        page.click("status-lock").await?;
    }
    go_locked_home(page).await?;
    page.picture("unlock").await?;
    page.fill("unlock-password", PASSWORD).await?;
    page.click("unlock-submit").await?;
    page.find_within("home-page", LONG).await.map(|_| ())
}

async fn go_locked_home(page: &Page) -> Result<()> {
    page.script("location.hash = '#/home'", vec![json!(null)]).await?;
    page.find("unlock-page").await.map(|_| ())
}

async fn picture_if(page: &Page, wanted: bool, name: &str) -> Result<()> {
    if wanted {
        page.assert_fits(name).await?;
        page.picture(name).await?;
    }
    Ok(())
}
