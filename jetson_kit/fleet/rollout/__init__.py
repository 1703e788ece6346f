"""Rollouts and rollbacks, step by step, and their journal."""
