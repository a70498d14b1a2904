"""The video page: a video and an instruction in; the frames as they are looked at, then the answer, the annotated
video, a timeline to go through it by, counts and files out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from app.batch.view import HIDDEN, OFF, ON, Follower, Updates, watch
from app.image.looking import LEAST_SCORE, MAX_INSTRUCTION, MOST_SCORE, SharedDetector, checked_score
from app.server.serving import VIDEOS_AT_ONCE, VIDEOS_WAITING
from app.server.views import heading, in_view, muted, read_static
from app.tasks import JobStore, WaitingLine
from app.video.examples import ExampleClips, VideoExample, available
from app.video.job import PICTURE_SECONDS, USUAL_SCORE, VideoJob, checked_words, sent_video, state_html
from app.video.views import LIMITS, stage_html

WATCHERS = 2 * (VIDEOS_AT_ONCE + VIDEOS_WAITING) + 4
"""Pages that may follow a video at once; following takes no thread."""
KINDS = ["video", ".mkv", ".avi", ".ts", ".flv", ".gif"]
"""What browsers call a video, and what they may know no kind of."""
FILES_LABEL = "Files: the video, MOT text and its classes, JSON lines, COCO, counts"
GONE = "Your video is no longer on this server: upload it again."


class VideoTab:
    """The tab, in the block in which it is made; its events give the new values of its components."""

    def __init__(self, detector: SharedDetector, page: gr.Blocks, kept: gr.BrowserState) -> None:
        self._detector, self._clips, self._examples = detector, ExampleClips(), available()
        uploads = Path(get_upload_folder())
        uploads.mkdir(parents=True, exist_ok=True)
        # What is written lies among the uploads: it is served and deleted as they are.
        self._jobs = JobStore[VideoJob](WaitingLine(VIDEOS_AT_ONCE, VIDEOS_WAITING), inside=uploads)
        self._kept = kept
        with gr.Row(elem_id="video_row"):
            with gr.Column(min_width=300, scale=2, elem_classes="sk-panel", elem_id="video_asked"):
                self._build_form()
            with gr.Column(min_width=300, scale=3, elem_classes="sk-panel", elem_id="video_found"):
                self.stage = gr.HTML(stage_html(), elem_id="video_stage")
                self.status = gr.HTML(elem_id="video_status")
                self.answer = gr.HTML(elem_id="video_answer")
                self.timeline = gr.HTML(elem_id="video_timeline", js_on_load=read_static("video.js"))
        with gr.Row(elem_classes="sk-panel", elem_id="video_taken"):
            self.counts = gr.HTML(elem_id="video_counts", min_width=300)
            self.files = gr.File(
                label=FILES_LABEL, file_count="multiple", interactive=False, visible=False, elem_id="video_files",
                min_width=300,
            )  # fmt: skip
        self.follower = Follower(self._jobs, kept, self.error, lambda _: GONE)
        self._connect(page)

    def _build_form(self) -> None:
        # No player: it would say of a video that the browser has no decoder for that nothing can be done with it.
        self.video = gr.File(label="Video", file_types=KINDS, height=110, elem_id="video")
        with gr.Row(elem_id="video_examples"):
            self.buttons = [
                gr.Button(example.title, size="sm", icon=example.icon, elem_id=f"video-example-{number}", min_width=0)
                for number, example in enumerate(self._examples, start=1)
            ]
        self.instruction = gr.Textbox(
            label="Instruction", lines=2, max_lines=6, max_length=MAX_INSTRUCTION, elem_id="video_instruction",
            placeholder="Follow every car   or   how many dogs cross from left to right?",
        )  # fmt: skip
        self.score = gr.Slider(LEAST_SCORE, MOST_SCORE, value=USUAL_SCORE, step=0.05, label="Least score",
                               elem_id="video_score")  # fmt: skip
        with gr.Row(equal_height=True):
            self.look = gr.Button("Look", variant="primary", elem_id="video_look", min_width=90)
            self.halt = gr.Button("Stop", interactive=False, elem_id="video_stop", min_width=75)
        self.error = gr.HTML(elem_id="video_error")
        gr.HTML(muted(LIMITS), elem_id="video_limits")
        gr.HTML(heading("The instruction as it was read"), elem_id="video_read_heading")
        self.read = gr.HTML(elem_id="video_read")

    def _connect(self, page: gr.Blocks) -> None:
        follower = self.follower
        quick: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        filled = [
            button.click(
                lambda example=example: self._fill(example), None, [self.video, self.instruction],
                concurrency_limit=4, concurrency_id="video-example", **quick,
            )
            for button, example in zip(self.buttons, self._examples, strict=True)
        ]  # fmt: skip
        sent = [self.video, self.instruction, self.score, self._kept]
        begun = [
            trigger.then(self.start, sent, follower.parts, preprocess=False, queue=False, **quick)
            for trigger in (gr.on([self.look.click, self.instruction.submit], None), *filled)
        ]
        follower.connect(page, begun, self.follow, self._shown, self.halt, "video-watch", WATCHERS)
        for begins in begun:
            begins.then(None, js=in_view("#video_error .sk-alert", "#video_found"), api_visibility="private")

    @property
    def _shown(self) -> list[Any]:
        """The parts that show the work and what was found."""
        return [
            self.stage, self.status, self.answer, self.timeline, self.counts, self.files, self.read,
            self.follower.current, self.look, self.halt,
        ]  # fmt: skip

    def _fill(self, example: VideoExample) -> Updates:
        """Put an example's clip and instruction in, as if a visitor had sent it."""
        return {
            self.video: str(self._clips.copied(example.clip, self._jobs.new_folder())),
            self.instruction: example.instruction,
        }

    def start(self, video: Any, instruction: str | None, min_score: float, before: str | None) -> Updates:
        """Begin to look at a video."""

        def begin() -> VideoJob:
            path, words, bound = sent_video(video), checked_words(instruction), checked_score(min_score)
            self._jobs.check_idle(before)
            return self._jobs.begun(lambda folder: self._begun(folder, path, words, bound))

        return self.follower.begin(begin)

    def _begun(self, folder: Path, video: Path, words: str, bound: float) -> VideoJob:
        job = VideoJob(folder, video, words, bound, lambda: self._detector.vision)
        job.start(self._jobs.line)
        return job

    async def follow(self, identifier: str | None) -> AsyncIterator[Updates]:
        """Watch the work until it rests."""
        job = self._jobs.get(identifier)
        if job is None:
            yield {self.look: ON}
            return
        async for first, changed in watch(job, lambda: (job.progress.picture, job.shown), PICTURE_SECONDS):
            updates: Updates = {self.status: state_html(job), self.look: OFF, self.halt: ON, self.files: HIDDEN}
            if first:
                updates |= {**self._emptied, self.follower.current: job.id}
            if changed and job.progress.picture:
                words = f"The video at {job.progress.seconds:.1f} seconds, with what was found"
                updates[self.stage] = stage_html(job.progress.picture, words=words)
            if changed:
                updates |= self._found(job)
            yield updates
        updates = {**self._emptied, **self._found(job), self.status: state_html(job)}
        updates |= {self.follower.current: job.id, self.look: ON, self.halt: OFF}
        if job.shown is not None:
            updates[self.stage] = stage_html(video=job.annotated)
            updates[self.files] = gr.update(value=[str(path) for path in job.files], visible=True)
        yield updates

    @property
    def _emptied(self) -> Updates:
        emptied: Updates = dict.fromkeys((self.answer, self.timeline, self.counts, self.read), "")
        return {**emptied, self.stage: stage_html(), self.files: HIDDEN}

    def _found(self, job: VideoJob) -> Updates:
        """What was found, once that is known: the annotated video may be drawn after it."""
        found = job.shown
        if found is None:
            return {}
        return {
            self.answer: found.answer, self.read: found.read, self.timeline: found.timeline, self.counts: found.counts,
        }  # fmt: skip
