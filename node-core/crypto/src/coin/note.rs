//! Notes: text for the recipient, ChaCha20-Poly1305, of one of three lengths.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use thiserror::Error;
use umbel_types::{Note, OneTimeKey, PointBytes};
use zeroize::Zeroizing;

/// Length class of the notes of a transaction. All its coin outputs carry the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoteSize {
    /// No note: 0 bytes on chain.
    None,
    /// Up to 47 bytes of text: 64 bytes on chain.
    Short,
    /// Up to 239 bytes of text: 256 bytes on chain.
    Long,
}

/// A text that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the note has {got} bytes, at most {limit} fit")]
pub struct NoteError {
    /// Bytes of the text.
    pub got: usize,
    /// Most bytes.
    pub limit: usize,
}

/// What a coin's note says to whoever has its key. None of the three says anything about the coin's worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoteText {
    /// No note, or padding without text.
    Empty,
    /// The sender's text.
    Text(String),
    /// Bytes that are no note under this key: a failing note never fails its coin.
    Unreadable,
}

impl NoteText {
    /// The text, where there is one.
    pub fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Empty | Self::Unreadable => None,
        }
    }
}

impl NoteSize {
    /// The smallest class that takes every one of `texts`.
    ///
    /// # Errors
    /// [`NoteError`] where one is longer than 239 bytes.
    pub fn for_texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, NoteError> {
        let longest = texts.into_iter().map(str::len).max().unwrap_or(0);
        [Self::None, Self::Short, Self::Long]
            .into_iter()
            .find(|size| longest <= size.text_limit())
            .ok_or(NoteError { got: longest, limit: Self::Long.text_limit() })
    }

    /// Most bytes of text.
    pub fn text_limit(self) -> usize {
        self.plaintext_len().saturating_sub(1)
    }

    /// A length byte and the padded text; the tag of 16 bytes is on top.
    fn plaintext_len(self) -> usize {
        match self {
            Self::None => 0,
            Self::Short => 48,
            Self::Long => 240,
        }
    }

    fn of_ciphertext(note: &Note) -> Self {
        match note.as_bytes().len() {
            64 => Self::Short,
            256 => Self::Long,
            _ => Self::None,
        }
    }
}

/// g ‖ A ‖ S ‖ c ‖ d ‖ R: what the note is bound to.
fn associated_data(owner: &OneTimeKey, c: &PointBytes, d: &PointBytes, ephemeral: &PointBytes) -> [u8; 192] {
    let mut data = [0u8; 192];
    let points = [&owner.g, &owner.view, &owner.spend, c, d, ephemeral];
    for (chunk, point) in data.chunks_exact_mut(32).zip(points) {
        chunk.copy_from_slice(&point.0);
    }
    data
}

/// The points of a coin that its note is bound to.
pub(crate) struct NotePlace<'a> {
    pub(crate) owner: &'a OneTimeKey,
    pub(crate) c: &'a PointBytes,
    pub(crate) d: &'a PointBytes,
    pub(crate) ephemeral: &'a PointBytes,
}

/// Encrypts `text`, padded to its class. The key is used once, so the nonce is zero.
pub(crate) fn encrypt(key: &[u8; 32], place: &NotePlace<'_>, text: &str, size: NoteSize) -> Result<Note, NoteError> {
    if text.len() > size.text_limit() {
        return Err(NoteError { got: text.len(), limit: size.text_limit() });
    }
    if size == NoteSize::None {
        return Ok(Note::EMPTY);
    }
    let mut plaintext = Zeroizing::new(vec![0u8; size.plaintext_len()]);
    plaintext[0] = u8::try_from(text.len()).expect("at most 239 bytes");
    plaintext[1..=text.len()].copy_from_slice(text.as_bytes());
    let aad = associated_data(place.owner, place.c, place.d, place.ephemeral);
    let ciphertext = ChaCha20Poly1305::new(key.into())
        .encrypt(&Nonce::default(), Payload { msg: &plaintext, aad: &aad })
        .expect("a note is far below the cipher's limit");
    Ok(Note::new(ciphertext).expect("48 or 240 bytes and the tag of 16"))
}

/// Decrypts a note.
pub(crate) fn decrypt(key: &[u8; 32], place: &NotePlace<'_>, note: &Note) -> NoteText {
    if NoteSize::of_ciphertext(note) == NoteSize::None {
        return NoteText::Empty;
    }
    match decrypt_text(key, place, note) {
        Some(text) if text.is_empty() => NoteText::Empty,
        Some(text) => NoteText::Text(text),
        None => NoteText::Unreadable,
    }
}

fn decrypt_text(key: &[u8; 32], place: &NotePlace<'_>, note: &Note) -> Option<String> {
    let aad = associated_data(place.owner, place.c, place.d, place.ephemeral);
    let plaintext = ChaCha20Poly1305::new(key.into())
        .decrypt(&Nonce::default(), Payload { msg: note.as_bytes(), aad: &aad })
        .ok()
        .map(Zeroizing::new)?;
    let (len, rest) = plaintext.split_first()?;
    let (text, padding) = rest.split_at_checked(usize::from(*len))?;
    if padding.iter().any(|byte| *byte != 0) {
        return None;
    }
    core::str::from_utf8(text).ok().map(str::to_owned)
}
