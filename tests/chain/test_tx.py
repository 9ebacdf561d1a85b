"""Transactions: what is signed is what was meant, and nothing too long leaves the house."""

from __future__ import annotations

import pytest
from nacl.signing import SigningKey
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.transaction import Transaction, VersionedTransaction

from gridkit.chain.tx import MissingAccountError, Signer, Template, TransactionTooLargeError, instruction, sign

HASH = str(Pubkey.from_bytes(bytes([7] * 32)))
ALICE, BOB = Signer(SigningKey(bytes([1] * 32))), Signer(SigningKey(bytes([2] * 32)))
PROGRAM = Pubkey.from_bytes(bytes([9] * 32))


def test_a_legacy_transaction_verifies_and_the_first_signer_pays() -> None:
    """The fee must come from the one who was meant to pay it."""
    metas = [AccountMeta(BOB.pubkey, True, True), AccountMeta(PROGRAM, False, False)]
    signed = sign([Instruction(PROGRAM, b"data", metas)], [ALICE, BOB], HASH, 99)
    read = Transaction.from_bytes(signed.wire)
    read.verify()
    assert read.message.account_keys[0] == ALICE.pubkey
    assert str(read.signatures[0]) == signed.signature
    assert signed.last_valid_block_height == 99


def test_a_lookup_table_shortens_a_transaction_and_keeps_its_meaning() -> None:
    """Twelve readings fit only because accounts that all postings share are named by one byte each."""
    listed = [Pubkey.from_bytes(bytes([n + 20] * 32)) for n in range(6)]
    metas = [AccountMeta(ALICE.pubkey, True, True), *(AccountMeta(key, False, n < 2) for n, key in enumerate(listed))]
    order = [Instruction(PROGRAM, b"data", metas)]
    table = AddressLookupTableAccount(Pubkey.from_bytes(bytes([5] * 32)), listed)
    plain, short = sign(order, [ALICE], HASH, 1), sign(order, [ALICE], HASH, 1, [table])
    assert len(short.wire) < len(plain.wire) - 100
    read = VersionedTransaction.from_bytes(short.wire)
    assert read.verify_with_results() == [True]
    lookups = read.message.address_table_lookups
    assert sorted(bytes(lookups[0].writable_indexes) + bytes(lookups[0].readonly_indexes)) == list(range(6))


def test_a_transaction_over_1232_bytes_is_refused_before_it_is_sent() -> None:
    """A node would refuse it with a message about encoding that sends nobody to the cause."""
    metas = [AccountMeta(ALICE.pubkey, True, True)]
    room = 1232 - len(sign([Instruction(PROGRAM, bytes(600), metas)], [ALICE], HASH, 1).wire) + 600
    assert len(sign([Instruction(PROGRAM, bytes(room), metas)], [ALICE], HASH, 1).wire) == 1232
    with pytest.raises(TransactionTooLargeError) as caught:
        sign([Instruction(PROGRAM, bytes(room + 1), metas)], [ALICE], HASH, 1)
    assert caught.value.size == 1233


def test_accounts_are_named_and_none_is_forgotten() -> None:
    """A position in a list says nothing; a name that is missing or wrong must be an error here."""
    keys = {
        name: str(Pubkey.from_bytes(bytes([n] * 32))) for n, name in enumerate(("council", "config", "slab", "roots"))
    }
    named = {"poster": ALICE.address, **keys}
    made = instruction("oracle", str(PROGRAM), "post_verified", named, base_interval=1, readings=b"")
    assert [meta.is_signer for meta in made.accounts] == [True, False, False, False, False, False]
    assert made.accounts[-1].pubkey == PROGRAM, "an absent optional account is the program itself"
    with pytest.raises(MissingAccountError, match="slab"):
        instruction("oracle", str(PROGRAM), "post_verified", named | {"slab": ""}, base_interval=1, readings=b"")
    with pytest.raises(MissingAccountError, match="slap"):
        instruction("oracle", str(PROGRAM), "post_verified", named | {"slap": HASH}, base_interval=1, readings=b"")


@pytest.mark.parametrize("with_table", [True, False])
def test_a_template_makes_the_same_transactions(with_table: bool) -> None:
    """Bytes put together by hand must be the ones that the library would have made, on both sides of each length."""
    listed = [Pubkey.from_bytes(bytes([n + 20] * 32)) for n in range(6)]
    metas = [AccountMeta(ALICE.pubkey, True, True), *(AccountMeta(key, False, n < 2) for n, key in enumerate(listed))]
    tables = [AddressLookupTableAccount(Pubkey.from_bytes(bytes([5] * 32)), listed)] if with_table else []
    template = Template(Instruction(PROGRAM, b"other", metas), ALICE, tables)
    for size in (0, 1, 127, 128, 129, 255, 256, 700):
        data = bytes(n % 251 for n in range(size))
        assert template.sign(data, HASH, 9) == sign([Instruction(PROGRAM, data, metas)], [ALICE], HASH, 9, tables)
    with pytest.raises(TransactionTooLargeError):
        template.sign(bytes(1_232), HASH, 9)


def test_a_template_has_one_signer() -> None:
    """A second one would be left out without a word."""
    with pytest.raises(ValueError, match="only signer"):
        Template(Instruction(PROGRAM, b"", [AccountMeta(BOB.pubkey, True, True)]), ALICE)
