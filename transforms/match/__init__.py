"""Match: every pair of contents within reach, with exact recall, and verification of each pair once.

Read in this order: `designs` and `plan` (which tables guarantee recall), `signatures` and `rows` (what is searched),
`kernels` and `join` (search within a bucket), `edges` and `verified` (each pair where both pictures are), `verify`
(what it is), `refetch` (what is read a second time), `wiring` (Beam).
"""
