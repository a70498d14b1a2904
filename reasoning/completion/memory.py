"""Whether a file could not be opened for want of memory: then nothing is wrong with the file."""

from __future__ import annotations

import errno

from reasoning.errors import CompletionError

_SIGNS = ("allocate memory", "out of memory", "unable to allocate", "os error 12")
"""Of messages of torch and safetensors, which have no error of their own for it."""


class NoMemoryError(CompletionError):
    """Memory ran out where a link predictor was opened or a run was gone on with; the files are as they were."""


def ran_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out, of the process or of a device."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return any(sign in str(error).casefold() for sign in _SIGNS)


def unusable(what: str, error: Exception, otherwise: str) -> CompletionError:
    """The error for files that cannot be opened.

    Args:
        what: the files, as the object of a sentence: "the link predictor FOLDER".
        error: what opening them raised.
        otherwise: what is said where memory was not the reason.
    """
    if ran_out_of_memory(error):
        reason = str(error) or type(error).__name__
        return NoMemoryError(
            f"memory ran out while {what} was opened ({reason}): end other programs and try again, "
            "or train a smaller one (--rank, --parts rules)"
        )
    return CompletionError(otherwise)
