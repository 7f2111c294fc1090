from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from c2gm.errors import ConfigError
from c2gm.models.devices import choose_device, choose_dtype, device_name

CPU = torch.device("cpu")


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Makes this CPU one with or without instructions for bf16."""

    def has_bf16(there: bool) -> None:
        for check in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
            monkeypatch.setattr(torch.cpu, check, lambda: there, raising=False)

    return has_bf16


def test_auto_on_a_cpu_is_bf16_where_it_has_it(processor: Callable[[bool], None]) -> None:
    processor(True)
    assert choose_dtype("auto", CPU) == torch.bfloat16
    processor(False)
    assert choose_dtype("auto", CPU) == torch.float32


def test_auto_on_another_device_is_fp32(processor: Callable[[bool], None]) -> None:
    processor(True)
    assert choose_dtype("auto", torch.device("mps")) == torch.float32


def test_bf16_needs_a_processor_that_has_it(processor: Callable[[bool], None]) -> None:
    processor(True)
    assert choose_dtype("bf16", CPU) == torch.bfloat16
    processor(False)
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
