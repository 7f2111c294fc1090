"""Train c2gm-mini within half an hour of a GPU, in pieces of some minutes.

Each call works on the chain of runs in `c2gm/assets/training/gpu` until its seconds are over, and
goes on where the call before stopped, as long as the work folder is still there. Worlds are made
all the while by other processes; the oldest ones go. At its end a call hands back the averaged
weights of everything so far, in files small enough to be carried, and the logs.

    python benchmarks/train_on_gpu.py pack RECORDS real.npz      # here: real crops to take along
    python benchmarks/train_on_gpu.py run WORK --out OUT --real real.npz --seconds 550    # there
    python benchmarks/train_on_gpu.py run WORK --out OUT --rehearse    # on any CPU, minutes of 1

On a new machine, whose work folder is empty, `--start OUT/model-*.safetensors` goes on from what
was handed back, and `--only` names the runs that are still wanted. `assemble` makes the model file.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

import c2gm
from c2gm.errors import Stopped
from c2gm.training.records import Record, RecordPool, write_shard
from c2gm.training.run_config import RunConfig, read_run_config
from c2gm.training.start import start_model
from c2gm.training.train import train
from c2gm.training.world_feed import FeedConfig, WorldFeed

CHAIN = Path(c2gm.__file__).parent / "assets" / "training" / "gpu"
LARGEST_FILE = 15 * 2**20  # bytes
REHEARSAL = {"minutes": 1.0, "batch": 4, "on_device": 24, "own_pool": 4, "save_seconds": 10.0}
_PICTURES = ("imagery", "map", "classes", "labels", "parent2", "parent4")

log = logging.getLogger("train_on_gpu")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    pack = commands.add_parser("pack", help="put real records into one small file")
    pack.add_argument("records", type=Path)
    pack.add_argument("file", type=Path)
    pack.add_argument("--kinds", default="dubai,chateaugiron,kvarnbyn,maryland")
    pack.add_argument("--each", type=int, default=40, help="records of each kind")
    run = commands.add_parser("run", help="work on the chain for some seconds")
    run.add_argument("work", type=Path)
    run.add_argument("--out", type=Path, required=True)
    run.add_argument("--seconds", type=float, default=550)
    run.add_argument("--real", type=Path, help="file of pack")
    run.add_argument("--start", type=Path, nargs="*", default=[], help="weights to begin from")
    run.add_argument("--base", default="", help="model file to begin from, like mini")
    run.add_argument("--only", default="", help="runs of the chain, like 4-own,5-polish")
    run.add_argument("--processes", type=int, default=max(1, (os.cpu_count() or 2) - 2))
    run.add_argument("--first-worlds", type=int, default=30, help="shards before training begins")
    run.add_argument("--scale", type=float, default=1.0, help="of the minutes of every run")
    run.add_argument("--rehearse", action="store_true")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if arguments.command == "pack":
        pack_records(arguments.records, arguments.file, arguments.kinds.split(","), arguments.each)
    else:
        work_on_chain(arguments)


def work_on_chain(arguments: argparse.Namespace) -> None:
    """Train what can be trained in the seconds of this call, then hand back."""
    deadline = time.monotonic() + arguments.seconds
    work: Path = arguments.work
    runs = chain(arguments)
    records = work / "records"
    if arguments.real and not any(records.glob("real-*")):
        unpack_records(arguments.real, records)
    first = 1 if arguments.rehearse else arguments.first_worlds
    with WorldFeed(records, FeedConfig(processes=arguments.processes)) as feed:
        while len(list(records.glob("world-*/records.json"))) < first:
            if time.monotonic() > deadline:
                raise SystemExit("No time was left for training: not enough worlds.")
            time.sleep(1)
            feed.refresh()
        log.info("%d records after %.0f s", len(feed), arguments.seconds - left(deadline))
        for name, config in runs.items():
            try:
                train(config, should_stop=lambda: time.monotonic() > deadline)
                log.info("%s is done, %.0f s left", name, left(deadline))
            except Stopped as stopped:
                log.info("%s", stopped)
                break
    hand_back(runs, arguments.out)


def left(deadline: float) -> float:
    """Seconds to go."""
    return deadline - time.monotonic()


def chain(arguments: argparse.Namespace) -> dict[str, RunConfig]:
    """The runs by their file's name, in the work folder."""
    wanted = arguments.only.split(",") if arguments.only else None
    known = {path.stem for path in CHAIN.glob("*.json")}
    if unknown := set(wanted or ()) - known:
        raise SystemExit(f"--only names {unknown}; the runs are {', '.join(sorted(known))}.")
    runs = {}
    for path in sorted(CHAIN.glob("*.json")):
        if wanted is not None and path.stem not in wanted:
            continue
        config = read_run_config(path)
        begun = [str(arguments.work / Path(w).name) for w in config.weights]
        # Weights of runs that are left out are those that this call starts from.
        begun = [w for w in begun if wanted is None or Path(w).name in _folders(wanted)]
        config = dataclasses.replace(
            config,
            minutes=config.minutes * arguments.scale,
            base=arguments.base,
            records=str(arguments.work / "records"),
            development="",  # scores cost time of the GPU; they are made at home
            folder=str(arguments.work / Path(config.folder).name),
            weights=(*map(str, arguments.start), *begun),
        )
        runs[path.stem] = (
            dataclasses.replace(config, **REHEARSAL) if arguments.rehearse else config  # type: ignore[arg-type]
        )
    return runs


def _folders(stems: Sequence[str]) -> set[str]:
    return {Path(read_run_config(CHAIN / f"{stem}.json").folder).name for stem in stems}


def hand_back(runs: dict[str, RunConfig], out: Path) -> None:
    """Write the averaged weights of everything so far, and the logs."""
    out.mkdir(parents=True, exist_ok=True)
    configs = list(runs.values())
    done = [c.folder for c in configs if (Path(c.folder) / "weights.safetensors").exists()]
    newest = dataclasses.replace(configs[0], weights=(*configs[0].weights, *done))
    model = start_model(newest).state_dict()
    for config in configs:
        state = Path(config.folder) / "state.pt"
        if config.folder not in done and state.exists():
            model.update(torch.load(state, map_location="cpu", weights_only=True)["average"])
    parts = split(
        {name: value.half() if value.dim() > 1 else value for name, value in model.items()}
    )
    for number, part in enumerate(parts, start=1):
        save_file(part, out / f"model-{number}of{len(parts)}.safetensors")
    with zipfile.ZipFile(out / "logs.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for name, config in runs.items():
            file.writestr(f"{name}/run.json", json.dumps(dataclasses.asdict(config)))
            for path in Path(config.folder).glob("*.jsonl"):
                file.write(path, f"{name}/{path.name}")
    log.info("handed back %s", sorted(path.name for path in out.iterdir()))


def split(tensors: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """Tensors in as few groups as their size allows."""
    parts: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, value in tensors.items():
        nbytes = value.numel() * value.element_size()
        if size + nbytes > LARGEST_FILE and parts[-1]:
            parts.append({})
            size = 0
        parts[-1][name] = value.contiguous()
        size += nbytes
    return parts


def pack_records(records: Path, file: Path, kinds: Sequence[str], each: int) -> None:
    """A few random records of each kind in one compressed file."""
    pool, rng = RecordPool(records), np.random.default_rng(0)
    chosen = [
        pool.draw(rng, {kind: 1.0}) for kind in kinds if kind in pool.kinds for _ in range(each)
    ]
    arrays: dict[str, np.ndarray] = {}
    for number, record in enumerate(chosen):
        for name in _PICTURES:
            value = record.label_ids() if name == "labels" else getattr(record, name)
            if value is not None:
                arrays[f"{number}/{name}"] = np.asarray(value)
        notes = (record.zoom, record.place, record.complete, record.ranked_roads, record.text_zoom)
        arrays[f"{number}/notes"] = np.array(json.dumps(notes))
    np.savez_compressed(file, **arrays)
    print(f"{len(chosen)} records, {file.stat().st_size / 2**20:.1f} MiB")


def unpack_records(file: Path, records: Path) -> None:
    """The records of such a file as one shard."""
    records.mkdir(parents=True, exist_ok=True)
    unpacked = []
    with np.load(file) as arrays:
        for number in range(sum(name.endswith("/notes") for name in arrays.files)):
            zoom, place, complete, ranked, look = json.loads(str(arrays[f"{number}/notes"]))
            here = {n: f"{number}/{n}" for n in _PICTURES}
            pictures = {n: arrays[key] if key in arrays.files else None for n, key in here.items()}
            unpacked.append(
                Record(
                    **pictures,
                    zoom=zoom,
                    place=place,
                    complete=complete,
                    ranked_roads=ranked,
                    look_zoom=look,
                )
            )
    write_shard(records / "real-0", unpacked)


if __name__ == "__main__":
    main()
