"""The executor on Ray: an actor for each device paints blocks, the job's ledger stays here.

Ray's own state counts for nothing: what is in the ledger is done, whoever dies. Lost blocks go out
again from here, so that every attempt is counted. Ray's control ports listen on all interfaces, and
whoever speaks to them runs code; therefore every cluster must ask for a token.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import C2GMError, ConfigError, JobError
from .block_run import BlockRun, Outcome
from .blocks import BlockResult, BlockTask, BlockWorker, WorkerInputs, WorkerProfile
from .executors import Executor

if TYPE_CHECKING:
    from typing_extensions import Self

    from .job import Job
    from .progress import Meter, ShouldStop

BLOCKS_AN_ACTOR = 2  # one is painted, one waits
START_SECONDS = 900  # to load a network on every worker
ANSWER_SECONDS = 60  # to fetch an answer that is there
RESTART_SECONDS = 300  # for a killed worker to be back
STORE_BYTES_A_WORKER = 150_000_000  # of Ray's shared memory: blocks out and back

OpenWorker = Callable[[], WorkerInputs]
"""Opens imagery and network in a worker; must be picklable."""


@dataclass(frozen=True)
class RayConfig:
    """How the cluster looks.

    Attributes:
        workers: Actors; None is one for each GPU, or as many as the processor has room for.
        threads: Processor threads of each.
        on_gpu: Each takes a GPU; None where the cluster has any.
        address: Of a running cluster, `auto` for the one of this machine; None starts one here.
        token: Ask for a token. Without one, everybody who reaches the cluster runs code on it.
    """

    workers: int | None = None
    threads: int = 1
    on_gpu: bool | None = None
    address: str | None = None
    token: bool = True

    def __post_init__(self) -> None:
        if self.threads < 1 or (self.workers is not None and self.workers < 1):
            raise ConfigError("A cluster needs at least one worker of one thread.")


class _Actor:
    """A worker's process. Imagery and network are opened by the first call, and by the first one
    after a restart.
    """

    def __init__(self, open_worker: OpenWorker) -> None:
        self._open_worker = open_worker
        self._worker: BlockWorker | None = None

    def profile(self) -> tuple[WorkerProfile, bool]:
        """How this worker computes, and whether its cluster asks for a token."""
        guarded = "RAY_AUTH_MODE" in os.environ and os.environ["RAY_AUTH_MODE"] == "token"
        return self._opened().profile, guarded

    def paint(self, task: BlockTask) -> BlockResult:
        """Paint a block."""
        return self._opened().paint(task)

    def _opened(self) -> BlockWorker:
        if self._worker is None:
            self._worker = BlockWorker(self._open_worker())
        return self._worker


class RayExecutor(Executor):
    """Paints blocks on a Ray cluster. A context manager: the cluster starts and ends with it.

    Args:
        open_worker: Opens what a worker needs.
        config: How the cluster looks.

    Raises:
        ConfigError: no token where one is needed.
        JobError: the cluster cannot be reached, or its workers do not agree.
        C2GMError: a worker cannot open imagery or network.
    """

    def __init__(self, open_worker: OpenWorker, config: RayConfig) -> None:
        self._open_worker = open_worker
        self._config = config
        self._folder: Path | None = None
        self._is_started = False
        self._actors: list[Any] = []
        self._profile: WorkerProfile | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
            self._actors = self._make_actors()
            self._profile = self._agreed_profile()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the actors, and the cluster that was started here."""
        self._actors = []
        if self._is_started:
            import ray

            ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def model(self) -> WorkerProfile:
        """How the workers compute."""
        if self._profile is None:
            raise ValueError("The cluster runs only inside `with`.")
        return self._profile

    def run(self, job: Job, *, meter: Meter, should_stop: ShouldStop | None) -> None:
        """Paint what the job still lacks.

        Raises:
            JobError: the workers read other imagery than the job, or fail again and again.
        """
        if self.model.imagery != job.imagery.fingerprint:
            raise JobError(
                f"The workers read another {job.imagery.name} than this program. Give a path that "
                "is the same file on every machine."
            )
        workers = _Workers(self._actors, self.model)
        BlockRun(job, workers, profile=self.model.name, meter=meter).run(should_stop)

    def _start(self) -> None:
        """Start a cluster here, or reach the running one."""
        config = self._config
        _set_environment(config)
        import ray

        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if config.address is None:
            # A short path: sockets lie in it. Ray leaves its run folders behind.
            self._folder = Path(tempfile.mkdtemp(prefix="c2gm-"))
            workers = config.workers or max(1, (os.cpu_count() or 1) // config.threads)
            options |= {
                "num_cpus": workers * config.threads,
                "include_dashboard": False,
                "_temp_dir": str(self._folder),
                "object_store_memory": STORE_BYTES_A_WORKER * (workers + 1),
            }
        self._is_started = True
        try:
            ray.init(address=config.address, **options)
        except (ConnectionError, RuntimeError, TimeoutError, ValueError) as error:
            where = "here" if config.address is None else f"at {config.address}"
            raise JobError(
                f"The Ray cluster {where} does not answer: {_one_line(error)}"
            ) from error

    def _make_actors(self) -> list[Any]:
        import ray

        config, resources = self._config, ray.cluster_resources()
        gpus = int(resources.get("GPU", 0))
        on_gpu = gpus > 0 if config.on_gpu is None else config.on_gpu
        room = gpus if on_gpu else int(resources.get("CPU", 0)) // config.threads
        count = config.workers or room
        if count > room or not room:
            what = "GPUs" if on_gpu else f"times {config.threads} threads"
            raise ConfigError(
                f"The cluster has room for {room} workers, not for {count or 1} (it has {room} "
                f"{what}). Give fewer --workers or fewer --threads."
            )
        # Restarted by Ray, but never called again by it: attempts are counted here.
        kind = ray.remote(
            num_cpus=config.threads,
            num_gpus=1 if on_gpu else 0,
            max_restarts=-1,
            max_task_retries=0,
        )(_Actor)
        return [kind.remote(self._open_worker) for _ in range(count)]

    def _agreed_profile(self) -> WorkerProfile:
        """What all workers say of themselves."""
        import ray

        asked = [actor.profile.remote() for actor in self._actors]
        try:
            answers = [_answer(reference, START_SECONDS) for reference in asked]
        except ray.exceptions.RayError as error:
            raise JobError(f"A worker did not start: {_last_line(error)}.") from error
        if self._config.token and not all(guarded for _, guarded in answers):
            raise ConfigError(
                f"The Ray cluster at {self._config.address} takes orders without a token. Start it "
                "with RAY_AUTH_MODE=token, or give --ray-without-token if nobody else reaches it."
            )
        first: WorkerProfile = answers[0][0]
        for profile, _ in answers:
            if profile != first:
                raise JobError(
                    "The workers do not compute alike: one says "
                    f"{profile}, another {first}. Give the job machines of one kind."
                )
        return first


class _Workers:
    """The actors as `BlockRun` sees them; each is known by its number."""

    def __init__(self, actors: list[Any], profile: WorkerProfile) -> None:
        self._profile = profile
        self._actors = dict(enumerate(actors, start=1))
        self._load = dict.fromkeys(self._actors, 0)
        self._running: dict[Any, tuple[int, int]] = {}  # answer -> block, worker
        self._returning: dict[Any, int] = {}  # answer of one that was lost -> worker
        self._away_since: dict[int, float] = {}

    def has_room(self) -> bool:
        """Whether a worker can take a block."""
        return any(self._room(worker) for worker in self._actors)

    def _room(self, worker: int) -> int:
        return 0 if worker in self._away_since else BLOCKS_AN_ACTOR - self._load[worker]

    def submit(self, number: int, task: BlockTask) -> None:
        """Give a block to the worker with the most room."""
        worker = max(self._actors, key=self._room)
        self._load[worker] += 1
        self._running[self._actors[worker].paint.remote(task)] = number, worker

    def wait(self, seconds: float) -> list[Outcome]:
        """What has ended; workers that were lost and are back work again."""
        import ray

        references = [*self._running, *self._returning]
        ready, _ = ray.wait(references, timeout=seconds) if references else ([], [])
        outcomes = []
        for reference in ready:
            if reference in self._returning:
                self._welcome(reference)
                continue
            number, worker = self._running.pop(reference)
            self._load[worker] -= 1
            try:
                outcomes.append(Outcome(number, str(worker), _answer(reference, ANSWER_SECONDS)))
            except ray.exceptions.RayError as error:
                self._await_return(worker)
                outcomes.append(Outcome(number, str(worker), None, _one_line(error)))
        return outcomes

    def _await_return(self, worker: int) -> None:
        """A worker died, and Ray starts it again: ask it how it computes then."""
        if worker not in self._away_since:
            self._away_since[worker] = time.monotonic()
            self._returning[self._actors[worker].profile.remote()] = worker

    def _welcome(self, reference: Any) -> None:
        """Take a worker back that computes as before; ask again while it is starting."""
        import ray

        worker = self._returning.pop(reference)
        try:
            profile, _ = _answer(reference, ANSWER_SECONDS)
        except ray.exceptions.RayError as error:
            if time.monotonic() - self._away_since[worker] < RESTART_SECONDS:
                time.sleep(0.2)
                self._returning[self._actors[worker].profile.remote()] = worker
                return
            del self._actors[worker]
            if not self._actors:
                raise JobError(
                    f"No worker came back: {_one_line(error)}. The same command goes on."
                ) from error
            return
        del self._away_since[worker]
        if profile != self._profile:
            raise JobError(
                f"Worker {worker} came back and computes otherwise than before: {profile}, not "
                f"{self._profile}. Give the job machines of one kind."
            )


def _answer(reference: Any, seconds: float) -> Any:
    """What an actor's call returned.

    Raises:
        C2GMError: the call failed with it, or with an error that every worker would have.
        RayError: the actor or its answer was lost.
    """
    import ray

    try:
        return ray.get(reference, timeout=seconds)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, C2GMError):
            raise error.cause from None
        raise JobError(
            f"A worker failed with {type(error.cause).__name__}: {_one_line(error.cause)}. What "
            "was painted is kept; the same command goes on."
        ) from error


def _set_environment(config: RayConfig) -> None:
    """Ray reads these when it is imported; its processes inherit them."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Ray's workers give way to everything else, by 15; a map is no background work.
    os.environ.setdefault("RAY_worker_niceness", "0")
    if not config.token:
        os.environ["RAY_AUTH_MODE"] = "disabled"
        return
    os.environ["RAY_AUTH_MODE"] = "token"
    if config.address is None:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    elif not _has_token():
        raise ConfigError(
            f"The Ray cluster at {config.address} needs its token. Set RAY_AUTH_TOKEN or "
            "RAY_AUTH_TOKEN_PATH, or give --ray-without-token if nobody else reaches it."
        )


def _has_token() -> bool:
    """Whether Ray will find a token, at the places where it looks."""
    named = {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(os.environ)
    return bool(named) or (Path.home() / ".ray" / "auth_token").is_file()


def _last_line(error: object) -> str:
    """The last line of an error: what was raised in a worker, after Ray's own words."""
    return _one_line(str(error).strip().rpartition("\n")[2])


def _one_line(error: object) -> str:
    """The first line of an error; Ray's fill a screen."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
