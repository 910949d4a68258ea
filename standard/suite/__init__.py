"""The suite: cases whose answer is known by construction, made out of free photographs and generated documents."""
