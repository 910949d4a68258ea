"""How a pipeline meets an engine: options, errors, interrupts, and what of Beam is mended or left out."""
