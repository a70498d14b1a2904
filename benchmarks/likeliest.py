"""Questions of a data set as the model reads them: by the likeliest reading, and where one asks back unless it is sure.

The protocols of such sets count what is not answered as wrong, as they count a wrong answer; so both are measured of
one reading of each question: what the likeliest reading answers, and what is answered as it comes, with the fitted
threshold below which one is asked back.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from reasoning import Reasoner
from reasoning.evaluation.metrics import QUESTION_METRICS
from reasoning.evaluation.question_files import QuestionRecord
from reasoning.evaluation.run import MethodReply
from reasoning.evaluation.runs import line_of, reason_of
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark.steps import LarkOptions
from reasoning.lm.calls import MODEL, adapter_folder
from reasoning.parsing import understand
from reasoning.parsing.reader import PACKAGED, reader_of
from reasoning.query.read_question import ReadQuestion
from skylark.errors import SkylarkError
from skylark.files import Line

SHOWN_MISSES = 100
"""Misses that the results keep of each run; their reasons are counted over all."""


def measure(kg: KnowledgeGraph, records: Sequence[QuestionRecord], reader: str = MODEL) -> dict[str, Any]:
    """What a reader makes of questions.

    Returns:
        `count`; `likeliest` and `sure`, means of the metrics either way; `not_read`, the share that has no reading,
        `asked_back`, the share with one that is not sure; seconds a question, and the misses of the likeliest readings.
    """
    options = LarkOptions(reader=reader, sure_from=0.0)
    reasoner = Reasoner(kg, method="exact", options=options)
    fitted = reader_of(kg, adapter_folder(reader, PACKAGED)).confidence.sure
    lines: list[Line] = []
    sure: list[bool] = []
    found: list[ReadQuestion] = []
    began = time.perf_counter()
    for record in records:
        found.append(understand(record.question, kg, options=options))
        lines.append(line_of(record, _reply(reasoner, found[-1]), kg))
        sure.append(found[-1].confidence >= fitted)
    seconds = (time.perf_counter() - began) / len(lines)
    reasons = [(line, reason) for line in lines if (reason := reason_of(line)) is not None]
    not_read = sum(read.query is None for read in found) / len(lines)
    return {
        "count": len(lines),
        "likeliest": {name: sum(line[name] for line in lines) / len(lines) for name in QUESTION_METRICS},
        "sure": {
            name: sum(line[name] for line, is_sure in zip(lines, sure, strict=True) if is_sure) / len(lines)
            for name in QUESTION_METRICS
        },
        "not_read": not_read,
        "asked_back": 1 - not_read - sum(sure) / len(lines),
        "seconds_per_question": seconds,
        "misses_by_reason": Counter(re.split("[:;]", reason)[0] for _, reason in reasons),
        "misses": [
            {"question": line["question"], "query": line["query"], "reason": reason}
            for line, reason in reasons[:SHOWN_MISSES]
        ],
    }


def _reply(reasoner: Reasoner, read: ReadQuestion) -> MethodReply:
    try:
        return MethodReply(reasoner.answer(read.understood()), None, True)
    except SkylarkError as error:
        return MethodReply(None, str(error), True)
