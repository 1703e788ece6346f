"""Proof that translated code does what the original does, on emulated cores."""
