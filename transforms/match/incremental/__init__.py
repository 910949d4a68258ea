"""New contents against all of them: the search of an audit."""
