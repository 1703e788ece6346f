"""Rollouts over many sites by the product's own code, with boards, links and time simulated."""
