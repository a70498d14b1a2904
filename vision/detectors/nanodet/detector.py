"""The embedded detector: 80 classes of COCO, no download, no torch.

One image uses all cores at once; of many images each core has its own, so that none waits for another. Both give the
same boxes, bit by bit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from vision.classes.coco import COCO_CLASSES, COCO_SUPERCATEGORIES
from vision.detectors.closed_vocabulary import class_numbers, found_in
from vision.detectors.detector import Detector, Found, Request
from vision.detectors.nanodet.decoding import decoded
from vision.detectors.nanodet.preprocessing import letterboxed
from vision.detectors.sessions import Session, open_session, run_session
from vision.errors import DetectorError
from vision.images.loading import LoadedImage
from vision.images.pipeline import usable_cores

MODEL_FILE = Path(__file__).with_name("nanodet_g_416.onnx")


class NanoDet(Detector):
    """NanoDet-g 416 by RangiLyu (Apache-2.0), trained on COCO, run by onnxruntime.

    Sessions are shared by all objects of this class; all methods may be called by several threads at once.

    Args:
        threads: how many threads look at images; None for one a core.

    Raises:
        DetectorError: `threads` is less than 1, or the file of the weights is missing or broken.
    """

    name = "embedded"
    vocabulary = COCO_CLASSES
    supercategories = COCO_SUPERCATEGORIES
    default_min_score = 0.35
    """Best F1 on 208 images of COCO; of the boxes above it 60% are right, from 0.42 on each more likely than not."""

    def __init__(self, threads: int | None = None) -> None:
        self.threads = usable_cores() if threads is None else threads
        self._session = open_session(MODEL_FILE, self.threads)

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        """Look at images; one result an image, in order.

        Raises:
            DetectorError: a class of the request is not in the vocabulary, or onnxruntime failed.
        """
        if len(images) == 1:
            return [self._look(self._session, images[0], request)]
        results = []
        for found in self.detect_each(images, request):
            if isinstance(found, DetectorError):
                raise found
            results.append(found)
        return results

    def detect_each(self, images: Iterable[LoadedImage], request: Request) -> Iterator[Found | DetectorError]:
        """Look at images as they come, one a thread; of those that wait, two are held."""
        session = open_session(MODEL_FILE, 1)
        ahead: deque[Future[Found | DetectorError]] = deque()
        with ThreadPoolExecutor(self.threads, thread_name_prefix="nanodet") as pool:
            try:
                for image in images:
                    ahead.append(pool.submit(self._tried, session, image, request))
                    if len(ahead) >= self.threads + 2:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _tried(self, session: Session, image: LoadedImage, request: Request) -> Found | DetectorError:
        try:
            return self._look(session, image, request)
        except DetectorError as error:
            return error

    def _look(self, session: Session, image: LoadedImage, request: Request) -> Found:
        classes = class_numbers(request.classes, self.vocabulary, self.name)
        square = letterboxed(image.pixels)
        scores, distances = run_session(session, {"image": square.tensor})
        boxes = decoded(scores[0], distances[0], classes, request.min_score, square.scale, image.size)
        return found_in(self.vocabulary, *boxes)
