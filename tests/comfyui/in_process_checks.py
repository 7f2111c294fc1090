"""Measurements on ComfyUI's side, run by the server's Python: `in_process_checks.py FOLDER`.

FOLDER holds `request.json` and the model files; the results go back as `answers.json` (numbers and
messages) and `answers.safetensors` (tensors to compare with the library's).
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from in_process import load_pack

FOLDER = Path(sys.argv[1])
REQUEST = json.loads((FOLDER / "request.json").read_text(encoding="utf-8"))
PACK = load_pack(REQUEST["comfyui"])

# ruff: noqa: E402
# The core nodes have imported these before ours are loaded.
for core in ("comfy.samplers", "comfy_api.latest"):
    importlib.import_module(core)


WATCHED = ("socket.connect", "socket.bind", "socket.getaddrinfo", "os.mkdir", "os.rename")
touched: list[str] = []
watching = False


def watch(event: str, details: tuple[Any, ...]) -> None:
    """Note what loading the nodes must not do: open sockets, write files."""
    if not watching:
        return
    writes = event == "open" and any(letter in str(details[1] or "") for letter in "wax+")
    if writes or event in WATCHED:
        touched.append(f"{event} {details}")


def load_nodes() -> tuple[float, list[str], list[Any]]:
    """CPU seconds of loading every node with its schema, modules that it imported, the nodes."""
    global watching
    sys.addaudithook(watch)
    known, began = set(sys.modules), time.process_time()
    loop = asyncio.new_event_loop()  # its own pair of sockets is not ours
    watching = True
    extension = loop.run_until_complete(PACK.comfy_entrypoint())
    nodes = loop.run_until_complete(extension.get_node_list())
    for node in nodes:
        node.GET_SCHEMA()
    watching = False
    return time.process_time() - began, sorted(set(sys.modules) - known), nodes


LOAD_SECONDS, LOADED_MODULES, NODES = load_nodes()

import comfy.model_management
import comfy.sample
import comfy.samplers
import comfy.sd
import numpy as np
import torch
from comfy_extras import nodes_custom_sampler
from pack.c2gm.grid import Window
from pack.nodes import features, map_model, model_files, window_noise
from safetensors.torch import load_file, save_file

import nodes as core_nodes

torch.set_num_threads(1)
SEED = 11
WINDOW_LATENT = 40
INPUTS = load_file(str(FOLDER / "inputs.safetensors"))
tensors: dict[str, torch.Tensor] = {}
answers: dict[str, Any] = {
    "load_seconds": LOAD_SECONDS,
    "loaded_modules": LOADED_MODULES,
    "touched": touched,
}


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    """Largest difference relative to the largest value of `b`."""
    return float((a - b).abs().max() / b.abs().max())


def load(name: str, dtype: str = "auto") -> Any:
    """A model of the request."""
    entry = REQUEST["models"][name]
    base = None if entry["base"] is None else Path(entry["base"])
    return model_files.load_sgdm(Path(entry["file"]), base, dtype)


def painter(
    sgdm: Any,
    cfg: float = 1.0,
    sampler: str = "euler",
    strength: float = 1.0,
    denoise: float = 1.0,
) -> Any:
    """The map model that the Cascade Sampler makes."""
    choice = map_model.SamplerChoice(sampler, "simple", 4, cfg, strength, 0.0, 1.0, denoise)
    return map_model.ComfyMapModel(
        sgdm.model, sgdm.clip, sgdm.vae, sgdm, choice=choice, graph="test"
    )


def case(name: str, count: int | None = None) -> tuple[np.ndarray, np.ndarray, Callable]:
    """Imagery, reference and noise of a model's windows, or of the first `count`."""
    size = REQUEST["models"][name]["size"]
    imagery, reference = (INPUTS[key][:count, :size, :size] for key in ("imagery", "reference"))
    noise = INPUTS["noise"][:, :count, :, : size // 8, : size // 8].numpy()
    return imagery.numpy(), reference.numpy(), lambda k: noise[k]


def measure_agreement(name: str) -> None:
    """Every quantity that the library computes too."""
    sgdm = load(name)
    imagery, reference, noise = case(name)
    model = painter(sgdm)
    text = model.embed(REQUEST["text"])
    tensors[f"{name}.text"] = text[0][0]
    steering = model.features(imagery, reference)
    for level, feature in enumerate(steering.maps):
        tensors[f"{name}.feature{level}"] = feature
    if steering.draft is not None:
        tensors[f"{name}.draft"] = steering.draft
    scale = sgdm.config.vae.scaling_factor
    if model.reads_classes:
        classes = model.read_classes(imagery, reference, 14, 14)
        tensors[f"{name}.read_classes"] = torch.from_numpy(classes)
        given = model.features(imagery, reference, 14, 14, classes / np.float32(255))
        tensors[f"{name}.draft_given"] = given.draft
        read = painter(sgdm, denoise=0.5).sample(noise, steering, text)
        tensors[f"{name}.latent_read"] = read * scale
    for cfg in (1.0, 7.0):
        latent = painter(sgdm, cfg).sample(noise, steering, text)
        tensors[f"{name}.latent_cfg{cfg:g}"] = latent * scale
    tensors[f"{name}.pictures"] = torch.from_numpy(model.decode(latent))
    image = torch.from_numpy(imagery[:2]).float() / 255
    tensors[f"{name}.encoded"] = sgdm.vae.encode(image) * scale


class CutNoise(window_noise.WindowNoise):
    """Our NOISE on the small windows of these tests: the corner of each real window's."""

    def generate_noise(self, input_latent: dict[str, Any]) -> torch.Tensor:
        height, width = input_latent["samples"].shape[2:]
        whole = torch.zeros(len(self.windows), 4, WINDOW_LATENT, WINDOW_LATENT)
        return super().generate_noise({"samples": whole})[..., :height, :width].contiguous()


def measure_stock_samplers(name: str) -> None:
    """SamplerCustomAdvanced with our NOISE, and KSampler with its own."""
    sgdm = load(name)
    model = painter(sgdm)
    text, empty = model.embed(REQUEST["text"]), model.embed("")
    scale = sgdm.config.vae.scaling_factor
    for count in (1, 4):
        imagery, reference, noise = case(name, count)
        patched = features.apply_features(
            sgdm.model, sgdm.config, model.features(imagery, reference)
        )
        latent = {"samples": torch.zeros(noise(0).shape)}
        field = CutNoise(
            REQUEST["seed"], [Window(*window) for window in REQUEST["windows"][:count]]
        )
        sampling = patched.get_model_object("model_sampling")
        sigmas = comfy.samplers.calculate_sigmas(sampling, "simple", 4)
        for cfg in (1.0, 7.0):
            guider = comfy.samplers.CFGGuider(patched)
            guider.set_conds(text, empty)
            guider.set_cfg(cfg)
            euler = comfy.samplers.sampler_object("euler")
            advanced = nodes_custom_sampler.SamplerCustomAdvanced
            run = getattr(advanced, "execute", None) or advanced().sample
            drawn = run(field, guider, euler, sigmas, latent)
            drawn = getattr(drawn, "result", drawn)[0]["samples"]
            tensors[f"{name}.advanced_cfg{cfg:g}_{count}"] = drawn * scale
            (drawn,) = core_nodes.common_ksampler(
                patched, SEED, 4, cfg, "euler", "simple", text, empty, latent
            )
            tensors[f"{name}.ksampler_cfg{cfg:g}_{count}"] = drawn["samples"] * scale
    tensors[f"{name}.ksampler_noise"] = comfy.sample.prepare_noise(latent["samples"], SEED)


def measure_batches(name: str) -> None:
    """Whether a window depends on its neighbours in the batch, or on how calls are joined."""
    sgdm = load(name)
    imagery, reference, noise = case(name)
    one = case(name, 1)
    for sampler in ("euler", "euler_ancestral"):
        model = painter(sgdm, 7.0, sampler)
        text = model.embed(REQUEST["text"])
        four = model.sample(noise, model.features(imagery, reference), text)
        alone = model.sample(one[2], model.features(*one[:2]), text)
        answers[f"{name}.batch_{sampler}"] = difference(alone, four[:1])
    model = painter(sgdm, 7.0)
    steering = model.features(imagery, reference)
    joined = model.sample(noise, steering, text)
    free_memory = comfy.model_management.get_free_memory
    comfy.model_management.get_free_memory = lambda dev=None, torch_free_too=False: (
        (1.0, 1.0) if torch_free_too else 1.0
    )
    try:
        split = model.sample(noise, steering, text)
    finally:
        comfy.model_management.get_free_memory = free_memory
    answers[f"{name}.split_calls"] = difference(split, joined)


def measure_apply(name: str) -> None:
    """Strength, sums, clones, and what does not fit."""
    sgdm = load(name)
    imagery, reference, noise = case(name)
    model = painter(sgdm)
    text = model.embed(REQUEST["text"])
    steering = model.features(imagery, reference)

    def sample(patched: Any) -> torch.Tensor:
        plain = painter(sgdm, strength=0.0)
        plain.model = patched
        return plain.sample(noise, steering, text)

    def apply(start: Any, **how: float) -> Any:
        return features.apply_features(start, sgdm.config, steering, **how)

    whole = sample(apply(sgdm.model))
    plain = sample(sgdm.model)
    answers[f"{name}.effect"] = difference(whole, plain)
    answers[f"{name}.strength_0"] = difference(sample(apply(sgdm.model, strength=0.0)), plain)
    answers[f"{name}.ends_at_0"] = difference(sample(apply(sgdm.model, end=0.0)), plain)
    early = sample(apply(sgdm.model, end=0.5))
    answers[f"{name}.ends_half_way"] = min(difference(early, whole), difference(early, plain))
    half = apply(apply(sgdm.model, strength=0.5), strength=0.5)
    answers[f"{name}.halves_add_up"] = difference(sample(half), whole)
    patched = apply(sgdm.model)
    patch = patched.model_options["transformer_options"]["patches"]["input_block_patch"][0]
    copied = patched.clone().model_options["transformer_options"]["patches"]
    answers[f"{name}.clones_share"] = copied["input_block_patch"][0] is patch
    comfy.model_management.unload_all_models()
    answers[f"{name}.after_unload"] = difference(sample(apply(sgdm.model)), whole)
    answers[f"{name}.messages"] = [
        message(lambda: painter(sgdm).sample(lambda k: noise(k)[..., :4, :4], steering, text)),
        message(lambda: model.features(imagery[:, :60, :60], None)),
        message(lambda: model.features(imagery, reference[:1])),
    ]


def measure_lora(name: str) -> None:
    """A LoRA on the U-Net acts, whether before or after Apply, and leaves the MODEL as it was."""
    sgdm = load(name)
    imagery, reference, noise = case(name, 1)
    model = painter(sgdm)
    text = model.embed(REQUEST["text"])
    steering = model.features(imagery, reference)
    before = model.sample(noise, steering, text)
    key = "input_blocks_1_1_transformer_blocks_0_attn2_to_q"
    weight = sgdm.model.model.diffusion_model.get_parameter(
        "input_blocks.1.1.transformer_blocks.0.attn2.to_q.weight"
    )
    generator = torch.Generator().manual_seed(0)
    lora = {
        f"lora_unet_{key}.lora_up.weight": torch.randn(weight.shape[0], 2, generator=generator),
        f"lora_unet_{key}.lora_down.weight": torch.randn(2, weight.shape[1], generator=generator),
    }
    kept = weight.clone()
    model.model, _ = comfy.sd.load_lora_for_models(sgdm.model, None, lora, 1.0, 0.0)
    answers[f"{name}.lora_effect"] = difference(model.sample(noise, steering, text), before)
    lora_first = features.apply_features(model.model, sgdm.config, steering)
    applied = features.apply_features(sgdm.model, sgdm.config, steering)
    lora_last, _ = comfy.sd.load_lora_for_models(applied, None, lora, 1.0, 0.0)
    plain = painter(sgdm, strength=0.0)
    results = []
    for plain.model in (lora_first, lora_last):
        results.append(plain.sample(noise, steering, text))
    answers[f"{name}.lora_order"] = difference(*results)
    model.model = sgdm.model
    answers[f"{name}.lora_gone"] = difference(model.sample(noise, steering, text), before)
    answers[f"{name}.weight_restored"] = bool(torch.equal(weight, kept))


def measure_memory_and_cancel(name: str) -> None:
    """What a user reads when a batch does not fit, and how soon a cancelled sampling stops."""
    sgdm = load(name)
    imagery, reference, noise = case(name)
    model = painter(sgdm)
    text = model.embed(REQUEST["text"])
    steering = model.features(imagery, reference)
    unet = sgdm.model.model.diffusion_model
    forward, calls = unet.forward, []

    def too_much(*args: Any, **options: Any) -> Any:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 3 GiB.")

    def cancelled(*args: Any, **options: Any) -> Any:
        calls.append("begun")
        comfy.model_management.interrupt_current_processing(True)
        drawn = forward(*args, **options)
        calls.append("ended")
        return drawn

    patched = features.apply_features(sgdm.model, sgdm.config, steering)
    guider = comfy.samplers.CFGGuider(patched)
    guider.set_conds(text, text)
    sigmas = comfy.samplers.calculate_sigmas(
        patched.get_model_object("model_sampling"), "simple", 4
    )
    initial = torch.from_numpy(noise(0))
    euler = comfy.samplers.sampler_object("euler")
    unet.forward = too_much
    answers[f"{name}.out_of_memory"] = [
        message(lambda: model.sample(noise, steering, text)),
        message(lambda: guider.sample(initial, torch.zeros_like(initial), euler, sigmas)),
    ]
    unet.forward = cancelled
    answers[f"{name}.cancelled"] = message(lambda: model.sample(noise, steering, text))
    comfy.model_management.interrupt_current_processing(False)
    unet.forward = forward
    answers[f"{name}.unet_calls"] = calls


def measure_names() -> None:
    """Names that no node follows when it runs: those that were not refused."""
    by_id = {node.define_schema().node_id: node for node in NODES}
    place = {"zoom": 16, "area": None}
    calls = {
        "C2GMLoadImagery": lambda name: {
            "file": name,
            "picture_bounds": "",
            "attribution": "",
        },
        "C2GMLoadSGDM": lambda name: {"file": name, "base": "none", "dtype": "auto"},
        "C2GMLoadTileset": lambda name: {"file": name},
        "C2GMSaveTileset": lambda name: {
            **place,
            "name": name,
            "format": "MBTiles",
            "tileset": FOLDER / "none.mbtiles",
        },
        "C2GMTileStitch": lambda name: {
            **place,
            "overlap": 64,
            "tileset": FOLDER / "none.mbtiles",
            "file": f"{name}/map.tif",
        },
        "C2GMJobs": lambda name: {"job": name},
        "C2GMVectorize": lambda name: {
            "zoom": 16,
            "tileset": FOLDER / "none.mbtiles",
            "name": name,
            "format": "GeoJSON",
        },
        "C2GMRepaint": lambda name: {
            **dict.fromkeys(("model", "clip", "vae", "sgdm", "imagery")),
            "zoom": 16,
            "tileset": FOLDER / "none.mbtiles",
            "image": name,
            "fill": "water",
        },
    }
    followed = []
    for node_id, inputs in calls.items():
        for name in REQUEST["bad_names"]:
            if node_id == "C2GMTileStitch" and name in (" ", ".", "./"):
                continue  # a folder for its file, in the output folder itself
            if node_id == "C2GMRepaint" and not name.strip():
                continue  # no edit
            told = message(lambda: by_id[node_id].execute(**inputs(name)))  # noqa: B023
            refused = ("is not a name inside", "leads out of", "is not in ", "no picture's")
            if not any(words in told for words in refused):
                followed.append(f"{node_id} {name!r}: {told}")
    answers["followed_names"] = followed


def measure_casts() -> None:
    """16-bit weights draw nearly the same, and two models in one process do not mix."""
    imagery, reference, noise = case("mini", 1)
    drawn = {}
    for dtype in ("float32", "bfloat16", "float16"):
        model = painter(load("mini", dtype))
        steering = model.features(imagery, reference)
        drawn[dtype] = model.sample(noise, steering, model.embed(REQUEST["text"])).float()
    for dtype in ("bfloat16", "float16"):
        answers[f"mini.{dtype}"] = difference(drawn[dtype], drawn["float32"])
    tiny = painter(load("tiny"))
    tiny.sample(case("tiny", 1)[2], tiny.features(*case("tiny", 1)[:2]), tiny.embed("map"))
    model = painter(load("mini", "float32"))
    again = model.sample(noise, model.features(imagery, reference), model.embed(REQUEST["text"]))
    answers["mini.beside_another"] = difference(again, drawn["float32"])


def message(call: Callable[[], Any]) -> str:
    """The message of the error that a call raises."""
    try:
        call()
    except Exception as error:  # whatever it is, the test compares its text
        return f"{type(error).__name__}: {error}"
    return ""


with torch.inference_mode():  # as in the server
    for model_name in REQUEST["models"]:
        measure_agreement(model_name)
    for model_name in ("mini", "tiny"):
        measure_batches(model_name)
        measure_apply(model_name)
        measure_lora(model_name)
        measure_stock_samplers(model_name)
        measure_memory_and_cancel(model_name)
    measure_casts()
    measure_names()
    answers["same_parts_again"] = load("mini") is load("mini")
    answers["bfloat16"] = str(load("mini", "bfloat16").model.model.get_dtype())

save_file(
    {key: value.contiguous() for key, value in tensors.items()}, FOLDER / "answers.safetensors"
)
(FOLDER / "answers.json").write_text(json.dumps(answers), encoding="utf-8")
