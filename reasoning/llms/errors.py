"""What can go wrong between Skylark and a language model."""

from __future__ import annotations

from kg_data.errors import SkylarkError


class LLMError(SkylarkError):
    """A language model could not be named, loaded or asked; the message says what to do next."""


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
