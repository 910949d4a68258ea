"""Cluster: families of verified edges, and star clusters around the copy that the policy prefers.

Read in this order: `components` (one union-find), `stars` and `resolve` (within a family), `misses` (between families),
`members` (objects), `wiring` (Beam).
"""
