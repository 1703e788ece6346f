"""Ansible as the kit runs it: inventories, playbooks, events."""
