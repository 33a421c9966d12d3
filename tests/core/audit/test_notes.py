"""Checkpoints as other tools write and read them."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from patchbay.core.audit.notes import (
    BadCheckpoint,
    Checkpoint,
    log_of,
    notes_in,
    opened,
    public_key_of,
    sign,
    verifier_key,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
ORIGIN = "example.com/log"
NOTE = sign(Checkpoint(ORIGIN, 7, bytes(32)), KEY)
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
"""The verifier key of the documentation of Go's golang.org/x/mod/sumdb/note."""


def test_a_checkpoint_is_text_that_the_key_of_the_logs_name_signs():
    text, signature = NOTE.split("\n\n")
    assert text == f"{ORIGIN}\n7\n{base64.b64encode(bytes(32)).decode()}"
    assert signature.startswith(f"— {ORIGIN} ")
    assert opened(NOTE, ORIGIN, PUBLIC) == Checkpoint(ORIGIN, 7, bytes(32))


def test_a_verifier_key_has_the_form_and_the_id_that_gos_note_package_gives_it():
    assert verifier_key("PeterNeumann", public_key_of(GO_KEY)) == GO_KEY
    assert public_key_of(verifier_key(ORIGIN, PUBLIC)) == public_key_of(base64.b64encode(PUBLIC).decode()) == PUBLIC


def test_a_verifier_key_says_whose_log_it_is_for_and_bare_bytes_do_not():
    assert (log_of(GO_KEY), log_of(f"{verifier_key(ORIGIN, PUBLIC)}\n")) == ("PeterNeumann", ORIGIN)
    assert log_of(base64.b64encode(PUBLIC).decode()) is None


@pytest.mark.parametrize("text", ["", "AAAA", GO_KEY.replace("c74f20a3", "c74f20a4"), "a+00000000+!!", "%%%"])
def test_what_is_no_public_key_is_refused(text):
    with pytest.raises(ValueError, match="a public key is"):
        public_key_of(text)


def test_signatures_of_witnesses_are_passed_over_and_a_false_one_in_our_name_is_not():
    witness = sign(Checkpoint(ORIGIN, 7, bytes(32)), Ed25519PrivateKey.generate()).splitlines()[-1]
    assert opened(NOTE + f"{witness.replace(ORIGIN, 'witness.example')}\n", ORIGIN, PUBLIC).size == 7
    assert opened(NOTE.replace("\n\n", f"\n\n{witness}\n"), ORIGIN, PUBLIC).size == 7
    with pytest.raises(BadCheckpoint, match="did not sign"):
        opened(NOTE.replace("\n7\n", "\n8\n"), ORIGIN, PUBLIC)
    with pytest.raises(BadCheckpoint, match="did not sign"):
        opened(NOTE, ORIGIN, Ed25519PrivateKey.generate().public_key().public_bytes_raw())


@pytest.mark.parametrize(
    "note", ["", NOTE[:-1], NOTE.replace("\n7\n", "\n07\n"), NOTE.replace("=\n\n", "\n\n"), NOTE + "x"]
)
def test_what_has_not_the_form_is_refused(note):
    with pytest.raises(BadCheckpoint, match="the form"):
        opened(note, ORIGIN, PUBLIC)


def test_a_checkpoint_of_another_log_is_refused():
    with pytest.raises(BadCheckpoint, match="not of example"):
        opened(NOTE, "example.com/other", PUBLIC)


def test_whole_notes_are_found_around_what_a_crash_left():
    for torn in range(0, len(NOTE) - 1, 7):
        assert list(notes_in(f"{NOTE}\n{NOTE[:torn]}\n\n{NOTE}\n")) == [NOTE, NOTE]
