"""Match: every pair of contents within the radius becomes a candidate, and every candidate is verified.

Read in this order: `designs` and `plan` (which tables guarantee recall), `signatures` (what is searched), `collapse`,
`tables` and `join` (the search), `align`, `measure` and `verify` (what a candidate turns out to be), `explain`.
"""
