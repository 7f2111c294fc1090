"""c2gm-mini with ComfyUI's own nodes."""

from __future__ import annotations

import io
import json
from typing import Any

from comfyui_server import Server
from PIL import Image


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def test_mini_is_an_ordinary_model_for_stock_nodes(server: Server) -> None:
    prompt = {
        "1": node("C2GMLoadSGDM", file="c2gm-mini (bundled)", base="none", dtype="auto"),
        "2": node("CLIPTextEncode", clip=["1", 1], text="geographical map tile"),
        "3": node("CLIPTextEncode", clip=["1", 1], text=""),
        "4": node("EmptyLatentImage", width=256, height=192, batch_size=2),
        "5": node(
            "KSampler",
            model=["1", 0],
            positive=["2", 0],
            negative=["3", 0],
            latent_image=["4", 0],
            seed=5,
            steps=3,
            cfg=2.0,
            sampler_name="dpmpp_2m",
            scheduler="karras",
            denoise=1.0,
        ),
        "6": node("VAEDecode", samples=["5", 0], vae=["1", 2]),
        "7": node("VAEEncode", pixels=["6", 0], vae=["1", 2]),
        "8": node("VAEDecode", samples=["7", 0], vae=["1", 2]),
        "9": node("SaveImage", images=["6", 0], filename_prefix="stock"),
        "10": node("PreviewImage", images=["8", 0]),
    }
    run = server.run(prompt)
    assert run.status == "success", run.error
    assert len(run.outputs["9"]["images"]) == 2
    for number in ("9", "10"):
        file = io.BytesIO(server.picture(run.outputs[number]["images"][0]))
        assert Image.open(file).size == (256, 192)
    assert len(run.previews) == 3, "a preview of every step"
    saved = Image.open(io.BytesIO(server.picture(run.outputs["9"]["images"][0])))
    assert json.loads(saved.info["prompt"])["1"]["class_type"] == "C2GMLoadSGDM"
