import torch
from formula_weights import formula_tensor, key_shapes, tiny_state_dict


def test_the_formula_gives_known_values() -> None:
    # Computed by hand with whole-number arithmetic from the formula of the golden cases.
    weight = formula_tensor("adapter.conv_in.weight", (2, 3), torch.float64)
    expected = torch.tensor([_by_hand("adapter.conv_in.weight", i, fan=3) for i in range(6)])
    assert torch.equal(weight.flatten().float(), expected)


def _by_hand(key: str, index: int, *, fan: int) -> float:
    import zlib

    mask = 0xFFFFFFFF
    u = (index * 2654435761 + zlib.crc32(key.encode())) & mask
    u ^= u >> 16
    u = u * 2246822519 & mask
    u ^= u >> 13
    u = u * 3266489917 & mask
    u ^= u >> 16
    return 2 * (3 / fan) ** 0.5 * (u / 2**32 - 0.5)


def test_tiny_weights_are_exact_in_half_precision() -> None:
    weights = tiny_state_dict("origin")
    floats = [tensor for tensor in weights.values() if tensor.is_floating_point()]
    assert all(torch.equal(tensor, tensor.half().float()) for tensor in floats)


def test_a_whole_checkpoint_has_the_published_number_of_parameters() -> None:
    shapes = key_shapes("fullsize", "ref_dual_spade")
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    count = sum(
        torch.Size(shape).numel() for key, shape in shapes.items() if not key.endswith(buffers)
    )
    assert (len(shapes), count) == (1328, 1_356_584_236)
