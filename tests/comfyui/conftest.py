from __future__ import annotations

from pathlib import Path

import pytest

from c2gm.models.checkpoints import BUNDLED


@pytest.fixture(scope="session")
def mini_file() -> Path:
    """c2gm-mini as it is bundled."""
    return BUNDLED
