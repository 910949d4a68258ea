"""decisions -> report.html and review pages: what the plan saves, and what people still have to look at.

Everything here runs on the driver, out of core, and is given plain values: the tables under DIR, the policy, the
estimate, a way to read sources and a way to decode pictures.
"""
