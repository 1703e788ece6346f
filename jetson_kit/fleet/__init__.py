"""Fleets of devices: what Ansible needs, releases, rollouts and their state."""
