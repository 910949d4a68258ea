"""The documentation as a site, and its tutorials."""
