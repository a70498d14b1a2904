from __future__ import annotations

import subprocess
import sys

import pytest

BOTH = """
import threading
from pathlib import Path
from reasoning.language.local_weights import find_weights, load_local_model, open_model

failed = []

def guarded(work):
    def run():
        try:
            work()
        except BaseException as error:
            failed.append(repr(error))
    return run

threads = [
    threading.Thread(target=guarded(work))
    for work in (lambda: load_local_model(None, "cpu"), lambda: open_model(find_weights(None), "the model")) * 2
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(failed)
"""


@pytest.mark.slow
def test_threads_may_load_models_at_once_in_a_fresh_process() -> None:
    done = subprocess.run([sys.executable, "-c", BOTH], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.strip() == "[]"
