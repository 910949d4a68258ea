"""Columnar blocks: the one way in which rows travel through Beam.

An element is a block, a `pyarrow.Table` of many rows, never one row: one Python record per element through a shuffle
costs 49 times as much. The stages' wiring files use the transforms in `wiring`; the rest of the room is Beam-free.
"""
