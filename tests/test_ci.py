"""The judge of CI: which reports of pytest pass, and what it says of them."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
JUDGE = REPOSITORY / ".ci" / "check_reports.py"

PASSED = '<testcase classname="tests.a" name="works"/>'
FAILED = '<testcase classname="tests.a" name="fails"><failure message="no"/></testcase>'
BROKEN = '<testcase classname="tests.a" name="breaks"><error message="no"/></testcase>'
SKIPPED = (
    '<testcase classname="tests.a" name="is skipped">'
    '<skipped type="pytest.skip" message="{}"/></testcase>'
)


def judge(folder: Path, *reports: str) -> tuple[int, str, list[str]]:
    """Exit status, last line and all other lines about these test cases, one report each."""
    paths = []
    for number, cases in enumerate(reports):
        paths.append(folder / f"{number}.xml")
        paths[-1].write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>", "utf-8")
    command = [sys.executable, str(JUDGE), *map(str, paths)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    *lines, last = result.stdout.splitlines()
    return result.returncode, last, lines


def test_passed_tests_of_all_reports_are_added_up(tmp_path: Path) -> None:
    assert judge(tmp_path, PASSED * 3, PASSED) == (0, "4 passed, 0 failed, 0 skipped", [])


@pytest.mark.parametrize("case", [FAILED, BROKEN])
def test_a_failure_fails(tmp_path: Path, case: str) -> None:
    status, last, _ = judge(tmp_path, PASSED + case)
    assert (status, last) == (1, "1 passed, 1 failed, 0 skipped")


@pytest.mark.parametrize(
    "reason", ["Chromium is not installed", "could not import 'comfy'", "ComfyUI did not start"]
)
def test_a_skipped_server_or_browser_test_fails_and_is_named(tmp_path: Path, reason: str) -> None:
    status, last, lines = judge(tmp_path, PASSED + SKIPPED.format(reason))
    assert (status, last) == (1, "1 passed, 1 failed, 0 skipped")
    assert lines == [f"skipped, which is not allowed: tests.a::is skipped: {reason}"]


def test_what_the_machine_cannot_give_may_be_skipped(tmp_path: Path) -> None:
    case = SKIPPED.format("no file system can be mounted here")
    status, last, lines = judge(tmp_path, PASSED + case)
    assert (status, last) == (0, "1 passed, 0 failed, 1 skipped")
    assert len(lines) == 1


def test_no_test_at_all_fails(tmp_path: Path) -> None:
    assert judge(tmp_path, "")[0] == 1


def test_every_reason_that_may_skip_is_one_that_a_test_gives() -> None:
    """A reason that nobody gives any more would hide the next skip with such words."""
    allowed = runpy.run_path(str(JUDGE))["ALLOWED"]
    sources = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (REPOSITORY / "tests").rglob("*.py")
        if path != Path(__file__)
    )
    assert [words for words in allowed if words not in sources] == []
