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


@pytest.mark.parametrize("name", reference.problem_pages())
def test_the_page_of_a_problem_is_what_the_list_says(name: str) -> None:
    assert (reference.PROBLEMS / name).read_text() == reference.problem_pages()[name], "run `make reference`"


def test_no_problem_that_is_gone_has_a_page_and_the_registry_says_the_same() -> None:
    assert {file.name for file in reference.PROBLEMS.glob("*.md")} == set(reference.problem_pages())
    assert reference.MODULE.read_text() == reference.problem_module(), "run `make reference`"


def test_every_setting_is_explained() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_every_command_has_its_section() -> None:
    assert {"demo", "import jenkins", "plugin list", "me", "profile add"} <= set(reference.commands())
    for command in reference.commands():
        assert f"## patchbay {command}\n" in PAGES["cli.md"]
