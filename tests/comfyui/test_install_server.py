"""The script that builds the test server: quick when it is there, anew when a pin changed."""

from __future__ import annotations

from pathlib import Path

import install_server
import pytest


class Building(Exception):
    """Raised in place of the first command of a build."""


@pytest.fixture
def no_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise Building

    monkeypatch.setattr(install_server.subprocess, "run", refuse)


@pytest.mark.usefixtures("no_commands")
def test_a_server_of_the_same_pins_is_left_as_it_is(tmp_path: Path) -> None:
    stamp = tmp_path / "installed.txt"
    stamp.write_text(install_server.pins_hash(), encoding="utf-8")
    assert install_server.install_server(tmp_path) == tmp_path
    assert list(tmp_path.iterdir()) == [stamp]


@pytest.mark.usefixtures("no_commands")
def test_a_server_of_other_pins_is_built_anew_and_does_not_count_until_it_is(
    tmp_path: Path,
) -> None:
    stamp = tmp_path / "installed.txt"
    stamp.write_text("other pins", encoding="utf-8")
    with pytest.raises(Building):
        install_server.install_server(tmp_path)
    assert not stamp.exists()


def test_every_package_that_is_installed_has_a_pin() -> None:
    names = (*install_server.PACKAGES, *install_server.PACKAGES_ALONE, install_server.CARRIER)
    pinned = {name.lower() for name in install_server.read_pins()}
    assert {name.lower() for name in names} <= pinned
