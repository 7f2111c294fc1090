from __future__ import annotations

import pytest
import torch

from c2gm.errors import ConfigError
from c2gm.models import devices
from c2gm.models.devices import choose_device, choose_dtype, device_name

CPU = torch.device("cpu")


def test_auto_on_a_cpu_is_fp32() -> None:
    assert choose_dtype("auto", CPU) == torch.float32


def test_bf16_needs_a_processor_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "bf16_is_fast", lambda: True)
    assert choose_dtype("bf16", CPU) == torch.bfloat16
    monkeypatch.setattr(devices, "bf16_is_fast", lambda: False)
    with pytest.raises(ConfigError, match="does not compute in bf16"):
        choose_dtype("bf16", CPU)


def test_fp16_is_for_gpus() -> None:
    with pytest.raises(ConfigError, match="does not compute in fp16"):
        choose_dtype("fp16", CPU)
    assert choose_dtype("fp16", torch.device("cuda")) == torch.float16


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="no number format 'int8'"):
        choose_dtype("int8", CPU)
    with pytest.raises(ConfigError, match="no device 'abacus'"):
        choose_device("abacus")


def test_a_cpu_is_named_with_its_instructions() -> None:
    assert choose_device("cpu") == CPU
    assert device_name(CPU) == f"cpu ({torch.backends.cpu.get_cpu_capability()})"
