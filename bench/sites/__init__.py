"""Rollouts over sites on one machine: what they cost at the top, and what kills do to them."""
