"""How sure a reading is: a logistic function of what the model, the linking and the question's words say of it.

Fitted to questions that were not taught (`python -m benchmarks.reading_confidence`), as Platt (1999) does
for classifiers. The weights lie beside the adapter that they belong to.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from kg_data.appended_lines import write_whole
from reasoning.language.errors import LLMError

CONFIDENCE_FILE = "confidence.json"

FEATURES = {
    "log_probability": 1, "rival": -1, "bridged": -1, "nothing": 0, "empty": -1, "likeness": 1, "unused": -1,
    "shared": -1, "size": 0,
}  # fmt: skip
"""What a reading is judged by: what the model gives the query (its logarithm) and the best other one (likewise), how
many relations were put in, 1 where it says that the graph cannot say it, 1 where its answer is empty, how like the
question the query is when it is said in English, how many good links it does not use, 1 where something else has a name
that it uses, and how many ids are written. With each whether it makes a reading surer (1), less so (-1), or either."""


@dataclass(frozen=True)
class Confidence:
    """The function, and from where on a reading counts.

    Attributes:
        weights: of the features, and "bias".
        sure: probability from which a question is answered.
        possible: probability from which a reading is offered beside others.
    """

    weights: Mapping[str, float]
    sure: float
    possible: float

    def probability(self, features: Mapping[str, float]) -> float:
        """That a reading with these features is right."""
        odds = self.weights["bias"] + sum(self.weights[name] * features[name] for name in FEATURES)
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))

    @classmethod
    def read(cls, folder: Path) -> Confidence:
        """From an adapter's folder; where there is none, the model's own probability.

        Raises:
            LLMError: the file is damaged.
        """
        path = folder / CONFIDENCE_FILE
        if not path.exists():
            return cls({**dict.fromkeys(FEATURES, 0.0), "bias": 0.0, "log_probability": 1.0}, 0.5, 0.1)
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            return cls({name: float(stored["weights"].get(name, 0.0)) for name in (*FEATURES, "bias")},
                       float(stored["sure"]), float(stored["possible"]))  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LLMError(f"{path} is damaged ({type(error).__name__}: {error}): copy the adapter again") from error

    def write(self, folder: Path) -> None:
        """Into an adapter's folder."""
        write_whole(folder / CONFIDENCE_FILE, (json.dumps(asdict(self), indent=1) + "\n").encode())
