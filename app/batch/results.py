"""What a visitor takes away of a job, and a job made again of what was taken away.

The zip of everything holds the job's settings, what was sent and the results, so that it can be gone on with on any
server that has the graph. It comes back as a stranger's file: bounded, and believed only as far as the run's own checks
of its settings and lines go.
"""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.batch.job import MOST_RESULT_BYTES, Job
from app.batch.jobs import Jobs
from app.batch.methods import chosen_methods
from app.batch.upload import MOST_FILES, described
from app.batch.zip import Bounds, unpack
from app.graph.graphs import GraphShelf
from app.models.language_model import LanguageModel
from kg_data.errors import SkylarkError
from kg_data.installation import version
from reasoning.evaluation.comparison import Comparison, compare
from reasoning.evaluation.plot import save_plot
from reasoning.evaluation.query_files import PROTOCOLS, SPLITS
from reasoning.evaluation.results import Results, read_results, summary_path
from reasoning.evaluation.tables import comparison_text

SPEC, INPUT, LINES = "job.json", "input.", "lines.jsonl"
KEPT_NAMES = tuple(f"results-{letter}.jsonl{end}" for letter in "ab" for end in ("", ".summary.json"))
BOUNDS = Bounds(files=MOST_FILES + 8, bytes_each=MOST_RESULT_BYTES + 2**20, bytes_all=3 * MOST_RESULT_BYTES)
CHANGED_MOST = 5


def results_of(job: Job) -> list[Results]:
    """What is in the job's results files, of methods that have a line."""
    return [read_results(run.out) for run in job.runs if run.rows and run.out.exists()]


def comparison_of(job: Job) -> Comparison | None:
    """Both methods on the queries that both have answered; None where there are no such two."""
    found = results_of(job)
    if len(found) < 2 or len(job.runs) < 2:
        return None
    return compare(found[0], found[1], worst=CHANGED_MOST)


def write_files(job: Job) -> list[Path]:
    """Everything that can be taken away, written to the job's folder: the zip of all first, lines, summaries, tables,
    the picture."""
    found = results_of(job)
    if not found:
        return []
    files: list[Path] = []
    for results in found:
        table = results.path.with_suffix(".csv")
        _write_table(results, {row.id: row.asked for run in job.runs for row in run.rows}, table)
        files += [results.path, summary_path(results.path), table]
    if (comparison := comparison_of(job)) is not None:
        text = job.folder / "comparison.txt"
        asked = {row.id: row.asked for row in job.runs[0].rows}
        told = comparison_text(comparison, {change.id: asked.get(change.id, "") for change in comparison.changes})
        text.write_text(told.replace(f"{job.folder}/", "") + "\n", encoding="utf-8")
        files.append(text)
    picture = job.folder / "plot.png"
    label = {run.out: run.method.label for run in job.runs}
    save_plot(found, picture, labels=[label[results.path] for results in found])
    files.append(picture)
    return [_write_archive(job, files), *files]


def archive_name(job: Job) -> str:
    """What the zip of everything is called."""
    return f"skylark-batch-{job.id}.zip"


def job_again(archive: Path, jobs: Jobs, shelf: GraphShelf, model: LanguageModel) -> Job:
    """The job whose zip this is, ready to be gone on with.

    Raises:
        SkylarkError: it is no such zip, or its graph or method is not here; the message says what to do.
    """
    folder = jobs.new_folder()
    try:
        loose = folder / "loose"
        loose.mkdir()
        unpacked = unpack(archive, loose, BOUNDS, _wanted)
        by_name = {path.name: path for path in unpacked}
        spec = _spec(by_name.get(SPEC))
        if spec["graph"] not in shelf.names:
            raise SkylarkError(
                f"this job is of the graph {spec['graph']!r}, which this page does not have; "
                f"it has {', '.join(shelf.names)}"
            )
        methods = chosen_methods(model, spec["methods"])
        (folder / "input").mkdir()
        for name, path in by_name.items():
            if name.startswith(INPUT) and name != INPUT:
                path.replace(folder / "input" / name.removeprefix(INPUT))
            elif name != SPEC:
                path.replace(folder / name)
        shutil.rmtree(loose)
        upload = described(folder / "input")
        return Job(folder, upload, spec["graph"], shelf, spec["protocol"], spec["split"], methods, spec["id"])
    except UnicodeDecodeError:
        shutil.rmtree(folder, ignore_errors=True)
        raise SkylarkError("this zip's files are no text: give back the zip as it was downloaded") from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _wanted(name: str) -> bool:
    return name in (SPEC, LINES, *KEPT_NAMES) or name.startswith(INPUT)


def _spec(path: Path | None) -> dict[str, Any]:
    """A job's settings, as far as they have the form of one's."""
    try:
        if path is None:
            raise ValueError(SPEC)
        spec = json.loads(path.read_text(encoding="utf-8"))
        graph, protocol, split, methods = (spec[key] for key in ("graph", "protocol", "split", "methods"))
        if not isinstance(graph, str) or protocol not in PROTOCOLS or split not in (*SPLITS, None):
            raise ValueError(graph)
        if not isinstance(methods, list) or not 1 <= len(methods) <= 2 or not all(isinstance(m, str) for m in methods):
            raise ValueError(methods)
        identifier = spec.get("id")
        return {"graph": graph, "protocol": protocol, "split": split, "methods": methods,
                "id": identifier if isinstance(identifier, str) else None}  # fmt: skip
    except (ValueError, TypeError, KeyError, RecursionError):
        raise SkylarkError(
            "this is no zip of a job of this page: give back the zip that was downloaded here, as it was"
        ) from None


def _write_archive(job: Job, files: Sequence[Path]) -> Path:
    spec = {
        "id": job.id, "graph": job.graph, "protocol": job.protocol, "split": job.split,
        "methods": [run.method.key for run in job.runs], "version": version(),
    }  # fmt: skip
    target = job.folder / archive_name(job)
    part = target.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(SPEC, json.dumps(spec, indent=1))
        for path in sorted((job.folder / "input").iterdir()):
            archive.write(path, f"{INPUT}{path.name}")
        if (expected := job.folder / LINES).exists():
            archive.write(expected, LINES)
        for path in files:
            archive.write(path, path.name)
    part.replace(target)
    return target


def _write_table(results: Results, asked: dict[str, str], target: Path) -> None:
    """The lines as CSV, as spreadsheets read it."""
    with target.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        scored = any("scores" in line for line in results.lines)
        writer.writerow(["id", "type", "asked", "answers", *(["scores"] if scored else []), *results.metrics, "error"])
        for line in results.lines:
            answers = line["answers"] if isinstance(line.get("answers"), list) else []
            cells = [line["id"], line["type"], asked.get(line["id"], ""), "|".join(map(str, answers))]
            if scored:
                cells.append("|".join(map(str, line.get("scores", []))))
            writer.writerow(
                [
                    *map(_harmless, cells),
                    *(line[metric] for metric in results.metrics),
                    _harmless(line.get("error", "")),
                ]
            )


def _harmless(cell: object) -> str:
    """A text that no spreadsheet takes for a formula."""
    said = str(cell)
    return f"'{said}" if said.startswith(("=", "+", "-", "@", "\t", "\r")) else said
