"""What a step raised, found again in the text that an engine makes of it.

A runner hands a worker's exception back as text: a Python traceback, in Java's own on Flink and Spark. The last line of
the innermost Python traceback says what was raised and in which step.
"""

from __future__ import annotations

import importlib
import re

from mirrorfold.pipelines.errors import MirrorfoldError

_RAISED = re.compile(
    r"^(?:RuntimeError: )?(?P<kind>[A-Za-z_][\w.]*): (?P<message>(?:(?!^Traceback |^  File ).)*?)"
    r" \[while running '(?P<step>[^']*)'\]",
    re.MULTILINE | re.DOTALL,
)


class StepFailed(MirrorfoldError):
    """A step of a pipeline raised an error that isn't one of ours to explain.

    Attributes:
      kind: the exception's dotted class name.
      step: the label of the step, or ''.
    """

    def __init__(self, message: str, kind: str = "", step: str = ""):
        super().__init__(message)
        self.kind, self.step = kind, step


class EngineFailed(StepFailed):
    """The engine failed, not a step: a lost worker or host, where the same pipeline may succeed another time."""


# What fails the same way every time, though no step is named: code that isn't installed where the workers run.
_HOPELESS = re.compile(r"^(?:\w+\.)*(?:ModuleNotFoundError|ImportError|AttributeError|PicklingError): .*", re.MULTILINE)


def typed_error(error: BaseException) -> MirrorfoldError:
    """Turn a runner's error into ours: the very type a step raised if it's a `MirrorfoldError`, else `StepFailed`."""
    # The local runner raises the step's own exception; any other one only has a text, with the traceback in it.
    if isinstance(error, MirrorfoldError) and " [while running '" not in str(error):
        return error
    text = str(error) if type(error) is RuntimeError else f"{_dotted(type(error))}: {error}"
    raised = list(_RAISED.finditer(text))
    if not raised and isinstance(error, MirrorfoldError):
        return error
    if not raised:
        return _unnamed(error, text)
    kind, message, step = raised[-1].group("kind", "message", "step")
    ours = _class_of(kind)
    if ours is not None and issubclass(ours, MirrorfoldError):
        try:
            return ours(message)
        except TypeError:  # its constructor wants more than a message
            pass
    return StepFailed(f"{kind.rsplit('.', 1)[-1]}: {message} (in step {step})", kind, step)


def _unnamed(error: BaseException, text: str) -> MirrorfoldError:
    if "Record too large" in text:
        return StepFailed(
            "Flink has too little memory to sort a block: raise taskmanager.memory.managed.size (1g a slot)"
        )
    hopeless = _HOPELESS.findall(text)
    if hopeless:
        return StepFailed(f"{hopeless[-1]} (on a worker: is this version of mirrorfold installed there?)")
    if type(error) is not RuntimeError:
        return StepFailed(text, _dotted(type(error)))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return EngineFailed(lines[-1] if lines else "no reason given", _dotted(type(error)))


def _dotted(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _class_of(dotted: str) -> type | None:
    module, _, name = dotted.rpartition(".")
    if not module.startswith("mirrorfold."):
        return None
    found = getattr(importlib.import_module(module), name, None)
    return found if isinstance(found, type) else None
