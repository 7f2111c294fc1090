from __future__ import annotations

import pytest
from golden_cases import tiny_model

from c2gm.models.sgdm import SGDM


@pytest.fixture(scope="session")
def model() -> SGDM:
    return tiny_model()
