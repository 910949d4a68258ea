"""Retain: from clusters and a written policy to a defensible decision for every listed object.

`family.decide_family` is the heart: a pure function over one family. The rest brings it what it needs.
"""
