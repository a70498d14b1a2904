"""What can be wrong with a command line."""

from __future__ import annotations

from kg_data.errors import SkylarkError


class ArgumentError(SkylarkError):
    """An argument of the command line means nothing, or does not go with another."""
