"""Pairs that a plan would act on, compared at full detail: what reads them, and the process that decodes them."""
