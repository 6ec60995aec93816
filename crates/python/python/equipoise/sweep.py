"""An experiment on the engine you already have: its shares run anywhere, the folder is merged here."""

from __future__ import annotations

import builtins
import contextlib
import functools
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core, experiment
from ._input import needed
from .compare import compare
from .errors import EngineError, InputError
from .experiment import Results
from .game import Game

if TYPE_CHECKING:  # what only a sweep needs is imported by it: the package is imported in milliseconds
    from concurrent.futures import Executor, ProcessPoolExecutor

#: Shares for each worker: few enough to be worth starting, many enough to be dealt evenly.
SHARES_A_WORKER = 4
#: A share that takes so many times as long as forecast is begun a second time, if it took so many seconds at all.
PATIENCE = 3.0
SHORTEST = 10.0
#: Seconds between two looks at what has ended.
LOOK = 1.0


class Mismatch(EngineError):
    """A worker whose results would not be those of the driver."""


def build() -> str:
    """The version, and the bits of a short sampled run: equal wherever results are."""
    import hashlib

    game = Game.generate("random-uniform", actions=5, seed=1)
    run = compare(game, ["egpo"], tau=0.05, steps=100, seed=1, feedback={"duels_per_query": 8}, progress=False)[0]
    bits = hashlib.blake2b(np.asarray(run.policy).tobytes(), digest_size=8).hexdigest()
    return f"equipoise {_core.__version__} ({bits})"


@functools.lru_cache(maxsize=1)
def _here() -> str:
    """What this process has, found out once."""
    return build()


def run_share(
    config: Any,
    out: str,
    share: str,
    overrides: Mapping[str, Any] | None,
    driver: str,
    steal: bool = False,
    attempt: int = 0,
) -> float | None:
    """Does one share of an experiment, in a worker; the seconds it took, if none of its runs was finished before.

    ``steal``: then also what no other worker has begun. ``attempt`` counts submissions: an engine may take equal calls for one.
    """
    here = _here()
    if here != driver:
        import socket

        raise Mismatch(f"the worker on {socket.gethostname()} has {here} and the driver {driver}; install the same", place=out)
    clock = time.perf_counter()
    done = experiment.run(
        config, out=out, jobs=1, set=overrides, shard=share, steal="open" if steal else False, progress=False
    )
    return None if done.facts["skipped"] else time.perf_counter() - clock


class _Ray:
    """Ray as an executor."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        ray = needed("ray", 'engine="ray"', "equipoise[ray]")
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
        from concurrent.futures import ProcessPoolExecutor

        from ._processes import Context

        pool = ProcessPoolExecutor(workers, mp_context=Context())
        return pool, lambda: _end(pool)
    if engine == "dask":
        client: Any = needed("distributed", 'engine="dask"', "equipoise[dask]").Client(**{"n_workers": workers, "threads_per_worker": 1, **options})
        return client.get_executor(), client.close
    if engine == "ray":
        started = _Ray({"num_cpus": workers, **options})
        return started, started.close
    if engine == "slurm":
        submitit = needed("submitit", 'engine="slurm"', "equipoise[slurm]")
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
    others have not begun; a share that takes ``PATIENCE`` times as long as those that have ended (and more than ``SHORTEST``
    seconds) while a worker is free is begun a second time, and counts when either ends. A worker with another version, or whose arithmetic gives other bits, is refused before it runs anything.
    ``options`` go to the engine: to ``distributed.Client``, ``ray.init``, or submitit (``folder`` and ``cluster`` to its executor,
    the others to ``update_parameters``).
    """
    from pathlib import Path

    folder = Path(out).absolute()
    workers = workers or os.cpu_count() or 1
    if isinstance(config, str | os.PathLike):
        config = os.path.abspath(config)
    planned = experiment.plan(config, set=set, timed=False)
    count = max(1, min(shares or SHARES_A_WORKER * workers, int(planned.units)))
    executor, close = _executor(engine, workers, options)
    driver = _here()
    # a job of its own for what may be nothing is not asked of a cluster, whose queue does not tell when a job begins either
    helps = engine != "slurm"
    lost: dict[str, BaseException] = {}
    open_: dict[Any, str] = {}
    seconds: list[float] = []
    done = 0

    def submit(share: str, attempt: int, steal: bool = False) -> Any:
        return executor.submit(run_share, config, str(folder), share, set, driver, steal, attempt)

    def patience() -> float | None:
        """How long a share may take: all cost the same by forecast, so those that ended tell."""
        return max(SHORTEST, PATIENCE * float(np.median(seconds))) if seconds else None

    try:
        waiting = [f"{k + 1}/{count}" for k in range(count)]
        for attempt in range(retries + 1):
            open_ = {submit(share, attempt): share for share in waiting}
            waiting, lost = [], {}
            helping: list[Any] = []
            twice: builtins.set[str] = builtins.set()
            began: dict[Any, float] = {}
            while open_:
                now = time.monotonic()
                running = list(open_)[:workers]  # an engine takes them in their order
                for future in running:
                    began.setdefault(future, now)
                limit = patience()
                for future in running:
                    share = open_[future]
                    is_late = helps and limit is not None and now - began[future] > limit
                    if is_late and share not in twice and _busy(open_) + _busy(helping) < workers:
                        twice.add(share)
                        open_[submit(share, retries + 1 + attempt)] = share
                for future in _ended(open_):
                    if future not in open_:
                        continue  # the other of two was sooner
                    share = open_.pop(future)
                    others = [other for other, of in open_.items() if of == share]
                    try:
                        took = future.result()
                    except (InputError, Mismatch):
                        _cancel(open_)
                        raise
                    except Exception as error:
                        if not others:
                            lost[share] = error
                            waiting.append(share)
                        continue
                    if took is not None:
                        seconds.append(took)
                    _cancel(others)
                    for other in others:
                        del open_[other]
                    done += 1
                    if progress is not None:
                        progress(done, count)
                    if helps and 0 < len(open_) < workers:
                        # nothing waits for this worker: it takes what the others have not begun
                        with contextlib.suppress(Exception):
                            helping.append(submit(share, attempt, steal=True))
            # every share has ended, and its owner leaves none of its runs to others: a helper that goes on does again what is
            # there, and of equal results of a run one counts. It is waited for so that the caller's folder is at rest
            until, limit = time.monotonic(), patience() or SHORTEST
            while helping and time.monotonic() - until < limit:
                for future in _ended(dict.fromkeys(helping, "")):
                    helping.remove(future)
            _cancel(helping)  # what has not been begun never is
            if not waiting:
                break
            if engine == "local" and attempt < retries:
                # a pool whose process was killed takes no more work
                close()
                executor, close = _executor(engine, workers, options)
    except KeyboardInterrupt:
        _cancel(open_)
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


def _busy(futures: Iterable[Any]) -> int:
    """How many have not ended, as far as they can be asked."""
    return sum(not (hasattr(future, "done") and future.done()) for future in futures)


def _ended(futures: Mapping[Any, str]) -> list[Any]:
    """The futures that have ended by the next look; of what cannot be asked whether it has, the one that was begun first."""
    from concurrent.futures import FIRST_COMPLETED, Future, wait

    if all(isinstance(future, Future) for future in futures):
        return list(wait(futures, LOOK, return_when=FIRST_COMPLETED).done)
    if not all(hasattr(future, "done") for future in futures):
        return [next(iter(futures))]
    ended = [future for future in futures if future.done()]
    if not ended:
        time.sleep(LOOK)
    return ended


def _cancel(futures: Iterable[Any]) -> None:
    for future in futures:
        cancel = getattr(future, "cancel", None)
        if cancel is not None:
            cancel()


def _end(pool: ProcessPoolExecutor) -> None:
    """Ends a pool with its processes: what one of them still does somebody else did, and runs that are half written do not count."""
    processes: dict[int, Any] = dict(getattr(pool, "_processes", None) or {})
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes.values():
        process.join(LOOK)
        if process.is_alive():
            process.terminate()
            process.join()
