"""What is made of the client is as it would be made now."""

from pathlib import Path

import pytest

from scripts import client


@pytest.mark.parametrize("part", [client.synchronous, client.documents])
def test_the_made_parts_of_the_client_are_fresh(part) -> None:
    made: dict[Path, str] = part()
    stale = [file.name for file, text in made.items() if not file.exists() or file.read_text() != text]
    assert stale == [], "run `make client`"
    (folder,) = {file.parent for file in made}
    assert {file.name for file in folder.glob("*.py")} == {file.name for file in made}
