"""Add up pytest's reports and refuse every skip that is not expected here.

    python .ci/check_reports.py REPORT.xml ...

A server or browser test that is skipped has proved nothing, so a skip is a failure unless its
reason stands in `ALLOWED`. The last line is the summary of all reports.
"""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

# Reasons that may skip a test in CI: what the machine itself cannot give.
ALLOWED = (
    "no file system can be mounted here",
    "no room for a file of 2.7 GB",
    "this system lets nobody make links",
)


def main(reports: list[Path]) -> int:
    """Print what was skipped and the summary; returns the exit status."""
    passed = failed = skipped = 0
    refused = []
    for report in reports:
        for case in ElementTree.parse(report).iter("testcase"):
            skip = case.find("skipped")
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
            elif skip is None:
                passed += 1
            else:
                skipped += 1
                reason = re.sub(r"^Skipped: ", "", skip.get("message", ""))
                allowed = any(words in reason for words in ALLOWED)
                name = f"{case.get('classname')}::{case.get('name')}"
                print(f"skipped{'' if allowed else ', which is not allowed'}: {name}: {reason}")
                if not allowed:
                    refused.append(name)
    if not passed:
        print("No test ran.")
    print(f"{passed} passed, {failed + len(refused)} failed, {skipped - len(refused)} skipped")
    return 1 if failed or refused or not passed else 0


if __name__ == "__main__":
    sys.exit(main([Path(name) for name in sys.argv[1:]]))
