"""The decoder of VisionLLM: what it finds, what its language model does in it, and what it costs.

    python -m benchmarks.visionllm [--adapter DIR] [--only PART ...]

On pictures that were never taught, a third of the COCO images of the data folder and 400 of VOC2007's:

- `ceilings`: AP if the decoder wrote exactly what it is taught, with the floor of its targets and without.
- `accuracy`: AP of the decoder, of the detector whose tokens it reads, and of the controls without a language model
  (`benchmarks.box_control`), taught with as many pictures as the decoder was and with 25,600, beginning with the
  detector's scores and not; with the interval of the difference to each. Also of the decoder without suppression.
- `permutations`: AP under five draws of the class tokens, each of the four permutations that are averaged in use, and
  under five single permutations.
- `prompts`: prompts for 1, 5, 20 and 40 of the 80 classes against the run for all, on the same classes.
- `shuffled`: AP where the names of the prompt are exchanged against their meaning, which must fail.
- `words`: words that were never taught stand for their classes, each among the other 79 names; the share of tokens
  of which the word is the likeliest of all names, and of which it is likelier than `<no>` too; beside it the class's
  own name, and the controls of 25,600 pictures. One token is asked of a picture, which the detector is surest of.
- `time`: seconds an image by number of classes that are asked for and of images at once, as the detector is used, and
  with one permutation of the class tokens; on all cores; and the peak of memory.

Each part is written into `results/visionllm.json` when it is done, and the table beside it; parts that are not named
are kept as they are there.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import random
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.box_control import A_PASS, Control, taught_control
from benchmarks.exact_executor import RESULTS
from benchmarks.held_out_boxes import COCO, VOC, HeldOut
from benchmarks.machine import machine, machine_words
from reasoning.lm.low_rank import WEIGHTS_FILE
from training.box_binding import untaught_words
from training.box_examples import shares_of
from vision.classes.lexicon import COCO_CLASSES
from vision.decoder.detector import OVERLAP, PACKAGED, PROJECTOR_FILE, VisionLLM, as_found
from vision.decoder.image_tokens import ImageTokens
from vision.decoder.opening import PERMUTATIONS
from vision.decoder.vocabulary import Prompt
from vision.detectors.detector import Found, Request
from vision.detectors.embedded import NanoDet
from vision.evaluation.runs import Detection
from vision.images import LoadedImage

NAMES = ("visionllm.json", "visionllm.md")
ADAPTER_FILES = (WEIGHTS_FILE, PROJECTOR_FILE)
"""What an adapter is known by: parts that were measured of another one are not kept."""
MANY = 25_600
"""Pictures of the controls that are taught longer than the decoder."""

CONTROLS = {
    "control": (None, False),
    "control from scores": (None, True),
    f"control, {MANY:,} pictures": (MANY, False),
    f"control from scores, {MANY:,} pictures": (MANY, True),
}
"""How many pictures each is taught with, None for as many as the decoder, and whether it begins with the scores."""
DRAWN = 5
"""Of permutations."""
PROMPT_SIZES, DRAWS = (1, 5, 20, 40), 3
WORDS_CONTROLS = tuple(CONTROLS)[2:]
SURE = 0.5
"""What the detector gives a token from which on it is asked by an untaught word."""
TIMED = 20

Rows = list[list[Detection]]


class Measuring:
    """Everything that the parts share.

    Args:
        adapter: the decoder's.
    """

    def __init__(self, adapter: Path) -> None:
        self.detector = VisionLLM(adapter)
        self.nanodet = NanoDet()
        self.coco, self.voc = HeldOut.of(COCO), HeldOut.of(VOC)
        self._controls: dict[str, Control] = {}
        self._rows: dict[str, Rows] = {}

    def prompts(self, classes: Sequence[str], seed: int = 0, count: int = PERMUTATIONS) -> tuple[Prompt, ...]:
        """The classes in the order of their names, their class tokens drawn by a seed."""
        return self.detector.decoder.prompts(sorted(classes), seed, count)

    def written(self, held_out: HeldOut, prompts: Sequence[Prompt], name: str, overlap: float = OVERLAP) -> Rows:
        """What the decoder finds in the pictures."""
        return held_out.found(lambda image: self.detector.written([image], prompts, 0.0, overlap)[0], name)

    def whole(self, name: str) -> tuple[Rows, Rows]:
        """What the decoder and the detector find of all classes in a set, found once."""
        held_out = self.coco if name == "coco" else self.voc
        if name not in self._rows:
            self._rows[name] = self.written(held_out, self.prompts(COCO_CLASSES), f"decoder, {name}")
        request = Request(COCO_CLASSES, 0.0)
        return self._rows[name], held_out.found(lambda image: self.nanodet.detect([image], request)[0], name)

    def control(self, name: str) -> Control:
        """One of the controls without a language model, taught once."""
        if name not in self._controls:
            decoder = self.detector.decoder
            ids = {word: decoder.tokens.name(word) for word in COCO_CLASSES}
            images, from_scores = CONTROLS[name]
            self._controls[name] = taught_control(
                images or decoder.writing.pictures, from_scores, decoder.network.names, ids
            )
        return self._controls[name]

    def vectors(self, names: Sequence[str]) -> torch.Tensor:
        """The vectors of names, as the control takes them."""
        decoder = self.detector.decoder
        return torch.nn.functional.normalize(decoder.network.names.of([decoder.tokens.name(name) for name in names]))

    def by_control(self, held_out: HeldOut, name: str) -> Rows:
        """What a control finds, in the detector's boxes."""
        control, names = self.control(name), self.vectors(COCO_CLASSES)

        def detect(image: LoadedImage) -> Found:
            (tokens,) = self.detector.tokens.tokens([image])
            return as_found(image, tokens.boxes, control.shares(tokens, names)[:, :-1], COCO_CLASSES)

        return held_out.found(detect, name)


def accuracy(measuring: Measuring) -> dict[str, Any]:
    """AP by set, of the decoder, the detector and the controls, with the intervals of the differences to each."""
    report = {}
    for name, held_out in (("coco", measuring.coco), ("voc", measuring.voc)):
        ours, theirs = measuring.whole(name)
        others = {"nanodet": theirs, **{one: measuring.by_control(held_out, one) for one in CONTROLS}}
        report[name] = {
            "images": len(held_out.sizes),
            "visionllm": held_out.ap(ours),
            **{one: held_out.ap(rows) for one, rows in others.items()},
            "differences": {one: list(held_out.paired(ours, rows)) for one, rows in others.items()},
        }
    prompts = measuring.prompts(COCO_CLASSES)
    unsuppressed = measuring.written(measuring.coco, prompts, "no suppression", overlap=1.0)
    report["coco"]["without suppression"] = measuring.coco.ap(unsuppressed)
    return report


def ceilings(measuring: Measuring) -> dict[str, Any]:
    """AP on COCO if the decoder wrote what it is taught: the detector's scores and boxes at the image tokens."""

    def found_with(shares: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> float:
        def detect(image: LoadedImage) -> Found:
            (tokens,) = measuring.detector.tokens.tokens([image])
            return as_found(image, tokens.boxes, shares(tokens.scores), COCO_CLASSES)

        return measuring.coco.ap(measuring.coco.found(detect, "ceiling"))

    def without_floor(scores: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(scores / np.maximum(scores.sum(1, keepdims=True), 1), np.float32)

    return {
        "own scores": found_with(lambda scores: scores),
        "shares": found_with(lambda scores: shares_of(scores)[:, :-1]),
        "shares without a floor": found_with(without_floor),
    }


def permutations(measuring: Measuring) -> dict[str, Any]:
    """AP on COCO under several permutations of the class tokens."""
    report = {}
    for name, count in (("averaged", PERMUTATIONS), ("single", 1)):
        aps = [
            measuring.coco.ap(
                measuring.written(measuring.coco, measuring.prompts(COCO_CLASSES, seed, count), f"{name} {seed}")
            )
            for seed in range(DRAWN)
        ]
        report[name] = {"ap": aps, "spread": max(aps) - min(aps)}
    return report


def prompts(measuring: Measuring) -> dict[str, Any]:
    """AP on some classes where they alone are asked for, and where all are."""
    everything, _ = measuring.whole("coco")
    there = sorted({row.category for row in measuring.coco.annotated.annotations})
    report = {}
    for size in PROMPT_SIZES:
        alone, among = [], []
        for draw in range(DRAWS * (3 if size == 1 else 1)):
            # Of one or five classes most pictures show none: those that the set shows are drawn from.
            classes = random.Random(f"{size}|{draw}").sample(there if size < 20 else COCO_CLASSES, size)
            found = measuring.written(measuring.coco, measuring.prompts(classes), f"{size} classes")
            counted = [name for name in classes if name in there]
            alone.append(measuring.coco.ap(found, counted))
            among.append(measuring.coco.ap(everything, counted))
        report[str(size)] = {"alone": float(np.mean(alone)), "among all": float(np.mean(among))}
    return report


def shuffled(measuring: Measuring) -> dict[str, Any]:
    """AP on COCO where each class token stands behind another name than the class that it is read as."""
    names = sorted(COCO_CLASSES)
    exchanged = names[1:] + names[:1]
    tokens = measuring.detector.decoder.tokens
    read = []
    for prompt in measuring.prompts(names):
        numbers = np.flatnonzero(tokens.class_tokens == prompt.rows[:, None]) % len(tokens.class_tokens)
        wrong = tokens.prompt(exchanged, numbers.tolist())
        read.append(Prompt(tuple(names), wrong.tokens, wrong.rows))
    return {"ap": measuring.coco.ap(measuring.written(measuring.coco, read, "shuffled"))}


def words(measuring: Measuring) -> dict[str, Any]:
    """Which class token is written where a word stands for its class among the other 79 names."""
    asked: dict[str, list[ImageTokens]] = {name: [] for name in untaught_words().values()}
    for image in (*measuring.coco.images(), *measuring.voc.images()):
        (tokens,) = measuring.detector.tokens.tokens([image])
        for name, found in asked.items():
            scores = tokens.scores[:, COCO_CLASSES.index(name)]
            if scores.max(initial=0) >= SURE:
                found.append(tokens[[int(scores.argmax())]])
    report: dict[str, Any] = {}
    for word, name in untaught_words().items():
        if not asked[name]:
            continue
        by_word, by_name = (_bound(measuring, asked[name], one, name) for one in (word, name))
        report[word] = {"class": name, "pictures": len(asked[name]), **by_word, "its own name": by_name["visionllm"]}
    return report


def _bound(measuring: Measuring, tokens: Sequence[ImageTokens], word: str, name: str) -> dict[str, list[float]]:
    """The share of tokens, by one word for a class, that name it before other names, and before `<no>` too."""
    fields = ("features", "cells", "boxes", "logits")
    together = ImageTokens(*(np.concatenate([getattr(part, field) for part in tokens]) for field in fields))
    classes = sorted((word, *(other for other in COCO_CLASSES if other != name)))
    place = classes.index(word)
    ((shares, _),) = measuring.detector.decoder.write(measuring.prompts(classes), [together])
    found = {"visionllm": shares}
    for control in WORDS_CONTROLS:
        found[control] = measuring.control(control).shares(together, measuring.vectors(classes))
    return {key: [float((some.argmax(1) == place).mean()) for some in (one[:, :-1], one)] for key, one in found.items()}


def seconds(measuring: Measuring) -> dict[str, Any]:
    """Seconds an image, from pixels to detections, and the peak of memory of this process."""
    images = [image for image, _ in zip(measuring.coco.images(), range(TIMED), strict=False)]
    report: dict[str, Any] = {}

    def by(detect: Callable[[list[LoadedImage]], list[Found]], size: int = 1) -> float:
        """Of the median batch."""
        batches = [images[start : start + size] for start in range(0, TIMED, size)]
        return float(np.median([_timed(detect, batch) for batch in batches])) / size

    def of_classes(count: int) -> Callable[[list[LoadedImage]], list[Found]]:
        return lambda batch: measuring.detector.detect(batch, Request(COCO_CLASSES[:count], 0.0))

    report["80 classes, the first image"] = _timed(of_classes(80), images[:1])
    report.update({f"{count} classes": by(of_classes(count)) for count in (1, 80)})
    report.update({f"80 classes, {size} images at once": by(of_classes(80), size) for size in (2, 4)})
    single = measuring.prompts(COCO_CLASSES, 0, 1)
    report["80 classes, one permutation"] = by(lambda batch: measuring.detector.written(batch, single, 0.0))
    report["peak gigabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return report


def _timed(detect: Callable[[list[LoadedImage]], list[Found]], batch: list[LoadedImage]) -> float:
    began = time.perf_counter()
    detect(batch)
    return time.perf_counter() - began


PARTS: dict[str, Callable[[Measuring], dict[str, Any]]] = {
    "time": seconds,  # first, since the peak of memory is this process's
    "ceilings": ceilings,
    "accuracy": accuracy,
    "permutations": permutations,
    "prompts": prompts,
    "shuffled": shuffled,
    "words": words,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--adapter", type=Path, default=PACKAGED, help="folder of a decoder; default: the packaged one")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts to measure; default: all")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    kept = options.out / NAMES[0]
    report = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    adapter = hashlib.sha256(b"".join((options.adapter / name).read_bytes() for name in ADAPTER_FILES)).hexdigest()[:16]
    if report.get("adapter") != adapter:
        report = {"adapter": adapter}
    measuring = Measuring(options.adapter)
    report["pictures"] = measuring.detector.decoder.writing.pictures
    for name in (part for part in PARTS if part in options.only):
        report["command"] = "python -m benchmarks.visionllm"
        report["date"], report["machine"] = datetime.date.today().isoformat(), machine()
        report[name] = PARTS[name](measuring)
        kept.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        (options.out / NAMES[1]).write_text(as_markdown(report), encoding="utf-8")
    print(as_markdown(report))


def as_markdown(report: dict[str, Any]) -> str:
    """The tables of the parts that there are."""
    lines = [
        "# VisionLLM's decoder",
        "",
        f"`{report['command']}`, {report['date']}, {machine_words(report['machine'])}. Pictures that were never "
        "taught; intervals of 95% by bootstrap over pictures, paired.",
        "",
    ]
    if "accuracy" in report:
        lines += ["| AP | COCO | VOC2007 |", "| --- | --- | --- |"]
        both = [report["accuracy"][name] for name in ("coco", "voc")]
        for key in ("visionllm", "nanodet", *CONTROLS):
            lines.append(f"| {key} | " + " | ".join(f"{one[key]:.3f}" for one in both) + " |")
        for key in ("nanodet", *CONTROLS):
            spans = " | ".join("{:+.3f} to {:+.3f}".format(*one["differences"][key]) for one in both)
            lines.append(f"| visionllm - {key} | {spans} |")
        lines.append("| images | " + " | ".join(str(one["images"]) for one in both) + " |")
        lines += ["", f"Without suppression: {report['accuracy']['coco']['without suppression']:.3f} on COCO. The "
                  f"control was taught with {report['pictures']:,} pictures, as the decoder was, where nothing else is "
                  f"said; in passes of {A_PASS}.", ""]  # fmt: skip
    if "ceilings" in report:
        one = report["ceilings"]
        lines += [f"What is taught, as if it were written: AP {one['shares']:.3f} on COCO, without the floor "
                  f"{one['shares without a floor']:.3f}; the detector's own scores at these places "
                  f"{one['own scores']:.3f}.", ""]  # fmt: skip
    if "permutations" in report:
        for name, words in (("averaged", f"{PERMUTATIONS} permutations, averaged as in use,"), ("single", "one")):
            drawn = report["permutations"][name]
            aps = ", ".join(f"{one:.4f}" for one in drawn["ap"])
            lines += [f"Five draws of {words} of the class tokens, COCO: {aps}; spread {drawn['spread']:.4f}.", ""]
    if "prompts" in report:
        lines += ["| classes | AP where the prompt names them alone | AP of the same among all 80, as in use |",
                  "| --- | --- | --- |"]  # fmt: skip
        lines += [
            f"| {size} | {one['alone']:.3f} | {one['among all']:.3f} |" for size, one in report["prompts"].items()
        ]
        lines.append("")
    if "shuffled" in report:
        lines += [f"Names exchanged against their meaning: AP {report['shuffled']['ap']:.3f}.", ""]
    if "words" in report:
        lines += _word_lines(report["words"])
    if "time" in report:
        lines += ["| seconds an image | |", "| --- | --- |"]
        lines += [f"| {key} | {value:.2f} |" for key, value in report["time"].items() if key != "peak gigabytes"]
        lines += ["", f"Peak of memory: {report['time']['peak gigabytes']:.2f} GB."]
    return "\n".join(lines) + "\n"


def _word_lines(found: dict[str, Any]) -> list[str]:
    keys = ("visionllm", "its own name", *WORDS_CONTROLS)
    lines = [
        f"{len(found)} of {len(untaught_words())} words that were never taught, each among the 79 other names; the "
        "others' classes the detector is sure of in no picture. Share of tokens, one of a picture, of which the word "
        "is likelier than all other names / and than none; means over words, with 95% by bootstrap over them:",
        "",
        "| | before other names | before none too |",
        "| --- | --- | --- |",
    ]
    for key in keys:
        columns = np.array([one[key] for one in found.values()])
        drawn = np.random.default_rng(0).integers(0, len(columns), (2000, len(columns)))
        low, high = np.quantile(columns[drawn].mean(1), (0.025, 0.975), axis=0)
        cells = (f"{m:.2f} ({a:.2f} to {b:.2f})" for m, a, b in zip(columns.mean(0), low, high, strict=True))
        lines.append(f"| {key} | " + " | ".join(cells) + " |")
    return [
        *lines,
        "",
        "| word | class | pictures | " + " | ".join(keys) + " |",
        "| --- | --- | --- |" + " --- |" * len(keys),
        *(
            f"| {word} | {one['class']} | {one['pictures']} | "
            + " | ".join(" / ".join(f"{value:.2f}" for value in one[key]) for key in keys) + " |"
            for word, one in found.items()
        ),
        "",
    ]  # fmt: skip


if __name__ == "__main__":
    main()
