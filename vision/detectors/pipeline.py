"""Many images through one detector: the next images are read while the detector looks at the last.

Results come in the order of the images. Only a few images are in memory at once, however many there are. An image that
cannot be read or looked at gives its error, and the rest go on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from kg_data.devices import usable_cores
from kg_data.errors import SkylarkError
from vision.detectors.detector import Detector, Found, Request
from vision.images.loading import ImageSource, LoadedImage, load_image

READERS = max(2, usable_cores() // 2)
"""Threads that read images: decoding a large photograph takes longer than looking at it."""


def detect_many(
    detector: Detector, sources: Iterable[ImageSource], request: Request
) -> Iterator[tuple[ImageSource, LoadedImage | None, Found | SkylarkError]]:
    """Look at many images.

    Args:
        detector: what looks at them.
        sources: the images; each is taken only when its turn comes near.
        request: what is asked of each.

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
    """Those at the head of the queue that could not be read."""
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
