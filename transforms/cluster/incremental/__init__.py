"""Only what something touched is clustered again: an audit's families and stars."""
