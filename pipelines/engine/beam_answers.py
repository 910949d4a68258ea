"""What Beam works out anew for every step, answered once: half of a small pipeline's CPU.

Beam 2.71 inspects the signature of every method of every DoFn object eight times on its way from a step to a running
bundle, to learn whether it holds state or timers. That hangs on the class alone. And each look at an option parses the
whole command line again, although views of the same options share their values.
"""

from __future__ import annotations

import types

from apache_beam import DoFn
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms import userstate

_ask_dofn = userstate.get_dofn_specs
_view = PipelineOptions.view_as
_specs: dict[type, tuple[set, set]] = {}
_views: dict[tuple[int, type], PipelineOptions] = {}


def remember_answers() -> None:
    """Have Beam keep what it found out, in this process."""
    userstate.get_dofn_specs = dofn_specs
    PipelineOptions.view_as = view_as  # type: ignore[method-assign,assignment]


def dofn_specs(dofn: DoFn) -> tuple[set, set]:
    """Give a DoFn's state and timer specs, from what its class said first."""
    if any(isinstance(value, types.MethodType) for value in vars(dofn).values()):
        return _ask_dofn(dofn)  # a method put on the object can say more than the class
    kind = type(dofn)
    if kind not in _specs:
        _specs[kind] = _ask_dofn(dofn)
    states, timers = _specs[kind]
    return set(states), set(timers)


def view_as(options: PipelineOptions, kind: type[PipelineOptions]) -> PipelineOptions:
    """Give the view of these options that was made before."""
    # A view holds the values that all views share, so that their id is taken as long as the view is remembered.
    key = (id(options._all_options), kind)
    if key not in _views:
        _views[key] = _view(options, kind)
    return _views[key]
