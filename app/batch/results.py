"""What a visitor takes away of a job, and a job made again of what was taken away.

The zip of everything holds the job's settings, what was sent and the results, so that the job can be continued on any
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

from app.batch.job import MOST_RESULT_BYTES, QueryJob, Settings
from app.batch.methods import chosen_methods
from app.batch.queue import JobStore
from app.batch.upload import MOST_FILES, described
from app.batch.zip import Bounds, unpack
from app.graph.graphs import GraphShelf
from app.models.language_model import LanguageModel
from app.server.words import shortened
from kg_data.errors import SkylarkError
from kg_data.installation import version
from reasoning.evaluation.comparison import Comparison, compare
from reasoning.evaluation.plot import save_plot
from reasoning.evaluation.query_files import PROTOCOLS, SPLITS
from reasoning.evaluation.results_file import Results, read_results, summary_path
from reasoning.evaluation.tables import comparison_text

SPEC, INPUT, LINES = "job.json", "input.", "lines.jsonl"
KEPT_NAMES = tuple(f"results-{letter}.jsonl{end}" for letter in "ab" for end in ("", ".summary.json"))
BOUNDS = Bounds(files=MOST_FILES + 8, bytes_each=MOST_RESULT_BYTES + 2**20, bytes_all=3 * MOST_RESULT_BYTES)
CHANGED_MOST = 5


def results_of(job: QueryJob) -> list[Results]:
    """What is in the job's results files, of methods that have a line."""
    return [read_results(run.out) for run in job.runs if run.rows and run.out.exists()]


def comparison_of(job: QueryJob) -> Comparison | None:
    """Both methods on the queries that both have answered; None where there are no such two."""
    results = results_of(job)
    return compare(results[0], results[1], worst=CHANGED_MOST) if len(results) == 2 else None


def write_files(job: QueryJob) -> list[Path]:
    """Everything that can be taken away, written to the job's folder: the zip of all first, lines, summaries, tables,
    the picture."""
    all_results = results_of(job)
    if not all_results:
        return []
    files: list[Path] = []
    for results in all_results:
        table = results.path.with_suffix(".csv")
        _write_table(results, {row.id: row.asked for run in job.runs for row in run.rows}, table)
        files += [results.path, summary_path(results.path), table]
    if (comparison := comparison_of(job)) is not None:
        text = job.folder / "comparison.txt"
        asked = {row.id: row.asked for row in job.runs[0].rows}
        words = comparison_text(comparison, {change.id: asked.get(change.id, "") for change in comparison.changes})
        text.write_text(words.replace(f"{job.folder}/", "") + "\n", encoding="utf-8")
        files.append(text)
    picture = job.folder / "plot.png"
    label = {run.out: run.method.label for run in job.runs}
    save_plot(all_results, picture, labels=[label[results.path] for results in all_results])
    files.append(picture)
    return [_write_archive(job, files), *files]


def job_again(archive: Path, jobs: JobStore[QueryJob], shelf: GraphShelf, model: LanguageModel) -> QueryJob:
    """The job whose zip this is, ready to be continued.

    Raises:
        SkylarkError: it is no such zip, or of another version, or its graph or method is not here; the message says
            what to do.
    """
    folder = jobs.new_folder()
    try:
        (loose := folder / "loose").mkdir()
        by_name = {path.name: path for path in unpack(archive, loose, BOUNDS, _is_part)}
        settings, identifier = _settings(by_name.pop(SPEC, None), shelf, model)
        (folder / "input").mkdir()
        for name, path in by_name.items():
            sent = name.removeprefix(INPUT) if name.startswith(INPUT) else ""
            path.replace(folder / "input" / sent if sent else folder / name)
        shutil.rmtree(loose)
        return QueryJob(folder, described(folder / "input"), settings, shelf, identifier)
    except UnicodeDecodeError:
        shutil.rmtree(folder, ignore_errors=True)
        raise SkylarkError("this zip's files are no text: give back the zip as it was downloaded") from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _is_part(name: str) -> bool:
    return name in (SPEC, LINES, *KEPT_NAMES) or name.startswith(INPUT)


def _settings(path: Path | None, shelf: GraphShelf, model: LanguageModel) -> tuple[Settings, str | None]:
    """A job's settings, as far as they have the form of one's, and its id."""
    try:
        if path is None:
            raise ValueError(SPEC)
        spec = json.loads(path.read_text(encoding="utf-8"))
        graph, protocol, split, methods = (spec[key] for key in ("graph", "protocol", "split", "methods"))
        if not isinstance(graph, str) or protocol not in PROTOCOLS or split not in (*SPLITS, None):
            raise ValueError(graph)
        if not isinstance(methods, list) or not 1 <= len(methods) <= 2 or not all(isinstance(m, str) for m in methods):
            raise ValueError(methods)
        identifier, begun_by = spec.get("id"), spec.get("version", version())
    except (ValueError, TypeError, KeyError, RecursionError):
        raise SkylarkError(
            "this is no zip of a job of this page: give back the zip that was downloaded here, as it was"
        ) from None
    if begun_by != version():
        raise SkylarkError(
            f"this job was begun with Skylark {shortened(str(begun_by), 20)} and this page runs {version()}, whose "
            "answers may differ: send its queries again as a new job"
        )
    if graph not in shelf.names:
        raise SkylarkError(
            f"this job is of the graph {graph!r}, which this page does not have; it has {', '.join(shelf.names)}"
        )
    settings = Settings(graph, protocol, split, chosen_methods(model, methods))
    return settings, identifier if isinstance(identifier, str) else None


def _write_archive(job: QueryJob, files: Sequence[Path]) -> Path:
    spec = {
        "id": job.id, "graph": job.settings.graph, "protocol": job.settings.protocol, "split": job.settings.split,
        "methods": [method.key for method in job.settings.methods], "version": version(),
    }  # fmt: skip
    target = job.folder / f"skylark-batch-{job.id}.zip"
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
            metrics = [line[metric] for metric in results.metrics]
            writer.writerow([*map(_harmless, cells), *metrics, _harmless(line.get("error", ""))])


def _harmless(cell: object) -> str:
    """A text that no spreadsheet takes for a formula."""
    text = str(cell)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
