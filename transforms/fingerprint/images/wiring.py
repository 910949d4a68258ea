"""Fingerprint named images in Beam."""

from __future__ import annotations

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

from mirrorfold.transforms.fingerprint.images.rows import Read, read_image, rows_of
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.rows import BATCH
from mirrorfold.transforms.fingerprint.wiring import lease, release
from mirrorfold.transforms.stores.sources import open_stores


class FingerprintImages(beam.DoFn):
    """(name, bytes) to blocks of FINGERPRINTS, and to the output `failures` of UNREAD."""

    def __init__(self, options: FingerprintOptions):
        self.options = options

    def setup(self):
        self.tools = lease((), self.options, open_stores)

    def teardown(self):
        release((), self.options)

    def start_bundle(self):
        self.images: list[Read] = []

    def process(self, image: tuple[str, bytes]):
        self.images.append(read_image(*image, self.tools.decode))
        if len(self.images) == BATCH:
            yield from self._blocks()

    def finish_bundle(self):
        for block in self._blocks():
            tagged = isinstance(block, beam.pvalue.TaggedOutput)
            value = WindowedValue(block.value if tagged else block, MIN_TIMESTAMP, (GlobalWindow(),))
            yield beam.pvalue.TaggedOutput(block.tag, value) if tagged else value

    def _blocks(self):
        fingerprints, failures = rows_of(self.images)
        self.images = []
        if fingerprints.num_rows:
            yield fingerprints
        if failures.num_rows:
            yield beam.pvalue.TaggedOutput("failures", failures)
