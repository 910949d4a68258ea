"""How a run can end other than well; each with its exit code."""

from __future__ import annotations


class MirrorfoldError(Exception):
    """An error with a message for a person: one line, saying what to mend."""

    exit_code = 1


class UsageError(MirrorfoldError):
    """Bad usage or configuration, found before any work starts."""

    exit_code = 2


class SafetyStop(MirrorfoldError):
    """A safety rule stopped the run: too many failures, or a listing that shrank."""

    exit_code = 3


class BrokenPromiseError(MirrorfoldError):
    """`verify` found a promise that the tables don't keep."""

    exit_code = 4


class NowhereError(MirrorfoldError):
    """`reconcile` found a content that the plan keeps in none of the targets."""

    exit_code = 5
