"""pip's configuration reaches uv; the lock gives up one package's block."""

from scripts.installers import environment_for_uv, pinned

CONFIG = """\
global.index-url='https://mirror.example/simple'
global.extra-index-url='https://more.example/a https://more.example/b'
global.find-links='/srv/wheels /srv/more'
:env:.find-links='/from/environment'
global.disable-pip-version-check='true'
"""
LOCK = """\
# header
alpha==1.0 \\
    --hash=sha256:aa
    # via project
uv==0.13.9 \\
    --hash=sha256:bb \\
    --hash=sha256:cc
    # via
    #   project
zeta==2.0 \\
    --hash=sha256:dd
"""


def test_uv_is_told_what_pip_was_told() -> None:
    told = environment_for_uv({"HOME": "/h"}, CONFIG)
    assert told["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert told["UV_INDEX"] == "https://more.example/a https://more.example/b"
    assert told["HOME"] == "/h"
    assert "UV_INSECURE_HOST" not in told


def test_a_variable_of_the_environment_goes_before_pips_file_as_it_does_in_pip() -> None:
    assert environment_for_uv({}, CONFIG)["UV_FIND_LINKS"] == "/from/environment"
    assert environment_for_uv({}, "global.find-links='/a /b'")["UV_FIND_LINKS"] == "/a,/b"


def test_with_several_indexes_uv_takes_the_locked_file_from_any_as_pip_does() -> None:
    assert environment_for_uv({}, CONFIG)["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert "UV_INDEX_STRATEGY" not in environment_for_uv({}, "")


def test_what_uv_was_told_itself_stands() -> None:
    own = {"UV_DEFAULT_INDEX": "https://own.example/simple"}
    assert environment_for_uv(own, CONFIG)["UV_DEFAULT_INDEX"] == "https://own.example/simple"
    assert "UV_DEFAULT_INDEX" not in environment_for_uv({"UV_INDEX_URL": "https://older.example"}, CONFIG)


def test_one_packages_block_of_the_lock_has_its_version_and_all_hashes() -> None:
    assert pinned(LOCK, "uv") == "uv==0.13.9 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
    assert pinned(LOCK, "zeta") == "zeta==2.0 \\\n    --hash=sha256:dd\n"
