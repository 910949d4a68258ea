"""What a run keeps beside its tables: steps that are done, locks, run.json, events."""
