"""Tables of runs made in different places put together, and what of a run's tables may travel."""
