"""What a line of a results file was asked, in words, as far as the files that it was made from are still there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from kg_data.errors import SkylarkError
from reasoning.evaluation.query_files import digest, find_files, query_of
from reasoning.evaluation.results_file import Results
from reasoning.graph.store import KnowledgeGraph


def texts_of(results: Results, identifiers: Sequence[str]) -> dict[str, str]:
    """The text of each of the lines, by its id: a question as it stands, a query verbalised.

    A query is left out where its file is gone or has changed, and told by its ids where the graph is gone.
    """
    wanted = set(identifiers)
    if results.of_questions:
        return {line["id"]: line["question"] for line in results.lines if line["id"] in wanted and "question" in line}
    settings = results.settings
    try:
        files, _ = find_files(Path(settings["queries"]), settings["split"])
        if digest(files) != settings["queries_digest"]:
            return {}
    except (SkylarkError, OSError):
        return {}
    try:
        kg = KnowledgeGraph.load(settings["kg"])
    except SkylarkError:
        kg = None
    found = {}
    for path in files:
        for number, text in enumerate(path.read_text(encoding="utf-8-sig").split("\n")):
            if (identifier := f"{path.stem}:{number}") in wanted:
                query = query_of(json.loads(text))
                found[identifier] = str(query) if kg is None else query.verbalise(kg)
    return found
