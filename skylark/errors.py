"""The one root of every error that Skylark raises on purpose.

It lives in the lowest room because imports go one way: whoever catches `SkylarkError` catches what any room raises.
"""

from pathlib import Path


class SkylarkError(Exception):
    """Root of all deliberate errors: the message says what was wrong, what was expected and what to do next."""


class UsageError(SkylarkError):
    """What was asked for cannot be, and the caller can put it right by writing something else: exit code 2."""


class DataError(SkylarkError):
    """A data file or folder does not have the form that was expected of it.

    Args:
        path: the file or folder.
        expected: what was expected, in words.
        line: 1-based line number, where one line is to blame.
        found: the offending text, shortened for display.
        hint: what to do about it, in words.
    """

    def __init__(
        self, path: str | Path, expected: str, line: int | None = None, found: str | None = None, hint: str = ""
    ) -> None:
        where = f"{path}, line {line}" if line is not None else f"{path}"
        message = f"{where}: expected {expected}"
        if found is not None:
            shown = found if len(found) <= 80 else found[:77] + "..."
            message += f", found {shown!r}"
        if hint:
            message += f"; {hint}"
        super().__init__(message)
        self.path, self.line, self.expected, self.found = str(path), line, expected, found


class UnknownGraphError(UsageError):
    """No built-in graph, data set, folder or file has this name."""


class ResultsError(SkylarkError):
    """Results cannot be written: the disk is full, access is denied, or another run is writing them."""


class WorkerError(SkylarkError):
    """A process that does a part of the work died or failed, and that could not be mended by another one."""


class MissingPackageError(SkylarkError):
    """Something needs a package that is not installed.

    Args:
        what: what needs it.
        package: the package, by its name on PyPI.
        command: what installs it, `pip install PACKAGE` by default; `skylark.installation` knows the commands of
            Skylark's own extras and weights.
    """

    def __init__(self, what: str, package: str, command: str = "") -> None:
        command = command or f"pip install {package}"
        super().__init__(f"{what} needs the package {package}, which is not installed: run `{command}`")
        self.package = package
