"""The nearest neighbours of a family that one worker can't hold."""
