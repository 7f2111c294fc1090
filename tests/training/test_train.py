"""The loop of training: how runs begin, go on, add gradients up, and end."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from c2gm.errors import ConfigError, Stopped, TrainingError
from c2gm.training.batches import batches
from c2gm.training.crops import CropConfig
from c2gm.training.records import RecordPool
from c2gm.training.run_folder import RunFolder
from c2gm.training.schedule import Clock, rate_share
from c2gm.training.start import start_model
from c2gm.training.train import Run, train


def some_batches(records, count, size=2, crop=64):
    source = batches(RecordPool(records), {"town": 1.0}, CropConfig(size=crop), size, 0)
    taken = [next(source) for _ in range(count)]
    source.close()
    return taken


def stop_after(run, step):
    """Let a run be asked to stop during one of its steps."""
    original = run.step_once

    def step_once(parts):
        original(parts)
        run._stop = run.clock.step >= step

    run.step_once = step_once


def same(ours, theirs):
    return all(torch.equal(value, theirs[name]) for name, value in ours.items())


def test_the_rate_warms_up_holds_and_decays():
    assert rate_share(0, 0) == pytest.approx(1 / 40)
    assert rate_share(0.3, 1000) == 1
    assert rate_share(1, 1000) == pytest.approx(0.01)
    falling = [rate_share(s / 20, 1000) for s in range(10, 21)]
    assert falling == sorted(falling, reverse=True)


def test_a_run_ends_with_the_first_of_its_minutes_and_steps():
    assert Clock(10, 0, step=99, seconds=300).share == 0.5
    assert Clock(0, 200, step=100, seconds=300).share == 0.5
    assert Clock(10, 200, step=150, seconds=300).share == 0.75
    assert Clock(10, 200, step=50, seconds=900).share == 1
    assert Clock(10, 200, step=150, seconds=300).seconds_left == 100
    assert Clock(10, 0, step=1, seconds=300).seconds_left == 300
    assert Clock(0, 200).seconds_left is None


def test_a_stopped_run_goes_on_to_the_very_same_weights(configured):
    whole = train(configured("decoder", folder=f"{configured().folder}-whole"))
    run = Run(configured("decoder"))
    stop_after(run, 3)
    with pytest.raises(Stopped, match="Stopped at 50%; the same command goes on"):
        run.go()
    assert not run.folder.weights.exists()
    again = Run(configured("decoder"))
    assert again.clock.step == 3
    again.go()
    assert same(load_file(again.folder.weights), load_file(whole))


def test_a_finished_run_is_left_alone(configured):
    done = train(configured("decoder", steps=1))
    written = done.stat().st_mtime_ns
    assert train(configured("decoder", steps=1)) == done
    assert done.stat().st_mtime_ns == written


def test_a_run_by_minutes_ends_decayed(configured, monkeypatch):
    monkeypatch.setattr("c2gm.training.progress.Pulse.beat", lambda self: 0.25)  # seconds a step
    run = Run(configured("decoder", steps=0, minutes=0.05))
    run.go()
    # The first beat is what came before the first step.
    assert run.clock.step == 11 and run.clock.share == 1
    assert run.optimizer.param_groups[0]["lr"] < 0.2 * rate_share(0, run.clock.step) * 2e-3
    assert run.folder.weights.exists()


def test_gradients_of_two_batches_move_the_weights_as_one_batch_of_both(configured, records):
    (both,) = some_batches(records, 1, size=4)
    halves = []
    for part in (slice(0, 2), slice(2, 4)):
        values = {f.name: getattr(both, f.name)[part] for f in dataclasses.fields(both)}
        halves.append(dataclasses.replace(both, **values))
    runs = []
    for name, parts in (("one", [both]), ("two", halves)):
        run = Run(
            configured("encoder", folder=f"{configured().folder}-{name}", accumulate=len(parts))
        )
        run.prepare(parts[0])
        for _ in range(3):
            run.step_once(parts)
        assert run.clock.step == 3
        runs.append(run)
    one, two = runs
    fresh = start_model(one.config).state_dict()
    for name, value in one.trained.items():
        moved = (value - fresh[name]).detach().abs().max()
        assert (value - two.trained[name]).detach().abs().max() <= 0.02 * moved, name
    assert one.losses.mean() == pytest.approx(two.losses.mean(), rel=1e-5)


def test_a_loss_that_is_no_number_moves_nothing(configured, records):
    run = Run(configured("decoder"))
    (batch,) = some_batches(records, 1)
    run.prepare(batch)
    run.step_once([batch])
    before = {name: value.detach().clone() for name, value in run.trained.items()}
    run.step_once([dataclasses.replace(batch, map=batch.map * float("nan"))])
    assert same(before, run.trained)
    run.step_once([batch])
    assert not same(before, run.trained)
    assert np.isfinite(run.losses.mean())


def test_a_run_with_other_settings_refuses_and_names_them(configured):
    run = Run(configured())
    run._save()
    with pytest.raises(TrainingError, match="another rate"):
        Run(configured(rate=1e-4))
    Run(configured(threads=2, save_seconds=5, sample_every=9))  # these are free


def test_a_state_of_an_older_version_goes_on_with_the_defaults(configured):
    run = Run(configured(minutes=1, steps=0))
    run.clock.step, run.clock.seconds = 7, 30.0
    run._save()
    state = torch.load(run.folder.state, weights_only=True)
    for name in ("steps", "accumulate", "own_references", "timesteps", "betas", "device"):
        del state["config"][name]
    del state["scaler"]
    torch.save(state, run.folder.state)
    again = Run(configured(minutes=1, steps=0))
    assert again.clock.step == 7 and again.clock.share == 0.5


def test_a_damaged_state_is_told_and_not_begun_anew(configured):
    run = Run(configured())
    run._save()
    state = run.folder.state
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(TrainingError, match="damaged"):
        Run(configured())


def test_lines_after_the_stored_state_are_dropped(configured):
    run = Run(configured())
    run.clock.step = 2
    run._save()
    folder = RunFolder(run.config.folder)
    for step in (1, 2, 3):
        folder.add_line("log.jsonl", {"step": step})
    log = folder.path / "log.jsonl"
    with log.open("a") as file:
        file.write('{"step": 1, "lo')  # the kill came in the middle of a line
    Run(configured())
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [1, 2]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_run_that_is_killed_goes_on(configured, tmp_path):
    config = configured("decoder", steps=0, minutes=5, save_seconds=0.05)
    program = (
        "from c2gm.training.run_config import RunConfig\n"
        "from c2gm.training.train import train\n"
        f"train(RunConfig(**{dataclasses.asdict(config)!r}))"
    )
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", program])
        state = RunFolder(config.folder).state
        began, seen = time.monotonic(), state.stat().st_mtime_ns if state.exists() else 0
        while not state.exists() or state.stat().st_mtime_ns == seen:
            assert process.poll() is None and time.monotonic() - began < 100
            time.sleep(0.02)
        time.sleep(0.13)  # somewhere within a step or the writing of a state
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert Run(config).clock.step > 0


def test_weights_that_are_missing_are_named(configured):
    with pytest.raises(TrainingError, match="nowhere"):
        start_model(configured("joint", weights=("nowhere.safetensors",)))


def test_a_device_that_is_not_there_is_told(configured):
    with pytest.raises(ConfigError, match="no device 'mps'|no device 'cuda'"):
        Run(configured(device="cuda" if not torch.cuda.is_available() else "mps"))


def test_the_stopwatch_chooses_a_format(configured, records):
    run = Run(configured("decoder", precision="auto"))
    assert run.prepare(some_batches(records, 1)[0]) in ("fp32", "bf16")
    assert all(p.grad is None for p in run.trained.values())


def test_runs_of_different_formats_follow_each_other(configured, records):
    for precision, stage in (("fp32", "vae"), ("bf16", "decoder"), ("fp32", "vae")):
        run = Run(configured(stage, precision=precision))
        run.prepare(some_batches(records, 1)[0])
        run.step_once(some_batches(records, 1))
        assert run.accelerator.mixed_precision == {"fp32": "no"}.get(precision, precision)


def test_progress_is_told_and_true(configured, monkeypatch):
    monkeypatch.setattr("c2gm.training.train._TELL_SECONDS", 0.0)
    told = []
    train(configured("decoder", steps=5), told.append)
    assert [progress.step for progress in told] == [1, 2, 3, 4, 5]
    assert told[-1].share == 1 and told[-1].crops == 10
    assert told[-1].seconds_left == 0 and told[2].seconds_left > 0


@pytest.mark.slow
def test_all_stages_run_in_order_and_end_with_weights(configured, records):
    train(configured())
    train(configured("encoder"))
    before = (str(records.parent / "vae"), str(records.parent / "encoder"))
    done = train(configured("joint", weights=before))
    model = start_model(configured("joint", weights=(*before, str(done.parent))))
    assert all(torch.isfinite(p).all() for p in model.parameters())
