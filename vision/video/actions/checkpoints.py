"""Where a run of teaching stands, in one file that takes its predecessor's place by renaming: a kill loses an epoch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import filelock
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from kg_data.appended_lines import write_whole
from kg_data.errors import ResultsError
from vision.errors import ActionsError

FILE = "checkpoint.safetensors"

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class State:
    """What changes while a network is taught."""

    network: torch.nn.Module
    optimizer: torch.optim.Optimizer

    def tensors(self) -> Tensors:
        """All of it, by name."""
        named = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        for place, values in self.optimizer.state_dict()["state"].items():
            named |= {f"optimizer.{place}.{name}": value for name, value in values.items()}
        return {name: value.detach().contiguous() for name, value in named.items()}

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take what `tensors` gave.

        Raises:
            KeyError, ValueError, RuntimeError: it is of another network.
        """
        whole = self.optimizer.state_dict()
        network: Tensors = {}
        for name, value in tensors.items():
            part, _, rest = name.partition(".")
            if part == "network":
                network[rest] = value
            else:
                place, _, key = rest.partition(".")
                whole["state"].setdefault(int(place), {})[key] = value
        self.network.load_state_dict(network)
        self.optimizer.load_state_dict(whole)


class Checkpoints:
    """The checkpoint of a run in its folder, locked against other processes while it is open (a context manager).

    Args:
        folder: of the run; made if it is not there.
        settings: everything that decides the run, JSON-serialisable.

    Raises:
        ResultsError: the folder is in use or cannot be written; also while it is being written.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._path = folder / FILE
        self._settings = json.loads(json.dumps(dict(settings)))
        self._lock = filelock.FileLock(folder / f"{FILE}.lock", timeout=0, fallback_to_soft=False)

    def __enter__(self) -> Self:
        folder = self._path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except filelock.Timeout:
            raise ResultsError(f"another process teaches in {folder}; wait for it or choose another folder") from None
        except OSError as error:
            raise ResultsError(f"the folder {folder} cannot be written: {error.strerror or error}") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)

    def restore(self, state: State) -> int:
        """Put what is kept into `state`; returns how many epochs it had done, 0 where nothing is kept.

        Raises:
            ActionsError: it is damaged, or of a run with other settings.
        """
        if not self._path.exists():
            return 0
        try:
            with safe_open(self._path, "pt") as file:
                metadata = file.metadata()
                before, epoch = json.loads(metadata["settings"]), int(metadata["epoch"])
                changes = [
                    f"{key} was {before.get(key)}, now {self._settings.get(key)}"
                    for key in {**before, **self._settings}
                    if before.get(key) != self._settings.get(key)
                ]
                if changes:
                    raise ActionsError(
                        f"{self._path.parent} holds a run with other settings ({'; '.join(changes)}): give the same, "
                        "another folder, or delete it"
                    )
                state.restore({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - no mapping
        except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise ActionsError(
                f"the checkpoint {self._path} cannot be read ({error}); delete it to begin anew, or give another folder"
            ) from None
        return epoch

    def save(self, state: State, epoch: int) -> None:
        """Keep where the run is after an epoch, whole or not at all.

        Raises:
            ResultsError: it cannot be written; the one before stays.
        """
        metadata = {"settings": json.dumps(self._settings), "epoch": str(epoch)}
        write_whole(self._path, save(state.tensors(), metadata))
