"""Cluster: components of verified pairs, and star clusters around the copy that the policy prefers.

Read in this order: `components` (one union-find), `families` and `stars` (within a component), `members` (objects);
then `large` (components that one worker can't hold) and `rounds` (families that it can't).
"""
