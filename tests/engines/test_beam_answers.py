"""Answers that Beam is given from memory are those that it would work out."""

from __future__ import annotations

import copy
import gc
import pickle

import apache_beam as beam
import pytest
from apache_beam.coders import BytesCoder
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec

from mirrorfold.pipelines.engine import beam_answers

SEEN = ReadModifyWriteStateSpec("seen", BytesCoder())
PARAM = beam.DoFn.StateParam(SEEN)


class Plain(beam.DoFn):
    def process(self, element):
        yield element


class Stateful(beam.DoFn):
    def process(self, element, seen=PARAM):
        yield element


def _with_a_method_of_its_own() -> beam.DoFn:
    dofn = Plain()
    dofn.finish_bundle = Other().finish_bundle
    return dofn


class Other:
    def finish_bundle(self, seen=PARAM):
        pass


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(Plain, id="plain"),
        pytest.param(Stateful, id="stateful"),
        pytest.param(_with_a_method_of_its_own, id="a-method-put-on-the-object"),
        pytest.param(lambda: beam.Map(len).fn, id="a-wrapped-function"),
    ],
)
def test_a_dofns_specs_are_those_that_beam_finds(make):
    expected = beam_answers._ask_dofn(make())
    assert [beam_answers.dofn_specs(make()) for _ in range(3)] == [expected] * 3


def test_an_answer_can_be_changed_without_changing_the_next():
    beam_answers.dofn_specs(Stateful())[0].clear()
    assert beam_answers.dofn_specs(Stateful())[0] == {SEEN}


def test_views_share_their_values():
    options = PipelineOptions(["--direct_num_workers=3", "--runner=FnApiRunner"])
    view = beam_answers.view_as(options, DirectOptions)
    assert view.direct_num_workers == 3
    view.direct_num_workers = 5
    assert beam_answers.view_as(options, DirectOptions).direct_num_workers == 5
    assert options.get_all_options()["direct_num_workers"] == 5


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))], ids=["copy", "pickle"])
def test_a_copy_of_options_has_views_of_its_own(copied):
    options = PipelineOptions(["--runner=FnApiRunner"])
    beam_answers.view_as(options, StandardOptions)
    other = copied(options)
    beam_answers.view_as(other, StandardOptions).runner = "FlinkRunner"
    assert beam_answers.view_as(options, StandardOptions).runner == "FnApiRunner"


def test_options_made_where_others_ended_are_not_taken_for_them():
    for workers in range(200):
        options = PipelineOptions([f"--direct_num_workers={workers + 1}"])
        assert beam_answers.view_as(options, DirectOptions).direct_num_workers == workers + 1
        del options
        gc.collect(0)
