"""Headers that name a caller: with the key where it can be read, without it where there is none, none for nobody."""

from pathlib import Path

from patchbay.core.forwarding import forwarding_headers


def test_the_key_is_shown_where_there_is_one_and_only_beside_an_address(tmp_path: Path) -> None:
    file = tmp_path / "forwarding.key"
    assert forwarding_headers("192.0.2.1", file) == {"X-Forwarded-For": "192.0.2.1"}
    file.write_text("secret\n")
    shown = {"X-Forwarded-For": "192.0.2.1", "Patchbay-Forwarding-Key": "secret"}
    assert forwarding_headers("192.0.2.1", file) == shown
    assert forwarding_headers("", file) == {}
