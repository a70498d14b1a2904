"""Errors of the vision room; each message names the mistake, what was expected and the nearest valid choice."""

from __future__ import annotations

from skylark.errors import MissingPackageError, SkylarkError, UsageError


class ImageError(SkylarkError):
    """An image cannot be read: not an image, cut off, too many bytes or pixels."""


class VideoError(SkylarkError):
    """A video cannot be read: no video, cut off, a stream that stalls, too many bytes, pixels or frames."""


class TrackingError(SkylarkError):
    """Frames cannot be tracked, or tracks cannot be what they are said to be: an unknown tracker, damaged files."""


class ActionsError(SkylarkError):
    """Actions cannot be learned or found: nothing to learn from, other features, a damaged model or checkpoint."""


class InstructionError(UsageError):
    """An instruction is empty, contradicts itself, or asks for something that no part of it allows."""


class FormatError(UsageError):
    """A text is not in the output format that it is read as."""


class DetectorError(SkylarkError):
    """A detector cannot be opened or run: no such model, a kind of model that is not supported, a broken file."""


class SlicingError(DetectorError, UsageError):
    """Images cannot be cut as asked: a size or an overlap that is none, more slices than are looked at."""


class MissingExtraError(DetectorError, MissingPackageError):
    """A model needs a package that is not installed."""


class DetectionsError(SkylarkError):
    """Detections that cannot be: arrays of other shapes, boxes outside the image, names outside the class set."""


class EvaluationError(UsageError):
    """The files and options of an evaluation do not fit together."""


class ArgumentError(UsageError):
    """An argument of the command line means nothing, or does not go with another."""
