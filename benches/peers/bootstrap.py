"""Times a bootstrap of a board: 1,000 replicates of 100,000 battles of 100 models, against evalica's and arena-rank's own loops.

Usage: python3 benches/peers/bootstrap.py [BATTLES [REPLICATES [OF_PEERS]]]      (100000 1000 20)

Needs numpy and pandas, and target/release/equipoise; evalica and arena-rank are timed where they are installed, and skipped with a word
where not. Battles are drawn from a Bradley-Terry model with a tenth of ties. `equipoise rank` is timed as a whole command, with reading,
intervals, the maximal lottery of every replicate and ratings match by match, less the same command without replicates where a replicate is
meant. The peers start from a ready frame and rate alone; they do OF_PEERS replicates, and seconds of as many as ours are told from these
(their first call, which compiles, is not counted). Wall clock and processor time, medians of three.
"""

import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import pandas as pd

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROUNDS, ITEMS = 3, 100


def battles(count):
    rng = np.random.default_rng(7)
    strength = np.linspace(1.5, -1.5, ITEMS)
    a = rng.integers(ITEMS, size=count)
    b = (a + rng.integers(1, ITEMS, size=count)) % ITEMS
    won = rng.random(count) < 1 / (1 + np.exp(strength[b] - strength[a]))
    winner = np.where(rng.random(count) < 0.1, "tie", np.where(won, "model_a", "model_b"))
    names = np.array([f"organisation/model-{k:03}" for k in range(ITEMS)])
    return pd.DataFrame({"model_a": names[a], "model_b": names[b], "winner": winner})


def processor():
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in both)


def timed(run):
    """Medians of wall clock and processor time."""
    wall, spent = [], []
    for _ in range(ROUNDS):
        clock, used = time.perf_counter(), processor()
        run()
        wall.append(time.perf_counter() - clock)
        spent.append(processor() - used)
    return statistics.median(wall), statistics.median(spent)


def main():
    count, replicates, of_peers = ([int(a) for a in sys.argv[1:]] + [100_000, 1000, 20][len(sys.argv) - 1 :])[:3]
    frame = battles(count)
    binary = os.environ.get("EQUIPOISE", ROOT / "target/release/equipoise")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "battles.csv"
        frame.to_csv(path, index=False)

        def rank(k):
            out = subprocess.run([binary, "rank", path, "--replicates", str(k), "--json"], check=True, capture_output=True)
            assert json.loads(out.stdout)["replicates"] == k

        ours = timed(lambda: rank(replicates))
        without = timed(lambda: rank(0))
    alone = tuple(o - w for o, w in zip(ours, without))
    print(f"equipoise rank, {replicates} replicates    {ours[0]:9.2f} s   processor {ours[1]:9.2f} s")
    print(f"           of these the replicates  {alone[0]:9.2f} s   processor {alone[1]:9.2f} s")

    def told(name, per):
        wall, spent = (per[k] * replicates / of_peers for k in range(2))
        print(
            f"{name:<35} {wall:9.2f} s   processor {spent:9.2f} s   {wall / ours[0]:.0f} times ({spent / ours[1]:.0f} in processor time);"
            f" {wall / alone[0]:.0f} times ({spent / alone[1]:.0f}) the replicates",
            flush=True,
        )

    try:
        import evalica
    except ImportError:
        print("evalica is not installed: skipped")
    else:
        names = {"model_a": evalica.Winner.X, "model_b": evalica.Winner.Y, "tie": evalica.Winner.Draw}
        winner = frame["winner"].map(names)

        def evalica_loop():
            # its default, BCa, wants a jackknife over battles
            percentile = {"n_resamples": of_peers, "bootstrap_method": "percentile"}
            evalica.bootstrap(evalica.bradley_terry, frame["model_a"], frame["model_b"], winner, **percentile)

        told(f"evalica {evalica.__version__}", timed(evalica_loop))
    try:
        import jax
        from arena_rank.models.bradley_terry import BradleyTerry, fit_single_bootstrap_sample
        from arena_rank.utils.data_utils import PairDataset
    except ImportError:
        print("arena-rank is not installed: skipped")
    else:
        data = PairDataset.from_pandas(frame)

        # its loop deals these out to forked processes, which hang beside the threads of JAX: here it is one process, whose operations take
        # all threads
        def arena_rank_loop():
            model = BradleyTerry(n_competitors=data.n_competitors)
            rng, shares = np.random.default_rng(0), np.asarray(data.counts) / count
            for _ in range(of_peers):
                counts = jax.numpy.asarray(rng.multinomial(count, shares / shares.sum()).astype(float))
                jax.block_until_ready(fit_single_bootstrap_sample(counts, model, data))

        arena_rank_loop()
        told("arena-rank", timed(arena_rank_loop))


if __name__ == "__main__":
    main()
