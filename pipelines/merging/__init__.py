"""Two runs put together, and what of one may travel."""
