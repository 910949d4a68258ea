"""The review pages from one address: a small server for a team, with decisions saved as they are made."""
