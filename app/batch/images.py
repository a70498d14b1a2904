"""Batches of images: the job, its view, and its part of the tab.

What is found in an image is on the disk before the next one is looked at, so that work which ends early keeps it; an
image that cannot be read is named in the list and stops none of the others. The zip is written beside its place and
renamed, so a download never meets half of one. Given back, it continues the job: images that it holds are skipped.
"""

from __future__ import annotations

import io
import json
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from app.batch.upload import Bounds, listed, pack, unpack
from app.batch.view import (
    HIDDEN,
    OFF,
    ON,
    Follower,
    Updates,
    rough_duration,
    status_html,
    stopped_words,
    waiting_words,
    watch,
)
from app.image.looking import (
    LEAST_SCORE,
    MAX_INSTRUCTION,
    MOST_SCORE,
    USUAL_SCORE,
    SharedDetector,
    checked_instruction,
    checked_score,
    without_path,
)
from app.server.views import counted, failure_html, macro, muted, render
from app.tasks import Job, JobStore, State, WaitingLine
from skylark.errors import SkylarkError
from vision import Detections, Vision
from vision.images import MAX_BYTES

MOST_IMAGES = 200
ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
IMAGES = Bounds(files=MOST_IMAGES, bytes_each=MAX_BYTES, bytes_all=4 * MAX_BYTES)
LIST_BOUNDS = Bounds(files=1, bytes_each=2**25, bytes_all=2**25)
LONGEST_SIDE = 2560
"""Of a picture in the zip, in pixels: what one visitor can have stored here is bounded."""
SENT, FOUND, ARCHIVE, LIST = "sent", "found", "skylark-detections.zip", "detections.json"
EXTENSIONS = {"json": "json", "coco": "json", "voc": "xml"}
"""Of the texts; all other formats are plain text."""

Entry = dict[str, Any]
"""An image in the list of all: its file's name, and what was found or why it could not be read."""


def count_images(files: Sequence[Path]) -> tuple[int, int]:
    """How many images were sent, and how many bytes they have; zips are not unpacked for it (raises SkylarkError: as
    `take_images`)."""
    sizes: list[int] = []
    for path in files:
        sizes += listed(path, IMAGES, _is_image) if path.suffix.lower() == ".zip" else [path.stat().st_size]
    if not sizes:
        ends = ", ".join(ENDINGS)
        raise SkylarkError(f"there is no image yet: add a zip of images, or images; names end in {ends}")
    if len(sizes) > MOST_IMAGES:
        raise SkylarkError(f"{len(sizes)} images are more than one job here takes ({MOST_IMAGES}): send fewer")
    if sum(sizes) > IMAGES.bytes_all:
        raise SkylarkError(
            f"the images have {sum(sizes):,} bytes, more than one job here takes ({IMAGES.bytes_all:,}): send fewer"
        )
    return len(sizes), sum(sizes)


def take_images(files: Sequence[Path], folder: Path) -> list[Path]:
    """The images among what was sent, copied or unpacked into `folder`, since uploads do not last (raises SkylarkError:
    there is none, or too much, or a zip is no honest one)."""
    count_images(files)
    images: list[Path] = []
    for number, path in enumerate(files):
        place = folder / str(number)
        place.mkdir()
        if path.suffix.lower() == ".zip":
            images += unpack(path, place, IMAGES, _is_image)
        else:
            images.append(Path(shutil.copyfile(path, place / path.name)))
    return images


def names_in_results(results: Path, folder: Path) -> Counter[str]:
    """How often each image's name is in an earlier zip of results, whose list is unpacked into `folder` (raises
    SkylarkError: it is no such zip)."""
    unpacked = unpack(results, folder, LIST_BOUNDS, lambda name: name == LIST)
    try:
        return Counter(str(entry["image"]) for entry in json.loads(unpacked[0].read_text(encoding="utf-8")))
    except (IndexError, ValueError, TypeError, KeyError, RecursionError):
        raise SkylarkError(f"this is no zip of results: one has {LIST} in it; give it back as it was") from None


def without_done(images: Sequence[Path], done: Counter[str]) -> list[Path]:
    """The images that are not among those done; where several have a name, the later ones."""
    waiting, rest = Counter(done), []
    for path in images:
        if waiting[path.name]:
            waiting[path.name] -= 1
        else:
            rest.append(path)
    return rest


class ImageJob(Job):
    """A visitor's images.

    Attributes:
        entries: what was found so far, an entry an image.
        archive: the zip of it, while the job rests; None where there is nothing.
    """

    def __init__(
        self,
        folder: Path,
        paths: Sequence[Path],
        instruction: str,
        min_score: float,
        vision: Callable[[], Vision],
        skipped: int = 0,
    ) -> None:
        super().__init__(folder)
        self.total, self.skipped = len(paths), skipped
        self._paths, self._names = list(paths), distinct_names(paths)
        self._instruction, self._min_score, self._vision = instruction, min_score, vision
        self.entries: list[Entry] = []
        self.archive: Path | None = None
        self.size = sum(path.stat().st_size for path in paths)
        self._began: float | None = None
        self._began_with, self._seconds = 0, 0.0

    @property
    def objects(self) -> int:
        """How many were found so far."""
        return sum(len(entry.get("objects", ())) for entry in self.entries)

    @property
    def failed(self) -> int:
        """How many images could not be read so far."""
        return sum("error" in entry for entry in self.entries)

    @property
    def elapsed(self) -> float:
        """Seconds of this turn, or of the last one."""
        began = self._began  # which the worker may take away meanwhile
        return self._seconds if began is None else time.monotonic() - began

    @property
    def pace(self) -> float | None:
        """Seconds an image took in this turn, or in the last one; None where none was looked at."""
        done = len(self.entries) - self._began_with
        return self.elapsed / done if done else None

    def start(self, line: WaitingLine) -> None:
        """Look at the images on a thread, from where it was; returns at once (raises SkylarkError: it is at work
        already, or too many jobs wait)."""
        self._begin("waiting", line, self._run)

    def _run(self) -> State:
        self.state = "running"
        self._began, self._began_with = time.monotonic(), len(self.entries)
        try:
            with closing(self._look_at_rest(self.folder / FOUND)) as entries:
                for entry in entries:
                    self.entries.append(entry)
                    if len(self.entries) < self.total:
                        self._check()
        finally:
            self._seconds, self._began = self.elapsed, None
            self._pack()
        return "done"

    def _look_at_rest(self, folder: Path) -> Generator[Entry, None, None]:
        """Gives each image's entry once its picture and text are written to `folder` (raises SkylarkError: the
        instruction cannot be obeyed)."""
        for part in ("text", "pictures"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        done = len(self.entries)
        paths = self._paths[done:]
        results = self._vision().detect_many(paths, self._instruction, min_score=self._min_score)
        for name, path, (_, outcome) in zip(self._names[done:], paths, results, strict=True):
            try:
                if isinstance(outcome, SkylarkError):
                    raise outcome
                text, picture = outcome.text, _picture(outcome)
            except SkylarkError as error:
                yield {"image": path.name, "error": without_path(error, path)}
            else:
                extension = EXTENSIONS.get(outcome.output.format, "txt")
                (folder / "text" / f"{name}.{extension}").write_text(text, encoding="utf-8")
                (folder / "pictures" / f"{name}.jpg").write_bytes(picture)
                yield {"image": path.name, "name": name, **outcome.to_dict()}

    def _pack(self) -> None:
        if len(self.entries) == self.total:
            # Nobody continues this job, so what was sent is of no more use.
            shutil.rmtree(self.folder / SENT, ignore_errors=True)
        if self.entries:
            self.archive = self.folder / ARCHIVE
            found = self.folder / FOUND
            written = [*sorted((found / "text").glob("*")), *sorted((found / "pictures").glob("*"))]
            listed_as = [(path, f"{path.parent.name}/{path.name}") for path in written]
            pack(self.archive, LIST, json.dumps(self.entries, ensure_ascii=False, indent=1), listed_as)
        self.size = sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """File names without their endings, numbered where two are alike to a system that minds no capitals."""
    names, taken = list[str](), set[str]()
    for path in paths:
        name, number = path.stem, 2
        while name.casefold() in taken:
            name, number = f"{path.stem}-{number}", number + 1
        taken.add(name.casefold())
        names.append(name)
    return names


def _is_image(name: str) -> bool:
    return name.lower().endswith(ENDINGS)


def _picture(detections: Detections) -> bytes:
    """The image with what was found, as a JPEG of at most `LONGEST_SIDE` pixels a side."""
    drawn, file = detections.draw(), io.BytesIO()
    drawn.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    drawn.save(file, "JPEG", quality=90)
    return file.getvalue()


ROWS_SHOWN, CLASSES_SHOWN = 100, 20
MOST_IN_WORDS = 3
BAR_LABEL = "How far the images are"
SECONDS_AN_IMAGE = 0.1
"""Looking, drawing and writing, of photographs of half a megapixel on two cores; what a job takes stands in its place
as soon as one has run."""


def estimate_html(count: int, size: int, seconds_an_image: float) -> Markup:
    """Show the number, bytes and estimated time of a batch of images."""
    about = rough_duration(max(1.0, count * seconds_an_image))
    bytes_text = f"{size / 2**20:.1f} MB" if size >= 2**20 else f"{size / 2**10:.0f} KB"
    return macro("status", f"{counted(count, 'image')}, {bytes_text}: about {about} here, once it is your turn.")


def taking_in_html() -> Markup:
    """What stands there while the files that were sent are copied and unpacked."""
    return macro("status", "Taking in what was sent") + macro("bar", BAR_LABEL)


def state_html(job: ImageJob, began: float) -> Markup:
    """How far it is, in a line with a bar; `began` is when this watching began."""
    words, kept, so_far = "", "", _so_far(job)
    ticking = f"{time.monotonic() - began:.0f} s" if job.active else ""
    match "stopping" if job.stopping else job.state:
        case "stopping":
            words = "Stopping after the image under way"
        case "waiting":
            words = waiting_words(job, "job")
        case "running":
            words, ticking = f"Looking: {so_far}.", f"{job.elapsed:.0f} s so far"
            if job.pace is not None:
                ticking += f", about {job.pace * (job.total - len(job.entries)):.0f} s left"
        case "stopped":
            words = f"{stopped_words(job)}: {so_far}. Go on continues from there."
        case "failed":
            kept = f"Kept: {so_far}." if job.entries else ""
        case _:
            words = f"Done: {so_far}."
    total = job.total if job.state == "running" else 0
    return status_html(job, words, ticking, label=BAR_LABEL, done=len(job.entries), total=total, kept=kept)


def _so_far(job: ImageJob) -> str:
    words = f"{len(job.entries):,} of {counted(job.total, 'image')}, {counted(job.objects, 'object')}"
    if job.failed:
        words += f", {job.failed:,} not readable"
    if job.skipped:
        words += f"; {job.skipped:,} skipped, which the earlier results hold"
    return words


def found_html(job: ImageJob) -> str:
    """What was found so far: how often each class, as bars, and a row an image, the newest first."""
    entries = list(job.entries)
    if not entries:
        return ""
    per_image = [Counter(_class_names(entry)) for entry in entries]
    total = sum(per_image, Counter[str]())
    most = max(total.values(), default=1)
    return render(
        "batch/images.html",
        classes=[
            (kind, number, sum(kind in classes for classes in per_image), number / most)
            for kind, number in total.most_common(CLASSES_SHOWN)
        ],
        more_classes=max(0, len(total) - CLASSES_SHOWN),
        rows=[(entry["image"], _found(entry), entry.get("error", "")) for entry in reversed(entries[-ROWS_SHOWN:])],
        total=len(entries),
    )


def _found(entry: Entry) -> str:
    if "error" in entry:
        return ""
    kinds = Counter(_class_names(entry)).most_common()
    words = ", ".join(f"{kind} × {number:,}" if number > 1 else kind for kind, number in kinds[:MOST_IN_WORDS])
    more = ", …" if len(kinds) > MOST_IN_WORDS else ""
    return f"{counted(len(entry['objects']), 'object')}{f': {words}{more}' if kinds else ''}"


def _class_names(entry: Entry) -> list[str]:
    return [item["class_name"] for item in entry.get("objects", ())]


PROMISE = (
    f"At most {MOST_IMAGES} images a job, {MAX_BYTES // 2**20} MB an upload and {IMAGES.bytes_all // 2**20} MB "
    "unpacked; one job works at once, the others wait. No language model is asked, so there are no tokens and no "
    "price. Reload the page and the job is found again."
)


class ImagesPart:
    """The part for images; its events give the new values of its components."""

    def __init__(self, detector: SharedDetector, page: gr.Blocks, kept: gr.BrowserState) -> None:
        self._detector, self._jobs, self._pace = detector, JobStore[ImageJob](), SECONDS_AN_IMAGE
        self.kept = kept
        with gr.Column(elem_classes="sk-panel"):
            self._build_form()
        self.error = gr.HTML(elem_id="images_error")
        with gr.Column(elem_classes="sk-panel sk-results", elem_id="images_panel"):
            self.status = gr.HTML(elem_id="images_status")
            self.found = gr.HTML(elem_id="images_rows")
        self.follower = Follower(self._jobs, kept, self.error, lambda _: GONE)
        self._connect(page)

    def _build_form(self) -> None:
        with gr.Row():
            self.files = gr.File(
                label="A zip of images, or images", file_count="multiple", file_types=["image", ".zip"], height=150,
                elem_id="batch_images", min_width=260,
            )  # fmt: skip
            with gr.Column(min_width=260):
                self.instruction = gr.Textbox(
                    label="Instruction, for all of them", lines=2, max_lines=6, max_length=MAX_INSTRUCTION,
                    placeholder="Find every vehicle except buses", elem_id="batch_instruction",
                )  # fmt: skip
                self.score = gr.Slider(LEAST_SCORE, MOST_SCORE, value=USUAL_SCORE, step=0.05, label="Least score",
                                       elem_id="batch_score")  # fmt: skip
        self.estimated = gr.HTML(elem_id="images_estimate")
        with gr.Row():
            self.look_at_all = gr.Button(
                "Look at all", variant="primary", elem_id="images_start", scale=0, min_width=115
            )
            self.resume = gr.Button("Go on", interactive=False, elem_id="images_go_on", scale=0, min_width=85)
            self.halt = gr.Button("Stop", interactive=False, elem_id="images_stop", scale=0, min_width=75)
            self.download = gr.DownloadButton(
                "Download the zip", visible=False, elem_id="images_zip", scale=0, min_width=170
            )
        with gr.Accordion("Go on with a zip of results", open=False, elem_id="images_again"):
            gr.HTML(muted("Add the same images above and the zip of results here: images that it holds are skipped."))
            self.earlier = gr.File(label="Zip of results", file_types=[".zip"], height=110, elem_id="images_earlier")
        gr.HTML(muted(PROMISE))

    def _connect(self, page: gr.Blocks) -> None:
        follower = self.follower
        quick: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        shown = [self.status, self.found, self.download, follower.current, self.look_at_all, self.resume, self.halt]
        self.files.change(self.estimate, [self.files], [self.estimated], concurrency_limit=4,
                          trigger_mode="always_last", **quick)  # fmt: skip
        taking_in = self.look_at_all.click(
            lambda: {self.error: taking_in_html(), self.look_at_all: OFF}, None, [self.error, self.look_at_all],
            queue=False, **quick,
        )  # fmt: skip
        sent = [self.files, self.instruction, self.score, self.earlier, self.kept]
        begun = (
            taking_in.then(
                self.start, sent, follower.parts, concurrency_limit=4, concurrency_id="images-start", **quick
            ),
            self.resume.click(self.go_on, [follower.current], follower.parts, concurrency_limit=4, **quick),
        )
        follower.connect(page, begun, self.follow, shown, self.halt, "images-watch")

    def estimate(self, files: list[str] | None) -> str:
        """What looking at these files would take; nothing where there are none."""
        try:
            return estimate_html(*count_images([Path(path) for path in files]), self._pace) if files else ""
        except Exception as error:
            return failure_html(error)

    def start(
        self, files: list[str] | None, instruction: str | None, min_score: float, earlier: str | None,
        before: str | None,
    ) -> Updates:  # fmt: skip
        """Take in what was sent and begin to look at it."""

        def begin() -> ImageJob:
            self._jobs.check_idle(before)
            words, paths = checked_instruction(instruction), [Path(path) for path in files or ()]
            return self._jobs.begun(lambda folder: self._begun(folder, paths, words, min_score, earlier))

        return self.follower.begin(begin)

    def _begun(self, folder: Path, files: list[Path], words: str, min_score: float, earlier: str | None) -> ImageJob:
        for part in (SENT, "earlier"):
            (folder / part).mkdir()
        paths = images = take_images(files, folder / SENT)
        if earlier:
            paths = without_done(images, names_in_results(Path(earlier), folder / "earlier"))
            if not paths:
                raise SkylarkError("the earlier results hold all these images: there is nothing left to look at")
        job = ImageJob(
            folder, paths, words, checked_score(min_score), lambda: self._detector.vision, len(images) - len(paths)
        )
        job.start(self._jobs.line)
        return job

    def go_on(self, current: str | None) -> Updates:
        """Continue the job that is shown."""

        def begin() -> ImageJob:
            job = self._jobs.get(current)
            if job is None:
                raise SkylarkError("there is no job of images to go on with: add images, then look at all")
            job.start(self._jobs.line)
            return job

        return self.follower.begin(begin)

    async def follow(self, identifier: str | None) -> AsyncIterator[Updates]:
        """Watch a job until it rests."""
        job = self._jobs.get(identifier)
        if job is None:
            # Look at all was shut while its files were taken in.
            yield {self.look_at_all: ON}
            return
        began = time.monotonic()
        async for first, changed in watch(job, lambda: len(job.entries)):
            updates: Updates = {self.status: state_html(job, began), self.download: HIDDEN}
            updates |= {self.look_at_all: OFF, self.resume: OFF, self.halt: ON}
            if changed:
                updates[self.found] = found_html(job)
            if first:
                updates[self.follower.current] = job.id
            yield updates
        self._pace = job.pace or self._pace
        archive = str(job.archive) if job.archive is not None and job.archive.exists() else None
        yield {
            self.status: state_html(job, began),
            self.found: found_html(job),
            self.download: gr.update(value=archive, visible=archive is not None),
            self.follower.current: job.id,
            self.look_at_all: ON,
            self.resume: gr.update(interactive=job.state in ("stopped", "failed")),
            self.halt: OFF,
        }


GONE = "Your job of images is no longer on this server. To continue it, give its zip of results back below."
