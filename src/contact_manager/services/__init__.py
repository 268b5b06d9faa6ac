"""Use cases: verb phrases over the ports."""
