"""The demo: a small archive out of real photographs, and the main job run on it."""
