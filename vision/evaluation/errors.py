"""What can be wrong with an evaluation as it was asked for."""

from __future__ import annotations

from kg_data.errors import SkylarkError


class EvaluationError(SkylarkError):
    """The files and options of an evaluation do not fit together; written otherwise they would."""
