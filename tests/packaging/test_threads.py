"""How threads wait is set for commands, unless their user has said it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from skylark.process import SPINS, thread_settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("environment", "settings"),
    [
        ({}, {"GOMP_SPINCOUNT": SPINS}),
        ({"OMP_NUM_THREADS": "2"}, {"GOMP_SPINCOUNT": SPINS}),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, {}),
        ({"GOMP_SPINCOUNT": "7"}, {}),
    ],
)
def test_settings_leave_what_the_user_has_set(environment: dict[str, str], settings: dict[str, str]) -> None:
    assert thread_settings(environment) == settings


@pytest.mark.slow
def test_a_command_sets_them_before_torch_is_loaded() -> None:
    program = (
        "import sys, runpy, os\n"
        "sys.argv = ['reasoning', '--help']\n"
        "try: runpy.run_module('reasoning', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print('torch' in sys.modules, os.environ['GOMP_SPINCOUNT'])"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == f"False {SPINS}"
