"""What one visitor, and all of them together, may take of this machine: the numbers, and the limit on time.

A page that strangers reach is only as strong as its bounds. They stand here in one place, the documentation states
them, and each error that comes of one says what it is and what to do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, TimeoutError
from contextvars import Context
from queue import SimpleQueue
from typing import Any, TypeVar

from kg_data.errors import SkylarkError
from reasoning.language.cancellation import until
from vision.images.loading import MAX_BYTES

T = TypeVar("T")

QUEUE_LIMIT = 64
"""Requests of all visitors that wait; the next one is told to come back."""
VISITOR_EVENTS = 12
"""Requests of one tab that wait or run. A page that opens sends six at once, one for each thing that it may have to
show again, and others follow before a busy machine has answered these."""
ADDRESS_EVENTS = 40
"""Requests from one address that wait or run: a classroom has one address."""
ADDRESS_CONNECTIONS = 240
"""Open connections from one address; a tab holds two."""
ALL_CONNECTIONS = 2_000
SESSIONS = 300
"""Tabs whose state is kept; beyond it the one that was quiet for longest starts afresh with its next request."""

JSON_BYTES = 12 * 2**20
"""Of a request that is no upload: an image or a recording inside one, in base64, has three quarters of it."""
FILE_BYTES = MAX_BYTES
"""Of one uploaded file."""
UPLOAD_BYTES = 256 * 2**20
"""Of one upload, with all its files."""
STORED_BYTES = 4 * 2**30
"""Of all that visitors have uploaded and that is not deleted yet."""
KEPT_SECONDS = 3000
"""After which a file that a visitor sent or was given is deleted: within the hour, by whoever tidies up next."""
TIDY_SECONDS = 300

ANSWER_SECONDS = 30
"""For an exact answer."""
LOOK_SECONDS = 60
"""For a look at an image."""
WATCH_SECONDS = 180
"""For looking at one video; what is seen until then is shown."""
VIDEO_SECONDS = 60
"""Of a video that are looked at, from its beginning."""
VIDEO_FRAMES = 60 * VIDEO_SECONDS
"""Frames of a video that are looked at, which is as long at 60 a second."""
VIDEO_PIXELS = 3840 * 2160
"""Of a frame of a video; larger ones are refused."""
VIDEOS_AT_ONCE, VIDEOS_WAITING = 2, 4
"""Videos of all visitors that are looked at, and that wait for it."""
RUN_SECONDS = 600
"""For the language model's chain of one question."""
AUDIO_SECONDS = 60
"""Of a recording that is heard; a longer one is refused."""
AUDIO_BYTES = 32 * 2**20
"""Of a recording that is heard: room for a minute in the largest usual form."""
HEAR_SECONDS = 120
"""For hearing a recording, with the wait for those before it."""
HEARD_AT_ONCE = 1
"""Recordings of all visitors that are heard; each takes a core."""
GROW_SECONDS = 600
"""For reading a pasted text; what was read until then is kept."""
GROWING_AT_ONCE = 2
"""Texts of all visitors that are read at the same time."""
LIKELY_SECONDS = 120
"""For the likely answers to one question."""
LEARN_SECONDS = 600
"""That anybody waits for the rules of a graph to be learned."""


class TookTooLongError(SkylarkError):
    """The time for one request is over."""


class TimeLimit:
    """Runs work on a few threads, each piece for at most so many seconds; whoever asks for more waits or gets an error.

    Python cannot end a thread: work whose time is over is abandoned, and keeps its thread until it notices. So the
    number of threads bounds what abandoned work can take, and those who come meanwhile get the error that all are busy.

    Args:
        at_once: threads.
        seconds: that a caller waits, for a thread and for the work together.
        doing: what is done, for the messages: "the answer".
        waiting: callers that may wait for a thread; None bounds them by nothing but the queue before.

    Attributes:
        callers: those who wait for a thread or a result now.
    """

    def __init__(self, at_once: int, seconds: float, doing: str, waiting: int | None = None) -> None:
        self._at_once, self._seconds, self._doing = at_once, seconds, doing
        self._most = None if waiting is None else at_once + waiting
        self.callers, self._came = 0, 0
        self._work: SimpleQueue[tuple[Callable[[], Any], Future[Any], Context]] = SimpleQueue()
        self._started, self._lock = 0, threading.Lock()

    def run(self, work: Callable[[], T]) -> T:
        """What `work` gives or raises.

        Raises:
            TookTooLongError: it took too long, or nobody was free to begin it.
        """
        with self._lock:
            if self._most is not None and self.callers >= self._most:
                raise TookTooLongError(
                    f"{self._doing} cannot be waited for, since {self.callers} others are before it: try again in a "
                    "few minutes"
                )
            self.callers += 1
            self._came += 1
            if self._started < self._at_once:
                self._started += 1
                threading.Thread(target=self._serve, name="skylark-limited", daemon=True).start()
        try:
            return self._waited_for(work)
        finally:
            with self._lock:
                self.callers -= 1

    def _waited_for(self, work: Callable[[], T]) -> T:
        future: Future[T] = Future()
        others, came = self.callers - 1, self._came
        gone = threading.Event()
        # The caller's context, which knows whose request this is.
        self._work.put((work, future, until(gone)))
        try:
            return future.result(self._seconds)
        except TimeoutError:
            if future.done():  # just now; or the work itself raised it
                return future.result()
            gone.set()
            if future.cancel():
                raise TookTooLongError(
                    f"{self._doing} was not begun within {self._seconds:g} seconds, since all are busy with other "
                    "visitors: try again in a minute"
                ) from None
            if others := others + self._came - came:
                raise TookTooLongError(
                    f"{self._doing} was not done within {self._seconds:g} seconds, which is the limit here, with "
                    f"{others} of other visitors under way: try again in a minute"
                ) from None
            raise TookTooLongError(
                f"{self._doing} took more than {self._seconds:g} seconds, which is the limit here: ask for less, or "
                "run Skylark on your own machine, where there is none"
            ) from None

    def _serve(self) -> None:
        while True:
            work, future, context = self._work.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = context.run(work)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)
            del work, future, context
