"""A map painted by a cluster of two workers is the one of one process, whoever dies."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import ray_ground
from imaginary import GROUND, TextureModel, imagery_of, read_map

from c2gm.cascade import frontier as frontier_module
from c2gm.cascade import ray_executor
from c2gm.cascade.blocks import BlockWorker, WorkerInputs
from c2gm.cascade.ray_executor import RayConfig, RayExecutor
from c2gm.errors import ConfigError, JobError, Stopped

SCRIPT = Path(ray_ground.__file__)


@pytest.fixture(scope="module")
def pids(tmp_path_factory) -> Path:
    """Folder in which workers write down who they are."""
    return tmp_path_factory.mktemp("pids")


@pytest.fixture(scope="module")
def cluster(pids) -> Iterator[RayExecutor]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(SCRIPT.parent))  # where workers find the test's ground
        with ray_ground.executor(pids, 0.05) as executor:
            yield executor


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch) -> None:
    monkeypatch.setattr(frontier_module, "BLOCK", 3)


@pytest.mark.slow
def test_two_workers_make_the_map_of_one_process(paint, whole_map, cluster, pids):
    assert read_map(paint(model=cluster).path) == read_map(whole_map)
    assert len(list(pids.iterdir())) == 2


@pytest.mark.slow
def test_the_order_of_blocks_does_not_matter(paint, whole_map, cluster, monkeypatch):
    in_order = frontier_module.blocks_of

    def shuffled(windows):
        blocks = list(in_order(windows))
        random.Random(5).shuffle(blocks)
        return blocks

    monkeypatch.setattr("c2gm.cascade.block_run.blocks_of", shuffled)
    assert read_map(paint(model=cluster).path) == read_map(whole_map)


@pytest.mark.slow
def test_a_killed_worker_s_blocks_go_out_again(paint, whole_map, cluster, pids):
    before = {int(path.stem) for path in pids.iterdir()}
    killed = []

    def kill_once(progress) -> None:
        if not killed:
            killed.append(max(pid for pid in before if psutil.pid_exists(pid)))
            psutil.Process(killed[0]).kill()

    assert read_map(paint(model=cluster, on_progress=kill_once).path) == read_map(whole_map)
    assert killed and not psutil.pid_exists(killed[0])


@pytest.mark.slow
def test_a_stopped_run_goes_on_in_this_process(paint, whole_map, cluster):
    stops = iter([False] * 4 + [True])
    with pytest.raises(Stopped):
        paint(model=cluster, should_stop=lambda: next(stops, False))
    paint(model=ray_ground.SlowModel(0.0))
    assert read_map(paint(model=ray_ground.SlowModel(0.0)).path) == read_map(whole_map)


@pytest.mark.slow
def test_a_cluster_that_is_reached_without_a_token_does_nothing(cluster):
    """Whoever has no token is turned away by the ports that Ray opens."""
    import ray

    address = ray.get_runtime_context().gcs_address
    program = (
        "import ray, sys\n"
        "try:\n    ray.init(address=sys.argv[1], log_to_driver=False, logging_level='ERROR')\n"
        "    ray.get(ray.remote(num_cpus=0)(lambda: 1).remote(), timeout=60)\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
        "else:\n    print('obeyed')"
    )
    stranger = {name: v for name, v in os.environ.items() if not name.startswith("RAY_")}
    stranger |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    for environment, is_obeyed in ((dict(os.environ), True), (stranger, False)):
        done = subprocess.run(
            [sys.executable, "-c", program, address],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ("obeyed" in done.stdout) == is_obeyed, done.stdout


@pytest.mark.slow
def test_a_killed_driver_s_job_goes_on(paint, whole_map, tmp_path, pids):
    path = tmp_path / "map.mbtiles"
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(path), str(pids)], stdout=subprocess.PIPE, text=True
    )
    try:
        for _ in range(4):
            done = int(process.stdout.readline())
        children = psutil.Process(process.pid).children(recursive=True)
        # Ray's agents notice the end by and by; they do nothing without these.
        cluster = [one for one in children if re.search("raylet|gcs_server|_Actor", one.name())]
    finally:
        process.send_signal(signal.SIGTERM if os.name == "nt" else signal.Signals(9))
        process.communicate()
    assert done > 0 and not path.exists()
    assert len(cluster) >= 4
    assert psutil.wait_procs(cluster, timeout=60)[1] == []  # the cluster goes with its driver
    result = paint()
    assert result.reused_tiles > 0
    assert read_map(path) == read_map(whole_map)


def test_a_cluster_elsewhere_needs_its_token(monkeypatch, tmp_path):
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    executor = RayExecutor(lambda: None, RayConfig(address="127.0.0.1:1"))
    with pytest.raises(ConfigError, match="127.0.0.1:1 needs its token. Set RAY_AUTH_TOKEN"):
        executor._start()


class Answered:
    """An actor that answers at once."""

    def __init__(self, answer) -> None:
        self.profile = self
        self.answer = answer

    def remote(self):
        return self.answer


def profile_of(model=None):
    return BlockWorker(WorkerInputs(imagery_of(GROUND), model or TextureModel())).profile


@pytest.fixture
def answers(monkeypatch):
    def agreed(answers, **config):
        monkeypatch.setattr(ray_executor, "_answer", lambda reference, seconds: reference)
        executor = RayExecutor(lambda: None, RayConfig(**config))
        executor._actors = [Answered(answer) for answer in answers]
        return executor._agreed_profile()

    return agreed


def test_a_cluster_that_obeys_everybody_is_refused_unless_that_is_allowed(answers):
    profile = profile_of()
    with pytest.raises(ConfigError, match="at head:6379 takes orders without a token"):
        answers([(profile, False)], address="head:6379")
    assert answers([(profile, False)], address="head:6379", token=False) == profile


def test_workers_that_do_not_compute_alike_are_refused(answers):
    with pytest.raises(JobError, match="do not compute alike"):
        answers([(profile_of(), True), (profile_of(TextureModel(batch=3)), True)])


def test_a_cluster_of_nothing_is_refused():
    for config in ({"workers": 0}, {"threads": 0}):
        with pytest.raises(ConfigError, match="at least one worker"):
            RayConfig(**config)
