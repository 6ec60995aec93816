"""An experiment on the engine you already have: its shares run anywhere, the folder is merged here."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import multiprocessing
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np

from . import _core, experiment
from .compare import compare
from .errors import EngineError, InputError
from .experiment import Results
from .game import Game

#: Shares for each worker: few enough to be worth starting, many enough to be dealt evenly.
SHARES_A_WORKER = 4


class Mismatch(EngineError):
    """A worker whose results would not be those of the driver."""


def build() -> str:
    """The version, and the bits of a short sampled run: equal wherever results are."""
    game = Game.generate("random-uniform", actions=5, seed=1)
    run = compare(game, ["egpo"], tau=0.05, steps=100, seed=1, feedback={"duels_per_query": 8}, progress=False)[0]
    bits = hashlib.blake2b(np.asarray(run.policy).tobytes(), digest_size=8).hexdigest()
    return f"equipoise {_core.__version__} ({bits})"


@functools.lru_cache(maxsize=1)
def _here() -> str:
    """What this process has, found out once."""
    return build()


def run_share(
    config: Any, out: str, share: str, overrides: Mapping[str, Any] | None, driver: str, steal: bool = False
) -> str:
    """Does one share of an experiment, in a worker; the share. ``steal``: then what no other worker has begun."""
    here = _here()
    if here != driver:
        raise Mismatch(f"the worker on {socket.gethostname()} has {here} and the driver {driver}; install the same", place=out)
    experiment.run(config, out=out, jobs=1, set=overrides, shard=share, steal="open" if steal else False, progress=False)
    return share


class _Ray:
    """Ray as an executor."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        import ray

        self._started = not ray.is_initialized()
        if self._started:
            ray.init(**options)
        self._ray = ray
        self._remote = ray.remote(max_retries=0)(run_share)

    def submit(self, _: Any, /, *args: Any) -> Any:
        return self._remote.remote(*args).future()

    def close(self) -> None:
        """Ends what was started here."""
        if self._started:
            self._ray.shutdown()


def _executor(engine: Any, workers: int, options: Mapping[str, Any]) -> tuple[Any, Callable[[], None]]:
    """What has ``submit``, and what ends it if it was started here."""
    if hasattr(engine, "submit"):
        if hasattr(engine, "get_executor"):  # a Dask client
            return engine.get_executor(), lambda: None
        return engine, lambda: None
    if engine == "local":
        pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
        return pool, lambda: pool.shutdown(cancel_futures=True)
    if engine == "dask":
        # typed in some of its versions, and not in others
        client: Any = importlib.import_module("distributed").Client(**{"n_workers": workers, "threads_per_worker": 1, **options})
        return client.get_executor(), client.close
    if engine == "ray":
        started = _Ray({"num_cpus": workers, **options})
        return started, started.close
    if engine == "slurm":
        import submitit

        made = {"folder": "submitit", **{k: v for k, v in options.items() if k in ("folder", "cluster")}}
        executor = submitit.AutoExecutor(**made)
        executor.update_parameters(**{k: v for k, v in options.items() if k not in made})
        return executor, lambda: None
    raise InputError(
        f"engine {engine!r} must be local, dask, ray, slurm, or an object with submit", key="engine", value=str(engine)
    )


def sweep(
    config: Any,
    *,
    out: str | os.PathLike[str],
    engine: str | Executor | Any = "local",
    workers: int | None = None,
    shares: int | None = None,
    retries: int = 2,
    set: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], object] | None = None,
    **options: Any,
) -> Results:
    """Runs an experiment as shares on an engine, then merges. All workers write into ``out``, a folder that they share.

    ``engine`` is ``"local"`` (processes), ``"dask"``, ``"ray"``, ``"slurm"`` (submitit), or anything with ``submit``: a Dask
    client, an ``Executor``. Finished runs are kept, so that the same call goes on after an interrupt or a lost worker;
    records and report are equal for any engine and any number of shares. Workers that run out of shares take over runs that
    others have not begun. A worker with another version, or whose arithmetic gives other bits, is refused before it runs anything.
    ``options`` go to the engine: to ``distributed.Client``, ``ray.init``, or submitit (``folder`` and ``cluster`` to its executor,
    the others to ``update_parameters``).
    """
    folder = Path(out).absolute()
    workers = workers or os.cpu_count() or 1
    if isinstance(config, str | os.PathLike):
        config = os.path.abspath(config)
    planned = experiment.plan(config, set=set, timed=False)
    count = max(1, min(shares or SHARES_A_WORKER * workers, int(planned.units)))
    executor, close = _executor(engine, workers, options)
    driver = _here()
    # a job of its own for what may be nothing is not asked of a cluster
    helps = engine != "slurm"
    lost: dict[str, BaseException] = {}
    done = 0
    try:
        waiting = [f"{k + 1}/{count}" for k in range(count)]
        for attempt in range(retries + 1):
            started = {}
            for share in waiting:
                future = executor.submit(run_share, config, str(folder), share, set, driver)
                started[future] = share
            waiting, lost = [], {}
            open_, helping = dict(started), []
            while open_:
                for future in _first(open_):
                    share = open_.pop(future)
                    try:
                        future.result()
                        done += 1
                        if progress is not None:
                            progress(done, count)
                        if helps and 0 < len(open_) < workers:
                            # nothing waits for this worker: it takes what the others have not begun
                            with contextlib.suppress(Exception):
                                helping.append(executor.submit(run_share, config, str(folder), share, set, driver, True))
                    except (InputError, Mismatch):
                        _cancel(started)
                        raise
                    except Exception as error:
                        lost[share] = error
                        waiting.append(share)
            for future in helping:
                # not cancelled: an engine may go on with what it calls cancelled, beside the merge
                with contextlib.suppress(Exception, CancelledError):
                    future.result()  # what it could not do its owner did
            if not waiting:
                break
            if engine == "local" and attempt < retries:
                # a pool whose process was killed takes no more work
                close()
                executor, close = _executor(engine, workers, options)
    except KeyboardInterrupt:
        _cancel(started)
        raise
    finally:
        close()
    if lost:
        share, cause = next(iter(lost.items()))
        raise EngineError(
            f"{len(lost)} of {count} shares failed {retries + 1} times, the first of them {share}: {cause}; what was finished is "
            f"kept in {folder}, and the same call goes on",
            place=str(folder),
        ) from cause
    return experiment.merge(folder)


def _first(futures: Mapping[Any, str]) -> list[Any]:
    """The futures that have ended, at least one; of other libraries the one that was begun first."""
    if all(isinstance(future, Future) for future in futures):
        return list(wait(futures, return_when=FIRST_COMPLETED).done)
    return [next(iter(futures))]


def _cancel(futures: Iterable[Any]) -> None:
    for future in futures:
        cancel = getattr(future, "cancel", None)
        if cancel is not None:
            cancel()
