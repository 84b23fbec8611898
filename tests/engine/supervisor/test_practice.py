"""What the spawner practises before it forks supervisors, in an interpreter of its own as there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import engine

# The profiler sees Python functions only; processes forked meanwhile have their own copy of what it finds.
WATCHED = """
import os, sys
sys.path.append(sys.argv[1])
from engine.supervisor.clerk import Clerk
from engine.supervisor.practice import practise

found = set()

def note(frame, event, _argument):
    me = frame.f_locals.get("self") if event == "call" else None
    if isinstance(me, Clerk):
        found.add((type(me).__name__, frame.f_code.co_name))

before = os.listdir("/proc/self/fd")
sys.setprofile(note)
practise(sys.argv[2])
sys.setprofile(None)
print(*sorted(name for kind, name in found if kind == "Clerk"))
print(os.listdir("/proc/self/fd") == before)
try:
    os.waitpid(-1, os.WNOHANG)
    print("children")
except ChildProcessError:
    print("none")
"""


def test_a_true_clerk_is_sent_and_nothing_is_left(tmp_path: Path) -> None:
    place = os.path.dirname(os.path.dirname(engine.__file__))
    done = subprocess.run([sys.executable, "-I", "-S", "-c", WATCHED, place, tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    called, same_descriptors, children = done.stdout.splitlines()
    assert set(called.split()) >= {"__init__", "ready", "hear", "ahead", "call", "rest"}
    assert (same_descriptors, children) == ("True", "none")
    assert not list(tmp_path.iterdir())
