"""Sessions of onnxruntime, and the reading of many images for one detector.

A session is opened once per process and shared by all threads. Of many images the next are read while the detector
looks at the last, and only a few are in memory at once. Results come in the order of the images; one that cannot be
read or looked at gives its error, and the rest go on.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skylark.errors import SkylarkError
from skylark.models import usable_cores
from vision.detectors.detector import Detector, Found, Request
from vision.errors import DetectorError
from vision.images import ImageSource, LoadedImage, load_image

if TYPE_CHECKING:
    import onnxruntime  # type: ignore[import-untyped]


Session: TypeAlias = "onnxruntime.InferenceSession"

_opening = threading.Lock()


def open_session(path: Path, threads: int, inner: Sequence[str] = ()) -> Session:
    """A session on the processor; the same one for the same file and number of threads.

    `run` may be called by several threads at once.

    Args:
        inner: tensors of the graph that are given behind its own outputs.

    Raises:
        DetectorError: there is no such file, it is not ONNX, or it asks for what onnxruntime does not have.
    """
    if threads < 1:
        raise DetectorError(f"threads is {threads}: expected at least 1, or None for one a core")
    try:
        status = path.stat()
    except OSError as error:
        raise DetectorError(f"{path}: {error.strerror}: expected an ONNX file") from error
    # Without the lock two threads that come at once would each read the file and build the graph.
    with _opening:
        return _opened(path.resolve(), threads, tuple(inner), status.st_mtime_ns, status.st_size)


def run_session(session: Session, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """All outputs of one run, in the model's order.

    Raises:
        DetectorError: the model does not take these inputs, or fails on them.
    """
    try:
        return [np.asarray(output) for output in session.run(None, dict(inputs))]
    except Exception as error:
        raise DetectorError(f"the ONNX model failed: {_first_line(error)}") from error


@lru_cache(maxsize=8)
def _opened(path: Path, threads: int, inner: tuple[str, ...], _modified: int, _size: int) -> Session:
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that wait by spinning win 3% on an idle machine and halve the speed on one that others use too.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        model = path.read_bytes() + _outputs(inner) if inner else str(path)
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no class below Exception
        raise DetectorError(f"{path} cannot be opened as an ONNX model: {_first_line(error)}") from error


def _outputs(names: Sequence[str]) -> bytes:
    """What makes tensors of a graph its outputs, where it stands behind the model's bytes.

    Protocol buffers merge what is written one behind the other, so that a graph (field 7 of a model) that holds nothing
    but outputs (field 12, each with its name in field 1) adds these.
    """

    def field(number: int, content: bytes) -> bytes:
        size, length = len(content), b""
        while size > 127:
            length += bytes([size % 128 + 128])
            size //= 128
        return bytes([number << 3 | 2]) + length + bytes([size]) + content

    return field(7, b"".join(field(12, field(1, name.encode())) for name in names)) if names else b""


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300]


READERS = max(2, usable_cores() // 2)
"""Threads that read images: decoding a large photograph takes longer than looking at it."""


def detect_many(
    detector: Detector, sources: Iterable[ImageSource], request: Request
) -> Iterator[tuple[ImageSource, LoadedImage | None, Found | SkylarkError]]:
    """Look at many images.

    Args:
        sources: the images; each is taken only when its turn comes near.

    Returns:
        Of each source, in order: the source, the image (None where it could not be read), and what was found or why
        nothing could be. Closing the iterator early stops the reading.
    """
    waiting: deque[tuple[ImageSource, LoadedImage | SkylarkError]] = deque()

    def readable() -> Iterator[LoadedImage]:
        for source, image in _read_ahead(sources):
            waiting.append((source, image))
            if not isinstance(image, SkylarkError):
                yield image

    for found in detector.detect_each(readable(), request):
        yield from _unreadable(waiting)
        source, image = waiting.popleft()
        assert not isinstance(image, SkylarkError)
        yield source, image, found
    yield from _unreadable(waiting)


def _unreadable(
    waiting: deque[tuple[ImageSource, LoadedImage | SkylarkError]],
) -> Iterator[tuple[ImageSource, None, SkylarkError]]:
    while waiting and isinstance(waiting[0][1], SkylarkError):
        source, error = waiting.popleft()
        assert isinstance(error, SkylarkError)
        yield source, None, error


def _read_ahead(sources: Iterable[ImageSource]) -> Iterator[tuple[ImageSource, LoadedImage | SkylarkError]]:
    """Each source with its image, in order, as many ahead as there are readers."""

    def read(source: ImageSource) -> LoadedImage | SkylarkError:
        try:
            return load_image(source)
        except SkylarkError as error:
            return error

    coming = iter(sources)
    ahead: deque[tuple[ImageSource, Future[LoadedImage | SkylarkError]]] = deque()
    with ThreadPoolExecutor(READERS, thread_name_prefix="read-image") as pool:
        try:
            while True:
                ahead.extend((source, pool.submit(read, source)) for source in islice(coming, READERS - len(ahead)))
                if not ahead:
                    return
                source, image = ahead.popleft()
                yield source, image.result()
        finally:
            pool.shutdown(cancel_futures=True)
