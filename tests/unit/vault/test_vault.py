"""Encrypted text is read and written as ansible-core does it, and nothing of it is told."""

from __future__ import annotations

import pytest
from ansible.parsing.vault import VaultLib
from ansible.parsing.vault import VaultSecret as StockSecret
from hypothesis import given, settings
from hypothesis import strategies as st

from outlast.errors import VaultError
from outlast.values import Origin
from outlast.vault import LOCKED, Vault, VaultSecret, encrypted, is_encrypted

DEV = VaultSecret("dev", b"hunter2")
PROD = VaultSecret("prod", b"correct horse")
DEFAULT = VaultSecret("default", b"hunter2")


def stock(*secrets):
    return VaultLib([(one.vault_id, StockSecret(one.password)) for one in secrets])


@pytest.mark.parametrize("secret", [DEV, PROD, DEFAULT])
@pytest.mark.parametrize("plain", [b"", b"x", b"0123456789abcdef", b"\x00\xff\n" * 100])
def test_stock_reads_what_we_write(plain, secret):
    assert stock(secret).decrypt(encrypted(plain, secret)) == plain


@pytest.mark.parametrize("secret", [DEV, DEFAULT])
@pytest.mark.parametrize("plain", [b"", b"x", b"0123456789abcdef", b"\x00\xff\n" * 100])
def test_we_read_what_stock_writes(plain, secret):
    written = stock(secret).encrypt(plain, StockSecret(secret.password), secret.vault_id)
    assert Vault((secret,)).decrypted(written) == plain


@pytest.mark.parametrize("vault_id", ["dev", "default"])
def test_with_the_same_salt_the_texts_are_the_same_to_the_byte(vault_id):
    secret = VaultSecret(vault_id, b"pw")
    theirs = VaultLib().encrypt(b"text", StockSecret(b"pw"), vault_id, "salt")
    assert encrypted(b"text", secret, salt=b"salt") == theirs


@settings(max_examples=25, deadline=None)
@given(plain=st.binary(max_size=200), password=st.binary(min_size=1, max_size=20))
def test_what_was_encrypted_comes_back(plain, password):
    if is_encrypted(plain):
        return
    secret = VaultSecret("any", password)
    assert Vault((secret,)).decrypted(encrypted(plain, secret)) == plain


def test_every_secret_is_tried_whatever_its_id():
    text = encrypted(b"text", DEV)
    other_name = VaultSecret("elsewhere", DEV.password)
    assert Vault((PROD, other_name)).decrypted(text) == b"text"


def test_a_strict_vault_tries_the_secrets_of_the_id_alone():
    text = encrypted(b"text", DEV)
    assert Vault((PROD, DEV), strict=True).decrypted(text) == b"text"
    with pytest.raises(VaultError, match="no vault secrets were found that could decrypt"):
        Vault((PROD, VaultSecret("elsewhere", DEV.password)), strict=True).decrypted(text)


def test_a_wrong_password_and_a_missing_one_are_told_apart():
    text, place = encrypted(b"text", DEV), Origin("f.yml", 3, 4)
    with pytest.raises(VaultError) as wrong:
        Vault((PROD,)).decrypted(text, place)
    assert "could decrypt" in wrong.value.message
    assert wrong.value.origin == place
    with pytest.raises(VaultError, match="no vault secrets found"):
        LOCKED.decrypted(text, place)


def test_plain_files_pass_a_locked_vault():
    assert LOCKED.opened(b"a: 1\n", "f.yml") == b"a: 1\n"
    assert LOCKED.opened("$ANSIBLE_VAULT ä".encode(), "f.yml").startswith(b"$ANSIBLE_VAULT")


WHOLE = encrypted(b"attack at dawn", DEV, salt=b"salt")


@pytest.mark.parametrize("length", [*range(15, len(WHOLE) - 1, 7)])
def test_a_text_cut_short_is_an_error_with_its_place(length):
    with pytest.raises(VaultError) as told:
        Vault((DEV,)).decrypted(WHOLE[:length], Origin("f.yml"))
    assert told.value.origin == Origin("f.yml")
    assert "dawn" not in str(told.value)


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, len(WHOLE) - 2), byte=st.integers(0, 255))
def test_a_garbled_text_never_gives_another_one(at, byte):
    garbled = WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :]
    try:
        given = Vault((DEV,)).decrypted(garbled)
    except VaultError:
        return
    assert given == b"attack at dawn"  # white space, the id or the case of a digit


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"$ANSIBLE_VAULT\n61\n", "Vault envelope format error"),
        (b"$ANSIBLE_VAULT;1.1;ROT13\n61\n", "Cipher 'ROT13' could not be found"),
        (b"$ANSIBLE_VAULT;1.1;AES256\nxyz\n", "Vault format unhexlify error"),
        (b"$ANSIBLE_VAULT;1.1;AES256\n3132\n", "Vault vaulttext format error"),
        (b"plain", "Input is not vault encrypted data"),
    ],
)
def test_what_is_no_vault_is_told_in_stocks_words(text, said):
    with pytest.raises(VaultError, match=said):
        Vault((DEV,)).decrypted(text)


def test_a_string_is_decrypted_once():
    vault, text = Vault((DEV,)), WHOLE.decode()
    assert not vault.is_known(text)
    first = vault.revealed(text)
    assert first == "attack at dawn"
    assert vault.is_known(text)
    assert vault.revealed(text) is first


def test_a_secret_does_not_show_itself():
    assert "hunter2" not in repr(DEV)
    assert "hunter2" not in repr(Vault((DEV,)))
    assert "hunter2" not in f"{[DEV]}"
