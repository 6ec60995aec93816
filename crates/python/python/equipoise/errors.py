"""What a call raises: exceptions whose parts are data.

Divergence, cycling and an exhausted budget are results, not errors. Files that the system refuses raise ``OSError``.
"""

from __future__ import annotations


class EquipoiseError(Exception):
    """An error of equipoise."""

    def __init__(
        self,
        message: str,
        *,
        place: str | None = None,
        key: str | None = None,
        value: str | None = None,
        rule: str | None = None,
        help: str | None = None,
        nearest: str | None = None,
    ) -> None:
        super().__init__(message)
        #: File and line, or the argument: where it is.
        self.place = place
        #: The option, column or key.
        self.key = key
        #: Its value.
        self.value = value
        #: What is broken.
        self.rule = rule
        #: A way out, where one is known.
        self.help = help
        #: The known name that is nearest to the one given.
        self.nearest = nearest

    def __reduce__(self) -> tuple[object, ...]:
        return (_again, (type(self), str(self), dict(self.__dict__)))


def _again(kind: type[EquipoiseError], message: str, state: dict[str, str | None]) -> EquipoiseError:
    error = kind(message)
    error.__dict__.update(state)
    return error


class InputError(EquipoiseError, ValueError):
    """An argument, an option or an input that breaks a rule."""


class ConfigError(InputError):
    """An experiment that is misspelt or cannot run."""


class DataError(InputError):
    """A file or a frame that holds what it must not."""


class PolicyError(InputError):
    """Numbers that are no policy of the game."""


class UnknownName(InputError, LookupError):
    """A name that is not registered; ``nearest`` is the one that may be meant."""


class NumericalError(EquipoiseError, ArithmeticError):
    """There is no exact answer to the asked precision."""


class ResultsError(EquipoiseError):
    """A results folder that cannot be read or written."""


class EngineError(EquipoiseError):
    """A sweep whose workers failed; what was finished is kept."""


class InternalError(EquipoiseError, RuntimeError):
    """A defect of equipoise; please report it."""


class EquipoiseWarning(UserWarning):
    """Remarks beside an answer: how ties were counted, which rows were left out."""
