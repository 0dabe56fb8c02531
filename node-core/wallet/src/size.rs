//! How large a transaction will be: exact before it is built, since every part has a fixed length.

use umbel_crypto::coin::NoteSize;
use umbel_crypto::range_proof::range_proof_len;
use umbel_ledger::mass::{COIN_STORED_BYTES, compute_mass, min_fee, state_mass};
use umbel_types::Amount;
use umbel_types::tx::{INPUT_PROOF_BYTES, KERNEL_PROOF_BYTES, OUTPUT_PROOF_BYTES};

/// Version, chain, action, two counts, fee, validity, salt; then the range proof's length and the kernel proof.
const FRAME_BYTES: usize = 2 + 4 + 1 + 4 + 4 + 8 + 16 + 32 + 4 + KERNEL_PROOF_BYTES;
/// Outpoint, tag, asset, one-time key, c, d, V*; then the proof.
pub(crate) const COIN_INPUT_BYTES: usize = 36 + 1 + 32 + 96 + 32 + 32 + 32 + INPUT_PROOF_BYTES;
/// Outpoint, tag, the terms of a public Memo under an address without refund, branch; then key and signature.
const MEMO_INPUT_BYTES: usize = 36 + 1 + (32 + 9 + 21 + 1 + 16 + 32) + 1 + 33 + 64;
/// Tag, asset, flags, one-time key, c, d, R, sealed, tag of the note, V; then the proof.
const COIN_OUTPUT_BYTES: usize = 1 + 32 + 1 + 96 + 32 + 32 + 32 + 51 + 1 + 32 + OUTPUT_PROOF_BYTES;
/// Tag, asset, public value, lock, no refund, no data, validity.
const MEMO_OUTPUT_BYTES: usize = 1 + 32 + 9 + 21 + 1 + 4 + 16;

/// A stored Memo of this form: outpoint, the output, origin and DAA score.
const MEMO_STORED_BYTES: usize = 36 + MEMO_OUTPUT_BYTES + 9;

/// What a transaction has besides coins, public payments, and what every transaction has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Further {
    /// Bytes: of an Action and its signatures, or by which a Memo is longer than a public payment.
    pub(crate) bytes: usize,
    /// Signatures of an Action.
    pub(crate) signatures: usize,
    /// Bytes of them that stay until they are consumed.
    pub(crate) state_bytes: u64,
}

/// What a transaction's length depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Coins consumed.
    pub(crate) coins_in: usize,
    /// Memos consumed.
    pub(crate) memos_in: usize,
    /// Coins created.
    pub(crate) coins_out: usize,
    /// Memos created.
    pub(crate) memos_out: usize,
    /// What comes on top.
    pub(crate) further: Further,
    /// Length class of the coins' notes.
    pub(crate) note: NoteSize,
}

impl Shape {
    /// Bytes of the whole transaction.
    pub(crate) fn bytes(&self) -> usize {
        FRAME_BYTES
            + self.coins_in * COIN_INPUT_BYTES
            + self.memos_in * MEMO_INPUT_BYTES
            + self.coins_out * (COIN_OUTPUT_BYTES + self.note_bytes())
            + self.memos_out * MEMO_OUTPUT_BYTES
            + self.further.bytes
            + range_proof_len(self.coins_out)
    }

    fn note_bytes(&self) -> usize {
        match self.note {
            NoteSize::None => 0,
            NoteSize::Short => 64,
            NoteSize::Long => 256,
        }
    }

    /// Bytes by which it lets the UTXO set grow.
    fn state_bytes(&self) -> u64 {
        let coins = |n: usize| n as u64 * COIN_STORED_BYTES;
        let memos = |n: usize| (n * MEMO_STORED_BYTES) as u64;
        let notes = (self.coins_out * self.note_bytes()) as u64;
        let created = coins(self.coins_out) + memos(self.memos_out) + notes + self.further.state_bytes;
        created.saturating_sub(coins(self.coins_in) + memos(self.memos_in))
    }

    /// Least fee.
    pub(crate) fn fee(&self) -> Amount {
        let compute = compute_mass(self.bytes(), self.coins_in + self.memos_in + self.further.signatures);
        min_fee(compute.max(state_mass(self.state_bytes())))
    }

    /// Proofs and signatures to be made: one for each input and coin created, the range proof, the kernel's.
    pub(crate) fn proofs(&self) -> usize {
        self.coins_in + self.memos_in + self.coins_out + usize::from(self.coins_out > 0) + 1
    }
}
