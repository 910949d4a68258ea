"""Images that somebody hands over by name, instead of objects that a listing names."""
