"""Fixity: manifests of what was read, in the forms that checkers take; packages' own manifests held against it."""
