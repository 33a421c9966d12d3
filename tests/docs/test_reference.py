"""Reference pages say what the code says."""

from pathlib import Path

import pytest

from patchbay.core.settings import Settings
from scripts import reference

PAGES = reference.pages()


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_is_what_the_code_makes(repository: Path, name: str) -> None:
    written = (repository / "docs" / "reference" / name).read_text()
    assert written == PAGES[name], "run `make reference` and commit the pages"


def test_every_setting_is_explained() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_every_command_has_its_section() -> None:
    for command in ("demo", "up", "import jenkins", "import jiro", "simulate", "status", "token create", "feed"):
        assert f"## patchbay {command}\n" in PAGES["cli.md"]
