"""The decoder of VisionLLM with one thing changed, at equal short passes, two seeds each.

    python -m benchmarks.visionllm_ablations RUNS --bound DIR [--bound-12 DIR] [--tokens N] [--seeds N]

Every variant begins with the adapter of the stage of binding (`--bound`, 30 layers; `--bound-12` the same of 12
layers, without which that variant is left out) and is taught pictures and texts together for so many tokens. What is
measured is AP on the third of the COCO images that is held out, beside the detector's, and binding at 80 words. RUNS
keeps the runs; what is done is not done again. Intervals are of 95%, of the difference to the decoder as it is, by
bootstrap over pictures, paired. Writes `results/visionllm_ablations.json` and `.md` beside this file.

- as it is; without the detector's scores; with the cell alone as the place of a token; with the instruction's names
  attended to before the language model; with fixed class tokens; with slots that see all tokens of the image; 12
  layers; without the stage of binding; with annotations, each token by its overlap, or one to one by their cost.
- autoregressive: the tokens of an image are written one after the other, each with what was written before, as in
  pix2seq (Chen et al. 2022, arXiv 2109.10852); 30 tokens of an image, beside the parallel decoder with as many.
"""

from __future__ import annotations

import argparse
import datetime
import json
import pickle
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache

from benchmarks.exact_executor import RESULTS
from benchmarks.held_out_boxes import COCO, HeldOut, folder_of
from benchmarks.machine import machine, machine_words
from reasoning.lm.generation import Layout
from skylark.files import encoded, write_whole
from training.box_examples import BoxOptions, read_set
from training.boxes import BoxExample, BoxLearner, train_boxes
from vision.classes.lexicon import COCO_CLASSES
from vision.decoder.detector import VisionLLM, as_found
from vision.decoder.image_tokens import NanoDetTokens
from vision.decoder.network import NONE_STEP, Network, TokenBatch, Written, places_of
from vision.decoder.vocabulary import BINS, Prompt
from vision.detectors.detector import Found, Request
from vision.detectors.embedded import NanoDet
from vision.evaluation.runs import Detection
from vision.images import LoadedImage

Rows = list[list[Detection]]

SETS = ("coco128", "coco_mini_train", "voc2007", "unlabelled")
FEW = 30
"""Image tokens of the autoregressive decoder and of the parallel one beside it."""


@dataclass(frozen=True)
class Variant:
    """What is changed.

    Attributes:
        options: other values than usual.
        bound: which adapter it begins with: "30", "12" or none.
        autoregressive: whether tokens are written one after the other.
    """

    options: dict[str, Any] = field(default_factory=dict)
    bound: str = "30"
    autoregressive: bool = False


FEW_TOKENS = {"image_tokens": FEW, "boxed": FEW}
VARIANTS = {
    "as it is": Variant(),
    "without the detector's scores": Variant({"from_scores": False}),
    "the cell alone as l_i": Variant({"from_boxes": False}),
    "names attended to before": Variant({"guided": True}),
    "fixed class tokens": Variant({"fixed_tokens": True}),
    "slots see all tokens": Variant({"sees_others": True}),
    "12 layers": Variant({"layers": 12}, "12"),
    "without the stage of binding": Variant({}, ""),
    "annotations, by overlap": Variant({"truth": 0.5}),
    "annotations, one to one": Variant({"truth": 0.5, "matching": "hungarian"}),
    f"parallel, {FEW} tokens": Variant(FEW_TOKENS),
    f"autoregressive, {FEW} tokens": Variant(FEW_TOKENS, "30", True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", type=Path, help="folder of the runs")
    parser.add_argument("--bound", type=Path, required=True, help="adapter of the stage of binding")
    parser.add_argument("--bound-12", type=Path, help="the same of 12 layers")
    parser.add_argument("--tokens", type=int, default=60_000, help="of each run")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    options = parser.parse_args()
    starts = {"30": options.bound, "12": options.bound_12, "": None}
    held_out, nanodet = HeldOut.of(COCO), NanoDet()
    theirs = held_out.found(lambda image: nanodet.detect([image], Request(COCO_CLASSES, 0.0))[0], "nanodet")
    report = {
        "command": (
            f"python -m benchmarks.visionllm_ablations RUNS --bound DIR --bound-12 DIR --tokens {options.tokens}"
        ),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "tokens": options.tokens,
        "images": len(held_out.sizes),
        "nanodet": held_out.ap(theirs),
        "variants": {},
    }
    usual: dict[int, Rows] = {}
    for seed in range(options.seeds):
        for name in ("as it is", *(one for one in options.variants if one != "as it is")):
            variant = VARIANTS[name]
            if variant.bound and starts[variant.bound] is None:
                continue
            folder = options.runs / f"{name.replace(' ', '-')}-{seed}"
            kept = folder / "measured.json"
            if not kept.is_file():
                print(f"{name}, seed {seed}", file=sys.stderr, flush=True)
                measured, rows = measure(variant, folder, starts[variant.bound], options.tokens, seed, held_out)
                if name != "as it is":
                    measured["difference"] = held_out.paired(rows, usual[seed])
                (folder / "rows.pickle").write_bytes(pickle.dumps(rows))
                write_whole(kept, encoded(json.dumps(measured)))
            measured = json.loads(kept.read_text(encoding="utf-8"))
            if measured["tokens"] != options.tokens:
                parser.error(f"{folder} was taught {measured['tokens']:,} tokens: give as many, or another folder")
            if name == "as it is":
                usual[seed] = pickle.loads((folder / "rows.pickle").read_bytes())
            report["variants"].setdefault(name, []).append(measured)
            write(report)


def measure(
    variant: Variant, folder: Path, start: Path | None, tokens: int, seed: int, held_out: HeldOut
) -> tuple[dict[str, Any], Rows]:
    """Teach one variant, and measure it; with what it finds."""
    usual = BoxOptions(stage="joint", learning_rate=5e-4, tokens=tokens, report_every=tokens, seed=seed)
    options = replace(usual, **variant.options)
    source = NanoDetTokens()
    sets = [read_set(folder_of(name)) for name in SETS]
    report = train_boxes(
        options, folder, lambda line: print(line[:200], file=sys.stderr), source, sets, start=start,
        learner=OneAfterAnother if variant.autoregressive else BoxLearner,
    )  # fmt: skip
    detector = VisionLLM(folder / "checkpoint")
    most = options.image_tokens if variant.options.get("image_tokens") else 100
    prompts = detector.decoder.prompts(COCO_CLASSES)

    def detect(image: LoadedImage) -> Found:
        if variant.autoregressive:
            return found_one_by_one(detector, image, prompts[0])
        return detector.written([image], prompts, 0.0, most=most)[0]

    began = time.perf_counter()
    rows = held_out.found(detect, "held out")
    return {
        "tokens": tokens,
        "ap": held_out.ap(rows),
        "seconds": (time.perf_counter() - began) / len(rows),
        "binding": report.exact["binding of any words"],
        "binding of classes": report.exact["binding of classes"],
    }, rows


class OneAfterAnother(BoxLearner):
    """A learner whose slots stand one behind the other, each with what the slot before was to say."""

    def written(self, lesson: BoxExample) -> Written:
        """Teacher forcing: what stands in a slot's input is the right word of the slot before."""
        projector = self.network.projector
        pictures = len(lesson.tokens) - len(lesson.texts)
        shown = TokenBatch(*(part[:pictures] for part in vars(lesson.tokens).values()))
        vectors = torch.cat([projector.vectors(shown), *([lesson.texts] if len(lesson.texts) else [])])
        slots = projector.slots(vectors, lesson.tokens).view(-1, lesson.count * 5, vectors.shape[1])
        slots = slots + said_before(self.network, lesson.prompt, lesson.shares.argmax(1), lesson.places, lesson.count)
        hidden = causal(self.network, lesson.prompt, slots).view(len(slots), lesson.count, 5, -1)
        # The order of the parallel decoder: class slots, then those of boxes.
        ordered = torch.cat([hidden[:, :, 0], hidden[:, :, 1:].flatten(1, 2)], 1)
        return self.network.read(ordered, lesson.prompt, lesson.count)


def rows_of(network: Network, prompt: Prompt) -> torch.Tensor:
    """The rows of the prompt's class tokens and, last, of `<no>`."""
    rows = network.embeddings[torch.from_numpy(prompt.rows)].float()
    return torch.cat([rows, NONE_STEP * network.projector.none[None]])


def said_before(
    network: Network, prompt: Prompt, classes: torch.Tensor, places: torch.Tensor, count: int
) -> torch.Tensor:
    """The row of the word before each slot, shape (segments, count x 5, width); before a segment's first is nothing."""
    named = rows_of(network, prompt)[classes]
    placed = network.projector.locations[(places.round().long() + BINS).clamp(0, 2 * BINS)]
    words = torch.cat([named[:, None], placed], 1).view(-1, 5 * count, named.shape[1])
    return torch.cat([torch.zeros_like(words[:, :1]), words[:, :-1]], 1)


def causal(network: Network, prompt: Prompt, slots: torch.Tensor) -> torch.Tensor:
    """The last hidden states of segments whose slots see those before them."""
    count, length, _ = slots.shape
    begun = len(prompt.tokens)
    beginning = network.embeddings[torch.from_numpy(prompt.tokens)]
    inputs = torch.cat([beginning, slots.flatten(0, 1).to(beginning.dtype)])
    positions = torch.cat([torch.arange(begun), torch.arange(begun, begun + length).repeat(count)])
    output = network.decoder(
        inputs_embeds=inputs[None],
        attention_mask=torch.zeros(1, 1, 1, 1),
        position_ids=positions[None],
        use_cache=False,
        layout=Layout.of(begun, [length] * count),
    )
    hidden: torch.Tensor = output.last_hidden_state[0, begun:]
    return hidden.view(count, length, -1)


def found_one_by_one(detector: VisionLLM, image: LoadedImage, prompt: Prompt) -> Found:
    """What the autoregressive decoder writes of an image, one word after the other."""
    network = detector.decoder.network
    network.decoder.config._attn_implementation = "sdpa"
    (tokens,) = detector.tokens.tokens([image], FEW)
    batch = TokenBatch.of(tokens)
    with torch.inference_mode():
        slots = network.projector.slots(network.projector.vectors(batch), batch).flatten(0, 1)
        rows, places = rows_of(network, prompt), network.projector.locations
        cache: Any = DynamicCache()
        beginning = network.embeddings[torch.from_numpy(prompt.tokens)]
        network.decoder(inputs_embeds=beginning[None], cache=cache, use_cache=True)
        before = torch.zeros_like(slots[0])
        shares, offsets = [], []
        for number, slot in enumerate(slots):
            position = torch.tensor([[len(prompt.tokens) + number]])
            inputs = (slot + before).to(beginning.dtype)[None, None]
            output = network.decoder(inputs_embeds=inputs, cache=cache, use_cache=True, position_ids=position)
            hidden = output.last_hidden_state[0, 0].float()
            if number % 5 == 0:
                logits = rows @ hidden
                shares.append(torch.softmax(logits, 0).numpy())
                before = rows[int(logits.argmax())]
            else:
                logits = places @ hidden
                offsets.append(float(places_of(logits[None])))
                before = places[int(logits.argmax())]
    boxes = np.tile(tokens.cells[:, :2], 2) + np.array(offsets).reshape(-1, 4) / BINS
    return as_found(image, boxes, np.stack(shares)[:, :-1], prompt.classes)


def write(report: dict[str, Any]) -> None:
    """The results so far."""
    (RESULTS / "visionllm_ablations.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "visionllm_ablations.md").write_text(as_markdown(report), encoding="utf-8")


def as_markdown(report: dict[str, Any]) -> str:
    """One row a variant, one figure a seed."""

    def each(runs: Sequence[dict[str, Any]], key: str, digits: int = 3) -> str:
        return " / ".join(f"{one[key]:.{digits}f}" for one in runs)

    def spans(runs: Sequence[dict[str, Any]]) -> str:
        return " / ".join("{:+.3f} to {:+.3f}".format(*one["difference"]) for one in runs if "difference" in one)

    return "\n".join([
        "# VisionLLM's decoder with one thing changed",
        "",
        f"`{report['command']}`, {report['date']}, {machine_words(report['machine'])}. {report['tokens']:,} tokens "
        f"each behind the stage of binding, a figure a seed; AP on {report['images']} held-out images of COCO, where "
        f"the detector alone has {report['nanodet']:.3f}; binding is the share of clear names that are given "
        "their class token, of 80. Differences to the decoder as it is: 95% by bootstrap over pictures, paired.",
        "",
        "| | AP | difference | binding of any words | of COCO's classes | seconds an image |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {name} | {each(runs, 'ap')} | {spans(runs)} | {each(runs, 'binding')} | "
            f"{each(runs, 'binding of classes')} | {each(runs, 'seconds', 2)} |"
            for name, runs in report["variants"].items()
        ),
        "",
    ])  # fmt: skip


if __name__ == "__main__":
    main()
