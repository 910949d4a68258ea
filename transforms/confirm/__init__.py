"""Confirm: two decoded pictures of a pair compared at the full detail of the smaller one, before a plan may act."""
