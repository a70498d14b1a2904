"""Written instructions read to tasks, against what a person says that they mean.

    python -m benchmarks.instructions [--reader READER] [FILE ...]
    python -m benchmarks.instructions --unseen READER [READER ...]

The lists were written by people who had not seen the reader. It reads FILE, or the list `final`, of which nothing is
taught, and prints every miss field by field. READER is `model` or the folder of an adapter; `--unseen` reads the list
`unseen` with each, and writes `results/unseen_instructions.json` and `.md`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import machine, machine_words
from reasoning.lm.calls import MODEL, adapter_folder
from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES, ClassMatcher
from vision.errors import InstructionError
from vision.parsing import read_instruction
from vision.parsing.reader import PACKAGED
from vision.task import Task

HERE = Path(__file__).resolve().parent
LISTS = HERE / "lists"

Form = dict[str, Any]
"""A task in the lists' form, every field present; what is compared."""


def as_form(task: Task) -> Form:
    """A task as the lists write it, defaults filled in."""
    output = task.output
    targets = None if task.targets is None else {target.label: sorted(target.classes) for target in task.targets}
    colours: dict[str, list[str]] = {}
    for target in task.targets or ():
        if target.colour:
            colours.setdefault(target.label, []).append(target.colour)
    size = {name: value for name, value in vars(task.size).items() if value is not None} if task.size else {}
    written = {
        "format": output.format,
        "geometry": output.geometry,
        "points": output.points,
        "box": output.box,
        "scale": output.scale,
        "range": output.range_ if output.scale == "range" else None,
        "offsets": output.offsets,
        "centre": output.centre,
        "class_as": output.class_as,
        "keys": list(output.keys),
        "score": output.score,
    }
    return {
        "do": task.kind,
        "classes": None if task.expression is not None else targets,
        "colours": colours,
        "undetectable": sorted(one.word for one in task.undetectable),
        "expression": spoken(task.expression),
        "limit": vars(task.limit) if task.limit else None,
        "region": [round(value, 3) for value in task.region] if task.region else None,
        "size": size,
        "min_score": task.min_score,
        "output": written,
        "contradiction": False,
        "unread": bool(task.unread),
    }


_ASKING = frozenset(("the", "a", "an", "how", "many", "which", "number", "of", "is", "are", "there"))
"""Words of a question and articles: "how many cups are on the table" means the cups on the table."""


def spoken(expression: str | None) -> str | None:
    """An expression as it is compared: lower case, without articles, words that only ask, and marks."""
    if expression is None:
        return None
    return " ".join(word for word in expression.lower().strip(" .?!").split() if word not in _ASKING)


def filled(gold: Mapping[str, Any]) -> Form:
    """A gold entry with the defaults of every field that it leaves out."""
    form = as_form(Task())
    form.update({name: value for name, value in gold.items() if name != "output"})
    classes = gold.get("classes")
    if classes is not None and classes.get("*") == "all but":
        classes = {name: [name] for name in COCO_CLASSES if name not in classes["not"]}
    if form["do"] == "ground" or form["expression"] is not None:
        classes = form["classes"] = None
    if classes is not None:
        form["classes"] = {label: sorted(meant) for label, meant in classes.items()}
    form["undetectable"] = sorted(form["undetectable"])
    form["expression"] = spoken(form["expression"])
    output = dict(gold.get("output", {}))
    if form["do"] == "segment":
        output.setdefault("geometry", "polygon")
    if output.get("format") == "tokens":
        output = {"scale": "range", "class_as": "token", **output}
    if "range" in output:
        output.setdefault("scale", "range")
    if output.get("scale") == "range":
        output.setdefault("range", 512)
    form["output"] = {**form["output"], **output}
    return form


def differences(gold: Form, read: Form) -> dict[str, tuple[Any, Any]]:
    """Field to (gold, read), where they differ; the output by its own fields."""
    flat = [
        {**{k: v for k, v in form.items() if k != "output"}, **{f"output.{k}": v for k, v in form["output"].items()}}
        for form in (gold, read)
    ]
    return {name: (flat[0][name], flat[1].get(name)) for name in flat[0] if flat[0][name] != flat[1].get(name)}


Weighed = tuple[float, bool]
"""The probability of a likeliest reading, and whether it is right."""


def check(
    entry: Mapping[str, Any], matcher: ClassMatcher, adapter: Path = PACKAGED
) -> tuple[dict[str, tuple[Any, Any]], Weighed | None]:
    """How the reading of one entry differs from what it means, and how sure the likeliest one is and whether right.

    What was not understood, so that nothing is done, differs in `understood` alone.
    """
    try:
        task = read_instruction(entry["instruction"], matcher, adapter=adapter)
    except InstructionError as error:
        return {} if entry["task"].get("contradiction") else {"contradiction": (False, str(error))}, None
    likeliest = task if task.understood else next(iter(task.rivals), None)
    weighed = None
    if likeliest is not None and likeliest.probability is not None:
        weighed = (round(likeliest.probability, 4), not _from_nearest(entry, likeliest))
    if not task.understood and not entry["task"].get("unread"):
        return {"understood": (True, False)}, weighed
    return _from_nearest(entry, task), weighed


def _from_nearest(entry: Mapping[str, Any], task: Task) -> dict[str, tuple[Any, Any]]:
    """How a task differs from an entry's, or from the nearest alternative that is accepted."""
    read = as_form(task)
    golds = [entry["task"], *({**entry["task"], **one} for one in entry.get("accept", ()))]
    return min((differences(filled(gold), read) for gold in golds), key=len)


def measure(entries: Sequence[Mapping[str, Any]], matcher: ClassMatcher, adapter: Path = PACKAGED) -> Form:
    misses: list[Form] = []
    times: list[float] = []
    weighed: list[Weighed] = []
    for entry in entries:
        began = time.perf_counter()
        found, likeliest = check(entry, matcher, adapter)
        times.append(time.perf_counter() - began)
        if found:
            misses.append({"instruction": entry["instruction"], "differences": found})
        if likeliest is not None:
            weighed.append(likeliest)
    right = len(entries) - len(misses)
    return {
        "count": len(entries),
        "right": right,
        "accuracy": right / len(entries),
        "refused": sum(not {"understood", "contradiction"}.isdisjoint(miss["differences"]) for miss in misses),
        "seconds": sum(times),
        "median_seconds": statistics.median(times),
        "misses": misses,
        "weighed": weighed,
    }


def as_text(name: str, figures: Mapping[str, Any]) -> str:
    lines = [
        f"{name}: {figures['right']} of {figures['count']} right ({figures['accuracy']:.1%}), "
        f"{figures['seconds']:.1f} s"
    ]
    for miss in figures["misses"]:
        lines.append(f"- {miss['instruction']}")
        lines += [
            f"    - {field}: expected {gold!r}, read {read!r}" for field, (gold, read) in miss["differences"].items()
        ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("files", nargs="*", type=Path, default=[LISTS / "instructions.final.json"], metavar="FILE",
                        help="lists of instructions in JSON")  # fmt: skip
    parser.add_argument("--reader", default=MODEL, help="who reads: model (default) or an adapter's folder")
    parser.add_argument("--unseen", nargs="+", metavar="READER", help="read the unseen list with these readers")
    options = parser.parse_args()
    matcher = ClassMatcher(COCO_CLASSES, COCO_SUPERCATEGORIES)
    matcher.match_all(["person", "something that has to be looked up by its meaning"])
    if options.unseen:
        write_unseen(options.unseen, matcher)
        return
    for path in options.files:
        figures = measure(json.loads(path.read_text(encoding="utf-8")), matcher, _adapter(options.reader))
        print(as_text(path.name, figures))


def _adapter(reader: str) -> Path:
    return adapter_folder(reader, PACKAGED)


def write_unseen(readers: Sequence[str], matcher: ClassMatcher) -> None:
    """Read the unseen list, and write what each reader got right, refused and got wrong."""
    entries = json.loads((LISTS / "instructions.unseen.json").read_text(encoding="utf-8"))
    results = {Path(reader).name: measure(entries, matcher, adapter_folder(reader, PACKAGED)) for reader in readers}
    report = {
        "command": f"python -m benchmarks.instructions --unseen {' '.join(results)}",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "results": results,
    }
    rows = [
        f"| {name} | {of['right']} of {of['count']} | {of['count'] - of['right'] - of['refused']} | {of['refused']} | "
        f"{of['median_seconds']:.2f} |"
        for name, of in results.items()
    ]
    text = "\n".join([
        "# Instructions that nobody had read before",
        "",
        f"`{report['command']}`, on {machine_words(machine())}. Right is a task with every field right.",
        "",
        "| reader | right | wrong | asked back or refused | median seconds |",
        "|---|---|---|---|---|",
        *rows,
    ])  # fmt: skip
    print(text)
    (HERE / "results" / "unseen_instructions.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    (HERE / "results" / "unseen_instructions.md").write_text(text + "\n")


if __name__ == "__main__":
    main()
