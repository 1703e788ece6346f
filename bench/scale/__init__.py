"""Measuring rollouts to many devices: endpoints, counters, and the rival."""
