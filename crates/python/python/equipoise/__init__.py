"""Equipoise: which alignment method converges to which policy, how fast, at what cost, and how far the Bradley-Terry answer is
from the Nash answer.

>>> import equipoise as eq
>>> game = eq.Game([[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]])
>>> eq.solve(game).policy.round(3).tolist()
[0.286, 0.571, 0.143]
>>> float(eq.gap(game, [1/3, 1/3, 1/3])) > 0.1
True
"""

from . import errors, interop, testing
from ._core import Oracle, __version__, set_threads
from .compare import Comparison, Row, compare
from .data import (
    audit,
    changes,
    concepts,
    estimators,
    fit,
    games,
    inspect,
    loss,
    metrics,
    models,
    objectives,
    oracles,
    rank,
    readers,
    solvers,
    standings,
)
from .errors import (
    ConfigError,
    DataError,
    EngineError,
    EquipoiseError,
    EquipoiseWarning,
    InputError,
    InternalError,
    NumericalError,
    PolicyError,
    ResultsError,
    UnknownName,
)
from .experiment import Results, check, merge, plan, read, run, schema
from .game import Game
from .judge import from_scores
from .plugin import Done, Solver, Task
from .results import (
    Answer,
    Certificate,
    Changes,
    Concepts,
    Estimators,
    Equilibrium,
    EquilibriumPath,
    Findings,
    Fit,
    Gap,
    Inspection,
    Leaderboard,
    Loss,
    Plan,
    Registry,
    Standings,
    Table,
    Verdicts,
)
from .solve import best_response, check_certificate, gap, path, solve
from .sweep import sweep

__all__ = [
    "Answer",
    "Certificate",
    "Changes",
    "Comparison",
    "Concepts",
    "Estimators",
    "ConfigError",
    "DataError",
    "Done",
    "EngineError",
    "Equilibrium",
    "EquilibriumPath",
    "EquipoiseError",
    "EquipoiseWarning",
    "Findings",
    "Fit",
    "Game",
    "Gap",
    "InputError",
    "Inspection",
    "InternalError",
    "Leaderboard",
    "Loss",
    "NumericalError",
    "Oracle",
    "Plan",
    "PolicyError",
    "Registry",
    "Results",
    "ResultsError",
    "Row",
    "Solver",
    "Standings",
    "Table",
    "Task",
    "UnknownName",
    "Verdicts",
    "__version__",
    "audit",
    "best_response",
    "changes",
    "check",
    "check_certificate",
    "compare",
    "concepts",
    "estimators",
    "errors",
    "fit",
    "from_scores",
    "games",
    "gap",
    "inspect",
    "interop",
    "loss",
    "merge",
    "metrics",
    "models",
    "objectives",
    "oracles",
    "path",
    "plan",
    "rank",
    "read",
    "readers",
    "run",
    "schema",
    "set_threads",
    "solve",
    "solvers",
    "standings",
    "sweep",
    "testing",
]
