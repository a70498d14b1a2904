"""What can go wrong between Skylark and a language model."""

from __future__ import annotations

from skylark.errors import MissingPackageError, SkylarkError, UsageError
from skylark.installation import require

UNWANTED = "the reply is no longer wanted"
"""What an `LLMError` says to a caller who has gone."""


class LLMError(SkylarkError):
    """A language model could not be named, loaded or asked, after so many `requests`; the message says what to do
    next."""

    requests = 0


def need_packages(subject: str, *modules: str) -> None:
    """Make sure that an extra's modules are installed; the LLMError says what needs them and which command installs
    them."""
    try:
        require(subject, *modules)
    except MissingPackageError as error:
        raise LLMError(str(error)) from error


class UnknownLLMError(LLMError, UsageError):
    """No language model has this name; the message gives the nearest valid ones."""

    def __init__(self, name: str, nearest: list[str], valid: str) -> None:
        super().__init__(
            f"No language model is called {name!r}; the nearest valid names: {', '.join(nearest)} (valid are {valid})"
        )
        self.name, self.nearest = name, nearest


class LLMTimeoutError(LLMError):
    """A language model did not finish its answer in the time it was given; no partial answer is returned.

    Args:
        name: the model, in words.
        timeout: the time that was given, in seconds.
    """

    def __init__(self, name: str, timeout: float) -> None:
        super().__init__(
            f"{name} did not answer within {timeout:g} s: give it more time, a shorter prompt or fewer new tokens"
        )
        self.name, self.timeout = name, timeout
