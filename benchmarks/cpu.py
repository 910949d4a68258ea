"""CPU time of whole processes, their children included, by the operating system's own accounting."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def cpu_seconds(command: list[str], env: dict[str, str] | None = None) -> float:
    """Run a command to its end and give the user and system CPU seconds that it and its children took.

    Raises:
      RuntimeError: the command failed; its last output is in the message.
    """
    before = os.times()
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    after = os.times()
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(command)} ended with {done.returncode}: {done.stdout[-2000:].decode(errors='replace')}"
        )
    return (after.children_user - before.children_user) + (after.children_system - before.children_system)


def python(code: str, *arguments: str) -> list[str]:
    """Give the command that runs a snippet of Python in a process of its own."""
    return [sys.executable, "-W", "ignore", "-c", code, *arguments]


def cpu() -> float:
    """Give the CPU seconds of this process and its ended children."""
    return sum(os.times()[:4])


def peak_mb() -> float:
    """Give the largest resident memory since `forget_peak`, in MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000


def forget_peak() -> None:
    """Start the peak anew."""
    Path("/proc/self/clear_refs").write_text("5")
